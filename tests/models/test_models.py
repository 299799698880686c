"""The models against float64 NumPy: outputs, states and every gradient; and the two GRUs."""

import mxnet as mx
import numpy
import pytest
import reference
from cases import BATCH, HIDDENS, LAYERS, SCRATCH, STEPS, V, concise_case, scratch_case
from marks import slow_but
from mxnet import autograd, gluon, np
from mxnet.gluon import rnn
from numpy.testing import assert_allclose

import gluon_gru as d2l

CASES = {
    **{f"scratch-{name}": (scratch_case, name) for name in SCRATCH},
    **{
        f"{name}-{layers}-layers-{directions}-directions": (concise_case, name, layers, directions)
        for name in LAYERS
        for layers in (1, 2)
        for directions in (1, 2)
    },
}


@pytest.fixture(params=CASES)
def case(request):
    make, *options = CASES[request.param]
    return make(*options)


def test_a_model_gives_the_outputs_and_states_of_its_equations(case):
    outputs, state = case.model(case.X, case.mx_state)
    expected_outputs, expected_state = case.expect(case.params)
    assert outputs.shape == (STEPS * BATCH, V)
    assert_allclose(outputs.asnumpy(), expected_outputs, rtol=1e-5, atol=1e-5)
    assert len(state) == len(expected_state)
    for s, expected in zip(state, expected_state):
        assert s.shape == expected.shape
        assert_allclose(s.asnumpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "case",
    slow_but([*(f"scratch-{name}" for name in SCRATCH), "gru-1-layers-2-directions"], CASES),
    indirect=True,
)
def test_the_loss_has_the_gradient_of_the_reference_by_every_parameter(case):
    with autograd.record():
        outputs, _ = case.model(case.X, case.mx_state)
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(outputs, np.array(case.labels)).mean()
    loss.backward()
    assert float(loss) == pytest.approx(case.loss(case.params), rel=1e-5)
    expected = reference.gradient(case.loss, case.params)
    assert all(numpy.abs(grad).max() > 1e-4 for grad in expected)
    for array, grad in zip(case.arrays, expected):
        assert_allclose(array.grad.asnumpy(), grad, rtol=1e-4, atol=2e-6)


def test_the_outputs_go_time_step_by_time_step():
    model = scratch_case("gru").model
    state = model.begin_state(2, mx.cpu())
    together, _ = model(np.array([[1, 2, 3], [4, 0, 1]]), state)
    alone, _ = model(np.array([[4, 0, 1]]), model.begin_state(1, mx.cpu()))
    assert_allclose(together.asnumpy()[1::2], alone.asnumpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name, count", [("rnn", 1), ("gru", 1), ("lstm", 2)])
def test_a_scratch_model_begins_with_a_state_of_zeros(name, count):
    state = scratch_case(name).model.begin_state(3, mx.cpu())
    assert isinstance(state, tuple)
    assert [s.shape for s in state] == [(3, HIDDENS)] * count
    assert not any(s.asnumpy().any() for s in state)


@pytest.mark.parametrize("num_layers, directions", [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("name, count", [("rnn", 1), ("gru", 1), ("lstm", 2)])
def test_a_concise_model_begins_with_its_layers_state_of_zeros(name, count, num_layers, directions):
    state = concise_case(name, num_layers, directions).model.begin_state(batch_size=3, ctx=mx.cpu())
    assert [s.shape for s in state] == [(num_layers * directions, 3, HIDDENS)] * count
    assert not any(s.asnumpy().any() for s in state)


@pytest.mark.parametrize(
    "get_params, num_gates",
    [(d2l.get_rnn_params, 1), (d2l.get_gru_params, 3), (d2l.get_lstm_params, 4)],
)
def test_parameters_are_in_the_books_order_small_gaussian_weights_and_zero_biases(
    get_params, num_gates
):
    d2l.set_seed(0)
    params = get_params(28, 50, mx.cpu())
    shapes = [(28, 50), (50, 50), (50,)] * num_gates + [(50, 28), (28,)]
    assert [param.shape for param in params] == shapes
    for param in params:
        assert param.grad is not None and param.grad.shape == param.shape
        values = param.asnumpy()
        if param.ndim == 1:
            assert not values.any()
        else:
            # A thousand draws and more: the estimates' own deviations are about 2 and 3 %.
            assert values.std() == pytest.approx(0.01, rel=0.1)
            assert abs(values.mean()) < 0.0015
    weights = [param.asnumpy().ravel()[:50] for param in params if param.ndim == 2]
    assert all((a != b).any() for i, a in enumerate(weights) for b in weights[:i])


def test_a_config_tells_models_apart_that_differ():
    configs = [str(make(V).config()) for make in reference.MODELS.values()]
    configs += [str(make(V + 1).config()) for make in reference.MODELS.values()]
    configs.append(str(d2l.RNNModel(rnn.GRU(9), V).config()))
    assert len(set(configs)) == len(configs)


def both_grus(candidate_scale=1.0, reset_bias=0.0, recurrent_bias=0.0):
    """Return the outputs of the book's GRU and of Gluon's, with the same weights in both.

    ``candidate_scale`` multiplies W_hh; ``reset_bias`` is added to the reset gate's bias;
    ``recurrent_bias`` is Gluon's second bias of the candidate, which the book's GRU, having one
    bias, gets added to its own.
    """
    book = scratch_case("gru").model
    book.params[7] *= candidate_scale
    book.params[5] += reset_bias
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = book.params
    gluons = concise_case("gru", 1, 1).model
    layer, zeros = gluons.rnn, np.zeros(HIDDENS)
    for param, value in (
        (layer.l0_i2h_weight, np.concatenate([W_xr, W_xz, W_xh], axis=1).T),
        (layer.l0_h2h_weight, np.concatenate([W_hr, W_hz, W_hh], axis=1).T),
        (layer.l0_i2h_bias, np.concatenate([b_r, b_z, b_h])),
        (layer.l0_h2h_bias, np.concatenate([zeros, zeros, zeros + recurrent_bias])),
        (gluons.dense.weight, W_hq.T),
        (gluons.dense.bias, b_q),
    ):
        param.set_data(value)
    book.params[8] += recurrent_bias
    X, H = np.array([[1, 2, 3, 4], [0, 4, 2, 1]]), np.full((2, HIDDENS), 0.5)
    return book(X, (H,))[0].asnumpy(), gluons(X, [H.reshape(1, 2, HIDDENS)])[0].asnumpy()


@pytest.mark.parametrize(
    "options",
    [{"candidate_scale": 0.0}, {"reset_bias": 50.0}, {"reset_bias": 50.0, "recurrent_bias": 0.7}],
    ids=["no-recurrent-weights", "reset-gate-at-1", "reset-gate-at-1-two-biases"],
)
def test_the_two_grus_agree_where_the_reset_gate_has_nothing_to_do(options):
    book, gluons = both_grus(**options)
    assert_allclose(book, gluons, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"recurrent_bias": 0.7}, {"candidate_scale": 0.0, "recurrent_bias": 0.7}],
    ids=["generic", "generic-two-biases", "only-the-second-bias-is-reset"],
)
def test_the_two_grus_are_different_functions(options):
    book, gluons = both_grus(**options)
    assert numpy.abs(book - gluons).max() > 0.01
