"""The exercise on hyperparameters, as a study: Optuna chooses what to try, jobs try it.

Optuna's storage holds the trials, and only this process writes to it, so the same study in the same
folder can be continued, however the last command ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pathlib
from importlib import metadata
from typing import Any, Iterator

import numpy

from gluon_gru.errors import InputError, check_positive
from gluon_gru.runs.files import StrPath, make_folder
from gluon_gru.runs.folder import Folder
from gluon_gru.studies import jobs
from gluon_gru.studies.sweep.space import GRIDS, SAMPLERS, Space
from gluon_gru.text.corpus import Corpus, find, load_corpus
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.interrupt import CtrlC


def _checked(
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
                f"trials is {trials!r}, but a grid has as many as it has points: leave it out, or "
                "choose another sampler"
            )
        trials = len(space.points())
    elif space.seeds > 1:
        raise InputError(
            f"seeds is {space.seeds}, but the sampler {sampler!r} tries every point with the seed "
            "1: leave it out, or choose the sampler 'grid'"
        )
    elif trials is None:
        raise InputError(f"trials is missing: say how many the sampler {sampler!r} is to try")
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
        # Some file systems have no locks.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"another command is working in {str(folder)!r}: wait for it, or give another "
                    "--out"
                ) from None
        yield
    finally:
        os.close(lock)


def sweep(
    out: StrPath,
    space: Space = GRIDS["reduced"],
    sampler: str = "grid",
    trials: int | None = None,
    workers: int = 1,
    storage: str | None = None,
    device: str = "auto",
    corpus: StrPath | None = None,
    command: str = "",
    cluster: str | None = None,
) -> dict[str, Any]:
    """Run a study, or continue it; write its record, its report, and Optuna's storage.

    Args:
        out: the folder to write to.
        space: the values to try, and the protocol.
        sampler: ``grid`` tries every point once with each seed; ``random`` and ``tpe`` draw
            ``trials`` points.
        trials: how many trials the study has in all; only without a grid.
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
    jobs.check(workers, cluster)
    # Ctrl-C in the middle of a transaction would leave its lock behind; during an import it is lost.
    with CtrlC():
        from gluon_gru.report import write
        from gluon_gru.studies.sweep import storage as storages
        from gluon_gru.studies.sweep.report import document
        from gluon_gru.studies.sweep.results import results
        from gluon_gru.studies.sweep.trial import NUM_PREDICTS, PREFIX
        from gluon_gru.studies.sweep.writing import Judge

        num_trials, here, text, tokens, vocab = _checked(space, sampler, trials, device, corpus)
        settings = {
            "sampler": sampler,
            # A study may go on with more seeds.
            **{name: value for name, value in vars(space).items() if name != "seeds"},
            "corpus SHA-1": text.sha1,
            "storage": storages.without_password(storage) if storage else "study.db",
        }
        environment = jobs.environment(here, workers, cluster)
        environment["optuna"] = metadata.version("optuna")
        out = pathlib.Path(out).resolve()
        make_folder(out)
        place = storage or out / "study.db"
        with _alone(out), storages.storage_errors(place):
            folder = Folder(out, "sweep", resume=True)
            further = storages.older(folder.record.settings) if folder.record else ()
            facts = {**text.facts, "edition": vocab.edition}
            record = folder.begin(settings, facts, command, environment, further)
            study = storages.open_study(place, settings, sampler)
            judge = Judge(tokens, vocab, space.train_windows)
            baselines = {
                "frequencies": judge.frequencies(space.valid_windows),
                "text": judge.of_the_text(NUM_PREDICTS)._asdict(),
            }

            def needed() -> Iterator[jobs.Job]:
                for trial in storages.ask(study, space, sampler, num_trials):
                    same = [one for one in storages.complete(study) if one.params == trial.params]
                    if same:
                        # From the same seed it would be the same run.
                        result = {**same[0].user_attrs["result"], "same_as": same[0].number}
                        yield jobs.Job(dict, (result,), trial)
                        continue
                    # A worker elsewhere may have another device.
                    where = device if cluster else here
                    args = (space, trial.params, tokens, vocab, where)
                    yield jobs.Job(_train_point, args, trial)

            def note() -> None:
                record.results = {**results(study, num_trials), "baselines": baselines}
                folder.write()

            def keep(job: jobs.Job, result: dict[str, Any]) -> None:
                written = judge.measure(result["continuation"][len(PREFIX) :])
                storages.tell(study, job.key, {**result, "written": written._asdict()})
                note()

            try:
                missing = num_trials - len(storages.finished(study))
                jobs.run(needed(), workers, cluster, keep, max(missing, 0), "trial")
            finally:
                storages.end_running(study)
                note()
                if record.results["trials"]:
                    write(document(record.as_json()), out)
    return record.as_json()


def _train_point(*args: Any) -> dict[str, Any]:
    from gluon_gru.studies.sweep.trial import train_point

    return {**train_point(*args), "worker": jobs.worker_name()}


def budget(
    space: Space = GRIDS["reduced"],
    sampler: str = "grid",
    trials: int | None = None,
    workers: int = 1,
    device: str = "auto",
    corpus: StrPath | None = None,
) -> dict[str, Any]:
    """Measure what a study will cost here; write nothing.

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

    num_trials, here, _, tokens, vocab = _checked(space, sampler, trials, device, corpus)
    pairs = sorted(itertools.product(space.num_steps, space.num_hiddens))
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
