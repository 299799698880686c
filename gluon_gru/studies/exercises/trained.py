"""The trained models that exercises ask for; each is trained once, and recorded in the folder.

Several processes may work on one folder: each takes the trainings that no other one is making.
"""

from __future__ import annotations

import dataclasses
import fcntl
import random
from typing import TYPE_CHECKING, Any, NamedTuple, Sequence

from gluon_gru.errors import InputError
from gluon_gru.published.claims import Protocol
from gluon_gru.report.document import code
from gluon_gru.runs import record as records
from gluon_gru.runs.record import Record
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.reproduce import QUICK_EPOCHS
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.text.minibatches import SeqDataLoader

if TYPE_CHECKING:
    import numpy

    from gluon_gru.text.vocabulary import Vocab
    from gluon_gru.training.loop import History

#: How the chapter trains, whatever the model.
CHAPTERS = Protocol("", 500)

_RANDOM = "-random"


def protocol(name: str) -> Protocol:
    """Return the chapter's protocol for a model, a key of `MODELS`.

    With ``-random`` after it, the minibatches are sampled at random.
    """
    model = name[: -len(_RANDOM)] if name.endswith(_RANDOM) else name
    return dataclasses.replace(CHAPTERS, model=model, use_random_iter=model != name)


def title(name: str) -> str:
    """Return what reports call the protocol ``name``."""
    of = protocol(name)
    return MODELS[of.model].name + (", random sampling" if of.use_random_iter else "")


def minibatches(name: str, source: tuple[numpy.ndarray, Vocab]) -> SeqDataLoader:
    """Return the minibatches of the protocol ``name``, from the seed 1.

    Raises:
        InputError: for a text without a whole one.
    """
    of = protocol(name)
    return SeqDataLoader(
        of.batch_size, of.num_steps, of.use_random_iter, of.max_tokens, source, random.Random(1)
    )


def untrained(name: str, context: Context, seed: int = 1) -> Any:
    """Return the model of the protocol ``name`` as it is before its training from a seed."""
    from mxnet import gluon, init

    from gluon_gru.training.loop import set_seed

    set_seed(seed)
    of = protocol(name)
    model = MODELS[of.model].make(of, len(context.source[1]), context.ctx)
    if isinstance(model, gluon.Block):
        model.initialize(ctx=context.ctx, init=init.Normal(0.01), force_reinit=True)
    return model


class TrainedModel(NamedTuple):
    """A model that was trained.

    Attributes:
        history: of its training.
        checkpoint: the file that holds the trained weights.
        made_by: command and environment of its training.
    """

    history: History
    checkpoint: str
    made_by: dict[str, Any]


def trained(names: Sequence[str], context: Context) -> dict[str, list[TrainedModel]]:
    """Return name -> the trained model for each seed; those that the folder doesn't hold are trained.

    Raises:
        InputError: for a record that can't be read, or of another training.
        TrainingDiverged: see `gluon_gru.train`.
    """
    done: dict[tuple[str, int], TrainedModel] = {}
    seeds = range(1, context.num_seeds + 1)
    keys = [(name, seed) for seed in seeds for name in dict.fromkeys(names)]
    # What another process is training is waited for at the end.
    for waits in (False, True):
        for name, seed in [key for key in keys if key not in done]:
            lock = context.out / "checkpoints" / f".{name}-seed{seed}.lock"
            with open(lock, "w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
                except BlockingIOError:
                    continue
                place = f"[{len(done) + 1}/{len(keys)}]"
                done[name, seed] = _trained(name, seed, context, place)
    for model in done.values():
        made = model.made_by
        context.used[f"{code(made['command'])} at commit {made['environment']['commit']}"] = None
    return {name: [done[name, seed] for seed in seeds] for name in names}


def _trained(name: str, seed: int, context: Context, place: str) -> TrainedModel:
    """Return the model that the folder holds; train it if it holds none."""
    from gluon_gru.studies.reproduce.study import (
        Key,
        Run,
        measure,
        read_training,
        record_training,
        say,
    )

    path = context.out / "runs" / f"{name}-seed{seed}.json"
    checkpoint = context.out / "checkpoints" / f"{name}-seed{seed}.safetensors"
    of = protocol(name)
    if context.quick:
        of = dataclasses.replace(of, num_epochs=QUICK_EPOCHS)
    settings, text = {"device": str(context.ctx)}, context.text_facts
    # Records are passed on without the weights, which the exercises look at.
    if path.exists() and checkpoint.exists():
        record = records.read(path)
        if record.kind != "training":
            raise InputError(
                f"{str(path)!r} records no training: delete it to train that model again"
            )
        _, history = read_training(record.results["measurement"])
        differences = record.differences(settings, text)
        if len(history) != of.num_epochs:
            differences.append(f"it has {len(history)} epochs, not {of.num_epochs}")
        elif str(of.num_epochs) not in history.continuations:
            differences.append("it lacks the texts that the model wrote in the end")
        if differences:
            raise InputError(
                f"{str(path)!r} records another training: {'; '.join(differences)}: ask for the "
                "same, or give another folder"
            )
        return TrainedModel(history, str(checkpoint), record.invocations[-1])
    what = f"{place} {title(name)}, seed {seed}"
    run = Run(of, (of.num_epochs,))
    history = measure(run, seed, context.ctx, context.source, checkpoint, what)
    results = {
        "measurement": record_training(Key(of.model, context.source[1].edition, seed), history)
    }
    Record("training", settings, text, [context.made_by], results).write(path)
    say(f"{what}: perplexity {history.perplexity[-1]:.3f} after {len(history)} epochs")
    return TrainedModel(history, str(checkpoint), context.made_by)
