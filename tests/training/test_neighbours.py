"""The names that the neighbouring sections' cells use, and the book's own package beside ours."""

import random

import matplotlib
import mxnet as mx
import numpy
import pytest
from matplotlib import pyplot
from mxnet import autograd, gluon, init, np
from reference import MODELS, loader

import gluon_gru as d2l
from gluon_gru.models.parameters import params_of
from gluon_gru.text.corpus import SAMPLE
from gluon_gru.training import neighbours


@pytest.fixture
def axes():
    with matplotlib.rc_context({"backend": "agg"}):
        yield pyplot.figure().gca()
    pyplot.close("all")


def test_array_functions_are_those_of_mxnet():
    x = d2l.arange(6, dtype=d2l.float32)
    assert d2l.reshape(x, (2, 3)).shape == d2l.reshape(x, 2, 3).shape == (2, 3)
    assert d2l.size(x) == 6 and d2l.numpy(x).tolist() == [0, 1, 2, 3, 4, 5]
    assert d2l.concat([x, d2l.zeros(2)]).shape == (8,)
    assert float(d2l.matmul(x, d2l.tensor([1, 0, 0, 0, 0, 2]))) == 10
    assert float(d2l.sin(d2l.tensor(0.5))) == pytest.approx(numpy.sin(0.5))
    assert d2l.normal(0, 1, (3, 2)).shape == (3, 2)


def test_the_sequence_sections_regression_learns_its_sine():
    """The section's own: four values predict the next one of a noisy sine."""
    d2l.set_seed(1)
    time = d2l.arange(1, 401, dtype=d2l.float32)
    x = d2l.sin(0.05 * time) + d2l.normal(0, 0.1, (400,))
    features = np.stack([x[i : 396 + i] for i in range(4)], axis=1)
    labels = d2l.reshape(x[4:], (-1, 1))
    train_iter = d2l.load_array((features, labels), 16, is_train=True)
    net = gluon.nn.Dense(1)
    net.initialize(init.Xavier())
    loss, trainer = gluon.loss.L2Loss(), None
    before = d2l.evaluate_loss(net, train_iter, loss)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    for _ in range(4):
        for X, y in train_iter:
            with autograd.record():
                l = loss(net(X), y)
            l.backward()
            trainer.step(16)
    after = d2l.evaluate_loss(net, train_iter, loss)
    assert after < 0.5 * before
    expected = ((net(features) - labels) ** 2).mean() / 2
    assert after == pytest.approx(float(expected), rel=1e-4)


def test_load_array_shuffles_for_training_alone():
    x = np.arange(100)
    whole = [d2l.numpy(X) for X, _ in d2l.load_array((x, x), 30, is_train=False)]
    assert [len(X) for X in whole] == [30, 30, 30, 10]
    assert numpy.concatenate(whole).tolist() == list(range(100))
    shuffled = [X for X, y in d2l.load_array((x, x), 30) if (y == X).all()]
    order = numpy.concatenate([d2l.numpy(X) for X in shuffled])
    assert sorted(order) == list(range(100)) and order.tolist() != list(range(100))


@pytest.mark.parametrize(
    "X, Y, lines",
    [
        ([3, 1, 2], None, [([0, 1, 2], [3, 1, 2])]),
        ([[3, 1], [4, 5]], None, [([0, 1], [3, 1]), ([0, 1], [4, 5])]),
        ([1, 2], [[3, 1], [4, 5]], [([1, 2], [3, 1]), ([1, 2], [4, 5])]),
        ([[1, 2], [6, 7]], [[3, 1], [4, 5]], [([1, 2], [3, 1]), ([6, 7], [4, 5])]),
        ("arrays", ["arrays"], [([1, 2], [3, 4])]),
    ],
)
def test_plot_draws_one_curve_or_several(axes, X, Y, lines):
    if X == "arrays":
        X, Y = np.array([1, 2]), [np.array([3, 4])]
    d2l.plot(X, Y, "x", "y", ["a", "b"], xlim=[1, 9], xscale="log", axes=axes)
    drawn = [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines]
    assert drawn == lines
    assert (axes.get_xlabel(), axes.get_xlim(), axes.get_xscale()) == ("x", (1, 9), "log")


def test_plot_refuses_places_that_do_not_fit(axes):
    with pytest.raises(d2l.InputError, match="X has 2 sequences and Y 3"):
        d2l.plot([[1], [2]], [[1], [2], [3]], axes=axes)


def test_the_corpus_is_downloaded_as_everywhere_and_other_files_by_their_name(
    sample_corpus, server, tmp_path, monkeypatch
):
    assert d2l.DATA_HUB["time_machine"][0].startswith(d2l.DATA_URL)
    assert d2l.download("time_machine") == str(SAMPLE)
    server.behaviour = lambda request: request.send(b"a story")
    sha1 = "a5f3bb5b5e3cd5f8bd29c1c0bb1e2eea8a3a9c3c"
    monkeypatch.setitem(neighbours.DATA_HUB, "story", (server.url, sha1))
    with pytest.raises(d2l.InputError, match="'story' can't be downloaded from"):
        d2l.download("story", tmp_path)
    with pytest.raises(d2l.InputError, match="'tale' is not in DATA_HUB: it has 'time_machine'"):
        d2l.download("tale")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scratch GRU", "GRU", "scratch RNN", "LSTM"])
@pytest.mark.parametrize("use_random_iter", [False, True])
def test_the_books_own_loop_trains_the_same_weights(name, use_random_iter):
    """Those of ``d2l`` 0.17.6, the last release, from the same weights over the same minibatches."""
    book = pytest.importorskip(
        "d2l.mxnet", reason="d2l 0.17.6 is not installed (pip install --no-deps d2l==0.17.6)"
    )
    loss = gluon.loss.SoftmaxCrossEntropyLoss()

    def train(epoch):
        d2l.set_seed(3)
        train_iter = loader(rng=random.Random(3))
        model = MODELS[name](len(train_iter.vocab))
        if isinstance(model, gluon.Block):
            model.initialize(init.Normal(0.01), force_reinit=True)
            trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": 1})
            update = trainer.step
        else:
            update = lambda batch_size: d2l.sgd(model.params, 1, batch_size)  # noqa: E731
        found = [
            epoch(model, train_iter, loss, update, mx.cpu(), use_random_iter)[0] for _ in range(4)
        ]
        return found, params_of(model)

    ours, weights = train(d2l.train_epoch_ch8)
    theirs, expected = train(book.train_epoch_ch8)
    assert ours == pytest.approx(theirs, rel=1e-6)
    for key, value in expected.items():
        numpy.testing.assert_allclose(weights[key], value, rtol=0, atol=1e-6)
