"""How much a cell's state depends on each input, and how far back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Sequence

import numpy

from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.trained import protocol

if TYPE_CHECKING:
    from mxnet import np

#: How many characters lie at most between an input and the state that may depend on it.
DISTANCES = 60

# Places of the text that a curve is averaged over.
_PLACES = 6


def influence(
    cell: Callable, params: Sequence[np.ndarray], inputs: np.ndarray, init_state: Callable
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return how much the last state of a cell depends on each input, and that state.

    Args:
        cell: a forward function from scratch such as `gluon_gru.gru`.
        params: its parameters.
        inputs: (num_steps, num_inputs).
        init_state: such as `gluon_gru.init_gru_state`.

    Returns:
        The Frobenius norms, (num_steps,), of the Jacobians dH_T / dX_t, exactly 0 where H_T does
        not depend on X_t; and H_T (num_hiddens,).
    """
    from mxnet import autograd, np

    num_hiddens = params[1].shape[0]
    # A row for each unit: one backward pass then gives the whole Jacobian.
    X = np.repeat(np.expand_dims(inputs, 1), num_hiddens, axis=1)
    X.attach_grad()
    with autograd.record():
        _, (H, *_) = cell(X, init_state(num_hiddens, num_hiddens, X.ctx), params)
    H.backward(np.eye(num_hiddens, ctx=X.ctx))
    return numpy.sqrt((X.grad.asnumpy().astype(float) ** 2).sum(axis=(1, 2))), H[0].asnumpy()


def influence_by_distance(
    cell: Callable, params: Sequence[np.ndarray], init_state: Callable, context: Context
) -> numpy.ndarray:
    """Return how much the state depends on the character d steps ago, (`DISTANCES`,).

    The mean over some places of the training text, each read from a state of zeros.

    Args:
        cell, params, init_state: see `influence`.
        context: the exercise's.
    """
    from mxnet import np, npx

    tokens, vocab = context.source
    norms = []
    for place in range(_PLACES):
        start = place * (protocol("gru-scratch").max_tokens - DISTANCES) // _PLACES
        read = np.array(tokens[start : start + DISTANCES], dtype="int32", ctx=context.ctx)
        norms.append(influence(cell, params, npx.one_hot(read, len(vocab)), init_state)[0][::-1])
    return numpy.mean(norms, axis=0)


def reach(curve: numpy.ndarray) -> int:
    """Return from which distance on the influence stays below a tenth of the last character's."""
    above = numpy.flatnonzero(curve >= 0.1 * curve[0])
    return int(above[-1]) + 1
