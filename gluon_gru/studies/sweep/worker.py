"""What a worker of the hyperparameter study does; as a program, it is one.

It reads its `Job` from the standard input, which nobody else sees: a storage's URL can hold a
password.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import sys

import optuna

from gluon_gru.cli import options as cli
from gluon_gru.studies.sweep.space import AXES, Space
from gluon_gru.studies.sweep.storage import (
    NotNeeded,
    check_needed,
    open_storage,
    open_study,
    storage_errors,
    work,
)
from gluon_gru.studies.sweep.windows import probe, train_point
from gluon_gru.text import corpus as corpora
from gluon_gru.text.corpus import load_corpus
from gluon_gru.training.device import context


@dataclasses.dataclass
class Job:
    """What a worker needs to know.

    Attributes:
        space: the `gluon_gru.studies.sweep.space.Space`.
        sampler, trials, prune, device: see `gluon_gru.studies.sweep.study.sweep`.
        corpus: the path of the text, a string.
        storage: the URL; None to measure instead what ``cells`` cost.
        cells: pairs of num_steps and num_hiddens.
    """

    space: Space
    sampler: str
    trials: int
    prune: bool
    device: str
    corpus: str
    storage: str | None = None
    cells: tuple = ()

    @property
    def points(self):
        """The grid's points, a list of dicts; None without a grid."""
        return self.space.points() if self.sampler == "grid" else None

    def open(self):
        """Return the Optuna study; see `gluon_gru.studies.sweep.storage.open_study`."""
        asked = {
            "sampler": self.sampler,
            "prune": self.prune,
            **dataclasses.asdict(self.space),
            "corpus SHA-1": corpora.find(self.corpus).sha1,
        }
        # First, since it silences the warnings of what follows.
        storage = open_storage(self.storage)
        # Trials that run count as bad ones, so that workers don't try the same.
        sampler = (
            optuna.samplers.TPESampler(constant_liar=True)
            if self.sampler == "tpe"
            else optuna.samplers.RandomSampler()
        )
        pruner = (
            optuna.pruners.MedianPruner(n_warmup_steps=self.space.epochs // 10)
            if self.prune
            else optuna.pruners.NopPruner()
        )
        return open_study(storage, json.loads(json.dumps(asked)), self.points, sampler, pruner)


def objective_of(job, study):
    """Return ``objective(trial)`` for `gluon_gru.studies.sweep.storage.work`.

    A trial's user attributes are then ``worker`` (host and process) and ``result`` (what
    `gluon_gru.studies.sweep.windows.train_point` returns, the ``device``, and, if the point was
    drawn before, ``same_as``, that trial's number: from the same seed it would be the same run).
    """
    source, ctx = load_corpus(corpora.find(job.corpus)), context(job.device)
    axes = {axis: getattr(job.space, axis) for axis in AXES}

    def objective(trial):
        trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}")
        try:
            check_needed(study, trial, job.points, job.trials)
        except NotNeeded:
            trial.set_user_attr("not_needed", True)
            raise
        point = {axis: trial.suggest_categorical(axis, values) for axis, values in axes.items()}
        for other in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
            if other.params == point:
                trial.set_user_attr(
                    "result", {**other.user_attrs["result"], "same_as": other.number}
                )
                return other.value

        def on_epoch(epoch, perplexity):
            trial.report(perplexity, epoch)
            return trial.should_prune()

        result = train_point(job.space, point, source, ctx, on_epoch)
        trial.set_user_attr("result", {**result, "device": str(ctx)})
        if len(result["validation"]) < job.space.epochs:
            raise optuna.TrialPruned
        return result["validation"][-1]

    return objective


def main():
    """Do the `Job` that comes as JSON on the standard input: be a worker, or measure."""
    # So that a trial that runs is given back at once when the parent ends its workers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = json.load(sys.stdin)
    job = Job(
        **{
            **given,
            "space": Space(
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in given["space"].items()
                }
            ),
        }
    )
    if job.storage is None:
        source, ctx = load_corpus(corpora.find(job.corpus)), context(job.device)
        print(json.dumps([(*cell, *probe(job.space, *cell, source, ctx)) for cell in job.cells]))
        return
    with storage_errors(job.storage):
        study = job.open()
        work(study, objective_of(job, study), job.points, job.trials)


if __name__ == "__main__":
    cli.run(main)
