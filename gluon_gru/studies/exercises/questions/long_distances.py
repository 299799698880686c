"""What the book states on large distances: that gates are better there, and why."""

from __future__ import annotations

import statistics
from typing import Mapping, Sequence

import numpy

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import CHAPTER, LSTM_SUMMARY
from gluon_gru.report.document import Curves, Table
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import influence, plots
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.tasks import CELLS, NUM_MINIBATCHES, TASKS, Learnt, learn
from gluon_gru.studies.exercises.trained import trained, untrained

RECALL = Claim(
    "long-distances/recall",
    CHAPTER,
    "GRUs are better than RNNs at dependencies over large distances.",
)
SKIPPING = Claim(
    "long-distances/skipping",
    CHAPTER,
    "Gates let a network skip symbols that carry no observation.",
    "GRUs learn over a longer sequence than RNNs to name the last of some keys among symbols that "
    "mean nothing, and keep more of their state at those symbols than at keys.",
)
RESETTING = Claim(
    "long-distances/resetting",
    CHAPTER,
    "Gates let a network reset its state at a logical break.",
    "GRUs learn over a longer sequence than RNNs to name the first key after the last break, and one "
    "of their gates lets less of the state through at a break than elsewhere.",
)
VANISHING_GRADIENTS = Claim(
    "long-distances/vanishing-gradients",
    CHAPTER,
    "Their gates help GRUs to cope with the vanishing gradients of RNNs.",
)
LSTM_VANISHING = Claim(
    "long-distances/lstm-vanishing-gradients",
    LSTM_SUMMARY,
    "LSTMs can alleviate vanishing gradients.",
)

# Symbols between what has to be remembered and where it is asked for.
_LENGTHS = (5, 10, 20, 40, 80)
_QUICK_MINIBATCHES = 25

#: Trained on the text, from scratch.
_MODELS = {"RNN": "rnn-scratch", "GRU": "gru-scratch", "LSTM": "lstm-scratch"}

# How long: not at all, shortly, and as the chapter does.
_STAGES = {"untrained": "@0", "after 25 epochs": "@25", "trained": ""}

#: Stage -> cell -> for each seed, how much the state depends on the character d steps ago.
Influences = Mapping[str, Mapping[str, Sequence[numpy.ndarray]]]
#: Task, cell, length -> a `Learnt` for each seed.
Tasks = Mapping["tuple[str, str, int]", Sequence[Learnt]]


@Exercise(
    "long-distances",
    "Are GRUs better than RNNs over large distances, and do they cope with vanishing gradients?",
    "An RNN's state goes through a matrix and a tanh in every step; what it held fades or "
    "explodes with the product of those steps. A gate that copies (GRU: Z near 1; LSTM: forget "
    "gate near 1) can let information and gradients pass through many steps unchanged. "
    "Whether it does is a matter of what has been learnt, so two things are measured: over "
    "which distance each cell learns to remember where a task asks for nothing else, and how "
    "far back the derivatives reach before, early in, and after a training on the text.",
    [name + stage for stage in _STAGES.values() if stage != "@0" for name in _MODELS.values()],
)
def long_distances(context: Context) -> Answer:
    """Train the cells from scratch, with every seed, and on tasks that ask for nothing else."""
    curves = _influences(context)
    learnt = _learn(context)
    longest = {cell: _longest(learnt, "recall", cell) or "none" for cell in CELLS}
    shares = [
        f"{stage} "
        + " and ".join(
            f"{statistics.median(float(one[20] / one[0]) for one in curves[stage][cell]):.1g}"
            for cell in ("GRU", "RNN")
        )
        for stage in _STAGES
        if influence.DISTANCES > 20
    ]
    return Answer(
        "The longest distance over which a key is remembered, with every seed: "
        + ", ".join(f"{cell} {length}" for cell, length in longest.items())
        + ". What a character 20 steps ago counts, as a share of the last one, in GRU and RNN: "
        + "; ".join(shares)
        + ".",
        [
            _recall(context, learnt),
            _with_gates(context, learnt, SKIPPING, "skip"),
            _with_gates(context, learnt, RESETTING, "reset"),
            _gradients(context, curves, learnt, "GRU", VANISHING_GRADIENTS),
            _gradients(context, curves, learnt, "LSTM", LSTM_VANISHING),
        ],
        [_table(learnt, task) for task in TASKS],
        [_curves(stage, curves[stage]) for stage in _STAGES],
    )


def _influences(context: Context) -> Influences:
    tokens = context.source[0]
    arguments, models = [], {}
    for stage, after in _STAGES.items():
        for cell, name in _MODELS.items():
            if after == "@0":
                models[stage, cell] = [
                    influence.influence_by_distance(
                        untrained(name, context, seed), tokens, context.ctx
                    )
                    for seed in context.seeds
                ]
                continue
            some = trained([name + after], context)[name + after]
            arguments += [(model.checkpoint, tokens, str(context.ctx)) for model in some]
    found = iter(context.each(of_checkpoint, arguments))
    return {
        stage: {
            cell: models.get((stage, cell)) or [next(found) for _ in context.seeds]
            for cell in _MODELS
        }
        for stage in _STAGES
    }


def of_checkpoint(checkpoint: str, tokens: numpy.ndarray, device: str) -> numpy.ndarray:
    """Return `influence.influence_by_distance` of a trained model."""
    from gluon_gru.training.device import context

    ctx = context(device)
    return influence.influence_by_distance(restore(checkpoint, ctx)[0], tokens, ctx)


def _learn(context: Context) -> Tasks:
    patience = _QUICK_MINIBATCHES if context.quick else NUM_MINIBATCHES
    keys = [(task, cell, length) for task in TASKS for cell in CELLS for length in _LENGTHS]
    device = str(context.ctx)
    found = iter(
        context.each(
            learn,
            [
                (cell, task, length, seed, device, patience)
                for task, cell, length in keys
                for seed in context.seeds
            ],
            "task",
        )
    )
    return {key: [next(found) for _ in context.seeds] for key in keys}


def _longest(learnt: Tasks, task: str, cell: str) -> int:
    """Return the longest sequence over which a cell learns a task with every seed; 0 if none."""
    return max(
        (
            length
            for length in _LENGTHS
            if all(one.minibatches is not None for one in learnt[task, cell, length])
        ),
        default=0,
    )


def _shown(learnt: Tasks, task: str) -> str:
    longest = {cell: _longest(learnt, task, cell) or "none" for cell in CELLS}
    return (
        "The longest that is learnt: "
        + ", ".join(f"{cell} {length}" for cell, length in longest.items())
        + f" (tried: {', '.join(map(str, _LENGTHS))})."
    )


def _figures(learnt: Tasks, task: str) -> dict[str, list]:
    return {
        f"{cell}, {length}": [one.minibatches for one in seeds]
        for (of, cell, length), seeds in learnt.items()
        if of == task
    }


def _ran(context: Context) -> str:
    patience = _QUICK_MINIBATCHES if context.quick else NUM_MINIBATCHES
    return (
        f"(32 hidden units, Adam, up to {patience:,} minibatches of 32). A length is learnt if with "
        "every seed 99% of the keys are named."
    )


def _recall(context: Context, learnt: Tasks) -> Verdict:
    rnn = _longest(learnt, "recall", "RNN")
    return context.judge(
        RECALL,
        "A task whose distance is known: read a key, then so many other symbols, then name the key "
        + _ran(context),
        _shown(learnt, "recall"),
        [_longest(learnt, "recall", cell) > rnn for cell in ("GRU", "GRU from scratch")],
        _figures(learnt, "recall"),
    )


def _with_gates(context: Context, learnt: Tasks, claim: Claim, task: str) -> Verdict:
    """Return the verdict on a task, and on what the gates of the GRUs do in it."""
    cases, shown, rnn = [], [], _longest(learnt, task, "RNN")
    for cell in ("GRU", "GRU from scratch"):
        length = _longest(learnt, task, cell)
        cases.append(length > rnn)
        if not length:
            cases.append(False)
            continue
        means = {
            gate: [
                statistics.mean(pair)
                for pair in zip(*(one.gates[gate] for one in learnt[task, cell, length]))
            ]
            for gate in ("Z", "R")
        }
        (z_there, z_else), (r_there, r_else) = means["Z"], means["R"]
        cases.append(z_there < z_else if task == "skip" else z_there < z_else or r_there < r_else)
        shown.append(
            f"{cell}, length {length}: Z {z_there:.2f} there and {z_else:.2f} elsewhere, R "
            f"{r_there:.2f} and {r_else:.2f}"
        )
    there = "keys" if task == "skip" else "breaks"
    return context.judge(
        claim,
        f"The task, over sequences of several lengths {_ran(context)} The means of the gates of the "
        "trained GRUs over all units.",
        f"{_shown(learnt, task)} Gates at {there}: {'; '.join(shown) or 'nothing is learnt'}.",
        cases,
        _figures(learnt, task),
    )


# How far back the influence is compared.
_DISTANCES = (10, 20, 40)


def _gradients(
    context: Context, curves: Influences, learnt: Tasks, cell: str, claim: Claim
) -> Verdict:
    cases, shown, figures = [], [], {}
    for stage, of_cells in curves.items():
        shares = {
            name: [
                statistics.median(float(curve[at] / curve[0]) for curve in of_cells[name])
                for at in _DISTANCES
            ]
            for name in ("RNN", cell)
        }
        figures[stage] = shares
        cases.append(all(ours >= 2 * rnn for rnn, ours in zip(*shares.values())))
        both = ", ".join(
            f"{name} {', '.join(f'{share:.1g}' for share in some)}" for name, some in shares.items()
        )
        shown.append(f"{stage}: {both}")
    longest = {name: _longest(learnt, "recall", name) for name in ("RNN", cell)}
    cases.append(longest[cell] > longest["RNN"])
    return context.judge(
        claim,
        "How much the state depends on the character "
        f"{', '.join(map(str, _DISTANCES))} steps ago, as a share of how much on the last one "
        "(norms of derivatives, the median over the seeds), before the training on the text, after "
        f"25 epochs, and after all. {cell}s cope better if each share is at least twice the RNN's, "
        "and if they learn to recall over a longer distance.",
        f"{'; '.join(shown)}. Longest recall: "
        + ", ".join(f"{name} {length}" for name, length in longest.items())
        + ".",
        cases,
        figures,
    )


def _table(learnt: Tasks, task: str) -> Table:
    def shown(seeds):
        needed = [one.minibatches for one in seeds if one.minibatches is not None]
        if not needed:
            return "not learnt"
        text = spread(needed, "{:.0f}".format)
        return text if len(needed) == len(seeds) else f"{text}; {len(needed)} of {len(seeds)}"

    return Table(
        ["cell", *map(str, _LENGTHS)],
        [[cell, *(shown(learnt[task, cell, length]) for length in _LENGTHS)] for cell in CELLS],
        f"Task “{task}”: minibatches until it is learnt over sequences of so many symbols, median "
        "(and range)",
    )


# Untrained models have smaller ones, down to 0, which no logarithmic axis has.
_SHOWN_FROM = 1e-20


def _curves(stage: str, curves: Mapping[str, Sequence[numpy.ndarray]]) -> Curves:
    return plots.by_distance(
        f"influence-{stage.replace(' ', '-')}.png",
        "How much the state depends on the character d steps ago, as a share of how much on the "
        f"last one, in the models from scratch, {stage}; what is less than {_SHOWN_FROM:g} is drawn "
        "there",
        "share of the last character's",
        {
            cell: [numpy.maximum(curve / curve[0], _SHOWN_FROM) for curve in seeds]
            for cell, seeds in curves.items()
        },
        _MODELS,
        yscale="log",
    )
