"""A task that needs a memory of a known length: name the first token after many others.

A sequence is a key, one of four, and then ``distance`` tokens drawn from four others; after the
last one the key is to be named. Guessing is right a quarter of the time.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy

from gluon_gru.published.claims import Protocol
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import CLIP_NORM, learner_of

if TYPE_CHECKING:
    import mxnet

#: Cell -> its key in `MODELS`: all concise, the RNN with the activation it has from scratch.
CELLS = {"RNN": "rnn-tanh-concise", "GRU": "gru-concise", "LSTM": "lstm-concise"}

_KEYS, _OTHERS, _HIDDENS, _BATCH = 4, 4, 32, 32

# For Adam; plain SGD, from weights near zero, learns nothing here in this time.
_LR = 0.01

#: When to give up.
NUM_MINIBATCHES = 1000

_LOOKED_AT, _LEARNT = 25, 0.99


def minibatches_to_learn(
    cell: str, distance: int, seed: int, ctx: mxnet.Context, num_minibatches: int = NUM_MINIBATCHES
) -> int | None:
    """Train a cell; return after how many minibatches it names 99% of the keys, None if never.

    Args:
        cell: a key of `CELLS`.
        distance: how many tokens come after the key.
        seed: of weights and sequences.
        ctx: the device.
        num_minibatches: when to give up.
    """
    from mxnet import gluon, init

    from gluon_gru.training.loop import set_seed
    from gluon_gru.training.updates import grad_clipping

    protocol = Protocol(CELLS[cell], 0, num_hiddens=_HIDDENS)
    model = MODELS[protocol.model].make(protocol, _KEYS + _OTHERS, ctx)
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

    with CtrlC() as ctrl_c, learner_of(model, ctx, loss, update=update) as learner:
        for number in ctrl_c.between(range(1, num_minibatches + 1)):
            X = rng.randint(_KEYS, _KEYS + _OTHERS, size=(_BATCH, distance + 1))
            X[:, 0] = rng.randint(0, _KEYS, size=_BATCH)
            learner.step(X, numpy.broadcast_to(X[:, :1], X.shape), _LR, from_zeros=True)
            # Reading them waits for MXNet, so it is done from time to time only.
            looks = number % _LOOKED_AT == 0
            if looks and statistics.mean(map(float, right[-_LOOKED_AT:])) >= _LEARNT:
                return number
    return None
