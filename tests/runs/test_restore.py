"""A model restored from its checkpoint is the trained one, to the digit."""

import mxnet as mx
import numpy
import pytest
import reference
from mxnet.gluon import rnn
from reference import MODELS, loader

import gluon_gru as d2l
from gluon_gru import models
from gluon_gru.runs.restore import restore

CPU = mx.cpu()


def scratch(get_params, init_state, forward_fn):
    return lambda vocab_size: d2l.RNNModelScratch(
        vocab_size, 8, CPU, get_params, init_state, forward_fn
    )


OURS = {
    **{name: make for name, make in MODELS.items() if name != "scratch GRU with dropout"},
    "RNN with tanh": lambda vocab_size: d2l.RNNModel(rnn.RNN(8, activation="tanh"), vocab_size),
    "reset gate only": scratch(
        models.get_reset_only_params, models.init_reset_only_state, models.reset_only
    ),
    "update gate only": scratch(
        models.get_update_only_params, models.init_update_only_state, models.update_only
    ),
}


def train(model, path, vocab=None):
    train_iter = loader()
    d2l.train(model, train_iter, vocab or train_iter.vocab, 1, 1, CPU, checkpoint=path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


@pytest.mark.parametrize("name", OURS)
def test_a_restored_model_gives_the_same_logits_and_states_to_the_digit(path, name):
    vocab = loader().vocab
    model = OURS[name](len(vocab))
    train(model, path)
    restored, restored_vocab = restore(path)
    assert restored_vocab.idx_to_token == vocab.idx_to_token
    assert restored_vocab[list("a?g")] == vocab[list("a?g")]
    assert restored.config() == model.config()
    X = mx.np.array(numpy.random.RandomState(0).randint(0, len(vocab), (3, 9)))
    expected, expected_state = model(X, model.begin_state(batch_size=3, ctx=CPU))
    outputs, state = restored(X, restored.begin_state(batch_size=3, ctx=CPU))
    assert (outputs == expected).all()
    assert all((s == e).all() for s, e in zip(state, expected_state))
    assert [p.shape for p in reference.parameters(restored)] == [
        p.shape for p in reference.parameters(model)
    ]


def test_special_tokens_keep_their_indices(path):
    vocab = d2l.Vocab(list("abcd"), use_special_tokens=True)
    train(MODELS["scratch GRU"](len(vocab)), path, vocab)
    _, restored = restore(path)
    assert restored.idx_to_token == vocab.idx_to_token
    assert restored["?"] == vocab["?"] == 3


FOREIGN = {
    "forward function": (
        {"model": "RNNModelScratch", "forward_fn": "mine"},
        "forward_fn is 'mine'",
    ),
    "layer": ({"model": "RNNModel", "layer": None}, "layer is None"),
    "model": ({"model": "Mine"}, "model is 'Mine'"),
}


@pytest.mark.parametrize("config, complaint", FOREIGN.values(), ids=FOREIGN)
def test_what_is_the_readers_own_is_refused_by_name(path, config, complaint):
    model = MODELS["scratch GRU"](len(loader().vocab))
    model.config = lambda: config
    train(model, path)
    with pytest.raises(d2l.InputError, match=complaint) as error:
        restore(path)
    assert repr(str(path)) in str(error.value) and "\n" not in str(error.value)


def test_a_function_of_a_known_name_but_other_parameters_is_refused(path):
    def gru(inputs, state, params):
        return d2l.rnn(inputs, state, params)

    train(scratch(d2l.get_rnn_params, d2l.init_rnn_state, gru)(len(loader().vocab)), path)
    with pytest.raises(d2l.InputError, match="parameters of another model"):
        restore(path)


def test_a_file_that_is_not_there_is_refused(path):
    with pytest.raises(d2l.InputError, match="isn't there"):
        restore(path)
