"""The exercise on hyperparameters, as a study: Optuna says what to try, jobs try it.

Optuna's storage holds the trials. Only this process writes to it, so whoever asks for the same
study in the same folder goes on with it, however the last command ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import statistics
from typing import Any, Iterator

import numpy

from gluon_gru.errors import InputError, check_positive
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import StrPath, make_folder
from gluon_gru.runs.folder import Folder
from gluon_gru.studies import jobs
from gluon_gru.studies.sweep.space import REDUCED, SAMPLERS, Space
from gluon_gru.text.corpus import Corpus, find, load_corpus
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.interrupt import CtrlC

#: Trials are pruned from so many complete ones on, and not in the first tenth of their epochs.
_FEWEST_FOR_PRUNING = 5


def _check(
    space: Space, sampler: str, trials: int | None, device: str, corpus: StrPath | None
) -> tuple[int, str, Corpus, numpy.ndarray, Vocab]:
    """Check what a user asked for; ``(trials, device's name, corpus, its tokens, vocabulary)``.

    Raises:
        InputError: for what can't be used.
    """
    from gluon_gru.studies.sweep.trial import device_name, loaders

    if sampler not in SAMPLERS:
        raise InputError(f"sampler {sampler!r} is unknown: choose from {', '.join(SAMPLERS)}")
    if sampler == "grid":
        if trials is not None:
            raise InputError(
                f"trials is {trials!r}: a grid has as many as it has points; leave "
                "it out, or choose another sampler"
            )
        trials = len(space.points())
    elif trials is None:
        raise InputError(f"trials is missing: say how many the sampler {sampler!r} shall try")
    check_positive("trials", trials)
    name, text = device_name(device), find(corpus)
    tokens, vocab = load_corpus(text)
    for num_steps in space.num_steps:
        loaders(space, num_steps, tokens)
    return trials, name, text, tokens, vocab


@contextlib.contextmanager
def _alone(folder: StrPath) -> Iterator[None]:
    """Hold a lock on a folder for a ``with`` block; it ends with the process, however that ends.

    Raises:
        InputError: if another process holds it.
    """
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{str(folder)!r} is being worked on by another command: wait for it, or give "
                "another --out"
            ) from None
        except OSError:
            # A file system without locks.
            pass
        yield
    finally:
        os.close(lock)


def sweep(
    out: StrPath,
    space: Space = REDUCED,
    sampler: str = "grid",
    trials: int | None = None,
    prune: bool = False,
    workers: int = 1,
    storage: str | None = None,
    device: str = "auto",
    corpus: StrPath | None = None,
    command: str = "",
    cluster: str | None = None,
) -> dict[str, Any]:
    """Run a study, or go on with it; write its record, its report, and Optuna's storage.

    Args:
        out: the folder to write to.
        space: the values to try, and the protocol.
        sampler: ``grid`` tries every point once; ``random`` and ``tpe`` draw ``trials`` points.
        trials: how many trials the study shall have in all; only without a grid.
        prune: end trials that are worse than the median of those that were complete when they
            began: Optuna's rule.
        workers, cluster: see `gluon_gru.studies.jobs.run`.
        storage: the URL of a database, any that Optuna takes; by default ``study.db`` in ``out``.
        device, corpus: see `gluon_gru.studies.reproduce.study.reproduce`.
        command: the command line, for the record; without a password.

    Returns:
        What ``record.json`` holds, a dict; see `gluon_gru.studies.sweep.results.results`.

    Raises:
        InputError: for arguments that can't be used, a storage that can't be reached, and a stored
            study that differs from what is asked.
        KeyboardInterrupt: for Ctrl-C, when everything that is finished is kept.
    """
    check_positive("workers", workers)
    # From here on: in the middle of a transaction, or of an import, it would do harm or be lost.
    with CtrlC():
        from gluon_gru.report import write
        from gluon_gru.studies.sweep import storage as storages
        from gluon_gru.studies.sweep.report import document
        from gluon_gru.studies.sweep.results import results

        num_trials, here, text, tokens, vocab = _check(space, sampler, trials, device, corpus)
        settings = {
            "sampler": sampler,
            "prune": prune,
            **vars(space),
            "corpus SHA-1": text.sha1,
            "storage": storages.without_password(storage) if storage else "study.db",
        }
        out = pathlib.Path(out).resolve()
        make_folder(out)
        place = storage or out / "study.db"
        with _alone(out), storages.storage_errors(place):
            folder = Folder(out, "sweep", resume=True)
            record = folder.begin(
                settings, text.facts, command, _environment(here, workers, cluster)
            )
            study = storages.open_study(place, settings, sampler)

            def asked() -> Iterator[jobs.Job]:
                for trial in storages.ask(study, space, sampler, num_trials):
                    other = storages.earlier(study, trial)
                    if other:
                        again = {**other.user_attrs["result"], "same_as": other.number}
                        yield jobs.Job(dict, (again,), trial)
                    else:
                        medians = _medians(storages.finished(study)) if prune else []
                        # A worker elsewhere may have another one.
                        where = device if cluster else here
                        args = (space, trial.params, tokens, vocab, where, medians)
                        yield jobs.Job(_train_point, args, trial)

            def keep(job: jobs.Job, result: dict[str, Any]) -> None:
                storages.tell(study, job.key, result, space.epochs)
                record.results = results(study, num_trials)
                folder.write()

            try:
                missing = num_trials - len(storages.finished(study))
                jobs.run(asked(), workers, cluster, keep, max(missing, 0), "trial")
            finally:
                storages.end_running(study)
                record.results = results(study, num_trials)
                folder.write()
                if record.results["trials"]:
                    write(document(record.as_json()), out)
    return record.as_json()


def _train_point(*args: Any) -> dict[str, Any]:
    from gluon_gru.studies.sweep.trial import train_point

    return {**train_point(*args), "worker": jobs.worker_name()}


def _medians(trials: list[Any]) -> list[float]:
    """Return the median of the complete trials' validation perplexity by epoch, if they are enough."""
    curves = [
        trial.user_attrs["result"]["validation"]
        for trial in trials
        if trial.state.name == "COMPLETE"
    ]
    if len(curves) < _FEWEST_FOR_PRUNING:
        return []
    return [statistics.median(values) for values in zip(*curves)]


def _environment(device: str, workers: int, cluster: str | None) -> dict[str, Any]:
    from importlib import metadata

    facts = {**environment(device), "optuna": metadata.version("optuna")}
    if cluster is not None:
        facts["cluster"] = cluster
    elif workers > 1:
        threads = os.environ.get("OMP_NUM_THREADS", "1")
        facts["OMP_NUM_THREADS"] = f"{threads} in each of {workers} workers"
    return facts


def budget(
    space: Space = REDUCED,
    sampler: str = "grid",
    trials: int | None = None,
    workers: int = 1,
    device: str = "auto",
    corpus: StrPath | None = None,
) -> dict[str, Any]:
    """Measure what a study will cost here; nothing is written, no study is made.

    As many processes as workers measure a few minibatches of every num_steps and num_hiddens.

    Args:
        space, sampler, trials, workers, device, corpus: see `sweep`.

    Returns:
        A dict: ``cells``, a list of dicts of ``num_steps``, ``num_hiddens``, ``trials`` (how
        many, on average for samplers that draw), ``tokens`` that these train on, ``tokens_per_sec``
        and ``hours``; ``hours`` with all ``workers``; ``trials`` and ``tokens`` in all.

    Raises:
        InputError: for arguments that can't be used.
    """
    check_positive("workers", workers)
    from gluon_gru.studies.sweep.trial import probe

    num_trials, here, _, tokens, vocab = _check(space, sampler, trials, device, corpus)
    pairs = sorted({(point["num_steps"], point["num_hiddens"]) for point in space.points()})
    per_pair = num_trials / len(pairs)
    costs: dict[tuple[float, float], tuple[float, float]] = {}
    jobs.run(
        [jobs.Job(probe, (space, *pair, tokens, vocab, here), pair) for pair in reversed(pairs)],
        workers,
        on_result=lambda job, cost: costs.update({job.key: cost}),
        total=len(pairs),
        unit="probe",
    )
    cells = [
        {
            "num_steps": num_steps,
            "num_hiddens": num_hiddens,
            "trials": per_pair,
            "tokens": per_pair * space.epochs * space.train_windows * num_steps,
            "tokens_per_sec": costs[num_steps, num_hiddens][1],
            "hours": per_pair * space.epochs * costs[num_steps, num_hiddens][0] / 3600,
        }
        for num_steps, num_hiddens in pairs
    ]
    return {
        "cells": cells,
        "workers": workers,
        "trials": num_trials,
        "tokens": sum(cell["tokens"] for cell in cells),
        "hours": sum(cell["hours"] for cell in cells) / workers,
    }
