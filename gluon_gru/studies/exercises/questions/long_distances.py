"""What the chapter states on large distances: that GRUs are better there, and why."""

from __future__ import annotations

import statistics
from typing import Mapping, Sequence

import numpy

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import CHAPTER
from gluon_gru.report.document import Table
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import influence, plots
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.recall import CELLS, NUM_MINIBATCHES, minibatches_to_learn
from gluon_gru.studies.exercises.trained import trained

RECALL = Claim(
    "long-distances/recall",
    CHAPTER,
    "GRUs are better than RNNs at dependencies over large distances.",
)
VANISHING_GRADIENTS = Claim(
    "long-distances/vanishing-gradients",
    CHAPTER,
    "Their gates help GRUs to cope with the vanishing gradients of RNNs.",
)

# Tokens between what has to be remembered and where it is asked for.
_DISTANCES = (5, 10, 20, 40, 80)
_QUICK_MINIBATCHES = 25

#: Trained on the text, from scratch.
_MODELS = {"RNN": "rnn-scratch", "GRU": "gru-scratch", "LSTM": "lstm-scratch"}


@Exercise(
    "long-distances",
    "Are GRUs better than RNNs over large distances, and do they cope with vanishing gradients?",
    "An RNN's state goes through a matrix and a tanh in every step; what it held fades or "
    "explodes with the product of those steps. A gate that copies (GRU: Z near 1; LSTM: forget "
    "gate near 1) can let information and gradients pass through many steps unchanged. "
    "Whether it does is a matter of what has been learnt, so two things are measured: over "
    "which distance each cell learns to remember where a task asks for nothing else, and how "
    "far back the derivatives reach in the models that were trained on the text.",
)
def long_distances(context: Context) -> Answer:
    """Train the cells from scratch, with every seed, and on a task that asks for nothing else."""
    models = trained(tuple(_MODELS.values()), context)
    curves = {
        cell: [
            influence.influence_by_distance(restore(model.checkpoint, context.ctx)[0], context)
            for model in models[name]
        ]
        for cell, name in _MODELS.items()
    }
    recall, table = _recall(context)
    return Answer(
        [recall, _gradients(context, curves)],
        [table],
        [
            plots.by_distance(
                "influence-by-distance.png",
                "How much the state depends on the character d steps ago, in the models trained from "
                "scratch (the median of the seeds, and their range)",
                "norm of the derivative",
                curves,
                _MODELS,
            )
        ],
    )


def _recall(context: Context) -> tuple[Verdict, Table]:
    """Return the verdict, and the table of how long each cell needed to learn each distance."""
    seeds = range(1, context.num_seeds + 1)
    patience = _QUICK_MINIBATCHES if context.quick else NUM_MINIBATCHES
    needed = {
        (cell, distance): [
            minibatches_to_learn(cell, distance, seed, context.ctx, patience) for seed in seeds
        ]
        for cell in CELLS
        for distance in _DISTANCES
    }
    longest = {
        cell: max((d for d in _DISTANCES if None not in needed[cell, d]), default=0)
        for cell in CELLS
    }

    def shown(values):
        learnt = [value for value in values if value is not None]
        if not learnt:
            return "not learnt"
        text = spread(learnt, "{:.0f}".format)
        return text if len(learnt) == len(values) else f"{text}; {len(learnt)} of {len(values)}"

    return context.judge(
        RECALL,
        "A task whose distance is known: read a key, then so many other tokens, then name the key "
        f"(32 hidden units, Adam, up to {patience:,} minibatches of 32). A distance is learnt if "
        "with every seed 99% of the keys are named.",
        "The longest distance that is learnt: "
        + ", ".join(f"{cell} {distance or 'none'}" for cell, distance in longest.items())
        + f" (tried: {', '.join(map(str, _DISTANCES))}).",
        [longest["GRU"] > longest["RNN"]],
        {f"{cell}, distance {distance}": values for (cell, distance), values in needed.items()},
    ), Table(
        ["cell", *map(str, _DISTANCES)],
        [[cell, *(shown(needed[cell, distance]) for distance in _DISTANCES)] for cell in CELLS],
        "Minibatches until the key is named after so many other tokens: median (and range)",
    )


def _gradients(context: Context, curves: Mapping[str, Sequence[numpy.ndarray]]) -> Verdict:
    # Not the farthest: from a state of zeros, the first character counts for more.
    far = slice(-11, -1)
    shares = {
        cell: [float(curve[far].mean() / curve[0]) for curve in seeds]
        for cell, seeds in curves.items()
    }
    shown = "; ".join(
        f"{cell} {spread(values, '{:.2g}'.format)}" for cell, values in shares.items()
    )
    steps = range(len(next(iter(curves.values()))[0]))[far]
    return context.judge(
        VANISHING_GRADIENTS,
        f"The norm of the derivative of the state by the characters {steps[0]} to {steps[-1]} "
        "steps ago, as a share of that by the last character, in the models trained on the text "
        "from scratch. GRUs cope better if their share is at least twice the RNN's.",
        f"{shown}.",
        [statistics.median(shares["GRU"]) >= 2 * statistics.median(shares["RNN"])],
        shares,
    )
