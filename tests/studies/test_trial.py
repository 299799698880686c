"""Windows of a text, and a GRU trained and validated on them."""

import dataclasses
import math

import numpy
import pytest
import reference

import gluon_gru as d2l
from gluon_gru import engine
from gluon_gru.errors import InputError
from gluon_gru.studies.sweep import space as spaces
from gluon_gru.studies.sweep import trial
from gluon_gru.studies.sweep.space import Space

TEXT = "time traveller for so it will be convenient to speak of him " * 6
VOCAB = d2l.Vocab(list(TEXT))
SOURCE = numpy.array(VOCAB[list(TEXT)], numpy.uint8), VOCAB
TINY = Space((5,), (6,), (1.0,), epochs=3, batch_size=32, train_windows=100, valid_windows=50)


def rows(loader):
    return [(x.tolist(), y.tolist()) for X, Y in loader.in_numpy() for x, y in zip(X, Y)]


def test_validation_starts_at_the_window_after_the_last_one_of_training():
    train, valid = trial.loaders(TINY, 5, numpy.arange(200))
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
    points = spaces.FULL.points()
    assert len(points) == 100 == len({tuple(point.values()) for point in points})
    tokens = sum(100 * 10000 * point["num_steps"] for point in points)
    assert tokens == pytest.approx(5e9, rel=0.01)
    assert points[0]["num_steps"] == points[0]["num_hiddens"] == 128
    reduced = spaces.REDUCED.points()
    assert all(point in points for point in reduced) and spaces.REDUCED.epochs == 100
    assert all(
        len(values) > 1
        for values in (spaces.REDUCED.num_steps, spaces.REDUCED.num_hiddens, spaces.REDUCED.lr)
    )


def test_scores_are_those_of_a_gru_in_float64():
    learner = trial.new_learner(TINY, 6, len(VOCAB), "cpu")
    rng = numpy.random.RandomState(2)
    params = {name: rng.normal(0, 0.5, value.shape) for name, value in learner.params().items()}
    learner.set_params(params)
    loader = trial.loaders(TINY, 5, SOURCE[0])[1]
    # All windows at once, in one minibatch.
    X, Y = (numpy.array(side) for side in zip(*rows(loader)))
    logits, _ = reference.concise(
        reference.gluon_gru_cell,
        1,
        reference.one_hot(X, len(VOCAB)),
        [numpy.zeros((1, len(X), 6))],
        list(params.values()),
    )
    expected = math.exp(reference.cross_entropy(logits, Y.T.reshape(-1)))
    scored = trial.mean_perplexity(learner.score, loader.in_numpy())
    assert scored == pytest.approx(expected, rel=1e-5)


def test_a_new_model_has_small_weights_and_no_biases_and_is_on_the_engine_if_there_is_one():
    learner = trial.new_learner(TINY, 64, len(VOCAB), "cpu")
    for name, value in learner.params().items():
        if "bias" in name:
            assert not value.any()
        elif value.size > 5000:
            assert value.std() == pytest.approx(trial.SIGMA, rel=0.05) and value.dtype == "float32"
    assert learner.engine == ("native" if engine.kernels() else "mxnet")


def test_a_point_trained_again_gives_the_same_numbers_and_learns():
    point = TINY.points()[0]
    first, second = (trial.train_point(TINY, point, *SOURCE, "cpu") for _ in range(2))
    for name in ("validation", "training", "continuation"):
        assert first[name] == second[name]
    assert len(first["validation"]) == 3
    assert first["validation"][-1] < first["validation"][0] < len(VOCAB)
    assert first["continuation"].startswith("time traveller ")
    assert len(first["continuation"]) == len("time traveller ") + 50
    assert first["seconds"] > 0 and first["tokens_per_sec"] > 0 and not first["diverged"]


def test_training_ends_when_it_is_worse_than_the_median_of_the_others():
    point = TINY.points()[0]
    whole = trial.train_point(TINY, point, *SOURCE, "cpu")["validation"]
    medians = [whole[0], whole[1] - 0.01, whole[2]]
    cut = trial.train_point(TINY, point, *SOURCE, "cpu", medians)
    assert cut["validation"] == whole[:2] and len(cut["training"]) == 2
    # The best epoch counts, and the first tenth of the epochs doesn't.
    late = dataclasses.replace(TINY, epochs=20)
    assert len(trial.train_point(late, point, *SOURCE, "cpu", [0.0] * 20)["validation"]) == 2


def test_a_divergence_ends_the_training_and_is_no_error():
    point = {"num_steps": 5, "num_hiddens": 6, "lr": 1e38}
    result = trial.train_point(TINY, point, *SOURCE, "cpu")
    assert result["diverged"] and len(result["validation"]) < 3 and result["continuation"] == ""
    assert all(map(math.isfinite, result["validation"]))


def test_a_probe_measures_seconds_and_rates():
    costs = [trial.probe(TINY, num_steps, 6, *SOURCE, "cpu", seconds=0.1) for num_steps in (1, 100)]
    assert all(seconds > 0 and rate > 0 for seconds, rate in costs)
