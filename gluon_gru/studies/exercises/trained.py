"""The trained models that exercises ask for; each is trained once, and recorded in the folder."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Sequence

from gluon_gru.published.claims import Protocol, fused
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.reproduce import QUICK_EPOCHS
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.text.minibatches import SeqDataLoader

if TYPE_CHECKING:
    import numpy

    from gluon_gru.studies.jobs import Job
    from gluon_gru.studies.reproduce.study import Key, Run
    from gluon_gru.text.vocabulary import Vocab
    from gluon_gru.training.loop import History

#: How the chapter trains, whatever the model.
CHAPTERS = Protocol("", 500)

_RANDOM = "-random"


def protocol(name: str) -> Protocol:
    """Return the chapter's protocol for a model, a key of `gluon_gru.studies.reproduce.models.MODELS`.

    With ``-random`` after it, the minibatches are sampled at random; with ``@25`` after that,
    training stops after so many epochs.
    """
    name, _, epochs = name.partition("@")
    model = name[: -len(_RANDOM)] if name.endswith(_RANDOM) else name
    return dataclasses.replace(
        CHAPTERS,
        model=model,
        use_random_iter=model != name,
        num_epochs=min(int(epochs or CHAPTERS.num_epochs), CHAPTERS.num_epochs),
    )


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
    """

    history: History
    checkpoint: str


def train(names: Iterable[str], context: Context) -> None:
    """Train the models of protocols that the folder doesn't hold, with every seed; record them.

    They are trained on the engine, as many at a time as the context has workers.

    Raises:
        TrainingDiverged: see `gluon_gru.train`.
    """
    from gluon_gru.studies.jobs import Job
    from gluon_gru.studies.reproduce.study import read_training, say, train_one

    record, folder = context.folder.record, context.folder.path / "checkpoints"
    assert record is not None
    done = dict(map(read_training, record.results.setdefault("runs", [])))
    waiting = [
        (key, run)
        for seed in context.seeds
        for name in dict.fromkeys(names)
        for key, run in [_planned(name, seed, context)]
        # Records are passed on without the weights, which the exercises look at.
        if not _is_done(run, done.get(key)) or not (folder / key.checkpoint).exists()
    ]

    def keep(job: Job, result: dict[str, Any]) -> None:
        key, history = read_training(result)
        perplexity = history.perplexity[-1]
        say(f"  {title(key.model)}, seed {key.seed}: perplexity {perplexity:.3f}")
        runs = [run for run in record.results["runs"] if read_training(run)[0] != key]
        record.results["runs"] = [*runs, result]
        context.folder.write()

    context.run(
        [
            Job(
                train_one,
                (
                    run,
                    key,
                    str(context.ctx),
                    str(context.corpus.path.resolve()),
                    str(folder.resolve()),
                    f"[{number}/{len(waiting)}] {title(key.model)}, seed {key.seed}",
                    context.alone(len(waiting)),
                ),
            )
            for number, (key, run) in enumerate(waiting, 1)
        ],
        keep,
    )


def _is_done(run: Run, history: History | None) -> bool:
    return history is not None and str(run.protocol.num_epochs) in history.continuations


def _planned(name: str, seed: int, context: Context) -> tuple[Key, Run]:
    from gluon_gru.studies.reproduce.study import Key, Run

    of = protocol(name)
    epochs = min(of.num_epochs, QUICK_EPOCHS) if context.quick else of.num_epochs
    edition = context.source[1].edition
    run = dataclasses.replace(of, model=fused(of.model), num_epochs=epochs, edition=edition)
    return Key(name, edition, seed), Run(run, (epochs,))


def trained(names: Sequence[str], context: Context) -> dict[str, list[TrainedModel]]:
    """Return name -> the trained model for each seed; see `train`."""
    from gluon_gru.studies.reproduce.study import read_training

    train(names, context)
    assert context.folder.record is not None
    done = dict(map(read_training, context.folder.record.results["runs"]))
    keys = {name: [_planned(name, seed, context)[0] for seed in context.seeds] for name in names}
    folder = context.folder.path / "checkpoints"
    return {
        name: [TrainedModel(done[key], str(folder / key.checkpoint)) for key in some]
        for name, some in keys.items()
    }
