"""The layer in NumPy, held against central differences of the cells in `reference.py`."""

import numpy
import pytest
import reference
from engine_problem import random_weights

from gluon_gru.engine.numpy_layer import Layer, cross_entropy


def _book(W_x, W_h, b_x, b_h):
    """Return the weights of stacked gates as the book's cells take them: three a gate."""
    return [array for gate in zip(W_x, W_h, b_x + b_h) for array in gate]


def _gluon(W_x, W_h, b_x, b_h, order):
    """Return the weights as Gluon's cells take them: transposed, gates in ``order``."""
    return [
        *(numpy.concatenate([W[g].T for g in order]) for W in (W_x, W_h)),
        *(numpy.concatenate([b[g] for g in order]) for b in (b_x, b_h)),
    ]


_RELU = reference.gluon_rnn_cell(reference.relu)

# (x, state, weights) -> state
CELLS = {
    "rnn_tanh": lambda x, state, w: reference.rnn_cell(x, state, *_book(*w)),
    "rnn_relu": lambda x, state, w: _RELU(x, state, *_gluon(*w, order=[0])),
    "gru_before": lambda x, state, w: reference.gru_cell(x, state, *_book(*w)),
    # Gluon's order: reset, update, candidate; input, forget, candidate, output.
    "gru_after": lambda x, state, w: reference.gluon_gru_cell(x, state, *_gluon(*w, [1, 0, 2])),
    "lstm": lambda x, state, w: reference.gluon_lstm_cell(x, state, *_gluon(*w, [0, 1, 3, 2])),
}


def _run(cell, w, X, state):
    """Return the hidden states of all steps, and the final state."""
    hiddens = []
    for x in X:
        state = CELLS[cell](x, state, w)
        hiddens.append(state[0])
    return numpy.array(hiddens), state


@pytest.mark.parametrize("cell", CELLS)
def test_layer_is_the_cell_step_by_step_and_its_gradients_are_central_differences(cell):
    rng = numpy.random.RandomState(1)
    num_steps, batch_size, num_inputs, num_hiddens = 4, 2, 3, 5
    weights = {
        name: rng.normal(scale=0.7, size=array.shape)
        for name, array in random_weights(cell, num_inputs, num_hiddens, rng, 1).items()
    }
    X = rng.normal(size=(num_steps, batch_size, num_inputs))
    start = [rng.normal(size=(batch_size, num_hiddens)) for _ in range(1 + (cell == "lstm"))]
    d_out = rng.normal(size=(num_steps, batch_size, num_hiddens))
    d_end = [rng.normal(size=state.shape) for state in start]

    def objective(params):
        *w, X = params[:5]
        outputs, end = _run(cell, w, X, tuple(params[5:]))
        return (outputs * d_out).sum() + sum((a * b).sum() for a, b in zip(end, d_end))

    layer = Layer(cell, weights)
    outputs, end = layer.forward(X, start)
    grads, dX, d_start = layer.backward(d_out, d_end)

    hiddens, state = _run(cell, list(weights.values()), X, tuple(start))
    numpy.testing.assert_allclose(outputs, hiddens, rtol=1e-12, atol=1e-12)
    numpy.testing.assert_allclose(end, state, rtol=1e-12, atol=1e-12)
    expected = reference.gradient(objective, [*weights.values(), X, *start])
    for actual, wanted in zip([*grads.values(), dX, *d_start], expected):
        numpy.testing.assert_allclose(actual, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_tokens_are_their_one_hot_vectors(cell):
    rng = numpy.random.RandomState(2)
    layer = Layer(cell, random_weights(cell, 4, 3, rng, 1))
    tokens = numpy.array([[1, 3], [1, 0], [2, 1]])
    start = [numpy.zeros((2, 3))] * (1 + (cell == "lstm"))
    found = []
    for X in (tokens, numpy.eye(4)[tokens]):
        outputs, end = layer.forward(X, start)
        grads, dX, _ = layer.backward(outputs, end)
        found.append([outputs, *(gate for name in grads for gate in grads[name])])
    assert dX.shape == (3, 2, 4)
    for by_token, dense in zip(*found):
        numpy.testing.assert_allclose(by_token, dense, rtol=1e-6, atol=1e-7)


def test_cross_entropy_and_its_gradient():
    rng = numpy.random.RandomState(2)
    logits, labels = rng.normal(scale=3, size=(6, 5)), rng.randint(0, 5, 6)
    loss, gradient = cross_entropy(logits, labels)
    numpy.testing.assert_allclose(loss, reference.cross_entropy(logits, labels), rtol=1e-12)
    (expected,) = reference.gradient(lambda a: reference.cross_entropy(a[0], labels), [logits])
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)
