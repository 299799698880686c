"""The exercises' verdicts, from figures that leave no doubt, and the small parts behind them."""

import mxnet as mx
import numpy
import pytest

from gluon_gru.gates.inspection import Gates
from gluon_gru.studies.exercises import comparing, influence, recall
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.questions import (
    compare_cells,
    gate_decisions,
    gate_dependencies,
    hyperparameters,
    long_distances,
    parts_of_a_gru,
    random_sampling,
)
from gluon_gru.studies.exercises.trained import TrainedModel
from gluon_gru.training.loop import History


def models_of(**finals):
    """Return models that end with these perplexities, one per seed; all start at 20."""
    return {
        name.replace("_", "-"): [
            TrainedModel(History([20, 2, value], [1] * 3, [1] * 3), "", {}) for value in values
        ]
        for name, values in finals.items()
    }


def comparison(finals, seconds=None):
    """Return a comparison of models that end with these perplexities, an epoch taking seconds."""
    speeds = {
        name.replace("_", "-"): comparing.Speed([1 / value] * 3, [value] * 3, 1)
        for name, value in {**dict.fromkeys(finals, 1), **(seconds or {})}.items()
    }
    return comparing.Comparison(models_of(**finals), speeds)


class Full:
    """A context whose trainings were not cut short."""

    quick = False
    judge = Context.judge


CELLS_RUNS = {
    f"{cell}_{kind}": values
    for kind in ("scratch", "concise")
    for cell, values in (("rnn", [1.3, 1.4]), ("gru", [1.05, 1.06]), ("lstm", [1.2, 1.1]))
}
CELLS_SPEEDS = {
    f"{cell}_{kind}": seconds * factor
    for kind, factor in (("scratch", 3), ("concise", 1))
    for cell, seconds in (("rnn", 1), ("gru", 2), ("lstm", 4))
}


@pytest.mark.parametrize(
    "function, change_runs, change_speeds, verdict",
    [
        (compare_cells._gru_against_rnn, {}, {}, "holds"),
        (compare_cells._gru_against_rnn, {"rnn_concise": [1.01, 1.01]}, {}, "depends"),
        (
            compare_cells._gru_against_rnn,
            {"rnn_concise": [1, 1], "rnn_scratch": [1, 1]},
            {"rnn_concise": 9, "rnn_scratch": 9},
            "does not hold",
        ),
        (compare_cells._gru_against_lstm, {}, {}, "holds"),
        (compare_cells._gru_against_lstm, {}, {"lstm_concise": 2.1}, "depends"),
        (
            compare_cells._gru_against_lstm,
            {"gru_scratch": [2, 2], "gru_concise": [2, 2]},
            {"lstm_concise": 2, "lstm_scratch": 6},
            "does not hold",
        ),
    ],
)
def test_verdicts_on_the_cells(function, change_runs, change_speeds, verdict):
    compared = comparison(
        {**CELLS_RUNS, **change_runs, "rnn_tanh_concise": [1.2]}, {**CELLS_SPEEDS, **change_speeds}
    )
    assert function(Full(), compared).verdict == verdict


@pytest.mark.parametrize(
    "change, verdict",
    [
        ({}, "holds"),
        ({"rnn_scratch": [1.3, 1.01]}, "does not hold"),
        ({"lstm_scratch": [1.35, 1.1]}, "depends"),
    ],
)
def test_verdicts_on_the_ranking(change, verdict):
    compared = comparison({**CELLS_RUNS, **change})
    assert compare_cells._ranking(Full(), compared).verdict == verdict


def test_verdicts_on_the_time_to_a_perplexity():
    compared = comparison(CELLS_RUNS, CELLS_SPEEDS)
    judged, table = compare_cells._time_to_perplexity(Full(), compared)
    assert judged.verdict == "holds"
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["GRU from scratch"] == ["12 s", "18 s"]
    assert rows["RNN from scratch"] == ["6 s", "not reached"]
    assert rows["LSTM from scratch"] == ["24 s", "36 s (1 of 2)"]
    slower = comparison(CELLS_RUNS, {**CELLS_SPEEDS, "gru_concise": 20})
    assert compare_cells._time_to_perplexity(Full(), slower)[0].verdict == "depends"


@pytest.mark.parametrize(
    "reset, update, verdict",
    [
        ([0.9, 1.0], [1.2, 1.3], "depends"),
        ([1.2, 1.3], [1.2, 1.3], "holds"),
        ([1.0, 1.06], [1.06, 1.0], "does not hold"),
    ],
)
def test_verdicts_on_the_parts(reset, update, verdict):
    compared = comparison(
        {
            "rnn_scratch": [1.3, 1.3],
            "reset_only_scratch": reset,
            "update_only_scratch": update,
            "gru_scratch": [1.05, 1.07],
        }
    )
    assert parts_of_a_gru._both_needed(Full(), compared).verdict == verdict


@pytest.mark.parametrize(
    "random_ends, alike, verdict",
    [([1.68, 1.5], 1.3, "holds"), ([1.68, 1.5], 1.01, "depends"), ([1, 1], 1.01, "does not hold")],
)
def test_verdicts_on_sampling(random_ends, alike, verdict):
    sequentially = {"rnn-scratch": 1.2, "gru-concise": 1.05}
    at_random = dict(zip(("rnn-scratch-random", "gru-concise-random"), random_ends))
    compared = comparison({name: [end] for name, end in {**sequentially, **at_random}.items()})
    scores = {
        **dict.fromkeys(sequentially, [(1.2, 1.2)]),
        **dict.fromkeys(at_random, [(alike, alike)]),
    }
    assert random_sampling._perplexity(Full(), compared, scores).verdict == verdict


@pytest.mark.parametrize(
    "seconds, verdict",
    [((1.1, 1.1), "holds"), ((1.1, 1.0), "depends"), ((1.01, 0.9), "does not hold")],
)
def test_verdicts_on_the_cost_of_sampling(seconds, verdict):
    at_random = dict(zip(("rnn-scratch-random", "gru-concise-random"), seconds))
    compared = comparison(dict.fromkeys(["rnn-scratch", "gru-concise", *at_random], [1]), at_random)
    assert random_sampling._cost(Full(), compared).verdict == verdict


@pytest.mark.parametrize(
    "reset, update, short, long",
    [
        ([2, 3], [9, 9], "holds", "holds"),
        ([4, 4], [3, 4], "depends", "does not hold"),
        ([9, 9], [9, 9], "does not hold", "depends"),
        ([7, 7], [9, 9], "depends", "holds"),
    ],
)
def test_verdicts_on_what_gates_are_for(reset, update, short, long):
    halves = {
        (name, clamp): values
        for name in ("gru-scratch", "gru-concise")
        for clamp, values in (("R at its mean", reset), ("Z at its mean", update))
    }
    other = {key: [1] for key in halves}
    judged = gate_dependencies._verdicts(Full(), halves, 6, other, other)
    assert [one.verdict for one in judged] == [short, long]


def trial(num_steps, num_hiddens, lr, perplexity, seconds, continuation=""):
    return {
        "num_steps": num_steps,
        "num_hiddens": num_hiddens,
        "lr": lr,
        "perplexity": perplexity,
        "seconds": seconds,
        "continuation": continuation,
        "number": perplexity,
    }


def test_verdicts_on_the_study():
    trials = [
        trial(8, 4, 1, 4, 20),
        trial(8, 2, 1, 5, 10),
        trial(16, 4, 1, 6, 40),
        trial(16, 2, 1, 7, 30),
    ]
    assert hyperparameters._running_time(Full(), "", trials).verdict == "holds"
    assert hyperparameters._perplexity(Full(), "", trials, 0).verdict == "depends"
    level = [{**trial, "seconds": 10} for trial in trials]
    assert hyperparameters._running_time(Full(), "", level).verdict == "does not hold"
    better = hyperparameters._text(Full(), trials, {4: 1.0, 5: 0.5, 6: 0.2, 7: 0.0})
    assert better.verdict == "holds" and better.figures == {"better": 0.75, "worse": 0.1}
    worse = hyperparameters._text(Full(), trials, {4: 0.0, 5: 0.0, 6: 0.2, 7: 0.0})
    assert worse.verdict == "does not hold"


def test_verdicts_on_the_gates():
    rng = numpy.random.RandomState(0)
    text = list("so it is and so it was ") * 10
    by_character = numpy.array([ord(character) % 7 / 7 for character in text])[:, None]
    ends = numpy.array([character == " " for character in text], float)[:, None]
    noise = rng.uniform(size=(len(text), 3))

    def found(update, reset):
        gates = Gates(
            text,
            numpy.broadcast_to(update, noise.shape).astype("float32"),
            numpy.broadcast_to(reset, noise.shape).astype("float32"),
            0,
        )
        return [one.verdict for one in gate_decisions._verdicts(Full(), [gates])]

    assert found(0.1 + by_character / 2, 0.1 + by_character / 2)[0] == "holds"
    assert found(0.1 + ends / 2, 0.1 + ends / 2) == ["holds", "holds"]
    # Alike, but without any tie to the text.
    assert found(0.1 + noise / 2, 0.1 + noise / 2) == ["does not hold", "does not hold"]
    assert found(0.1 + ends / 2, 0.1 + noise / 2) == ["depends", "depends"]


def curve(far):
    """Return a curve that is 1 at first and ``far`` at the distances that are looked at."""
    return numpy.array([1] * 5 + [far] * 10 + [9])


def test_verdicts_on_gradients():
    curves = {"RNN": [curve(0.2)], "GRU": [curve(0.5)], "LSTM": [curve(0.5)]}
    found = long_distances._gradients(Full(), curves)
    assert found.verdict == "holds" and "5 to 14 steps ago" in found.ran
    assert found.figures["GRU"] == [pytest.approx(0.5)]
    curves["GRU"] = [curve(0.3)]
    assert long_distances._gradients(Full(), curves).verdict == "does not hold"


# Small parts.


def test_epochs_to_a_perplexity():
    model = TrainedModel(History([9, 2, 3, 1.5], [1] * 4, [1] * 4), "", {})
    assert [compare_cells.epochs_to(goal, model) for goal in (2, 1.6, 1)] == [2, 4, None]


def test_what_lies_next_is_learnt_and_what_there_is_no_time_for_is_not():
    needed = recall.minibatches_to_learn("GRU", 2, 1, mx.cpu(), 150)
    assert 25 <= needed <= 150
    assert recall.minibatches_to_learn("GRU", 2, 1, mx.cpu(), needed - 25) is None


def test_reach_is_where_a_curve_stays_below_a_tenth():
    assert influence.reach(numpy.array([1, 0.5, 0.05, 0.2, 0.01])) == 4
    assert influence.reach(numpy.array([1, 0.05])) == 1
