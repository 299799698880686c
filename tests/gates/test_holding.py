"""Held gates against float64 NumPy and closed forms."""

import mxnet as mx
import numpy
import pytest
import reference
from mxnet.gluon import rnn
from numpy.testing import assert_allclose
from reference import sigmoid

import gluon_gru as d2l
from gluon_gru.gates import holding

V, HIDDENS, CPU = 5, 4, mx.cpu()
TOKENS = numpy.random.RandomState(3).randint(0, V, 150)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Read TOKENS in rows of 21 tokens, of which 18 make whole minibatches."""
    monkeypatch.setattr(holding, "_ROWS", 7)
    monkeypatch.setattr(holding, "_STEPS", 6)
    monkeypatch.setattr(holding, "_WARM_UP", 7)


def scratch_gru(num_hiddens=HIDDENS, vocab_size=V):
    return reference.randomise(
        d2l.RNNModelScratch(
            vocab_size, num_hiddens, CPU, d2l.get_gru_params, d2l.init_gru_state, d2l.gru
        )
    )


def concise_gru(**options):
    return reference.randomise(d2l.RNNModel(rnn.GRU(HIDDENS, **options), V))


MODELS = pytest.mark.parametrize("make", [scratch_gru, concise_gru])


def parts(model):
    """Return ``gates(x, H) -> (Z, R)``, ``candidate(x, H, R)``, W_hq and b_q, in float64."""
    weights = [array.asnumpy().astype(float) for array in reference.parameters(model)]
    if isinstance(model, d2l.RNNModelScratch):
        W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = weights
        return (
            lambda x, H: (sigmoid(x @ W_xz + H @ W_hz + b_z), sigmoid(x @ W_xr + H @ W_hr + b_r)),
            lambda x, H, R: numpy.tanh(x @ W_xh + (R * H) @ W_hh + b_h),
            W_hq,
            b_q,
        )
    W, W_h, b, b_h, W_q, b_q = weights
    (W_r, W_z, W_n), (b_r, b_z, b_n) = numpy.split(W, 3), numpy.split(b, 3)
    (W_hr, W_hz, W_hn), (b_hr, b_hz, b_hn) = numpy.split(W_h, 3), numpy.split(b_h, 3)
    return (
        lambda x, H: (
            sigmoid(x @ W_z.T + b_z + H @ W_hz.T + b_hz),
            sigmoid(x @ W_r.T + b_r + H @ W_hr.T + b_hr),
        ),
        lambda x, H, R: numpy.tanh(x @ W_n.T + b_n + R * (H @ W_hn.T + b_hn)),
        W_q.T,
        b_q,
    )


def read(model, tokens, hold=lambda t, Z, R: (Z, R)):
    """Return the losses in predicting ``tokens[1:]`` one by one, and every step's gates."""
    gates, candidate, W_hq, b_q = parts(model)
    H, losses, found = numpy.zeros(W_hq.shape[0]), [], []
    for t, (x, y) in enumerate(zip(numpy.eye(len(b_q))[tokens], tokens[1:])):
        Z, R = gates(x, H)
        found.append((Z, R))
        Z, R = hold(t, Z, R)
        H = Z * H + (1 - Z) * candidate(x, H, R)
        losses.append(reference.cross_entropy((H @ W_hq + b_q)[None], [y]))
    return numpy.array(losses), numpy.array(found)


def rows():
    return [TOKENS[21 * i : 21 * i + 19] for i in range(7)]


def hook(held, means):
    """Return the hook of held gates, their means given as (2, num_hiddens): Z, R."""
    value = {
        gate: means[i] if held.get(gate) == "mean" else held.get(gate)
        for i, gate in enumerate(("update", "reset"))
    }
    return lambda t, Z, R: (
        Z if value["update"] is None else value["update"],
        R if value["reset"] is None else value["reset"],
    )


HELD = [
    {},
    {"update": 0},
    {"update": 1},
    {"reset": 0},
    {"reset": 1},
    {"update": "mean"},
    {"reset": "mean"},
    {"update": 0.3, "reset": "mean"},
]


@MODELS
@pytest.mark.parametrize("held", HELD, ids=str)
def test_a_perplexity_with_gates_held_is_that_of_reading_row_by_row(make, held):
    model = make()
    means = numpy.concatenate([read(model, row)[1] for row in rows()]).mean(axis=0)
    expected = [read(model, row, hook(held, means))[0] for row in rows()]
    assert holding.perplexity_when_held(model, TOKENS, held) == pytest.approx(
        numpy.exp(numpy.mean(expected)), rel=1e-5
    )


@MODELS
def test_a_model_with_gates_held_has_their_perplexity_and_no_gates_to_compute(make):
    model, held = make(), {"update": 0.25, "reset": 1}
    when_held = holding.hold(model, TOKENS, held)
    X, labels = (part.astype("int32") for part in holding.rows(TOKENS))
    logits, _ = when_held(mx.np.array(X, dtype="int32"), when_held.begin_state(len(X), CPU))
    loss = reference.cross_entropy(logits.asnumpy().astype(float), labels.T.reshape(-1))
    assert holding.perplexity_when_held(model, TOKENS, held) == pytest.approx(
        numpy.exp(loss), rel=1e-5
    )
    for weight in (*when_held.params[:2], *when_held.params[3:5]):
        assert not weight.any()
    Z, R = (sigmoid(when_held.params[i].asnumpy().astype(float)) for i in (2, 5))
    assert_allclose(Z, 0.25, rtol=1e-6)
    assert (R == 1).all()


def test_rows_too_short_for_a_minibatch_are_read_whole():
    model, text = scratch_gru(), TOKENS[: 7 * 5 + 1]
    expected = [read(model, text[5 * i : 5 * i + 6])[0] for i in range(7)]
    assert holding.perplexity_when_held(model, text, {}) == pytest.approx(
        numpy.exp(numpy.mean(expected)), rel=1e-5
    )


@MODELS
def test_a_state_kept_for_ever_predicts_what_the_output_bias_does(make):
    model = make()
    bias = reference.parameters(model)[-1].asnumpy().astype(float)
    labels = numpy.concatenate([row[1:] for row in rows()])
    expected = reference.cross_entropy(numpy.tile(bias, (len(labels), 1)), labels)
    assert holding.perplexity_when_held(model, TOKENS, {"update": 1}) == pytest.approx(
        numpy.exp(expected), rel=1e-5
    )


def test_a_gru_that_always_takes_a_candidate_that_sees_the_whole_state_is_an_rnn():
    model, labels = scratch_gru(), numpy.stack(rows())[:, 1:].T.reshape(-1)
    params = [param.asnumpy().astype(float) for param in model.params[6:]]
    logits, _ = reference.scratch(
        reference.rnn_cell,
        reference.one_hot(numpy.stack(rows())[:, :-1], V),
        (numpy.zeros((7, HIDDENS)),),
        params,
    )
    assert holding.perplexity_when_held(model, TOKENS, {"update": 0, "reset": 1}) == pytest.approx(
        numpy.exp(reference.cross_entropy(logits, labels)), rel=1e-5
    )


@MODELS
@pytest.mark.parametrize(
    "held", [HELD[1], *(pytest.param(held, marks=pytest.mark.slow) for held in HELD[2:])], ids=str
)
def test_the_damage_by_distance_is_that_of_reading_each_window_twice(make, held):
    model, max_distance, size, text = make(), 4, 7 + 4 + 2, TOKENS[:50]
    windows = [text[i : i + size] for i in range(len(text) - size + 1)]
    means = numpy.concatenate([read(model, window)[1] for window in windows]).mean(axis=0)
    hold = hook(held, means)
    rises = [
        read(model, window, lambda t, Z, R: hold(t, Z, R) if t == 7 else (Z, R))[0]
        - read(model, window)[0]
        for window in windows
    ]
    found = holding.damage_by_distance(model, text, held, max_distance)
    assert found.shape == (max_distance + 1,)
    assert_allclose(found, numpy.mean(rises, axis=0)[7:], rtol=0, atol=2e-6)


def test_places_are_spread_over_a_long_text(monkeypatch):
    monkeypatch.setattr(holding, "_PLACES", 2)
    model, held = scratch_gru(), {"update": 0}
    both = [
        holding.damage_by_distance(model, part, held, 3) for part in (TOKENS[:12], TOKENS[-12:])
    ]
    assert_allclose(
        holding.damage_by_distance(model, TOKENS, held, 3),
        numpy.mean(both, axis=0),
        rtol=0,
        atol=1e-6,
    )


def test_holding_what_changes_nothing_does_no_damage_at_all():
    model = scratch_gru()
    for param in model.params[:6]:
        param[:] = 0
    for held in ({}, {"update": 0.5}, {"reset": 0.5}, {"update": "mean", "reset": "mean"}):
        assert not holding.damage_by_distance(model, TOKENS, held, 10).any()


def with_update_gate(bias):
    """Return a GRU of one unit and two tokens whose Z is sigmoid(bias) and that has no W_hh."""
    model = scratch_gru(1, 2)
    for param in model.params:
        param[:] = 0
    model.params[2][:] = bias
    model.params[6][:] = mx.np.array([[1], [-1]])
    # So little that the loss is as good as linear in the state.
    model.params[9][:] = mx.np.array([[0.02, -0.02]])
    return model


def test_damage_to_a_state_that_is_never_kept_ends_at_once():
    model = with_update_gate(-200)
    curve = holding.damage_by_distance(model, TOKENS % 2, {"update": 1}, 5)
    assert curve[0] != 0 and not curve[1:].any()
    assert not holding.damage_by_distance(model, TOKENS % 2, {"reset": 0}, 5).any()


@pytest.mark.parametrize("z", [0.5, 0.8])
def test_damage_decays_as_the_state_does(z):
    model = with_update_gate(numpy.log(z / (1 - z)))
    text = numpy.arange(400) % 2
    curve = holding.damage_by_distance(model, text, {"update": 0}, 6)
    # Every other label asks for the other sign.
    assert_allclose(curve[1:] / curve[:-1], -z, rtol=0.05)


def test_half_of_the_damage_has_happened_by_the_half_distance():
    assert holding.half_distance([0, 0, 4, 1, 1, 2]) == 3
    assert holding.half_distance([1, -50, 1, 3, -1]) == pytest.approx(3 + 0.5 / 3)
    assert holding.half_distance([2, 0, 0]) == 0.5
    assert holding.half_distance(0.8 ** numpy.arange(100)) == pytest.approx(3.117, abs=1e-3)
    assert numpy.isnan(holding.half_distance([0, -1, 0]))


@pytest.mark.parametrize(
    "held, complaint",
    [
        ({"forget": 0}, "names 'forget'"),
        ({"reset": 1.5}, "'reset' at 1.5"),
        ({"reset": -1}, "at -1"),
        ({"update": float("nan")}, "at nan"),
        ({"update": "max"}, "'max'"),
        ({"update": None}, "at None"),
    ],
)
def test_held_gates_that_make_no_sense_is_refused(held, complaint):
    for measure in (
        lambda: holding.perplexity_when_held(scratch_gru(), TOKENS, held),
        lambda: holding.damage_by_distance(scratch_gru(), TOKENS, held, 3),
    ):
        with pytest.raises(d2l.InputError, match=complaint):
            measure()


def test_a_text_too_short_is_refused_with_the_length_that_would_do():
    model = scratch_gru()
    with pytest.raises(d2l.InputError, match="7 tokens is too short: give at least 8"):
        holding.perplexity_when_held(model, TOKENS[:7], {})
    holding.perplexity_when_held(model, TOKENS[:8], {})
    with pytest.raises(d2l.InputError, match="18 tokens is too short.*10: give at least 19"):
        holding.damage_by_distance(model, TOKENS[:18], {}, 10)
    holding.damage_by_distance(model, TOKENS[:19], {}, 10)


@pytest.mark.parametrize("distance", [0, -1, 2.5])
def test_a_distance_that_is_none_is_refused(distance):
    with pytest.raises(d2l.InputError, match="max_distance is"):
        holding.damage_by_distance(scratch_gru(), TOKENS, {}, distance)


def test_other_models_are_refused():
    with pytest.raises(d2l.InputError, match="cell is lstm"):
        holding.perplexity_when_held(reference.MODELS["scratch LSTM"](V), TOKENS, {})
    with pytest.raises(d2l.InputError, match="has 2 layers"):
        holding.damage_by_distance(concise_gru(num_layers=2), TOKENS, {}, 5)
