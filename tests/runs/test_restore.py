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


def gru(inputs, state, params):
    """The book's name, but the reset gate left out, as its exercise asks."""
    return d2l.gru(inputs, state, params, gates=lambda t, Z, R: (Z, mx.np.ones_like(R)))


def ones(batch_size, num_hiddens, ctx):
    return (mx.np.ones((batch_size, num_hiddens), ctx=ctx),)


class GRU(rnn.GRU):
    """A subclass that computes something else under the name of what it comes from."""

    def forward(self, inputs, *args, **kwargs):
        return super().forward(-inputs, *args, **kwargs)


class RNNModel(d2l.RNNModel):
    def forward(self, inputs, state):
        logits, state = super().forward(inputs, state)
        return -logits, state


#: Each under a name of this package's.
READERS_OWN = {
    "forward function": scratch(d2l.get_gru_params, d2l.init_gru_state, gru),
    "state": scratch(d2l.get_gru_params, ones, d2l.gru),
    "layer": lambda vocab_size: d2l.RNNModel(GRU(8), vocab_size),
    "model": lambda vocab_size: RNNModel(rnn.GRU(8), vocab_size),
    "option": lambda vocab_size: d2l.RNNModel(
        rnn.LSTM(8, state_clip_min=-1e-3, state_clip_max=1e-3), vocab_size
    ),
}


@pytest.mark.parametrize("name", READERS_OWN)
def test_what_only_has_a_name_of_ours_comes_back_by_its_readers_own_model_alone(path, name):
    vocab = loader().vocab
    model = READERS_OWN[name](len(vocab))
    train(model, path)
    with pytest.raises(
        d2l.InputError, match=r"not this package's: .*restore\(path, model="
    ) as error:
        restore(path)
    assert repr(str(path)) in str(error.value) and "\n" not in str(error.value)
    restored, _ = restore(path, model=READERS_OWN[name](len(vocab)))
    X = mx.np.array([[1, 2, 3]])
    expected, found = (m(X, m.begin_state(batch_size=1, ctx=CPU))[0] for m in (model, restored))
    assert (found == expected).all()
    # It goes on, as the same run.
    d2l.train(model, loader(), vocab, 1, 2, CPU, checkpoint=path)


def test_a_model_of_other_parameters_is_refused(path):
    train(MODELS["scratch GRU"](len(loader().vocab)), path)
    other = scratch(d2l.get_rnn_params, d2l.init_rnn_state, d2l.rnn)(len(loader().vocab))
    with pytest.raises(d2l.InputError, match="parameters of another model: params"):
        restore(path, model=other)


def test_a_file_that_is_not_there_is_refused(path):
    with pytest.raises(d2l.InputError, match="isn't there"):
        restore(path)
