"""The exercises' verdicts, from figures that leave no doubt, and the small parts behind them."""

import math

import numpy
import pytest

from gluon_gru.gates.inspection import Gates
from gluon_gru.published.two_samples import shift
from gluon_gru.studies.exercises import comparing, influence, tasks
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.questions import (
    compare_cells,
    exploding_gradients,
    gate_decisions,
    gate_dependencies,
    hyperparameters,
    invalid_words,
    long_distances,
    parts_of_a_gru,
    random_sampling,
)
from gluon_gru.studies.exercises.trained import TrainedModel
from gluon_gru.studies.sweep.results import Outcome
from gluon_gru.training.loop import History


def models_of(**finals):
    """Return models that end with these perplexities, one per seed; all start at 20, 2."""
    return {
        name.replace("_", "-"): [
            TrainedModel(History([20, 2, *10 * [value]], 12 * [1], 12 * [1]), "")
            for value in values
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
    num_seeds = 2
    source = (), range(28)
    judge = Context.judge


CELLS_RUNS = {
    f"{cell}_{kind}": values
    for cell, values in (("rnn", [1.3, 1.4]), ("gru", [1.05, 1.06]), ("lstm", [1.2, 1.1]))
    for kind in ("scratch", "tanh_concise" if cell == "rnn" else "concise")
}
CELLS_RUNS["rnn_concise"] = [1.35, 1.36]
CELLS_SPEEDS = {
    name: seconds * (3 if name.endswith("scratch") else 1)
    for name in CELLS_RUNS
    for cell, seconds in (("rnn", 1), ("gru", 2), ("lstm", 4))
    if name.startswith(cell)
}


@pytest.mark.parametrize(
    "change_runs, change_speeds, verdict",
    [
        ({}, {}, "holds"),
        ({}, {"lstm_concise": 2.1}, "depends"),
        (
            {"gru_scratch": [2, 2], "gru_concise": [2, 2]},
            {"lstm_concise": 2, "lstm_scratch": 6},
            "does not hold",
        ),
    ],
)
def test_verdicts_on_gru_and_lstm(change_runs, change_speeds, verdict):
    compared = comparison({**CELLS_RUNS, **change_runs}, {**CELLS_SPEEDS, **change_speeds})
    assert compare_cells._gru_against_lstm(Full(), compared).verdict == verdict


def test_a_question_gets_an_answer_and_no_tick():
    answered = compare_cells._gru_against_rnn(Full(), comparison(CELLS_RUNS, CELLS_SPEEDS))
    assert answered.verdict == "answered"
    assert "2.00 times as long" in answered.evidence and "-0.300" in answered.evidence


@pytest.mark.parametrize(
    "change, verdict",
    [
        ({}, "holds"),
        ({"rnn_scratch": [1.3, 1.01]}, "does not hold"),
        ({"lstm_scratch": [1.35, 1.1]}, "depends"),
        # The RNN with ReLU is not the one from scratch.
        ({"rnn_concise": [1.01, 1.01]}, "holds"),
    ],
)
def test_verdicts_on_the_ranking(change, verdict):
    compared = comparison({**CELLS_RUNS, **change})
    assert compare_cells._ranking(Full(), compared).verdict == verdict


def test_one_epoch_that_stands_out_decides_nothing():
    history = History([9.0] + 9 * [1.1] + [1.3], 11 * [1], 11 * [1])
    compared = comparing.Comparison({"lstm": [TrainedModel(history, "")]}, {})
    assert compared.settled("lstm") == [1.1] and compared.ends("lstm") == [1.3]


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
    "random_ends, verdict",
    [([1.68, 1.5], "holds"), ([1.68, 1.0], "depends"), ([1, 1], "does not hold")],
)
def test_verdicts_on_the_printed_perplexity_of_sampling(random_ends, verdict):
    sequentially = {"rnn-scratch": 1.2, "gru-concise": 1.05}
    at_random = dict(zip(("rnn-scratch-random", "gru-concise-random"), random_ends))
    compared = comparison({name: [end] for name, end in {**sequentially, **at_random}.items()})
    assert random_sampling._perplexity(Full(), compared).verdict == verdict


@pytest.mark.parametrize(
    "differences, verdict",
    [([-0.3, -0.1], "holds"), ([-0.3, 0.1], "depends"), ([0.1, 0.2], "does not hold")],
)
def test_verdicts_on_sampling_from_zeros(differences, verdict):
    shifts = {
        name: shift([1.2 + difference], [1.2])
        for name, difference in zip(random_sampling._MODELS, differences)
    }
    assert random_sampling._from_zeros(Full(), shifts).verdict == verdict


@pytest.mark.parametrize(
    "seconds, verdict",
    [((1.1, 1.1), "holds"), ((1.1, 1.0), "depends"), ((1.01, 0.9), "does not hold")],
)
def test_verdicts_on_the_cost_of_sampling(seconds, verdict):
    at_random = dict(zip(("rnn-scratch-random", "gru-concise-random"), seconds))
    compared = comparison(dict.fromkeys(["rnn-scratch", "gru-concise", *at_random], [1]), at_random)
    assert random_sampling._cost(Full(), compared).verdict == verdict


def held(half, reach):
    """Return what a GRU does with a gate held: half of the damage within ``half`` steps."""
    damage = numpy.zeros(60)
    damage[int(half)] = 1
    return gate_dependencies.WhenHeld(1.0, reach, damage)


@pytest.mark.parametrize(
    "reset, update, reach, short, long",
    [
        ([2, 3], [9, 9], 5, "holds", "holds"),
        # With Z held the state reaches as far back as with R held.
        ([2, 3], [9, 9], 20, "holds", "depends"),
        ([4, 4], [3, 4], 20, "depends", "does not hold"),
        ([9, 9], [9, 9], 20, "does not hold", "depends"),
        ([7, 7], [9, 9], 5, "depends", "holds"),
    ],
)
def test_verdicts_on_what_gates_are_for(reset, update, reach, short, long):
    found = {
        (name, how): [held(half, steps) for half in halves]
        for name in gate_dependencies._MODELS
        for how, halves, steps in (
            ("nothing", [1, 1], 30),
            (gate_dependencies._RESET, reset, 20),
            (gate_dependencies._UPDATE, update, reach),
        )
    }
    assert gate_dependencies._reset_short(Full(), found, 6).verdict == short
    assert gate_dependencies._update_long(Full(), found, 6).verdict == long


BOOK = {"varied": 0.7, "verbatim": 1.0, "bits": 2.4}


def outcome(num_steps, num_hiddens, perplexity, seconds, written=(0.5, 0.1, 2.4), **point):
    point = {
        "num_steps": num_steps,
        "num_hiddens": num_hiddens,
        "lr": 1,
        "init": "pytorch",
        **point,
    }
    measures = dict(zip(BOOK, written))
    trial = {"perplexity": perplexity, "seconds": seconds, "written": measures}
    return Outcome(point, [trial], [])


def test_verdicts_on_the_study():
    points = [
        outcome(8, 4, 4, 20),
        outcome(8, 2, 5, 10),
        outcome(16, 4, 6, 40),
        outcome(16, 2, 7, 30),
    ]
    times = hyperparameters._running_time(Full(), points)
    assert times.verdict == "answered" and times.figures["num_steps"] == {8: 15, 16: 35}
    perplexities = hyperparameters._perplexity(Full(), points, 4)
    assert perplexities.verdict == "answered"
    assert perplexities.figures["num_hiddens"] == {2: 5, 4: 4}
    assert "Diverged: 0 of 4" in perplexities.evidence


# What a model wrote: varied, verbatim, bits; text, a loop, nonsense, nothing.
GOOD, LOOP, NONSENSE, BLANK = (0.5, 0.3, 2.3), (0.02, 0.1, 1.5), (0.1, 0.0, 6), (0, 0, 10)


@pytest.mark.parametrize(
    "written, won",
    [
        ([GOOD, GOOD, LOOP, NONSENSE], 6),
        ([LOOP, NONSENSE, GOOD, GOOD], 0),
        # A loop is duller than the book, and its words are few: it doesn't win.
        ([LOOP, LOOP, GOOD, GOOD], 0),
        # Only those that write nothing are worse.
        ([LOOP, LOOP, GOOD, GOOD, BLANK, BLANK, BLANK, BLANK], 3),
    ],
)
def test_the_answer_on_what_the_study_writes(written, won):
    points = [outcome(8, 4, rank, 1, of) for rank, of in enumerate(written)]
    found = hyperparameters._text(Full(), points, BOOK)
    assert found.verdict == "answered"
    assert f"is the better one in {won} of 6 comparisons" in found.evidence
    assert found.figures["with words"]["points"] == sum(of != BLANK for of in written)


@pytest.mark.parametrize(
    "normal, verdict", [((17, 12), "holds"), ((17, 8), "depends"), ((13, 8), "does not hold")]
)
def test_verdicts_on_initial_weights(normal, verdict):
    points = [
        *(outcome(8, 4, value, 1, lr=lr) for lr, value in ((0.1, 13), (1, 8))),
        *(outcome(8, 4, value, 1, lr=lr, init="normal") for lr, value in zip((0.1, 1), normal)),
    ]
    assert hyperparameters._initialisation(Full(), points, {"frequencies": 16.8}).verdict == verdict


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
        keeps, boundaries = gate_decisions._verdicts(Full(), [gates])
        assert keeps.verdict == "answered"
        return keeps.figures["update"], boundaries.verdict

    assert found(0.1 + by_character / 2, 0.1 + by_character / 2)[0] == [1.0]
    assert found(0.1 + ends / 2, 0.1 + ends / 2) == ([1.0], "holds")
    # Alike, but without any tie to the text.
    assert found(0.1 + noise / 2, 0.1 + noise / 2) == ([0.0], "does not hold")
    assert found(0.1 + ends / 2, 0.1 + noise / 2) == ([1.0], "depends")


def curves_of(**shares):
    """Return influences that are 1 at first and a share of that at every distance, by cell."""
    return {
        stage: {cell: [numpy.array([1.0] + 59 * [share])] for cell, share in shares.items()}
        for stage in long_distances._STAGES
    }


def learnt_of(task="recall", z=(0.2, 0.9), r=(0.5, 0.5), **longest):
    """Return what cells learnt, each up to its longest length."""
    return {
        (task, cell.replace("_", " "), length): [
            tasks.Learnt(100 if length <= most else None, {"Z": z, "R": r})
        ]
        for cell, most in longest.items()
        for length in long_distances._LENGTHS
    }


@pytest.mark.parametrize(
    "gru, longest, verdict",
    [(0.5, 40, "holds"), (0.5, 20, "depends"), (0.3, 40, "depends"), (0.3, 20, "does not hold")],
)
def test_verdicts_on_gradients(gru, longest, verdict):
    curves = curves_of(RNN=0.2, GRU=gru)
    learnt = learnt_of(RNN=20, GRU=longest)
    claim = long_distances.VANISHING_GRADIENTS
    found = long_distances._gradients(Full(), curves, learnt, "GRU", claim)
    assert found.verdict == verdict
    assert found.figures["trained"]["GRU"] == pytest.approx(3 * [gru])


@pytest.mark.parametrize(
    "gru, scratch, verdict", [(40, 80, "holds"), (40, 20, "depends"), (20, 5, "does not hold")]
)
def test_verdicts_on_recall(gru, scratch, verdict):
    learnt = learnt_of(RNN=20, GRU=gru, GRU_from_scratch=scratch, LSTM=5)
    assert long_distances._recall(Full(), learnt).verdict == verdict


@pytest.mark.parametrize(
    "task, longest, z, r, verdict",
    [
        ("skip", 80, (0.2, 0.9), (0.5, 0.5), "holds"),
        ("skip", 80, (0.9, 0.2), (0.2, 0.9), "depends"),
        ("skip", 20, (0.9, 0.2), (0.2, 0.9), "does not hold"),
        # Less of the state is let through by the reset gate.
        ("reset", 80, (0.9, 0.2), (0.2, 0.9), "holds"),
        ("reset", 0, (0.2, 0.9), (0.2, 0.9), "does not hold"),
    ],
)
def test_verdicts_on_skipping_and_resetting(task, longest, z, r, verdict):
    learnt = learnt_of(task, z, r, RNN=20, GRU=longest, GRU_from_scratch=longest, LSTM=5)
    claim = long_distances.SKIPPING if task == "skip" else long_distances.RESETTING
    assert long_distances._with_gates(Full(), learnt, claim, task).verdict == verdict


@pytest.mark.parametrize(
    "free, clipped, verdict",
    [
        ([99, math.inf], [2.0, 3.0], "holds"),
        ([99, math.inf], [2.0, 27.0], "depends"),
        ([99, math.inf], [27.0, 28.0], "does not hold"),
        # Nothing explodes.
        ([3.0, 3.0], [2.0, 2.0], "does not hold"),
    ],
)
def test_verdicts_on_clipping(free, clipped, verdict):
    ends = {
        (name, how): values
        for name in exploding_gradients._MODELS
        for how, values in ((True, clipped), (False, free))
    }
    assert exploding_gradients._mends(Full(), ends, 50).verdict == verdict


@pytest.mark.parametrize("closes", [True, False])
def test_the_answer_on_invalid_words_is_what_the_reset_gates_do(closes):
    width = invalid_words._SHOWN + invalid_words._LETTERS + invalid_words._AFTER
    word, other = numpy.full(width, 0.6), numpy.full(width, 0.3 if closes else 0.55)
    seed = {gate: {"word": word, "no word": other} for gate in ("R", "Z")}
    found = invalid_words._resets(Full(), dict.fromkeys(invalid_words._MODELS, [seed]))
    assert found.verdict == "answered"
    assert found.evidence.startswith("Yes" if closes else "No")
    assert ("-0.300" if closes else "-0.050") in found.evidence


# Small parts.


def test_epochs_to_a_perplexity():
    model = TrainedModel(History([9, 2, 3, 1.5], [1] * 4, [1] * 4), "")
    assert [compare_cells.epochs_to(goal, model) for goal in (2, 1.6, 1)] == [2, 4, None]


def test_what_lies_next_is_learnt_and_what_there_is_no_time_for_is_not():
    learnt = tasks.learn("GRU", "recall", 2, 1, "cpu", 150)
    assert 25 <= learnt.minibatches <= 150
    assert tasks.learn("GRU", "recall", 2, 1, "cpu", learnt.minibatches - 25).minibatches is None
    (first, others), _ = learnt.gates["Z"], learnt.gates["R"]
    assert 0 < first < 1 and 0 < others < 1


@pytest.mark.parametrize("length", [2, 12])
@pytest.mark.parametrize("task", tasks.TASKS)
def test_the_key_of_a_task_is_where_its_rule_says(task, length):
    rng = numpy.random.RandomState(0)
    for _ in range(20):
        X, keys, matter = tasks.draw(task, length, rng)
        assert X.shape == matter.shape == (32, length + 1)
        for row, key, of_row in zip(X.tolist(), keys, matter):
            some = [
                i for i, token in enumerate(row) if (token == 8 if task == "reset" else token < 4)
            ]
            assert some == numpy.flatnonzero(of_row).tolist() and some[0] == 0
            at = {"recall": 0, "skip": some[-1], "reset": some[-1] + 1}[task]
            assert row[at] == key < 4


def test_reach_is_where_a_curve_stays_below_a_tenth():
    assert influence.reach(numpy.array([1, 0.5, 0.05, 0.2, 0.01])) == 4
    assert influence.reach(numpy.array([1, 0.05])) == 1
