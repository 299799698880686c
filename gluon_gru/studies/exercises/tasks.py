"""Tasks that ask for one ability alone: to remember, to skip, to start anew.

A sequence is made of four keys, four symbols that mean nothing, and a break; after its last symbol
one of the keys is to be named. Guessing is right a quarter of the time.

- ``recall``: the key that comes first, and so ``length`` other symbols before
- ``skip``: the last key, of which there are about two in every ``length`` symbols; the others mean
  nothing
- ``reset``: the first key after the last break, of which there are about two in every ``length``
  symbols; all others are keys
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from gluon_gru.published.claims import Protocol
from gluon_gru.studies.reproduce.models import Model
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import CLIP_NORM, learner_of

if TYPE_CHECKING:
    import mxnet

#: The names of the tasks.
TASKS = ("recall", "skip", "reset")

#: What reports call it -> a key of `gluon_gru.cells.CELLS`. All run as layers on the engine.
CELLS = {"RNN": "rnn_tanh", "GRU": "gru_after", "GRU from scratch": "gru_before", "LSTM": "lstm"}

# The tokens: keys, symbols that mean nothing, the break.
_KEYS, _OTHERS, _BREAK = 4, 4, 8
_HIDDENS, _BATCH = 32, 32

# For Adam; plain SGD, from weights near zero, learns nothing here in this time.
_LR = 0.01

#: When to give up.
NUM_MINIBATCHES = 1000

_LOOKED_AT, _LEARNT = 25, 0.99


class Learnt(NamedTuple):
    """What has come of a task.

    Attributes:
        minibatches: after how many of them 99% of the keys were named; None if never.
        gates: of a GRU, name of the gate -> its mean at the symbols that matter (keys where
            others mean nothing, breaks where there are breaks), and at all others.
    """

    minibatches: int | None
    gates: dict[str, tuple[float, float]]


def draw(task: str, length: int, rng: numpy.random.RandomState) -> tuple[Any, Any, Any]:
    """Return a minibatch of a task.

    Args:
        task: one of `TASKS`.
        length: of the sequences, less one.
        rng: what draws.

    Returns:
        Tokens, integers (batch_size, length + 1); the key to be named, integers (batch_size,); and
        which symbols matter, of the tokens' shape.
    """
    shape = _BATCH, length + 1
    keys = rng.randint(0, _KEYS, size=shape)
    if task == "reset":
        breaks = rng.uniform(size=shape) < 2 / length
        # Each sequence starts with one, and none is the last symbol.
        breaks[:, 0], breaks[:, -1] = True, False
        # Of breaks side by side the last one counts.
        X = numpy.where(breaks, _BREAK, keys)
        last = length - breaks[:, ::-1].argmax(axis=1)
        return X, X[numpy.arange(_BATCH), last + 1], breaks
    others = rng.randint(_KEYS, _KEYS + _OTHERS, size=shape)
    matter = rng.uniform(size=shape) < (2 / length if task == "skip" else 0)
    matter[:, 0] = True
    X = numpy.where(matter, keys, others)
    last = length - matter[:, ::-1].argmax(axis=1)
    return X, X[numpy.arange(_BATCH), last], matter


def learn(
    cell: str, task: str, length: int, seed: int, device: str, num_minibatches: int
) -> Learnt:
    """Train a cell on a task until it has learnt it; return what has come of it.

    Args:
        cell: a key of `CELLS`.
        task, length: see `draw`.
        seed: of weights and sequences.
        device: ``cpu(0)``, ...
        num_minibatches: when to give up.
    """
    from mxnet import gluon, init

    from gluon_gru.training.device import context
    from gluon_gru.training.loop import set_seed
    from gluon_gru.training.updates import grad_clipping

    ctx = context(device)
    protocol = Protocol("", 0, num_hiddens=_HIDDENS)
    model = Model(cell, CELLS[cell], False, True).make(protocol, _BREAK + 1, ctx)
    set_seed(seed)
    rng, cross_entropy = numpy.random.RandomState(seed), gluon.loss.SoftmaxCrossEntropyLoss()
    model.initialize(init=init.Xavier(), ctx=ctx, force_reinit=True)
    trainer = gluon.Trainer(model.collect_params(), "adam", {"learning_rate": _LR})
    right: list = []

    def loss(logits, keys):
        """Return the loss of the last time step, whose predictions are noted."""
        logits, keys = logits[-_BATCH:], keys[-_BATCH:]
        right.append((logits.argmax(axis=1).astype("int32") == keys).mean())
        return cross_entropy(logits, keys)

    def update():
        grad_clipping(model, CLIP_NORM)
        trainer.step(1)

    needed = None
    with CtrlC() as ctrl_c, learner_of(model, ctx, loss, update=update) as learner:
        for number in ctrl_c.between(range(1, num_minibatches + 1)):
            X, key, _ = draw(task, length, rng)
            learner.step(X, numpy.broadcast_to(key[:, None], X.shape), _LR, from_zeros=True)
            # Reading them waits for MXNet, so it is done from time to time only.
            looks = number % _LOOKED_AT == 0
            if looks and statistics.mean(map(float, right[-_LOOKED_AT:])) >= _LEARNT:
                needed = number
                break
    return Learnt(needed, _gates(model, *draw(task, length, rng)) if "GRU" in cell else {})


def _gates(
    model: Any, X: numpy.ndarray, key: numpy.ndarray, matter: numpy.ndarray
) -> dict[str, tuple[float, float]]:
    """Return the means of a GRU's gates over a minibatch as `Learnt` has them."""
    from mxnet import np

    from gluon_gru.gates.holding import with_gates

    seen: dict[str, list] = {"Z": [], "R": []}

    def look(t, Z, R):
        seen["Z"].append(Z.asnumpy().mean(axis=1))
        seen["R"].append(R.asnumpy().mean(axis=1))
        return Z, R

    ctx: mxnet.Context = next(iter(model.collect_params().values())).list_ctx()[0]
    written = with_gates(model, look)
    written(np.array(X, dtype="int32", ctx=ctx), written.begin_state(len(X), ctx))
    by_step = {gate: numpy.stack(values, axis=1) for gate, values in seen.items()}
    return {
        gate: (float(values[matter].mean()), float(values[~matter].mean()))
        for gate, values in by_step.items()
    }
