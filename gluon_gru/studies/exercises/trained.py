"""The trained models that exercises ask for; each training is made once and recorded in a file.

Several processes may work on one folder: each takes the trainings that no other one is making.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import pathlib
import time
from typing import TYPE_CHECKING, Any, Sequence

from gluon_gru.errors import InputError
from gluon_gru.published.claims import Protocol
from gluon_gru.runs import record as records
from gluon_gru.runs.record import Record
from gluon_gru.studies.reproduce import QUICK_EPOCHS
from gluon_gru.studies.reproduce.models import MODELS

if TYPE_CHECKING:
    import mxnet

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


def untrained(name: str, source: tuple[Any, Vocab], ctx: mxnet.Context, seed: int = 1) -> Any:
    """Return the model of the protocol ``name`` as it is before its training from a seed."""
    from mxnet import gluon, init

    from gluon_gru.training.loop import set_seed

    set_seed(seed)
    of = protocol(name)
    model = MODELS[of.model].make(of, len(source[1]), ctx)
    if isinstance(model, gluon.Block):
        model.initialize(ctx=ctx, init=init.Normal(0.01))
    return model


@dataclasses.dataclass
class TrainedModel:
    """A model that was trained.

    Attributes:
        name: of its protocol, which `protocol` returns.
        history: of its training.
        checkpoint: the file that holds the trained weights.
        made_by: command and environment of its training.
    """

    name: str
    history: History
    checkpoint: str
    made_by: dict[str, Any]


class TrainedModels:
    """The trained models of a folder, made when they are first asked for.

    Args:
        out: the folder; ``runs/`` and ``checkpoints/`` in it are written.
        num_seeds: every model is trained from the seeds 1 to num_seeds.
        ctx: the device.
        source: ``(tokens, vocab)``.
        text: the facts of the text; a recorded training on another one is refused.
        quick: train for `QUICK_EPOCHS` only.
        made_by: command and environment, for the records.

    Attributes:
        used: commands and commits of the trainings that were given out, a dict without values.
    """

    def __init__(
        self,
        out: pathlib.Path,
        num_seeds: int,
        ctx: mxnet.Context,
        source: tuple[Any, Vocab],
        text: dict[str, Any],
        quick: bool,
        made_by: dict[str, Any],
    ) -> None:
        self.out, self.num_seeds, self.ctx, self.source = out, num_seeds, ctx, source
        self.quick = quick
        self.used: dict[str, None] = {}
        self._record = Record("training", {"device": str(ctx)}, text, [made_by], {})

    def get(self, names: Sequence[str]) -> dict[str, list[TrainedModel]]:
        """Return name -> the trained model for each seed; those that are not there yet are made.

        Raises:
            InputError: for a record that can't be read, or of another training.
            TrainingDiverged: see `gluon_gru.train`.
        """
        done: dict[tuple[str, int], TrainedModel] = {}
        seeds = range(1, self.num_seeds + 1)
        waiting = [(name, seed) for seed in seeds for name in dict.fromkeys(names)]
        total = len(waiting)
        while waiting:
            busy = []
            for name, seed in waiting:
                with _lock(self.out / "checkpoints" / f".{name}-seed{seed}.lock") as free:
                    if free:
                        done[name, seed] = self._recorded(name, seed) or self._train(
                            name, seed, f"[{len(done) + 1}/{total}]"
                        )
                    else:
                        busy.append((name, seed))
            if len(busy) == len(waiting):
                time.sleep(1)
            waiting = busy
        for model in done.values():
            made = model.made_by
            self.used[f"`{made['command']}` at commit {made['environment']['commit']}"] = None
        return {name: [done[name, seed] for seed in seeds] for name in names}

    def _paths(self, name, seed):
        return (
            self.out / "runs" / f"{name}-seed{seed}.json",
            self.out / "checkpoints" / f"{name}-seed{seed}.safetensors",
        )

    def _recorded(self, name, seed):
        from gluon_gru.studies.reproduce.study import read_training

        path, checkpoint = self._paths(name, seed)
        # Records are passed on without the weights, which the exercises look at.
        if not (path.exists() and checkpoint.exists()):
            return None
        record = records.read(path)
        try:
            _, history = read_training(record.results["measurement"])
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{str(path)!r} records no training: delete it to make that one again"
            ) from error
        differences = record.differences(self._record.settings, self._record.text)
        if len(history) != self._epochs(name):
            differences.append(f"it has {len(history)} epochs, not {self._epochs(name)}")
        if differences:
            raise InputError(
                f"{str(path)!r} records another training: {'; '.join(differences)}: ask for the "
                "same, or give another folder"
            )
        return TrainedModel(name, history, str(checkpoint), record.invocations[-1])

    def _epochs(self, name):
        return QUICK_EPOCHS if self.quick else protocol(name).num_epochs

    def _train(self, name, seed, place):
        from gluon_gru.studies.reproduce.study import Run, measure, record_training, say

        path, checkpoint = self._paths(name, seed)
        of = dataclasses.replace(protocol(name), num_epochs=self._epochs(name))
        what = f"{place} {title(name)}, seed {seed}"
        history = measure(Run(of, (of.num_epochs,)), seed, self.ctx, self.source, checkpoint, what)
        results = {"measurement": record_training(of.model, seed, history)}
        dataclasses.replace(self._record, results=results).write(path)
        say(f"{what}: perplexity {history.perplexity[-1]:.3f} after {len(history)} epochs")
        return TrainedModel(name, history, str(checkpoint), self._record.invocations[-1])


@contextlib.contextmanager
def _lock(path):
    """Yield whether this process holds the lock ``path`` until the block ends."""
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
