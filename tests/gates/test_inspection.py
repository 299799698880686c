"""A trained GRU's gates against float64 NumPy, and what is read from them."""

import io

import mxnet as mx
import numpy
import pytest
import reference
from matplotlib.image import imread
from mxnet.gluon import rnn
from numpy.testing import assert_allclose
from reference import sigmoid

import gluon_gru as d2l
from gluon_gru.gates import inspection as gates
from gluon_gru.gates import picture as gates_plot
from gluon_gru.runs.restore import restore

VOCAB = d2l.Vocab(list("abcdefg hij"))
TEXT = "a cab? fed ice "
HIDDENS = 6
CPU = mx.cpu()


def scratch_gru():
    return reference.randomise(
        d2l.RNNModelScratch(
            len(VOCAB), HIDDENS, CPU, d2l.get_gru_params, d2l.init_gru_state, d2l.gru
        )
    )


def concise_gru(num_layers=1, **options):
    return reference.randomise(
        d2l.RNNModel(rnn.GRU(HIDDENS, num_layers=num_layers, **options), len(VOCAB))
    )


def expected_gates(model, layer):
    """Return Z and R of every step over TEXT, step by step in float64."""
    X = reference.one_hot([VOCAB[list(TEXT)]], len(VOCAB))
    weights = [array.asnumpy().astype(float) for array in reference.parameters(model)]
    for at in range(layer + 1):
        H, gates_of_steps, hiddens = numpy.zeros((1, HIDDENS)), [], []
        for x in X:
            if isinstance(model, d2l.RNNModelScratch):
                W_xz, W_hz, b_z, W_xr, W_hr, b_r = weights[:6]
                Z = sigmoid(x @ W_xz + H @ W_hz + b_z)
                R = sigmoid(x @ W_xr + H @ W_hr + b_r)
                (H,) = reference.gru_cell(x, (H,), *weights[:-2])
            else:
                W, W_h, b, b_h = weights[4 * at : 4 * at + 4]
                R, Z, _ = numpy.split(sigmoid(x @ W.T + b + H @ W_h.T + b_h), 3, axis=1)
                (H,) = reference.gluon_gru_cell(x, (H,), W, W_h, b, b_h)
            gates_of_steps.append((Z[0], R[0]))
            hiddens.append(H)
        X = numpy.array(hiddens)
    return (numpy.array(gate) for gate in zip(*gates_of_steps))


@pytest.mark.parametrize(
    "make, layer",
    [
        (scratch_gru, 0),
        (concise_gru, 0),
        (lambda: concise_gru(2), 0),
        (lambda: concise_gru(2), 1),
        (lambda: concise_gru(3, dropout=0.5), 2),
    ],
    ids=["scratch", "concise", "lower-of-2", "upper-of-2", "upper-of-3-with-dropout"],
)
def test_the_gates_are_those_of_the_equations_at_every_character(make, layer):
    model = make()
    found = gates.inspect(model, VOCAB, TEXT, layer=layer)
    Z, R = expected_gates(model, layer)
    assert found.text == ["<unk>" if c == "?" else c for c in TEXT] and found.layer == layer
    assert found.update.shape == found.reset.shape == (len(TEXT), HIDDENS)
    assert_allclose(found.update, Z, rtol=0, atol=1e-5)
    assert_allclose(found.reset, R, rtol=0, atol=1e-5)


def test_a_long_text_is_read_in_pieces_as_in_one(monkeypatch):
    model = concise_gru(2)
    whole = gates.inspect(model, VOCAB, TEXT, layer=1)
    monkeypatch.setattr(gates, "_PIECE", 4)
    in_pieces = gates.inspect(model, VOCAB, TEXT, layer=1)
    assert_allclose(in_pieces.update, whole.update, rtol=0, atol=1e-6)
    assert_allclose(in_pieces.reset, whole.reset, rtol=0, atol=1e-6)


def test_the_gates_of_words_come_with_a_list_of_words():
    vocab = d2l.Vocab(["the", "clock", "struck", "one"])
    model = reference.randomise(d2l.RNNModel(rnn.GRU(3), len(vocab)))
    found = gates.inspect(model, vocab, ["the", "cat", "struck"], ctx=CPU)
    assert found.text == ["the", "<unk>", "struck"] and found.update.shape == (3, 3)
    assert gates_plot.picture(found).startswith(b"\x89PNG")


def test_a_trained_model_can_be_inspected_from_its_checkpoint(tmp_path):
    train_iter = reference.loader()
    model = reference.MODELS["GRU of 2 layers"](len(train_iter.vocab))
    d2l.train(model, train_iter, train_iter.vocab, 1, 2, CPU, checkpoint=tmp_path / "run")
    text = "abcdefg"
    found = gates.inspect(*restore(tmp_path / "run"), text, layer=1)
    assert (found.reset == gates.inspect(model, train_iter.vocab, text, layer=1).reset).all()


@pytest.mark.parametrize(
    "name, cell",
    [
        ("scratch RNN", "rnn"),
        ("scratch LSTM", "lstm"),
        ("RNN", "RNN"),
        ("LSTM", "LSTM"),
        ("scratch GRU with dropout", "gru_with_dropout"),
    ],
)
def test_another_cell_is_refused_by_name(name, cell):
    model = reference.MODELS[name](len(VOCAB))
    with pytest.raises(d2l.InputError, match=f"cell is {cell}, which"):
        gates.inspect(model, VOCAB, TEXT)


def test_what_is_no_model_of_this_package_is_refused():
    with pytest.raises(d2l.InputError, match="cell is Dense, which"):
        gates.inspect(mx.gluon.nn.Dense(3), VOCAB, TEXT)


def test_a_bidirectional_layer_is_refused():
    with pytest.raises(d2l.InputError, match="bidirectional"):
        gates.inspect(concise_gru(bidirectional=True), VOCAB, TEXT)


@pytest.mark.parametrize("text", ["", "XYZ", "é\n" * 1000, [], ["word"]])
def test_a_text_with_no_known_character_is_refused(text):
    with pytest.raises(d2l.InputError, match="no token that the model knows") as error:
        gates.inspect(scratch_gru(), VOCAB, text)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize("layer", [2, -1, "upper"])
def test_a_layer_that_is_not_there_is_refused(layer):
    with pytest.raises(d2l.InputError, match="layer is .* has 2.*from 0 to 1"):
        gates.inspect(concise_gru(2), VOCAB, TEXT, layer=layer)


def test_another_models_vocabulary_is_refused():
    with pytest.raises(d2l.InputError, match="has 3 tokens.*made for 12"):
        gates.inspect(scratch_gru(), d2l.Vocab(list("ab")), "ab")


def made_of(text, update=None, reset=None):
    size = numpy.ones((len(text), 1), "float32")
    columns = [numpy.asarray(size if gate is None else gate, "float32") for gate in (update, reset)]
    return gates.Gates(list(text), *columns, layer=0)


def test_a_constant_update_gate_has_its_closed_forms_time_constant():
    Z = numpy.array([0.5, 0.9, numpy.exp(-1 / 40), 0.1, 1, 0])
    order, taus = gates.memory(made_of("abcd", update=numpy.tile(Z, (4, 1))))
    assert order.tolist() == [4, 2, 1, 0, 3, 5]
    assert_allclose(
        taus[:4], [1 / numpy.log(2), -1 / numpy.log(0.9), 40, 1 / numpy.log(10)], rtol=1e-5
    )
    assert taus[4:].tolist() == [numpy.inf, 0]


def test_what_is_left_of_a_state_is_what_the_time_constant_says():
    Z = numpy.random.RandomState(0).uniform(0.2, 1, (30, 5))
    order, taus = gates.memory(made_of("x" * 30, update=Z))
    assert_allclose(Z.prod(axis=0), numpy.exp(-30 / taus), rtol=1e-4)
    assert (numpy.diff(taus[order]) <= 0).all()


def test_characters_are_ranked_by_their_mean_reset_gate():
    text = "ab ba b"
    R = numpy.random.RandomState(0).uniform(size=(len(text), 4))
    R[[2, 5]] *= 0.1
    tokens, means, by_unit = gates.resets(made_of(text, reset=R))
    assert tokens[0] == " " and sorted(tokens) == [" ", "a", "b"]
    assert (numpy.diff(means) >= 0).all()
    for token, mean, units in zip(tokens, means, by_unit):
        at = [i for i, c in enumerate(text) if c == token]
        assert_allclose(units, R[at].mean(axis=0), rtol=1e-5)
        assert mean == pytest.approx(R[at].mean(), rel=1e-5)


@pytest.mark.parametrize("gate", ["reset", "update"])
def test_the_correlation_with_the_ends_of_words_is_pearsons(gate):
    text = [*"the clock struck", "<unk>", *"one"]
    values = numpy.random.RandomState(1).uniform(size=(len(text), 7)).astype("float32")
    # 0.3 has no exact mean: what rounding leaves must not be taken for a change.
    values[:, 3] = 0.3
    found = gates.boundary_correlation(made_of(text, **{gate: values}), gate)
    ends = [token in (" ", "<unk>") for token in text]
    for unit in {*range(7)} - {3}:
        assert found[unit] == pytest.approx(numpy.corrcoef(values[:, unit], ends)[0, 1], abs=1e-12)
    assert found[3] == 0


def test_a_gate_that_opens_at_spaces_only_correlates_fully():
    text = "ab cd e"
    ends = numpy.array([[c == " " for c in text]]).T
    found = gates.boundary_correlation(made_of(text, reset=numpy.hstack([ends, 1 - ends])))
    assert_allclose(found, [1, -1])


@pytest.mark.parametrize(
    "text, gate, complaint",
    [
        ("abc", "reset", "'abc' has no ends of words"),
        ("   ", "update", "nothing but"),
        ("a b", "forget", "gate 'forget' is unknown"),
    ],
)
def test_a_correlation_that_makes_no_sense_is_refused(text, gate, complaint):
    with pytest.raises(d2l.InputError, match=complaint):
        gates.boundary_correlation(made_of(text), gate)


@pytest.mark.slow
def test_a_picture_shows_the_whole_text_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(gates_plot, "_MAX_TOKENS", 45)
    widths = []
    for length in (9, 45, 500):
        text = ("a cab? fed ice " * 50)[:length]
        pixels = imread(
            io.BytesIO(gates_plot.picture(gates.inspect(scratch_gru(), VOCAB, text))), format="png"
        )
        assert pixels.std() > 0.05
        widths.append(pixels.shape[1])
    assert widths[0] < widths[1] == widths[2]


def test_the_characters_of_a_picture_are_all_visible(recwarn):
    # Matplotlib warns of characters that its font hasn't.
    gates_plot.picture(gates.inspect(scratch_gru(), VOCAB, TEXT))
    assert not recwarn.list


@pytest.mark.parametrize("units", [[], [0, HIDDENS], [-1]])
def test_units_that_are_not_there_are_refused(units):
    with pytest.raises(d2l.InputError, match="units are .* from 0 to 5"):
        gates_plot.picture(gates.inspect(scratch_gru(), VOCAB, TEXT), units=units)


def test_the_units_of_a_picture_can_be_chosen():
    found = gates.inspect(scratch_gru(), VOCAB, TEXT)
    two, one = (
        imread(io.BytesIO(gates_plot.picture(found, units)), format="png")
        for units in ([2, 0], [2])
    )
    assert two.shape[0] > one.shape[0]


def test_what_a_token_explains_is_the_correlation_ratio():
    text = list("aab b")
    values = (
        numpy.array([[1, 0.5, 0.3], [3, 0.5, 0.1], [5, 0.5, 0.7], [0, 0.5, 0.2], [7, 0.5, 0.5]])
        / 10
    )
    found = gates.explained_by_token(gates.Gates(text, values, values, 0), "update")
    # By character: means 2, 6, 0 with weights 2, 2, 1; the whole's mean is 3.2.
    between = (2 * (2 - 3.2) ** 2 + 2 * (6 - 3.2) ** 2 + (0 - 3.2) ** 2) / 5
    assert found[0] == pytest.approx(between / numpy.var([1, 3, 5, 0, 7]))
    assert found[1] == 0 and 0 < found[2] < 1
    with pytest.raises(d2l.InputError, match="unknown"):
        gates.explained_by_token(gates.Gates(text, values, values, 0), "forget")
