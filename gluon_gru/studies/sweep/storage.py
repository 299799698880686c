"""The study of hyperparameters in Optuna's storage: the trials, told by the one process that runs it.

By default the storage is a file in the study's folder. `optuna-dashboard` shows it, or any other.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import pathlib
import sqlite3
import warnings
from typing import Any, Iterator

import optuna
import sqlalchemy
from optuna.trial import TrialState

from gluon_gru.errors import InputError
from gluon_gru.runs.record import Record
from gluon_gru.studies.sweep.space import AXES, Space

NAME = "gluon_gru sweep"

#: A trial's states that count as done.
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def without_password(url: str) -> str:
    """Return a storage URL to show: no password, and none of what follows a ``?``.

    Raises:
        InputError: if it is no URL.
    """
    try:
        return sqlalchemy.engine.make_url(url).set(query={}).render_as_string()
    except Exception:
        # Not "from": the error's text can hold a password.
        raise InputError(
            f"storage {url.split(':')[0]!r}... is no URL of a database: give one "
            "like 'postgresql://user:password@host/name'"
        ) from None


def _shown(place: str | pathlib.Path) -> str:
    return without_password(place) if isinstance(place, str) else str(place)


def open_storage(place: str | pathlib.Path) -> optuna.storages.RDBStorage:
    """Return Optuna's storage; its tables are made if they are missing.

    Args:
        place: a file (a `pathlib.Path`), or the URL of a database (a string).

    Raises:
        InputError: for a URL that can't be parsed or reached, or has no driver here.
    """
    shown = _shown(place)
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    # Of what it raises anyway it would also write a traceback.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    options: dict[str, Any] = {"pool_pre_ping": True}
    if isinstance(place, pathlib.Path):
        # A file may have a name that means something else in a URL: "what?x=1", "%20".
        connect = functools.partial(sqlite3.connect, place, timeout=60, check_same_thread=False)
        url = "sqlite://"
        options = {"creator": connect, "poolclass": sqlalchemy.pool.NullPool}
    else:
        url = place
        parsed = sqlalchemy.engine.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise InputError(f"storage {shown!r} keeps nothing: give a file")
    try:
        return optuna.storages.RDBStorage(url, options)
    except Exception as error:
        # Every driver has its own errors.
        raise InputError(
            f"storage {shown!r} can't be used ({_reason(error, place)}): mend that, or "
            "give another one with --storage"
        ) from None


def _reason(error: BaseException, place: str | pathlib.Path) -> str:
    """Return the first line of what a driver says, without the password."""
    text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    password = sqlalchemy.engine.make_url(place).password if isinstance(place, str) else None
    return text.splitlines()[0].replace(str(password or "\0"), "***")


@contextlib.contextmanager
def storage_errors(place: str | pathlib.Path) -> Iterator[None]:
    """Turn what Optuna raises in a ``with`` block, when a storage fails, into an InputError."""
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = _reason(error.__cause__ or error, place)
        raise InputError(
            f"storage {_shown(place)!r} failed ({reason}): mend that and run the same command "
            "again, which goes on"
        ) from None
    except optuna.exceptions.UpdateFinishedTrialError:
        raise InputError(
            f"storage {_shown(place)!r} is written to by somebody else: have one command work on "
            "a study, and give it --workers or --cluster"
        ) from None


def open_study(place: str | pathlib.Path, settings: dict[str, Any], sampler: str) -> optuna.Study:
    """Return the study that a storage holds; make it if there is none.

    Trials that a killed process was running have failed.

    Args:
        place: see `open_storage`.
        settings: everything that has to be the same for it to be the same study.
        sampler: ``grid``, ``random`` or ``tpe``.

    Raises:
        InputError: if the stored study differs, by each difference; and see `open_storage`.
    """
    study = optuna.create_study(
        storage=open_storage(place),
        study_name=NAME,
        load_if_exists=True,
        # Trials that run count as bad ones, so that workers don't try the same.
        sampler=optuna.samplers.TPESampler(constant_liar=True)
        if sampler == "tpe"
        else optuna.samplers.RandomSampler(),
    )
    if "asked" not in study.user_attrs:
        study.set_user_attr("asked", settings)
    stored = Record("sweep", study.user_attrs["asked"], {}, [], {})
    differences = stored.differences(settings)
    if differences:
        raise InputError(
            f"the study in {_shown(place)!r} is another one: {'; '.join(differences)}; ask for "
            "the same, or give another --out or --storage"
        )
    end_running(study)
    return study


def end_running(study: optuna.Study) -> None:
    """Have the trials that run fail: nobody runs them any more."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the study's finished trials."""
    return study.get_trials(deepcopy=False, states=FINISHED)


def ask(study: optuna.Study, space: Space, sampler: str, num_trials: int) -> Iterator[optuna.Trial]:
    """Yield the trials that the study still needs, each when it is asked for.

    Those of a grid are queued first, so that the dashboard shows what is still to come.

    Args:
        study: the study.
        space: the values to try.
        sampler: see `open_study`.
        num_trials: how many trials the study shall have in all.
    """
    values: dict[str, optuna.distributions.BaseDistribution] = {
        axis: optuna.distributions.CategoricalDistribution(getattr(space, axis)) for axis in AXES
    }
    missing = num_trials - len(finished(study))
    if sampler == "grid":
        taken = [
            trial.params or trial.system_attrs.get("fixed_params")
            for trial in study.get_trials(deepcopy=False)
            if trial.state != TrialState.FAIL
        ]
        for point in space.points():
            if point not in taken:
                study.enqueue_trial(point)
        missing = len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
    for _ in range(missing):
        yield study.ask(values)


def earlier(study: optuna.Study, trial: optuna.Trial) -> optuna.trial.FrozenTrial | None:
    """Return a complete trial of the same point: from the same seed it would be the same run."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return next((other for other in complete if other.params == trial.params), None)


def tell(study: optuna.Study, trial: optuna.Trial, result: dict[str, Any], epochs: int) -> None:
    """Keep what came of a trial; it is pruned if it has fewer than ``epochs``.

    Args:
        study, trial: the study, and what `ask` yielded.
        result: what `gluon_gru.studies.sweep.trial.train_point` returns.
        epochs: how many a complete trial has.
    """
    for epoch, perplexity in enumerate(result["validation"], 1):
        trial.report(perplexity, epoch)
    trial.set_user_attr("result", result)
    complete = len(result["validation"]) == epochs
    study.tell(
        trial,
        result["validation"][-1] if complete else None,
        TrialState.COMPLETE if complete else TrialState.PRUNED,
    )
