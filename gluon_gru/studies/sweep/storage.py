"""The hyperparameter study in Optuna's storage, which only the process that runs it writes to.

By default the storage is a file in the study's folder. ``optuna-dashboard`` can show any storage.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import pathlib
import sqlite3
import warnings
from typing import Any, Dict, Iterator

from gluon_gru.errors import InputError, not_installed
from gluon_gru.runs.record import Record
from gluon_gru.runs.schemas.checking import checked
from gluon_gru.runs.schemas.sweep import StoredTrial
from gluon_gru.studies.sweep.space import AXES, Space

try:
    import optuna
    import sqlalchemy
    from optuna.trial import FrozenTrial, TrialState
except ModuleNotFoundError as error:
    raise not_installed("a study of hyperparameters", "Optuna", "sweep") from error

NAME = "gluon_gru sweep"


def without_password(url: str) -> str:
    """Return a storage URL without its password and what follows a ``?``, to be shown.

    Raises:
        InputError: if it is no URL.
    """
    try:
        parsed = sqlalchemy.engine.make_url(url)
    except Exception:
        # Not "from error", whose text can hold a password.
        raise InputError(
            f"storage {url.split(':')[0]!r}... is not the URL of a database: give "
            "one like 'postgresql://user:password@host/name'"
        ) from None
    if parsed.password is not None and url.count("@") > 1:
        # The password would end at the first one, and its rest be shown as the host.
        raise InputError(
            f"storage {parsed.drivername!r}... has more than one @: write %40 for those in user and "
            "password, as URLs have it"
        )
    return parsed.set(query={}).render_as_string()


def _shown(place: str | pathlib.Path) -> str:
    return without_password(place) if isinstance(place, str) else str(place)


def _open(place: str | pathlib.Path) -> optuna.storages.RDBStorage:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    # It would also log a traceback of what it raises.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    url = str(place)
    options: dict[str, Any] = {"pool_pre_ping": True}
    if isinstance(place, pathlib.Path):
        # A file's name can mean something else in a URL: "what?x=1", "%20".
        connect = functools.partial(sqlite3.connect, place, timeout=60, check_same_thread=False)
        url, options = "sqlite://", {"creator": connect, "poolclass": sqlalchemy.pool.NullPool}
    else:
        parsed = sqlalchemy.engine.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise InputError(f"storage {_shown(place)!r} keeps nothing: give a file")
    try:
        return optuna.storages.RDBStorage(url, options)
    except Exception as error:
        # Each driver has its own errors.
        raise InputError(
            f"storage {_shown(place)!r} can't be used ({_reason(error, place)}): fix that, or give "
            "another one with --storage"
        ) from None


def _reason(error: BaseException, place: str | pathlib.Path) -> str:
    """Return the first line of a driver's error, without the password."""
    text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    password = sqlalchemy.engine.make_url(place).password if isinstance(place, str) else None
    return text.splitlines()[0].replace(str(password or "\0"), "***")


@contextlib.contextmanager
def storage_errors(place: str | pathlib.Path) -> Iterator[None]:
    """Raise an InputError if a storage fails in the ``with`` block."""
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = _reason(error.__cause__ or error, place)
        raise InputError(
            f"storage {_shown(place)!r} failed ({reason}): fix that, and run the same command "
            "again to continue"
        ) from None
    except (json.JSONDecodeError, RecursionError) as error:
        # In what Optuna itself reads of the study and its trials.
        raise InputError(
            f"storage {_shown(place)!r} is damaged ({error}): give another one, or an intact copy"
        ) from None
    except optuna.exceptions.UpdateFinishedTrialError:
        raise InputError(
            f"storage {_shown(place)!r} was written to by another command: run only one on a "
            "study, with --workers or --cluster"
        ) from None


def older(settings: dict[str, Any]) -> list[str]:
    """Return a clause on a study's settings if it is one of version 0.1.0, of another protocol."""
    if "init" in settings:
        return []
    return ["it is a study of version 0.1.0, which drew all initial weights from N(0, 0.01)"]


def open_study(place: str | pathlib.Path, settings: dict[str, Any], sampler: str) -> optuna.Study:
    """Return the study that a storage holds; create it if there is none.

    Trials that a killed process was running are marked as failed.

    Args:
        place: a file (a ``pathlib.Path``), or the URL of a database (a string).
        settings: everything that has to be the same for it to be the same study.
        sampler: ``grid``, ``random`` or ``tpe``.

    Raises:
        InputError: if the stored study differs, listing each difference; for a URL that can't be
            parsed or reached, or has no driver here.
    """
    study = optuna.create_study(
        storage=_open(place),
        study_name=NAME,
        load_if_exists=True,
        # Running trials count as bad ones, so that workers don't all try the same.
        sampler=optuna.samplers.TPESampler(constant_liar=True)
        if sampler == "tpe"
        else optuna.samplers.RandomSampler(),
    )
    if "asked" not in study.user_attrs:
        study.set_user_attr("asked", settings)
    _check(study, place)
    stored = Record("sweep", study.user_attrs["asked"], {}, [], {})
    differences = [*older(stored.settings), *stored.differences(settings)]
    if differences:
        raise InputError(
            f"the study in {_shown(place)!r} is another one: {'; '.join(differences)}; ask for "
            "the same, or give another --out or --storage"
        )
    end_running(study)
    return study


def _check(study: optuna.Study, place: str | pathlib.Path) -> None:
    """Raise InputError unless what a study holds is as `ask` and `tell` left it."""
    try:
        checked(study.user_attrs["asked"], Dict[str, Any])
        for trial in finished(study):
            checked({**trial.params, "result": trial.user_attrs.get("result")}, StoredTrial)
    except ValueError as error:
        raise InputError(
            f"storage {_shown(place)!r} is damaged ({error}): give another one, or an intact copy"
        ) from None


def end_running(study: optuna.Study) -> None:
    """Mark the running trials as failed, when no process runs them any more."""
    for trial in _trials(study, TrialState.RUNNING):
        study.tell(trial.number, state=TrialState.FAIL)


def _trials(study: optuna.Study, *states: TrialState) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=states)


def complete(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that trained to the end."""
    return _trials(study, TrialState.COMPLETE)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that trained to the end or diverged."""
    return _trials(study, TrialState.COMPLETE, TrialState.PRUNED)


def count(study: optuna.Study) -> int:
    """Return how many trials are finished, running or queued."""
    states = TrialState.RUNNING, TrialState.WAITING
    return len(finished(study)) + len(_trials(study, *states))


def ask(study: optuna.Study, space: Space, sampler: str, num_trials: int) -> Iterator[optuna.Trial]:
    """Yield the trials that the study still needs, each when it is asked for.

    Those of a grid are queued first, so that the dashboard shows what is still to come.

    Args:
        study: the study.
        space: the values to try.
        sampler: see `open_study`.
        num_trials: how many trials the study needs in all.
    """
    values: dict[str, optuna.distributions.BaseDistribution] = {
        axis: optuna.distributions.CategoricalDistribution(getattr(space, axis)) for axis in AXES
    }
    # A number, unlike a choice, may have other limits when the study goes on.
    values["seed"] = optuna.distributions.IntDistribution(1, space.seeds)
    missing = num_trials - len(finished(study))
    if sampler == "grid":
        waiting = _trials(study, TrialState.WAITING)
        queued = [trial.system_attrs.get("fixed_params") for trial in waiting]
        tried = [trial.params for trial in finished(study)]
        for point in space.points():
            if point not in [*queued, *tried]:
                study.enqueue_trial(point)
        missing = len(_trials(study, TrialState.WAITING))
    for _ in range(missing):
        yield study.ask(values)


def tell(study: optuna.Study, trial: optuna.Trial, result: dict[str, Any]) -> None:
    """Store the result of a trial; to Optuna, one that diverged is a pruned one.

    Args:
        study, trial: the study, and what `ask` yielded.
        result: what `gluon_gru.studies.sweep.trial.train_point` returns.
    """
    # A tenth of them, for the dashboard: each is a transaction, for which workers would wait.
    step = max(1, len(result["validation"]) // 10)
    for epoch in range(step, len(result["validation"]) + 1, step):
        trial.report(result["validation"][epoch - 1], epoch)
    trial.set_user_attr("result", result)
    if result["diverged"]:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, result["validation"][-1])
