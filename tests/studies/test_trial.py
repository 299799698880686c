"""Windows of a text, and a GRU trained and validated on them."""

import dataclasses
import math

import numpy
import pytest
import reference

import gluon_gru as d2l
from gluon_gru import engine
from gluon_gru.errors import InputError
from gluon_gru.studies.sweep import trial
from gluon_gru.studies.sweep.space import GRIDS, Space

TEXT = "time traveller for so it will be convenient to speak of him " * 6
VOCAB = d2l.Vocab(list(TEXT))
SOURCE = numpy.array(VOCAB[list(TEXT)], numpy.uint8), VOCAB
TINY = Space((5,), (6,), (1.0,), epochs=3, batch_size=32, train_windows=100, valid_windows=50)


def point(**values):
    return {"num_steps": 5, "num_hiddens": 6, "lr": 1.0, "init": "pytorch", "seed": 1, **values}


def rows(loader):
    return [(x.tolist(), y.tolist()) for X, Y in loader.in_numpy() for x, y in zip(X, Y)]


def test_validation_starts_at_the_window_after_the_last_one_of_training():
    train, valid = trial.loaders(TINY, 5, numpy.arange(200))
    first, second = ([x[0] for x, _ in rows(train)] for _ in range(2))
    assert first != second and sorted(first) == sorted(second) == list(range(100))
    assert [x[0] for x, _ in rows(valid)] == list(range(100, 150))
    # All in one call of the engine.
    assert len(list(valid.in_numpy())) == 1
    other, _ = trial.loaders(TINY, 5, numpy.arange(200), seed=2)
    assert [x[0] for x, _ in rows(other)] != first


@pytest.mark.parametrize(
    "change, message",
    [
        ({"lr": ()}, "lr is"),
        ({"num_steps": (8, 8)}, "only once"),
        ({"num_hiddens": (0,)}, "is 0"),
        ({"lr": (math.nan,)}, "lr is nan"),
        ({"epochs": 0}, "epochs is 0"),
        ({"num_steps": (2.5,)}, "whole number"),
        ({"seeds": 0}, "seeds is 0"),
        ({"init": ("glorot",)}, "init 'glorot' is unknown: choose from pytorch, normal"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Space(**{"num_steps": (8,), "num_hiddens": (8,), "lr": (1.0,), **change})


def test_the_full_grid_is_the_published_one_with_the_fast_points_first():
    full = dataclasses.replace(GRIDS["full"], seeds=3)
    points = full.points()
    assert len(points) == 300 == len({tuple(point.values()) for point in points})
    tokens = sum(100 * 10000 * point["num_steps"] for point in points[:100])
    assert tokens == pytest.approx(5e9, rel=0.01)
    assert {point["init"] for point in points} == {"pytorch"} and full.epochs == 100
    assert [point["seed"] for point in points] == [1] * 100 + [2] * 100 + [3] * 100
    assert (full.batch_size, full.train_windows, full.valid_windows) == (1024, 10000, 5000)
    assert all(point in points for point in GRIDS["reduced"].points())
    assert len(GRIDS["initialisation"].points()) == 16


def test_scores_are_those_of_a_gru_in_float64():
    learner = trial.new_learner(point(), len(VOCAB), "cpu")
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
    scored = math.exp(learner.score(*next(loader.in_numpy()), from_zeros=True))
    assert scored == pytest.approx(expected, rel=1e-5)


def test_new_models_have_the_chapters_weights_or_pytorchs():
    normal, _ = trial.new_model(point(num_hiddens=64, init="normal"), len(VOCAB))
    uniform, _ = trial.new_model(point(num_hiddens=64), len(VOCAB))
    assert normal.keys() == uniform.keys()
    for name, value in normal.items():
        if "bias" in name:
            assert not value.any()
        elif value.size > 5000:
            assert value.std() == pytest.approx(0.01, rel=0.05) and value.dtype == "float32"
    for value in uniform.values():
        assert 0.8 / 8 < abs(value).max() <= 1 / 8 and value.dtype == "float32"
    other, _ = trial.new_model(point(num_hiddens=64, seed=2), len(VOCAB))
    assert (other["dense.bias"] != uniform["dense.bias"]).all()


def test_a_cpus_learner_is_the_engines_if_there_is_one():
    learner = trial.new_learner(point(), len(VOCAB), "cpu")
    assert learner.engine == ("native" if engine.kernels() else "mxnet")


def test_a_point_trained_again_gives_the_same_numbers_and_learns():
    first, second = (trial.train_point(TINY, point(), *SOURCE, "cpu") for _ in range(2))
    for name in ("validation", "training", "continuation"):
        assert first[name] == second[name]
    assert len(first["validation"]) == 3
    assert first["validation"][-1] < first["validation"][0] < len(VOCAB)
    assert first["continuation"].startswith("time traveller ")
    assert len(first["continuation"]) == len("time traveller ") + 200
    assert first["seconds"] > 0 and first["tokens_per_sec"] > 0 and not first["diverged"]


def test_a_divergence_ends_the_training_and_is_no_error():
    result = trial.train_point(TINY, point(lr=1e38), *SOURCE, "cpu")
    assert result["diverged"] and len(result["validation"]) < 3 and result["continuation"] == ""
    assert all(map(math.isfinite, result["validation"]))


def test_a_probe_measures_seconds_and_rates():
    costs = [trial.probe(TINY, num_steps, 6, *SOURCE, "cpu") for num_steps in (1, 100)]
    assert all(seconds > 0 and rate > 0 for seconds, rate in costs)
