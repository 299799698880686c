"""Small models with random weights, each beside what float64 NumPy makes of them."""

import mxnet as mx
import numpy
import reference
from mxnet import np
from mxnet.gluon import rnn

import gluon_gru as d2l

V, HIDDENS, BATCH, STEPS = 5, 4, 2, 3

SCRATCH = {
    "rnn": (d2l.get_rnn_params, d2l.init_rnn_state, d2l.rnn, reference.rnn_cell),
    "gru": (d2l.get_gru_params, d2l.init_gru_state, d2l.gru, reference.gru_cell),
    "lstm": (d2l.get_lstm_params, d2l.init_lstm_state, d2l.lstm, reference.lstm_cell),
}
LAYERS = {
    "rnn": (rnn.RNN, {}, reference.gluon_rnn_cell(reference.relu)),
    "rnn-tanh": (rnn.RNN, {"activation": "tanh"}, reference.gluon_rnn_cell(numpy.tanh)),
    "gru": (rnn.GRU, {}, reference.gluon_gru_cell),
    "lstm": (rnn.LSTM, {}, reference.gluon_lstm_cell),
}


class Case:
    """A model with random weights, its inputs, and what the reference makes of them."""

    def __init__(self, model, arrays, run):
        rng = numpy.random.RandomState(7)
        # Arrays that share the model's memory, in the order that the reference takes them.
        self.model, self.arrays, self.run = model, arrays, run
        self.tokens = rng.randint(0, V, (BATCH, STEPS + 1))
        self.X = np.array(self.tokens[:, :-1], dtype="int32")
        self.labels = self.tokens[:, 1:].T.reshape(-1)
        zeros = model.begin_state(batch_size=BATCH, ctx=mx.cpu())
        self.state = [rng.normal(scale=0.5, size=s.shape) for s in zeros]
        self.mx_state = [np.array(s, dtype="float32") for s in self.state]
        self.params = [array.asnumpy().astype(numpy.float64) for array in arrays]

    def expect(self, params):
        return self.run(reference.one_hot(self.tokens[:, :-1], V), self.state, params)

    def loss(self, params):
        return reference.cross_entropy(self.expect(params)[0], self.labels)


def scratch_case(name):
    get_params, init_state, forward_fn, cell = SCRATCH[name]
    model = reference.randomise(
        d2l.RNNModelScratch(V, HIDDENS, mx.cpu(), get_params, init_state, forward_fn)
    )
    return Case(
        model, model.params, lambda X, state, params: reference.scratch(cell, X, state, params)
    )


def concise_case(name, num_layers, directions):
    layer, options, cell = LAYERS[name]
    model = reference.randomise(
        d2l.RNNModel(
            layer(HIDDENS, num_layers=num_layers, bidirectional=directions == 2, **options), V
        )
    )
    arrays = [
        getattr(model.rnn, f"{side}{i}_{part}").data()
        for i in range(num_layers)
        for side in "lr"[:directions]
        for part in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
    ]
    arrays += [model.dense.weight.data(), model.dense.bias.data()]
    return Case(
        model,
        arrays,
        lambda X, states, params: reference.concise(cell, directions, X, states, params),
    )
