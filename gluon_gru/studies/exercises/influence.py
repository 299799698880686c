"""How much a cell's state depends on each input, and how far back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy

from gluon_gru.studies.exercises.trained import protocol

if TYPE_CHECKING:
    import mxnet
    from mxnet import np

    from gluon_gru.models import RNNModelScratch

#: How many characters lie at most between an input and the state that may depend on it.
DISTANCES = 60

# Places of the text that a curve is averaged over.
_PLACES = 6


def influence(model: RNNModelScratch, inputs: np.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return how much the last state of a model depends on each input, and that state.

    Args:
        model: its forward function is one of the cells, such as `gluon_gru.gru`.
        inputs: (num_steps, num_inputs).

    Returns:
        The Frobenius norms, (num_steps,), of the Jacobians dH_T / dX_t, exactly 0 where H_T does
        not depend on X_t; and H_T (num_hiddens,).
    """
    from mxnet import autograd, np

    # A row for each unit: one backward pass then gives the whole Jacobian.
    units = model.num_hiddens
    X = np.repeat(np.expand_dims(inputs, 1), units, axis=1)
    X.attach_grad()
    with autograd.record():
        _, (H, *_) = model.forward_fn(X, model.begin_state(units, X.ctx), model.params)
    H.backward(np.eye(units, ctx=X.ctx))
    return numpy.sqrt((X.grad.asnumpy().astype(float) ** 2).sum(axis=(1, 2))), H[0].asnumpy()


def influence_by_distance(
    model: RNNModelScratch, tokens: numpy.ndarray, ctx: mxnet.Context
) -> numpy.ndarray:
    """Return how much the state depends on the character d steps ago, (`DISTANCES`,).

    The mean over some places of the training text, each read from a state of zeros.

    Args:
        model: see `influence`.
        tokens: the text's, integers (num_tokens,).
        ctx: the device that the model is on.
    """
    from mxnet import np, npx

    norms = []
    for place in range(_PLACES):
        start = place * (protocol("gru-scratch").max_tokens - DISTANCES) // _PLACES
        read = np.array(tokens[start : start + DISTANCES], dtype="int32", ctx=ctx)
        norms.append(influence(model, npx.one_hot(read, model.vocab_size))[0][::-1])
    return numpy.mean(norms, axis=0)


def reach(curve: numpy.ndarray) -> int:
    """Return from which distance on the influence stays below a tenth of the last character's."""
    above = numpy.flatnonzero(curve >= 0.1 * curve[0])
    return int(above[-1]) + 1
