"""What the chapter states on large distances: that GRUs are better there, and why."""

import statistics

from gluon_gru.published.judging import spread
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import distances, plots
from gluon_gru.studies.exercises.answers import Answer, Finding, Table
from gluon_gru.studies.exercises.recall import CELLS, NUM_MINIBATCHES, minibatches_to_learn

# Tokens between what has to be remembered and where it is asked for.
_DISTANCES = (5, 10, 20, 40, 80)
_QUICK_MINIBATCHES = 25

#: Trained on the text, from scratch.
_MODELS = {"RNN": "rnn-scratch", "GRU": "gru-scratch", "LSTM": "lstm-scratch"}


def answer(setting):
    """Return the `Answer`; trains the cells from scratch with every seed."""
    runs = setting.trainings.get(tuple(_MODELS.values()))
    curves = {
        cell: [_curve(training, setting) for training in runs[name]]
        for cell, name in _MODELS.items()
    }
    recall, table = _recall(setting)
    return Answer(
        [recall, _gradients(setting, curves)],
        [table],
        {
            "influence-by-distance.png": (
                "How much the state depends on the character d steps ago, in the models trained from "
                "scratch (each seed a line)",
                plots.by_distance(curves, "norm of the derivative"),
            )
        },
    )


def _recall(setting):
    """Return the finding, and the table of how long each cell needed to learn each distance."""
    seeds = range(1, setting.trainings.num_seeds + 1)
    patience = _QUICK_MINIBATCHES if setting.quick else NUM_MINIBATCHES
    needed = {
        (cell, distance): [
            minibatches_to_learn(cell, distance, seed, setting.ctx, patience) for seed in seeds
        ]
        for cell in CELLS
        for distance in _DISTANCES
    }
    longest = {
        cell: max(
            (distance for distance in _DISTANCES if None not in needed[cell, distance]), default=0
        )
        for cell in CELLS
    }

    def shown(values):
        learnt = [value for value in values if value is not None]
        if not learnt:
            return "not learnt"
        text = spread(learnt, "{:.0f}".format)
        return text if len(learnt) == len(values) else f"{text}; {len(learnt)} of {len(values)}"

    return Finding(
        "long-distances/recall",
        "A task whose distance is known: read a key, then so many other tokens, then name the key "
        f"(32 hidden units, Adam, up to {patience:,} minibatches of 32). A distance is learnt if "
        "with every seed 99% of the keys are named.",
        "The longest distance that is learnt: "
        + ", ".join(f"{cell} {distance or 'none'}" for cell, distance in longest.items())
        + f" (tried: {', '.join(map(str, _DISTANCES))}).",
        setting.verdict([longest["GRU"] > longest["RNN"]]),
        {f"{cell}, distance {distance}": values for (cell, distance), values in needed.items()},
    ), Table(
        "Minibatches until the key is named after so many other tokens: median (and range)",
        ["cell", *map(str, _DISTANCES)],
        [[cell, *(shown(needed[cell, distance]) for distance in _DISTANCES)] for cell in CELLS],
    )


def _curve(training, setting):
    model, _ = restore(training.checkpoint, setting.ctx)
    return distances.influence_by_distance(
        model.forward_fn, model.params, model.init_state, setting
    )


def _gradients(setting, curves):
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
    return Finding(
        "long-distances/vanishing-gradients",
        f"The norm of the derivative of the state by the characters {steps[0]} to {steps[-1]} "
        "steps ago, as a share of that by the last character, in the models trained on the text "
        "from scratch. GRUs cope better if their share is at least twice the RNN's.",
        f"{shown}.",
        setting.verdict([statistics.median(shares["GRU"]) >= 2 * statistics.median(shares["RNN"])]),
        shares,
    )
