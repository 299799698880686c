"""Parts of a GRU, Gluon's GRU written out, and the hook for the gates, each against a reference."""

import mxnet as mx
import numpy
import pytest
import reference
from cases import BATCH, HIDDENS, STEPS, Case, V, concise_case, scratch_case
from mxnet import autograd, gluon, np
from numpy.testing import assert_allclose
from reference import sigmoid

import gluon_gru as d2l
from gluon_gru import engine, models
from gluon_gru.errors import InputError
from gluon_gru.models import fused

# Float64 NumPy, as in `reference`.


def reset_only_cell(x, state, W_xr, W_hr, b_r, W_xh, W_hh, b_h):
    (H,) = state
    R = sigmoid(x @ W_xr + H @ W_hr + b_r)
    return (numpy.tanh(x @ W_xh + (R * H) @ W_hh + b_h),)


def update_only_cell(x, state, W_xz, W_hz, b_z, W_xh, W_hh, b_h):
    (H,) = state
    Z = sigmoid(x @ W_xz + H @ W_hz + b_z)
    return (Z * H + (1 - Z) * numpy.tanh(x @ W_xh + H @ W_hh + b_h),)


PARTS = {
    "reset_only": (
        models.get_reset_only_params,
        models.init_reset_only_state,
        models.reset_only,
        reset_only_cell,
    ),
    "update_only": (
        models.get_update_only_params,
        models.init_update_only_state,
        models.update_only,
        update_only_cell,
    ),
}


@pytest.fixture(params=PARTS)
def part(request):
    *functions, cell = PARTS[request.param]
    model = reference.randomise(d2l.RNNModelScratch(V, HIDDENS, mx.cpu(), *functions))
    return Case(
        model, model.params, lambda X, state, params: reference.scratch(cell, X, state, params)
    )


def loss_of(case, forward):
    """Return outputs, state and loss of ``forward(X, state)``, after the backward pass."""
    with autograd.record():
        outputs, state = forward(case.X, case.mx_state)
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(outputs, np.array(case.labels)).mean()
    loss.backward()
    return outputs, state, loss


def test_a_part_of_a_gru_has_the_outputs_states_and_gradients_of_its_equations(part):
    outputs, state, loss = loss_of(part, part.model)
    expected_outputs, expected_state = part.expect(part.params)
    assert outputs.shape == (STEPS * BATCH, V) and isinstance(state, tuple)
    assert_allclose(outputs.asnumpy(), expected_outputs, rtol=1e-5, atol=1e-5)
    assert_allclose(state[0].asnumpy(), expected_state[0], rtol=1e-5, atol=1e-5)
    assert float(loss) == pytest.approx(part.loss(part.params), rel=1e-5)
    expected = reference.gradient(part.loss, part.params)
    assert all(numpy.abs(grad).max() > 1e-4 for grad in expected)
    for array, grad in zip(part.arrays, expected):
        assert_allclose(array.grad.asnumpy(), grad, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_begins_small_with_a_state_of_zeros(name):
    get_params, init_state, *_ = PARTS[name]
    d2l.set_seed(0)
    params = get_params(28, 50, mx.cpu())
    shapes = [(28, 50), (50, 50), (50,)] * 2 + [(50, 28), (28,)]
    assert [param.shape for param in params] == shapes
    for param in params:
        assert param.grad.shape == param.shape
        assert param.asnumpy().std() == pytest.approx(0.01 if param.ndim == 2 else 0, rel=0.1)
    (state,) = init_state(3, HIDDENS, mx.cpu())
    assert state.shape == (3, HIDDENS) and not state.asnumpy().any()


@pytest.mark.parametrize(
    "forward_fn, own, forced",
    [
        (models.reset_only, slice(3, None), lambda t, Z, R: (0 * Z, R)),
        (models.update_only, [0, 1, 2, 6, 7, 8, 9, 10], lambda t, Z, R: (Z, 0 * R + 1)),
    ],
    ids=["reset-only", "update-only"],
)
def test_a_part_is_exactly_the_gru_with_the_other_gate_forced(forward_fn, own, forced):
    case = scratch_case("gru")
    X = mx.npx.one_hot(case.X.T, V)
    params = (
        case.model.params[own] if isinstance(own, slice) else [case.model.params[i] for i in own]
    )
    outputs, (H,) = forward_fn(X, case.mx_state, params)
    whole, (whole_H,) = d2l.gru(X, case.mx_state, case.model.params, gates=forced)
    assert (outputs == whole).all() and (whole_H == H).all()


def written_out(model):
    """Return ``forward(X, state, gates)`` of a GRU model: its function with the hook."""
    if isinstance(model, d2l.RNNModelScratch):
        return lambda X, state, gates=None: d2l.gru(
            mx.npx.one_hot(X.T, V), state, model.params, gates
        )
    return lambda X, state, gates=None: models.gru_reset_after(
        mx.npx.one_hot(X.T, V), [state[0][0]], models.reset_after_params(model), gates
    )


GRUS = {"before": lambda: scratch_case("gru"), "after": lambda: concise_case("gru", 1, 1)}


@pytest.mark.parametrize("make", GRUS.values(), ids=GRUS)
def test_a_hook_that_only_looks_changes_no_bit_of_outputs_state_and_gradients(make):
    case, seen = make(), []

    def look(t, Z, R):
        seen.append((t, Z.shape, R.shape))
        return Z, R

    forward = written_out(case.model)
    outputs, (H,), _ = loss_of(case, forward)
    grads = [array.grad.asnumpy() for array in case.arrays]
    hooked, (hooked_H,), _ = loss_of(case, lambda X, state: forward(X, state, look))
    assert (outputs == hooked).all() and (hooked_H == H).all()
    assert all((array.grad.asnumpy() == grad).all() for array, grad in zip(case.arrays, grads))
    assert seen == [(t, (BATCH, HIDDENS), (BATCH, HIDDENS)) for t in range(STEPS)]


@pytest.mark.parametrize("make", GRUS.values(), ids=GRUS)
def test_a_hook_can_force_a_gate_in_one_step(make):
    case = make()
    forward = written_out(case.model)
    _, (H,) = forward(case.X[:, :1], case.mx_state)
    # Kept as it was after the first step, whatever the second reads.
    _, (kept,) = forward(
        case.X[:, :2], case.mx_state, lambda t, Z, R: (0 * Z + 1, R) if t == 1 else (Z, R)
    )
    assert (kept == H).all()


def test_the_gru_written_out_has_gluons_outputs_states_and_gradients():
    case = concise_case("gru", 1, 1)
    outputs, (H,), _ = loss_of(case, case.model)
    grads = [array.grad.asnumpy() for array in case.arrays]
    ours, (our_H,), _ = loss_of(case, written_out(case.model))
    assert_allclose(ours.asnumpy(), outputs.asnumpy(), rtol=1e-5, atol=1e-6)
    assert_allclose(our_H.asnumpy(), H[0].asnumpy(), rtol=1e-5, atol=1e-6)
    assert all(numpy.abs(grad).max() > 1e-4 for grad in grads)
    for array, grad in zip(case.arrays, grads):
        assert_allclose(array.grad.asnumpy(), grad, rtol=1e-4, atol=2e-6)


def test_the_gru_written_out_runs_on_the_engine_with_its_gradients():
    case = concise_case("gru", 1, 1)
    params, state = models.reset_after_params(case.model), [case.mx_state[0][0]]

    def found(forward_fn, inputs):
        own = [param.copy() for param in params]
        for array in (*own, inputs):
            array.attach_grad()
        outputs, (H,), _ = loss_of(case, lambda *_: forward_fn(inputs, state, own))
        grads = [array.grad for array in (*own, inputs) if array.dtype == numpy.float32]
        return [array.asnumpy() for array in (outputs, H, *grads)]

    dense = mx.npx.one_hot(case.X.T, V)
    expected = found(models.gru_reset_after, dense)
    assert len(expected) == 2 + 12 + 1
    for inputs in (dense, case.X.T):
        for ours, theirs in zip(found(fused.gru_reset_after, inputs), expected):
            assert numpy.abs(theirs).max() > 1e-4
            assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6)


def test_parameters_of_the_gru_written_out_that_do_not_fit_are_named():
    case = concise_case("gru", 1, 1)
    X, state = mx.npx.one_hot(case.X.T, V), [case.mx_state[0][0]]
    params = models.reset_after_params(case.model)
    with pytest.raises(
        InputError, match="gru_reset_after needs three for each gate, a second bias"
    ):
        fused.gru_reset_after(X, state, params[:9] + params[10:])
    params[9] = np.zeros(HIDDENS + 1)
    if engine.kernels() is None:
        return
    with pytest.raises(InputError, match="parameter 9 has the shape"):
        fused.gru_reset_after(X, state, params)


@pytest.mark.parametrize("layer", [0, 1])
def test_the_weights_of_every_layer_of_a_stack_are_its_own(layer):
    model = concise_case("gru", 2, 1).model
    params = models.reset_after_params(model, layer)
    W = getattr(model.rnn, f"l{layer}_i2h_weight").data().asnumpy()
    assert (params[3].asnumpy() == W[:HIDDENS].T).all()
    assert (params[0].asnumpy() == W[HIDDENS : 2 * HIDDENS].T).all()
