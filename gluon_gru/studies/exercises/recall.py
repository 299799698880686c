"""A task that needs a memory of a known length: name the first token after many others.

A sequence is a key, one of four, and then ``distance`` tokens drawn from four others; after the
last one the key is to be named. Guessing is right a quarter of the time.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy

if TYPE_CHECKING:
    import mxnet

#: The cells, all concise, with the same activation in the RNN as from scratch: the layer of
#: ``gluon.rnn`` and its options.
LAYERS: dict[str, tuple[str, dict[str, str]]] = {
    "RNN": ("RNN", {"activation": "tanh"}),
    "GRU": ("GRU", {}),
    "LSTM": ("LSTM", {}),
}

_KEYS, _OTHERS, _HIDDENS, _BATCH = 4, 4, 32, 32

# Adam, since plain SGD from weights near zero learns nothing here in the time there is.
_LR = 0.01

#: When to give up.
NUM_MINIBATCHES = 1000

_LOOKED_AT, _LEARNT = 25, 0.99


def minibatches_to_learn(
    cell: str, distance: int, seed: int, ctx: mxnet.Context, num_minibatches: int = NUM_MINIBATCHES
) -> int | None:
    """Train a cell; return after how many minibatches it names 99% of the keys, None if never.

    Not by a `gluon_gru.training.learner.Learner`: the loss is that of the last token alone.

    Args:
        cell: a key of `LAYERS`.
        distance: how many tokens come after the key.
        seed: of weights and sequences.
        ctx: the device.
        num_minibatches: when to give up.
    """
    import mxnet as mx
    from mxnet import autograd, gluon, init, np
    from mxnet.gluon import rnn

    from gluon_gru.models import RNNModel
    from gluon_gru.training.interrupt import CtrlC
    from gluon_gru.training.learner import CLIP_NORM
    from gluon_gru.training.loop import set_seed
    from gluon_gru.training.updates import grad_clipping

    set_seed(seed)
    rng, loss = numpy.random.RandomState(seed), gluon.loss.SoftmaxCrossEntropyLoss()
    layer, options = LAYERS[cell]
    model = RNNModel(getattr(rnn, layer)(_HIDDENS, **options), _KEYS + _OTHERS)
    model.initialize(init=init.Xavier(), ctx=ctx)
    trainer = gluon.Trainer(model.collect_params(), "adam", {"learning_rate": _LR})
    right = []
    with CtrlC() as ctrl_c:
        for number in ctrl_c.between(range(1, num_minibatches + 1)):
            tokens = rng.randint(_KEYS, _KEYS + _OTHERS, size=(_BATCH, distance + 1))
            tokens[:, 0] = rng.randint(0, _KEYS, size=_BATCH)
            X, y = (np.array(array, dtype="int32", ctx=ctx) for array in (tokens, tokens[:, 0]))
            with autograd.record():
                logits, _ = model(X, model.begin_state(batch_size=_BATCH, ctx=ctx))
                last = logits[-_BATCH:]
                mean_loss = loss(last, y).mean()
            mean_loss.backward()
            grad_clipping(model, CLIP_NORM)
            trainer.step(1)
            right.append((last.argmax(axis=1).astype("int32") == y).mean())
            if number % _LOOKED_AT == 0:
                mx.nd.waitall()
                if statistics.mean(map(float, right[-_LOOKED_AT:])) >= _LEARNT:
                    return number
    return None
