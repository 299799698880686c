"""Tokens drawn from a model's predictions."""

import itertools

import mxnet as mx
import numpy
import pytest

import gluon_gru as d2l
from gluon_gru.engine.choosing import Choosing, choose
from gluon_gru.errors import InputError
from gluon_gru.models import fused
from gluon_gru.own_texts.writing import continuation
from gluon_gru.training.learner import learner_of

LOGITS = numpy.log(numpy.array([0.5, 0.2, 0.15, 0.1, 0.05], "float32"))


def shares(temperature, top_k, count=4000):
    rng, how = numpy.random.default_rng(1), Choosing(temperature, top_k, unk=0)
    drawn = [choose(LOGITS, how, place) for place in rng.random(count)]
    return numpy.bincount(drawn, minlength=5) / count


@pytest.mark.parametrize(
    "temperature, top_k, expected",
    [
        (1, None, [0, 0.4, 0.3, 0.2, 0.1]),
        (1, 4, [0, 0.4, 0.3, 0.2, 0.1]),
        (1, 2, [0, 4 / 7, 3 / 7, 0, 0]),
        (0.5, None, [0, 16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        (0.5, 2, [0, 16 / 25, 9 / 25, 0, 0]),
        (1, 1, [0, 1, 0, 0, 0]),
        (1e-9, None, [0, 1, 0, 0, 0]),
        (1e-320, None, [0, 1, 0, 0, 0]),
        (0, None, [0, 1, 0, 0, 0]),
        (0, 3, [0, 1, 0, 0, 0]),
    ],
)
def test_tokens_come_as_often_as_they_are_likely_and_unk_never(temperature, top_k, expected):
    # Four standard deviations of a share of 4,000 draws.
    numpy.testing.assert_allclose(shares(temperature, top_k), expected, atol=0.032)


def grid(count):
    """Return the middles of equal parts of 0 to 1, in place of random numbers."""
    return (numpy.arange(count) + 0.5) / count


def nucleus(logits, temperature, top_k, top_p, unk):
    """Return each token's probability by the definitions, in float64, one token at a time."""
    scaled = logits.astype("float64") / temperature
    chances = numpy.exp(scaled - scaled.max())
    if unk is not None:
        chances[unk] = 0
    by_chance = sorted(range(len(logits)), key=lambda token: -chances[token])[:top_k]
    total, kept = sum(chances[token] for token in by_chance), {}
    for token in by_chance:
        kept[token] = chances[token] / total
        if sum(kept.values()) >= top_p:
            break
    return numpy.array([kept.get(i, 0) / sum(kept.values()) for i in range(len(logits))])


@pytest.mark.parametrize("unk", [None, 0, 7])
@pytest.mark.parametrize("temperature, top_k", [(1, None), (0.6, None), (1.7, 12), (0.8, 3)])
@pytest.mark.parametrize("top_p", [1e-6, 0.3, 0.75, 0.95, 0.9999])
def test_a_nucleus_is_drawn_from_as_defined(temperature, top_k, top_p, unk):
    logits = numpy.random.RandomState(5).normal(0, 2, 30).astype("float32")
    how, count = Choosing(temperature, top_k, top_p, unk), 2000
    drawn = [choose(logits, how, place) for place in grid(count)]
    found = numpy.bincount(drawn, minlength=30) / count
    expected = nucleus(logits, temperature, top_k, top_p, unk)
    numpy.testing.assert_allclose(found, expected, atol=1.5 / count)
    if top_p < 0.99:
        assert set(drawn) == set(numpy.flatnonzero(expected))


@pytest.mark.parametrize("how", [Choosing(1, top_p=0.5), Choosing(1, 4), Choosing(1, 6, 0.6)])
def test_of_equal_tokens_the_first_are_drawn_from(how):
    drawn = [choose(numpy.zeros(8), how, place) for place in grid(80)]
    assert numpy.bincount(drawn).tolist() == [20] * 4


@pytest.mark.parametrize("temperature, top_k", [(0, None), (1, None), (1, 1), (1, 4), (1e-9, 5)])
@pytest.mark.parametrize("unk", [None, 0, 1, 4])
def test_unk_may_be_any_token_or_none(unk, temperature, top_k):
    logits, how = LOGITS.copy(), Choosing(temperature, top_k, unk=unk)
    drawn = {choose(logits, how, place) for place in grid(400)}
    likeliest = 1 if unk == 0 else 0
    everything = set(range(5)) - {unk}
    if temperature < 1 or top_k == 1:
        assert drawn == {likeliest}
    else:
        assert likeliest in drawn <= everything
        assert drawn == (everything if unk is not None or top_k is None else set(range(4)))
    assert (logits == LOGITS).all()


@pytest.mark.parametrize(
    "how",
    [
        {"temperature": -1},
        {"temperature": numpy.nan},
        {"temperature": "warm"},
        {"top_k": 0},
        {"top_k": -(2**40)},
        {"top_k": 1.5},
        {"top_p": 0},
        {"top_p": numpy.nan},
        {"top_p": 2},
    ],
    ids=str,
)
def test_a_choice_that_makes_no_sense_is_refused(how):
    ((name, value),) = how.items()
    with pytest.raises(InputError, match=rf"{name} is {value!r}: it must be"):
        Choosing(**{"temperature": 1, **how})


@pytest.fixture(params=[fused.GRU, fused.GRUResetBefore, fused.LSTM, fused.RNN])
def model(request):
    d2l.set_seed(3)
    model = d2l.RNNModel(request.param(9, 2), 6)
    model.initialize(init=mx.init.Uniform(1))
    model.dense.bias.set_data(mx.np.array([-9, 0, 0, 0, 0, 0]))
    return model


@pytest.mark.parametrize("setting", ["", "off"])
def test_greedy_continuations_are_those_of_the_book(model, setting, monkeypatch):
    monkeypatch.setenv("GLUON_GRU_ENGINE", setting)
    vocab = d2l.Vocab([], reserved_tokens=list("abcde"))
    tokens = [vocab[c] for c in "bad"]
    learner = learner_of(model)
    found = list(itertools.islice(continuation(learner, tokens, Choosing(0, unk=0)), 40))
    assert "bad" + "".join(vocab.to_tokens(found)) == d2l.predict_ch8(
        "bad", 40, model, vocab, mx.cpu()
    )
    one = Choosing(1, top_k=1, unk=0)
    many = itertools.islice(continuation(learner, tokens, Choosing(1e-9, 2**70, unk=0)), 40)
    assert found == list(many)
    assert found == list(itertools.islice(continuation(learner, tokens, one), 40))


def test_a_seed_gives_a_text_and_another_seed_another(model, monkeypatch):
    def text(seed):
        drawn = continuation(learner_of(model), [1], Choosing(1, unk=0), seed)
        return list(itertools.islice(drawn, 60))

    assert text(1) == text(1) != text(2)
    assert text(None) != text(None)
    engines = text(1)
    monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    assert text(1) == engines
