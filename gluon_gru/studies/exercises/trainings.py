"""The training runs that the exercises need, each recorded in a file of its own.

Several processes may work on one folder: each takes the runs that no other one is training.
"""

import contextlib
import dataclasses
import fcntl
import json
import time

from gluon_gru.errors import InputError
from gluon_gru.published.claims import Protocol
from gluon_gru.runs.checkpoint import write_whole
from gluon_gru.runs.environment import environment
from gluon_gru.studies.reproduce.study import (
    MODELS,
    QUICK_EPOCHS,
    Run,
    measure,
    read_training,
    record_training,
    say,
)
from gluon_gru.training.loop import History

#: The models that are trained with the chapter's protocol, by exercise.
CELLS = (
    "rnn-scratch",
    "gru-scratch",
    "lstm-scratch",
    "rnn-concise",
    "rnn-tanh-concise",
    "gru-concise",
    "lstm-concise",
)
PARTS = ("rnn-scratch", "reset-only-scratch", "update-only-scratch", "gru-scratch")
SAMPLING = ("rnn-scratch", "gru-concise")

PROTOCOLS = {
    **{model: Protocol(model, 500) for model in (*CELLS, *PARTS)},
    **{f"{model}-random": Protocol(model, 500, use_random_iter=True) for model in SAMPLING},
}


@dataclasses.dataclass
class Training:
    """A training run and what became of it.

    Attributes:
        name: of its protocol: a key of `gluon_gru.studies.reproduce.study.MODELS`, with
        ``-random`` if its     minibatches are sampled at random.
        history: its `gluon_gru.History`.
        checkpoint: the file that holds the trained weights.
        record: command and environment that made it, a dict.
    """

    name: str
    history: History
    checkpoint: str
    record: dict


def title(name):
    """Return what reports call the protocol ``name``."""
    protocol = PROTOCOLS[name]
    return MODELS[protocol.model].name + (", random sampling" if protocol.use_random_iter else "")


class Trainings:
    """The trainings in a folder, made when they are first asked for.

    Args:
        out: the folder, a `pathlib.Path`; ``runs/`` and ``checkpoints/`` in it are written.
        num_seeds: every run is made with the seeds 1 to num_seeds.
        ctx: the ``mxnet.Context``.
        source: ``(tokens, vocab)``.
        corpus_sha1: of the text; a recorded run of another text is refused.
        quick: train for `QUICK_EPOCHS` only.
        command: the command line, for the record.

    Attributes:
        used: commands and commits of the trainings that were given out, a dict without values.
    """

    def __init__(self, out, num_seeds, ctx, source, corpus_sha1, quick, command):
        self.out, self.num_seeds, self.ctx, self.source = out, num_seeds, ctx, source
        self.quick, self.used = quick, {}
        # Now, not when it is written: the checkout may change while this trains.
        self.record = {
            "command": command,
            "corpus_sha1": corpus_sha1,
            "environment": environment(ctx),
        }

    def get(self, names):
        """Return name -> `Training` for each seed; those that are not recorded yet are made.

        Raises:
            InputError, TrainingDiverged: see `gluon_gru.train`.
        """
        found, waiting = (
            {},
            [
                (name, seed)
                for seed in range(1, self.num_seeds + 1)
                for name in dict.fromkeys(names)
            ],
        )
        total = len(waiting)
        while waiting:
            busy = []
            for name, seed in waiting:
                with _lock(self.out / "checkpoints" / f".{name}-seed{seed}.lock") as free:
                    if free:
                        found[name, seed] = self._recorded(name, seed) or self._train(
                            name, seed, f"[{len(found) + 1}/{total}]"
                        )
                    else:
                        busy.append((name, seed))
            if len(busy) == len(waiting):
                time.sleep(1)
            waiting = busy
        for training in found.values():
            made = training.record
            self.used[f"`{made['command']}` at commit {made['environment']['commit']}"] = None
        return {
            name: [found[name, seed] for seed in range(1, self.num_seeds + 1)] for name in names
        }

    def _paths(self, name, seed):
        return (
            self.out / "runs" / f"{name}-seed{seed}.json",
            self.out / "checkpoints" / f"{name}-seed{seed}.safetensors",
        )

    def _recorded(self, name, seed):
        path, checkpoint = self._paths(name, seed)
        # Records are passed on without the weights, which the exercises look at.
        if not (path.exists() and checkpoint.exists()):
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            _, history = read_training(record.pop("measurement"))
            sha1, device = record["corpus_sha1"], record["environment"]["device"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{str(path)!r} can't be read ({error}): delete it to train that run again"
            ) from error
        here = self.record["corpus_sha1"], self.record["environment"]["device"], self._epochs(name)
        if (sha1, device, len(history)) != here:
            raise InputError(
                f"{str(path)!r} records {len(history)} epochs on {device} of the "
                f"corpus {sha1}, not {here[2]} on {here[1]} of {here[0]}: give another folder with "
                "--out"
            )
        return Training(name, history, str(checkpoint), record)

    def _epochs(self, name):
        return QUICK_EPOCHS if self.quick else PROTOCOLS[name].num_epochs

    def _train(self, name, seed, place):
        path, checkpoint = self._paths(name, seed)
        epochs = self._epochs(name)
        what = f"{place} {title(name)}, seed {seed}"
        run = Run(dataclasses.replace(PROTOCOLS[name], num_epochs=epochs), (epochs,))
        history = measure(run, seed, self.ctx, self.source, checkpoint, what)
        write_whole(
            path,
            json.dumps(
                {**self.record, "measurement": record_training(run.protocol.model, seed, history)}
            ).encode(),
        )
        say(f"{what}: perplexity {history.perplexity[-1]:.3f} after {len(history)} epochs")
        return Training(name, history, str(checkpoint), self.record)


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
