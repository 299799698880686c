"""A reader's cells and what they print, with the book's names and positional arguments."""

import os
import pathlib
import re
import subprocess
import sys

import matplotlib
import mxnet as mx
import pytest
from reference import MODELS, loader

import gluon_gru as d2l

HERE = pathlib.Path(__file__).resolve().parent
CHAPTER = HERE.parent.parent / "shared" / "chapter" / "cells_2019.py"

PERPLEXITY = r"Perplexity (\d+\.\d), \d+ tokens/sec on [cg]pu\(0\)"


@pytest.mark.slow
@pytest.mark.skipif(not CHAPTER.is_file(), reason="the chapter's own cells are not at hand")
def test_the_chapters_own_cells_run_as_printed(books_corpus):
    done = subprocess.run(
        [sys.executable, str(CHAPTER), "1"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(HERE.parent), "GLUON_GRU_CORPUS": str(books_corpus)},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "chapter cells ok"
    assert len([line for line in lines if re.fullmatch(PERPLEXITY, line)]) == 7
    assert done.stderr == ""


# A GRU with one matrix for what the book has three of: a reader's own, given by position.
OWN_GRU = """
import gluon_gru as d2l
from mxnet import np, npx

npx.set_np()
train_iter, vocab = d2l.load_data_time_machine(16, 12, False, 2000)


def own_params(vocab_size, num_hiddens, ctx):
    shapes = [(vocab_size + num_hiddens, 2 * num_hiddens), (2 * num_hiddens,),
              (vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens,),
              (num_hiddens, vocab_size), (vocab_size,)]
    params = [np.random.normal(0, 0.01, shape, ctx=ctx) if len(shape) == 2
              else np.zeros(shape, ctx=ctx) for shape in shapes]
    for param in params:
        param.attach_grad()
    return params


def own_state(batch_size, num_hiddens, ctx):
    return [np.zeros((batch_size, num_hiddens), ctx=ctx)]


def own_gru(inputs, state, params):
    W_gates, b_gates, W_x, W_h, b, W_out, b_out = params
    H = state[0]
    logits = []
    for step in range(inputs.shape[0]):
        x = inputs[step]
        gates = npx.sigmoid(np.dot(np.concatenate([x, H], axis=1), W_gates) + b_gates)
        keep, reset = np.split(gates, 2, axis=1)
        new = np.tanh(np.dot(x, W_x) + np.dot(reset * H, W_h) + b)
        H = keep * H + (1 - keep) * new
        logits.append(np.dot(H, W_out) + b_out)
    return np.concatenate(logits), [H]


ctx = d2l.try_gpu(0)
d2l.set_seed(1)
model = d2l.RNNModelScratch(len(vocab), 16, ctx, own_params, own_state, own_gru)
print(type(d2l.train_ch8(model, train_iter, vocab, 2, 6, ctx)).__name__)
print(d2l.predict_ch8("the clock", 7, model, vocab, ctx))
X = np.arange(12).reshape(3, 4)
Y, state = model(X.as_in_context(ctx), model.begin_state(3, ctx))
print(Y.shape == (12, len(vocab)), state[0].shape)
"""

# The names of the later editions, random sampling, a Gluon layer, an epoch with a trainer.
OTHER_CELLS = """
import gluon_gru as d2l
from mxnet import gluon, np, npx
from mxnet.gluon import rnn

npx.set_np()
ctx = d2l.try_gpu()
train_iter, vocab = d2l.load_data_time_machine(8, 10, use_random_iter=True,
                                                max_tokens=2000)
for layer in (rnn.GRU(16), rnn.LSTM(16, num_layers=2), rnn.RNN(16, bidirectional=True)):
    model = d2l.RNNModel(layer, len(vocab))
    d2l.train_ch8(model, train_iter, vocab, 1, 1, ctx, True)

model = d2l.RNNModel(rnn.GRU(8), len(vocab))
model.initialize(ctx=ctx)
trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": 1})
loss = gluon.loss.SoftmaxCrossEntropyLoss()
ppl, speed = d2l.train_epoch_ch8(model, train_iter, loss, trainer.step, ctx, True)
print(ppl > 1, speed > 0)
state = model.begin_state(batch_size=3, ctx=ctx)
print(model(np.zeros((3, 5), ctx=ctx), state)[0].shape == (15, len(vocab)))
params = d2l.get_lstm_params(len(vocab), 8, ctx)
model = d2l.RNNModelScratch(len(vocab), 8, ctx, lambda *sizes: params, d2l.init_lstm_state,
                            d2l.lstm)
d2l.train_ch8(model, train_iter, vocab, 1, 1, ctx, use_random_iter=True)
"""

# The wording of July 2020 to 2022: devices, nets, preds, the book's own array functions.
LATER_CELLS = """
import gluon_gru as d2l
from mxnet import np, npx
from mxnet.gluon import rnn

npx.set_np()
tokens = d2l.tokenize(d2l.read_time_machine())
corpus = [token for line in tokens for token in line]
freqs = [freq for token, freq in d2l.Vocab(corpus).token_freqs]
bigrams = d2l.Vocab([pair for pair in zip(corpus[:-1], corpus[1:])])
print(type(bigrams.token_freqs[0][0]).__name__, len(bigrams) > len(freqs))
d2l.plot([freqs, freqs], xlabel="token: x", ylabel="frequency: n(x)", xscale="log", yscale="log")

batch_size, num_steps = 8, 10
train_iter, vocab = d2l.load_data_time_machine(batch_size, num_steps, max_tokens=2000)
vocab_size, num_hiddens, device, num_epochs, lr = len(vocab), 16, d2l.try_gpu(), 1, 1
net = d2l.RNNModelScratch(len(vocab), num_hiddens, device, d2l.get_rnn_params,
                          d2l.init_rnn_state, d2l.rnn)
X = d2l.reshape(d2l.arange(10), (2, 5))
state = net.begin_state(X.shape[0], device)
Y, new_state = net(X.as_in_context(device), state)
print(Y.shape == (10, vocab_size), len(new_state), new_state[0].shape)
d2l.train_ch8(net, train_iter, vocab, lr, num_epochs, device, use_random_iter=True)

rnn_layer = rnn.RNN(num_hiddens)
rnn_layer.initialize()
state = rnn_layer.begin_state(batch_size=batch_size)
net = d2l.RNNModel(rnn_layer, len(vocab))
net.initialize(force_reinit=True, ctx=device)
num_preds, prefix = 10, "time"
print(d2l.predict_ch8(prefix, num_preds, net, vocab, device)[:4])
"""


def assert_training_printed(lines, prefixes=("time traveller", "traveller")):
    """Check the lines of one ``train_ch8``, after which come those that are returned."""
    assert re.fullmatch(PERPLEXITY, lines[0])
    for line, prefix in zip(lines[1:3], prefixes):
        assert re.fullmatch(prefix + "[a-z ]{50}", line)
    return lines[3:]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ndarray.as_in_context:DeprecationWarning")
def test_a_readers_own_gru_trains_and_predicts(sample_corpus, capfd):
    exec(OWN_GRU, {})
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    # It has learned more than that all characters are equally likely, 27 or so of them.
    assert float(re.match(PERPLEXITY, lines[0]).group(1)) < 20
    name, text, shapes = assert_training_printed(lines)
    assert name == "History"
    assert re.fullmatch("the clock[a-z ]{7}", text)
    assert shapes == "True (3, 16)"


@pytest.mark.slow
def test_the_other_sections_cells_run_with_the_same_helpers(sample_corpus, capfd):
    exec(OTHER_CELLS, {})
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    for _ in range(3):
        lines = assert_training_printed(lines)
    assert lines[:2] == ["True True", "True"]
    assert assert_training_printed(lines[2:]) == []


def test_training_prints_the_books_line_and_two_continuations_and_nothing_else(capfd):
    train_iter = loader("time traveller " * 20)
    model = MODELS["GRU"](len(train_iter.vocab))
    history = d2l.train_ch8(model, train_iter, train_iter.vocab, 1, 2, mx.cpu())
    out, err = capfd.readouterr()
    line, *continuations = out.splitlines()
    assert line == (
        f"Perplexity {history.perplexity[-1]:.1f}, "
        f"{history.tokens_per_sec[-1]:.0f} tokens/sec on cpu(0)"
    )
    assert continuations == [
        d2l.predict_ch8(prefix, 50, model, train_iter.vocab, mx.cpu())
        for prefix in ("time traveller", "traveller")
    ]
    assert [len(text) for text in continuations] == [14 + 50, 9 + 50]
    assert isinstance(history, d2l.History) and len(history) == 2
    assert repr(history) == f"<History of 2 epochs, perplexity {history.perplexity[1]:.3f}>"
    assert err == ""


IN_A_TERMINAL = """
import gluon_gru as d2l, mxnet as mx, reference
train_iter = reference.loader("time traveller " * 20)
model = reference.MODELS["GRU"](len(train_iter.vocab))
d2l.train_ch8(model, train_iter, train_iter.vocab, 1, 3, mx.cpu())
"""


@pytest.mark.slow
def test_a_terminal_shows_a_progress_bar_beside_the_lines():
    pty = pytest.importorskip("pty")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    # 24 rows of 100 columns; a new one has none.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, b"\x18\0\x64\0\0\0\0\0")
    paths = os.pathsep.join([str(HERE / "helpers"), str(HERE.parent)])
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            for part in iter(lambda: os.read(ours, 4096), b""):
                shown += part
        except OSError:
            # How Linux says that the other end was closed.
            pass
        out = process.stdout.read().decode()
    os.close(ours)
    assert process.returncode == 0
    assert re.search(r"3/3 \[.*epoch.*perplexity \d+\.\d\d, [\d,]+ tokens/sec", shown.decode())
    assert assert_training_printed(out.splitlines()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ndarray.as_in_context:DeprecationWarning")
def test_the_later_wording_of_the_cells_runs_too(sample_corpus, capfd):
    with matplotlib.rc_context({"backend": "agg"}):
        exec(LATER_CELLS, {})
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == ["tuple True", "True 1 (2, 16)"]
    assert assert_training_printed(lines[2:]) == ["time"]
