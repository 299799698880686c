"""Greedy continuation against a loop of single steps in float64 NumPy."""

import mxnet as mx
import numpy
import pytest
import reference
from reference import MODELS

import gluon_gru as d2l

VOCAB = d2l.Vocab(list("abcdefg"))
CPU = mx.cpu()


def steps_of(model):
    """Return ``step(token, state) -> (logits, state)`` in float64 NumPy, and the state of zeros."""
    params = [array.asnumpy().astype(float) for array in reference.parameters(model)]
    zeros = tuple(s.asnumpy().astype(float) for s in model.begin_state(batch_size=1, ctx=CPU))
    if isinstance(model, d2l.RNNModelScratch):
        cell = {
            d2l.rnn: reference.rnn_cell,
            d2l.gru: reference.gru_cell,
            d2l.lstm: reference.lstm_cell,
        }[model.forward_fn]
        return lambda x, state: reference.scratch(cell, x, state, params), zeros
    cell = {
        "RNN": reference.gluon_rnn_cell(reference.relu),
        "GRU": reference.gluon_gru_cell,
        "LSTM": reference.gluon_lstm_cell,
    }[type(model.rnn).__name__]
    return lambda x, state: reference.concise(cell, 1, x, state, params), zeros


def continue_by_single_steps(indices, num_predicts, model):
    step, state = steps_of(model)
    indices = list(indices)
    for at in range(len(indices) + num_predicts - 1):
        logits, state = step(reference.one_hot([[indices[at]]], len(VOCAB)), state)
        if at + 1 == len(indices):
            indices.append(int(numpy.argmax(logits[0])))
    return indices


@pytest.mark.parametrize("prefix", ["a", "cafe"])
@pytest.mark.parametrize(
    "name", ["scratch RNN", "scratch GRU", "scratch LSTM", "RNN", "GRU", "LSTM", "GRU of 2 layers"]
)
def test_a_continuation_takes_the_likeliest_token_each_time(name, prefix):
    # Weights large enough that the continuation isn't one token again and again.
    model = reference.randomise(MODELS[name](len(VOCAB)), scale=1)
    text = d2l.predict_ch8(prefix, 20, model, VOCAB, CPU)
    indices = continue_by_single_steps(VOCAB[list(prefix)], 20, model)
    assert text == "".join(VOCAB.to_tokens(indices))
    assert len(set(indices[len(prefix) :])) > 1


@pytest.fixture
def model():
    return reference.randomise(MODELS["GRU"](len(VOCAB)), scale=1)


def test_unknown_characters_become_unk(model):
    text = d2l.predict_ch8("zaé", 5, model, VOCAB, CPU)
    indices = continue_by_single_steps([0, VOCAB["a"], 0], 5, model)
    assert text == "<unk>a<unk>" + "".join(VOCAB.to_tokens(indices[3:]))


def test_words_come_as_a_list_and_are_joined_by_spaces():
    words = d2l.Vocab(["the", "clock", "struck", "one", "and", "the", "mouse", "ran", "down"])
    model = reference.randomise(MODELS["scratch GRU"](len(words)), scale=1)
    text = d2l.predict_ch8(["the", "cat", "ran"], 4, model, words, CPU).split(" ")
    assert text[:3] == ["the", "<unk>", "ran"]
    assert len(text) == 7 and set(text) <= set(words.idx_to_token)


def test_no_token_asked_for_gives_the_prefix(model):
    assert d2l.predict_ch8("abc", 0, model, VOCAB, CPU) == "abc"


def test_generating_leaves_the_model_and_the_random_state_alone(model):
    before = [array.asnumpy() for array in reference.parameters(model)]
    mx.random.seed(3)
    drawn = mx.np.random.normal(size=4).tolist()
    mx.random.seed(3)
    first = d2l.predict_ch8("abc", 9, model, VOCAB, CPU)
    assert mx.np.random.normal(size=4).tolist() == drawn
    assert d2l.predict_ch8("abc", 9, model, VOCAB, CPU) == first
    assert all(
        (array.asnumpy() == values).all()
        for array, values in zip(reference.parameters(model), before)
    )


@pytest.mark.parametrize("prefix", ["", [], ()])
def test_an_empty_prefix_is_refused(model, prefix):
    with pytest.raises(d2l.InputError, match="prefix is empty"):
        d2l.predict_ch8(prefix, 3, model, VOCAB, CPU)


def test_a_negative_number_of_tokens_is_refused(model):
    with pytest.raises(d2l.InputError, match="num_predicts is -1"):
        d2l.predict_ch8("abc", -1, model, VOCAB, CPU)
