"""Windows of a text, and a GRU trained and validated on them."""

import math

import mxnet as mx
import numpy
import pytest
import reference
from mxnet.gluon import rnn

import gluon_gru as d2l
from gluon_gru.errors import InputError
from gluon_gru.studies.sweep import space, windows
from gluon_gru.studies.sweep.space import Space
from gluon_gru.studies.sweep.windows import WindowLoader

TEXT = "time traveller for so it will be convenient to speak of him " * 6
VOCAB = d2l.Vocab(list(TEXT))
SOURCE = numpy.array(VOCAB[list(TEXT)], numpy.uint8), VOCAB
TINY = Space((5,), (6,), (1.0,), epochs=3, batch_size=32, train_windows=100, valid_windows=50)


def rows(loader):
    return [(x.tolist(), y.tolist()) for X, Y in loader for x, y in zip(X, Y)]


def test_validation_starts_at_the_window_after_the_last_one_of_training():
    train, valid = windows.loaders(TINY, 5, numpy.arange(200))
    assert sorted(x[0] for x, _ in rows(train)) == list(range(100))
    assert [x[0] for x, _ in rows(valid)] == list(range(100, 150))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"lr": ()}, "lr is"),
        ({"num_steps": (8, 8)}, "only once"),
        ({"num_hiddens": (0,)}, "is 0"),
        ({"lr": (math.nan,)}, "lr is nan"),
        ({"epochs": 0}, "epochs is 0"),
        ({"num_steps": (2.5,)}, "whole number"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Space(**{"num_steps": (8,), "num_hiddens": (8,), "lr": (1.0,), **change})


def test_the_full_grid_is_the_exercises():
    points = space.FULL.points()
    assert len(points) == 100 == len({tuple(point.values()) for point in points})
    tokens = sum(100 * 10000 * point["num_steps"] for point in points)
    assert tokens == pytest.approx(5e9, rel=0.01)
    assert points[0]["num_steps"] == points[0]["num_hiddens"] == 128
    reduced = space.REDUCED.points()
    assert all(point in points for point in reduced) and space.REDUCED.epochs == 100
    assert all(
        len(values) > 1
        for values in (space.REDUCED.num_steps, space.REDUCED.num_hiddens, space.REDUCED.lr)
    )


def test_validation_perplexity_is_that_of_a_gru_in_float64():
    model = reference.randomise(d2l.RNNModel(rnn.GRU(6), len(VOCAB)))
    loader = WindowLoader(SOURCE[0], 5, 16, 30, 40)
    params = [p.asnumpy().astype(float) for p in reference.parameters(model)]
    # Gluon lists both kinds of weights, then both biases; all windows at once, in one minibatch.
    X, Y = (numpy.array(side) for side in zip(*rows(loader)))
    logits, _ = reference.concise(
        reference.gluon_gru_cell,
        1,
        reference.one_hot(X, len(VOCAB)),
        [numpy.zeros((1, 40, 6))],
        params,
    )
    expected = math.exp(reference.cross_entropy(logits, Y.T.reshape(-1)))
    assert windows.validation_perplexity(model, loader, mx.cpu()) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_point_trained_again_gives_the_same_numbers_and_learns():
    point, seen = TINY.points()[0], []
    first, second = (
        windows.train_point(
            TINY, point, SOURCE, mx.cpu(), lambda epoch, ppl: seen.append((epoch, ppl))
        )
        for _ in range(2)
    )
    for name in ("validation", "training", "continuation"):
        assert first[name] == second[name]
    assert seen[:3] == list(zip((1, 2, 3), first["validation"])) == seen[3:]
    assert first["validation"][-1] < first["validation"][0] < len(VOCAB)
    assert first["continuation"].startswith("time traveller ")
    assert len(first["continuation"]) == len("time traveller ") + 50
    assert first["seconds"] > 0 and first["tokens_per_sec"] > 0 and not first["diverged"]


def test_training_ends_when_on_epoch_says_so():
    result = windows.train_point(
        TINY, TINY.points()[0], SOURCE, mx.cpu(), lambda epoch, ppl: epoch == 2
    )
    assert len(result["validation"]) == len(result["training"]) == 2


def test_a_divergence_ends_the_training_and_is_no_error():
    result = windows.train_point(
        TINY,
        {"num_steps": 5, "num_hiddens": 6, "lr": 1e38},
        SOURCE,
        mx.cpu(),
        lambda epoch, ppl: False,
    )
    assert result["diverged"] and len(result["validation"]) < 3 and result["continuation"] == ""
    assert all(map(math.isfinite, result["validation"]))


def test_a_probe_measures_seconds_and_rates():
    costs = [
        windows.probe(TINY, num_steps, 6, SOURCE, mx.cpu(), seconds=0.1) for num_steps in (1, 100)
    ]
    assert all(seconds > 0 and rate > 0 for seconds, rate in costs)
