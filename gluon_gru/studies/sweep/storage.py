"""The hyperparameter study's storage, and who runs which point: no point is completed twice.

Any number of processes on any number of machines work on one study. Whatever they agree on is in
Optuna's storage; every step there is a transaction. A worker takes a waiting trial. One that dies
stops its heartbeat, and another worker marks its trial as failed and queues the point again.
"""

import contextlib
import logging
import random
import time
import warnings

import optuna
import sqlalchemy
from optuna.trial import TrialState

from gluon_gru.errors import InputError

#: A worker shows so often that it lives; who has been silent for so long counts as dead.
HEARTBEAT_SECONDS, GRACE_SECONDS = 15, 60

#: How often a worker with nothing to do looks again.
POLL_SECONDS = 1

NAME = "gluon_gru sweep"

#: A trial's states that count as done.
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

# Seconds to wait for a lock or a server; the argument's name is the driver's.
_TIMEOUTS = {
    "pysqlite": {"timeout": 120},
    "psycopg2": {"connect_timeout": 10},
    "psycopg": {"connect_timeout": 10},
    "pymysql": {"connect_timeout": 10},
    "mysqldb": {"connect_timeout": 10},
}

# Optuna 4.9 renamed the argument; the old name goes in 6.0.
_CALLBACK = (
    "heartbeat_stale_trial_callback"
    if hasattr(optuna.storages, "RetryHeartbeatStaleTrialCallback")
    else "failed_trial_callback"
)


def without_password(url):
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
            "like 'sqlite:///study.db' or 'postgresql://user:password@host/name'"
        ) from None


def open_storage(url):
    """Return the ``optuna.storages.RDBStorage`` of a URL; its tables are made if they are missing.

    Raises:
        InputError: for a URL that can't be parsed or reached, or has no driver here.
    """
    shown = without_password(url)
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    # Of what it raises anyway it would also write a traceback, even of Ctrl-C.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    parsed = sqlalchemy.engine.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InputError(
            f"storage {shown!r} keeps nothing and can't be shared: give a file, like "
            "'sqlite:///study.db'"
        )
    for attempt in range(10):
        try:
            storage = optuna.storages.RDBStorage(
                url,
                {"connect_args": dict(_TIMEOUTS.get(parsed.get_driver_name(), {}))},
                heartbeat_interval=HEARTBEAT_SECONDS,
                grace_period=GRACE_SECONDS,
                **{_CALLBACK: _queue_again},
            )
            break
        except Exception as error:
            # Every driver has its own errors. Processes that make the tables at the same time
            # disturb each other.
            disturbed = isinstance(error, sqlalchemy.exc.IntegrityError) or "already exists" in str(
                error
            )
            if attempt == 9 or not disturbed:
                raise InputError(
                    f"storage {shown!r} can't be used ({_reason(error, parsed)}): mend that, or "
                    "give another one with --storage"
                ) from None
            time.sleep(random.random())
    if parsed.get_backend_name() == "sqlite":
        _serialise(storage.engine)
    return storage


def _reason(error, parsed):
    """Return the first line of what a driver says, without the password."""
    text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return text.splitlines()[0].replace(str(parsed.password or "\0"), "***")


def _serialise(engine):
    """Have every transaction on SQLite lock the file from its start.

    Otherwise two workers can both read that a trial is waiting, and both take it: SQLite has no
    ``SELECT FOR UPDATE``, by which Optuna prevents that elsewhere. Source: SQLAlchemy's
    documentation, "SQLite", "Enabling Non-Legacy SQLite Transactional Modes".
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def connect(connection, record):
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    # The connections until now don't know.
    engine.dispose()


def _queue_again(study, trial):
    """Queue the point of a trial whose worker died."""
    point = trial.user_attrs.get("point") or trial.params
    study.enqueue_trial(point, user_attrs={"point": point, "retry_of": trial.number})


@contextlib.contextmanager
def storage_errors(url):
    """Turn what Optuna raises in a ``with`` block, when a storage fails, into an InputError."""
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = _reason(error.__cause__ or error, sqlalchemy.engine.make_url(url))
        raise InputError(
            f"storage {without_password(url)!r} failed ({reason}): mend that and run "
            "the same command again, which goes on"
        ) from None


def open_study(storage, asked, points, sampler, pruner):
    """Return the study that a storage holds; make it if there is none, with its points queued.

    Args:
        storage: see `open_storage`.
        asked: a dict, as JSON holds it, of everything that has to be the same for it to be the
            same study.
        points: the grid's, a list of dicts; None without a grid.
        sampler, pruner: Optuna's.

    Raises:
        InputError: if the stored study differs; it names each difference.
    """
    made = {"storage": storage, "study_name": NAME, "sampler": sampler, "pruner": pruner}
    try:
        study = optuna.create_study(direction="minimize", **made)
        queue_missing(study, points or [])
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(**made)
        # Whoever makes it needs a moment until it is complete, and can die before.
        deadline = time.monotonic() + GRACE_SECONDS
        while "asked" not in study.user_attrs and time.monotonic() < deadline:
            time.sleep(0.1)
    if "asked" not in study.user_attrs:
        study.set_user_attr("asked", asked)
    stored = study.user_attrs["asked"]
    differences = [
        f"its {name} is {stored.get(name)!r}, not {asked.get(name)!r}"
        for name in {**stored, **asked}
        if stored.get(name) != asked.get(name)
    ]
    if differences:
        raise InputError(
            f"the study in {without_password(str(storage.url))!r} is another one: "
            f"{'; '.join(differences)}; ask for the same, or give another --out or "
            "--storage"
        )
    return study


class NotNeeded(Exception):
    """A trial that another one makes superfluous."""


def check_needed(study, trial, points, num_trials):
    """Raise `NotNeeded` unless a trial that was just taken is one that the study needs.

    Two processes may have queued a point each, or begun the last trial each; of those, the one
    with the lowest number is needed.

    Args:
        study: the study.
        trial: the trial.
        points: the grid's, a list of dicts; None without a grid.
        num_trials: how many the study needs.
    """
    alive = [
        other
        for other in study.get_trials(deepcopy=False)
        if other.state != TrialState.FAIL and other.number <= trial.number
    ]
    if points is None:
        needed = len(alive) <= num_trials
    else:
        point = trial.user_attrs.get("point")
        needed = point in points and not any(
            other.user_attrs.get("point") == point for other in alive if other.number < trial.number
        )
    if not needed:
        raise NotNeeded


def queue_missing(study, points):
    """Queue every point that no trial waits for, runs or has finished; return how many."""
    taken = [
        trial.user_attrs.get("point")
        for trial in study.get_trials(deepcopy=False)
        if trial.state != TrialState.FAIL
    ]
    missing = [point for point in points if point not in taken]
    for point in missing:
        study.enqueue_trial(point, user_attrs={"point": point})
    return len(missing)


def finished(study):
    """Return the study's finished trials."""
    return study.get_trials(deepcopy=False, states=FINISHED)


def work(study, objective, points, num_trials, on_progress=lambda done: None):
    """Run trials until the study has what it needs, and wait for those that run elsewhere.

    Args:
        study: the study.
        objective: ``objective(trial)`` returns the value of a trial; see `check_needed`.
        points, num_trials: see `check_needed`.
        on_progress: ``on_progress(done)`` is called with the number of finished trials.
    """
    silent = {}
    while True:
        _fail_the_dead(study, silent)
        states = [trial.state for trial in study.get_trials(deepcopy=False)]
        done = sum(state in FINISHED for state in states)
        on_progress(done)
        if done >= num_trials:
            return
        begun = done + states.count(TrialState.RUNNING)
        if states.count(TrialState.WAITING) or (
            begun < num_trials if points is None else queue_missing(study, points)
        ):
            _run_one(study, objective)
        else:
            time.sleep(POLL_SECONDS)


def _run_one(study, objective):
    taken_away = []

    def noting(trial):
        try:
            return objective(trial)
        finally:
            # Optuna has not ended it yet, so another worker has: it took this one for dead (a
            # machine slept?) and has the trial now.
            if study.get_trials(deepcopy=False)[trial.number].state == TrialState.FAIL:
                taken_away.append(trial.number)

    try:
        study.optimize(noting, n_trials=1, catch=(NotNeeded,))
    except (ValueError, AssertionError, optuna.exceptions.UpdateFinishedTrialError):
        # What Optuna raises then depends on how the trial ended.
        if not taken_away:
            raise


def _fail_the_dead(study, silent):
    """Mark the trials of dead workers as failed and queue their points again.

    Args:
        study: the study.
        silent: a dict that this function keeps between calls.
    """
    optuna.storages.fail_stale_trials(study)
    # Optuna overlooks a worker that died between taking a trial and its first heartbeat.
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        since = silent.setdefault(trial.number, time.monotonic())
        if "worker" not in trial.user_attrs and time.monotonic() - since > GRACE_SECONDS:
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                # Another worker was faster.
                continue
            _queue_again(study, trial)
