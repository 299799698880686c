"""Write the files of this folder with MXNet 2.0.0b1 (`python write.py`), which Python 3.11 can run.

logits.json has the tokens that each model read, (batch_size, num_steps), and for each file the
options that it takes and the logits that MXNet computed, time step by time step.
"""

import json
import pathlib

import mxnet as mx
import numpy
from mxnet import np, npx
from mxnet.gluon import nn, rnn

npx.set_np()
HERE = pathlib.Path(__file__).parent
V, H, NUM_STEPS = 7, 4, 9
TOKENS = numpy.random.RandomState(3).randint(0, V, (3, NUM_STEPS))
RNG = numpy.random.RandomState(1)


class Model(nn.HybridBlock):
    def __init__(self, layer, embedding=0):
        super().__init__()
        self.embedding = nn.Embedding(V, embedding) if embedding else None
        self.rnn = layer
        self.dense = nn.Dense(V, flatten=False)

    def forward(self, tokens):
        X = self.embedding(tokens) if self.embedding else npx.one_hot(tokens, V)
        if isinstance(self.rnn, rnn.RecurrentCell):
            hiddens, _ = self.rnn.unroll(NUM_STEPS, X, layout="TNC", merge_outputs=True)
        else:
            hiddens = self.rnn(X)
        return self.dense(hiddens)


def cells():
    stack = rnn.HybridSequentialRNNCell()
    stack.add(rnn.LSTMCell(H, input_size=V))
    stack.add(rnn.LSTMCell(H, input_size=H))
    return stack


def draw(shape):
    return np.array(RNG.normal(0, 0.5, shape))


def computed(model):
    return model(np.array(TOKENS.T))


def book_gru(params):
    """Compute the book's GRU from scratch."""
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H_t, outputs = np.zeros((len(TOKENS), H)), []
    for X in npx.one_hot(np.array(TOKENS.T), V):
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H_t, W_hz) + b_z)
        R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H_t, W_hr) + b_r)
        candidate = np.tanh(np.dot(X, W_xh) + np.dot(R * H_t, W_hh) + b_h)
        H_t = Z * H_t + (1 - Z) * candidate
        outputs.append(np.dot(H_t, W_hq) + b_q)
    return np.concatenate(outputs)


written = {}


def note(file, logits, **options):
    rows = logits.asnumpy().reshape(-1, V).astype(float).round(6).tolist()
    written[file] = {"options": options, "logits": rows}


for name, model, options in [
    ("gru", Model(rnn.GRU(H, 2)), {}),
    ("rnn", Model(rnn.RNN(H, activation="tanh")), {"activation": "tanh"}),
    ("bidirectional_lstm", Model(rnn.LSTM(H, 2, bidirectional=True)), {}),
    ("embedding", Model(rnn.GRU(H, 2), 5), {}),
    ("embedding_as_wide", Model(rnn.GRU(H), H), {"num_layers": 1}),
    ("cells", Model(cells()), {}),
]:
    model.initialize(mx.init.Zero())
    computed(model)
    for param in model.collect_params().values():
        param.set_data(draw(param.shape))
    model.save_parameters(str(HERE / f"{name}.params"))
    note(f"{name}.params", computed(model), **options)
    if name == "gru":
        model.hybridize()
        note("exported-0000.params", computed(model))
        model.export(str(HERE / "exported"))
        (HERE / "exported-symbol.json").unlink()
params = list(map(draw, [(V, H), (H, H), (H,)] * 3 + [(H, V), (V,)]))
npx.savez(str(HERE / "scratch.npz"), *params)
note("scratch.npz", book_gru(params))
(HERE / "logits.json").write_text(json.dumps({"tokens": TOKENS.tolist(), "files": written}))
