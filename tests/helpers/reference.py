"""What the tests hold the models against, and the small models that they train.

The first part is float64 NumPy, written from the equations and Gluon's documentation: one cell a
function, ``cell(x, state, *weights) -> state``, where ``x`` is (batch, inputs), ``state`` a tuple
whose first entry is the hidden state. Gradients are central differences of it.
"""

import mxnet as mx
import numpy
from mxnet.gluon import Block, rnn
from numpy import tanh

import gluon_gru as d2l


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def relu(x):
    return numpy.maximum(x, 0)


# Weights in the book's order and shapes: (inputs, hiddens), (hiddens, hiddens), (hiddens,).


def rnn_cell(x, state, W_xh, W_hh, b_h):
    return (tanh(x @ W_xh + state[0] @ W_hh + b_h),)


def gru_cell(x, state, W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h):
    (H,) = state
    Z = sigmoid(x @ W_xz + H @ W_hz + b_z)
    R = sigmoid(x @ W_xr + H @ W_hr + b_r)
    return (Z * H + (1 - Z) * tanh(x @ W_xh + (R * H) @ W_hh + b_h),)


def lstm_cell(x, state, W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c):
    H, C = state
    C = sigmoid(x @ W_xf + H @ W_hf + b_f) * C + sigmoid(x @ W_xi + H @ W_hi + b_i) * tanh(
        x @ W_xc + H @ W_hc + b_c
    )
    return sigmoid(x @ W_xo + H @ W_ho + b_o) * tanh(C), C


def scratch(cell, X, state, params):
    """Run over one-hot X (steps, batch, vocab); ``(logits, state)``, params with W_hq and b_q."""
    *weights, W_hq, b_q = params
    logits = []
    for x in X:
        state = cell(x, state, *weights)
        logits.append(state[0] @ W_hq + b_q)
    return numpy.concatenate(logits), state


# Gluon's: W (gates * hiddens, inputs), R (gates * hiddens, hiddens), a bias for each.


def gluon_rnn_cell(activation):
    return lambda x, state, W, R, b_W, b_R: (activation(x @ W.T + b_W + state[0] @ R.T + b_R),)


def gluon_gru_cell(x, state, W, R, b_W, b_R):
    (H,) = state
    r_x, z_x, n_x = numpy.split(x @ W.T + b_W, 3, axis=1)
    r_h, z_h, n_h = numpy.split(H @ R.T + b_R, 3, axis=1)
    z = sigmoid(z_x + z_h)
    return ((1 - z) * tanh(n_x + sigmoid(r_x + r_h) * n_h) + z * H,)


def gluon_lstm_cell(x, state, W, R, b_W, b_R):
    H, C = state
    i, f, g, o = numpy.split(x @ W.T + b_W + H @ R.T + b_R, 4, axis=1)
    C = sigmoid(f) * C + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(C), C


def concise(cell, directions, X, states, params):
    """Run layers, then the dense layer: ``(logits, states)``.

    ``states`` are arrays (layers * directions, batch, hiddens); ``params`` four a direction a
    layer, then the dense layer's weight and bias.
    """
    *weights, W, b = params
    finals = []
    while len(finals) * 4 < len(weights):
        sides = []
        for order in (1, -1)[:directions]:
            n = len(finals)
            state, hiddens = tuple(s[n] for s in states), []
            for x in X[::order]:
                state = cell(x, state, *weights[4 * n : 4 * n + 4])
                hiddens.append(state[0])
            sides.append(hiddens[::order])
            finals.append(state)
        X = numpy.concatenate(sides, axis=2)
    return X.reshape(-1, X.shape[2]) @ W.T + b, tuple(numpy.stack(s) for s in zip(*finals))


def one_hot(tokens, vocab_size):
    """Return (steps, batch, vocab) of tokens (batch, steps)."""
    return numpy.eye(vocab_size)[numpy.asarray(tokens).T]


def cross_entropy(logits, labels):
    """Return the mean, in nats, over logits (tokens, vocab) and labels (tokens,)."""
    logits = logits - logits.max(axis=1, keepdims=True)
    log_sums = numpy.log(numpy.exp(logits).sum(axis=1))
    return (log_sums - logits[numpy.arange(len(labels)), labels]).mean()


def gradient(function, params, step=1e-5):
    """Return the gradient of ``function(params)`` by every entry, by central differences."""
    grads = [numpy.zeros_like(param) for param in params]
    for param, grad in zip(params, grads):
        for at in numpy.ndindex(*param.shape):
            value = param[at]
            param[at] = value + step
            above = function(params)
            param[at] = value - step
            grad[at] = (above - function(params)) / (2 * step)
            param[at] = value
    return grads


# The models that several test files train: name -> vocab_size -> model.


def _scratch_model(get_params, init_state, forward_fn):
    return lambda vocab_size: d2l.RNNModelScratch(
        vocab_size, 8, mx.cpu(), get_params, init_state, forward_fn
    )


def _concise_model(layer, **options):
    return lambda vocab_size: d2l.RNNModel(layer(8, **options), vocab_size)


def gru_with_dropout(inputs, state, params):
    """Run the book's GRU over inputs some of which are dropped, in training."""
    # Not the layers' own dropout: MXNet 1.9.1 ignores that on CPUs with oneDNN.
    return d2l.gru(mx.npx.dropout(inputs, p=0.1), state, params)


MODELS = {
    "scratch RNN": _scratch_model(d2l.get_rnn_params, d2l.init_rnn_state, d2l.rnn),
    "scratch GRU": _scratch_model(d2l.get_gru_params, d2l.init_gru_state, d2l.gru),
    "scratch LSTM": _scratch_model(d2l.get_lstm_params, d2l.init_lstm_state, d2l.lstm),
    "scratch GRU with dropout": _scratch_model(
        d2l.get_gru_params, d2l.init_gru_state, gru_with_dropout
    ),
    "RNN": _concise_model(rnn.RNN),
    "GRU": _concise_model(rnn.GRU),
    "LSTM": _concise_model(rnn.LSTM),
    "GRU of 2 layers": _concise_model(rnn.GRU, num_layers=2, dropout=0.5),
    "bidirectional LSTM": _concise_model(rnn.LSTM, bidirectional=True),
}


def parameters(model):
    """Return a model's parameter arrays, the order theirs; sizes must be known."""
    if isinstance(model, Block):
        return [param.data() for param in model.collect_params().values()]
    return model.params


def randomise(model, seed=1, scale=0.5):
    """Give every parameter, biases too, random values that aren't tiny; return the model."""
    if isinstance(model, Block):
        model.initialize(force_reinit=True)
        # Gluon learns the sizes from the first minibatch.
        model(mx.np.zeros((1, 1), dtype="int32"), model.begin_state(batch_size=1, ctx=mx.cpu()))
    rng = numpy.random.RandomState(seed)
    for array in parameters(model):
        array[:] = rng.normal(scale=scale, size=array.shape)
    return model


def loader(text="abcdefgfedcb" * 8, batch_size=4, num_steps=4, **options):
    """Return a `SeqDataLoader` over the characters of ``text``."""
    vocab = d2l.Vocab(list(text))
    return d2l.SeqDataLoader(
        batch_size, num_steps, source=(numpy.array(vocab[list(text)]), vocab), **options
    )
