"""Exercise "compare rnn.RNN and rnn.GRU", with LSTM, from scratch and concise."""

from __future__ import annotations

import statistics

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import CHAPTER, NOTES, QUESTION
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.comparing import (
    Models,
    Speeds,
    epochs_to,
    figures,
    final,
    in_turns,
    side_by_side,
    times_as_long,
)
from gluon_gru.studies.exercises.exercise import Answer, Context, exercise
from gluon_gru.studies.exercises.trained import title

GRU_AGAINST_RNN = Claim(
    "cells/gru-against-rnn",
    QUESTION,
    "Compare running time, perplexity and text of rnn.RNN and rnn.GRU.",
    "The GRU reaches the lower perplexity and takes longer.",
)
GRU_AGAINST_LSTM = Claim(
    "cells/gru-against-lstm",
    CHAPTER,
    "A GRU is often as good as an LSTM and significantly faster to compute.",
)
RANKING = Claim(
    "cells/ranking",
    NOTES,
    "RNN, GRU and LSTM, each implemented twice, can be ranked by the perplexity that they reach.",
)
TIME_TO_PERPLEXITY = Claim(
    "cells/time-to-perplexity",
    NOTES,
    "The concise implementation shortens the time to reach a given perplexity.",
)

#: What is trained; ``rnn-concise`` is rnn.RNN as it is by default, with ReLU.
ALL_CELLS = (
    "rnn-scratch",
    "gru-scratch",
    "lstm-scratch",
    "rnn-concise",
    "rnn-tanh-concise",
    "gru-concise",
    "lstm-concise",
)

_PERPLEXITIES = (2, 1.1)
_CELLS, _KINDS = ("rnn", "gru", "lstm"), ("scratch", "concise")


@exercise(
    "cells",
    "Compare running time, perplexity and output of RNN and GRU (and LSTM), from scratch and "
    "concise.",
    "A GRU has three times the weights of an RNN, an LSTM four times, and each costs about as many "
    "times the arithmetic. From scratch every step is a dozen operators that Python starts one by "
    "one; the concise layers run a whole sequence in one operator, which is why they reach any "
    "perplexity sooner although they don't learn more in an epoch.",
)
def compare_cells(context: Context) -> Answer:
    """Train every cell, both ways, with every seed."""
    models = context.trained.get(ALL_CELLS)
    speeds = in_turns(ALL_CELLS, context)
    times, time_table = _time_to_perplexity(context, models, speeds)
    return Answer(
        [
            _gru_against_rnn(context, models, speeds),
            _gru_against_lstm(context, models, speeds),
            _ranking(context, models),
            times,
        ],
        [*side_by_side(models, speeds), time_table],
        {
            "cells.png": (
                "Perplexity by epoch: the median of the seeds, and their range",
                plots.perplexity(models),
            )
        },
    )


def _median(models, name):
    return statistics.median(final(models[name]))


def _against(models, speeds, cell, other, kind):
    """Return a GRU beside another cell: the words, and how many times as long the one takes."""
    ratios = times_as_long(speeds[f"{cell}-{kind}"], speeds[f"{other}-{kind}"])
    return (
        f"{kind}: {cell.upper()} {_median(models, f'{cell}-{kind}'):.3f}, {other.upper()} "
        f"{_median(models, f'{other}-{kind}'):.3f}; an epoch of the {cell.upper()} takes "
        f"{statistics.median(ratios):.2f} times as long ({ratios[0]:.2f} to "
        f"{ratios[-1]:.2f})"
    ), statistics.median(ratios)


def _gru_against_rnn(context: Context, models: Models, speeds: Speeds) -> Verdict:
    better = [_median(models, f"gru-{kind}") < _median(models, f"rnn-{kind}") for kind in _KINDS]
    shown, ratios = zip(*(_against(models, speeds, "gru", "rnn", kind) for kind in _KINDS))
    return context.judge(
        GRU_AGAINST_RNN,
        "The chapter's protocol with each of them; the tables below. "
        "Epochs were timed in turns; ratios are of each round (median, range).",
        f"Perplexity at the end, {'; '.join(shown)}. rnn.RNN has ReLU unless told otherwise, the "
        "RNN from scratch has tanh; with tanh rnn.RNN ends at "
        f"{_median(models, 'rnn-tanh-concise'):.3f}.",
        [*better, *(ratio > 1 for ratio in ratios)],
        figures(models, speeds),
    )


def _gru_against_lstm(context: Context, models: Models, speeds: Speeds) -> Verdict:
    as_good = [
        _median(models, f"gru-{kind}") <= 1.05 * _median(models, f"lstm-{kind}") for kind in _KINDS
    ]
    shown, ratios = zip(*(_against(models, speeds, "gru", "lstm", kind) for kind in _KINDS))
    return context.judge(
        GRU_AGAINST_LSTM,
        "The same; as good is a perplexity at most 5% above, "
        "significantly faster an epoch at least 10% shorter.",
        f"Perplexity at the end, {'; '.join(shown)}.",
        [*as_good, *(ratio < 0.9 for ratio in ratios)],
        {"times_as_long": dict(zip(_KINDS, ratios))},
    )


def _ranking(context: Context, models: Models) -> Verdict:
    orders = [
        tuple(sorted(_CELLS, key=lambda cell: final(models[f"{cell}-{kind}"])[seed]))
        for kind in _KINDS
        for seed in range(len(models["gru-scratch"]))
    ]
    counts = {order: orders.count(order) for order in dict.fromkeys(orders)}
    shown = "; ".join(
        f"{' before '.join(cell.upper() for cell in order)} in {count} of {len(orders)}"
        for order, count in counts.items()
    )
    first = [order[0] == orders[0][0] for order in orders]
    return context.judge(
        RANKING,
        "The order by the perplexity at the end, for each seed, from scratch and "
        "concise. It depends if only the first place is always the same one's.",
        f"{shown}.",
        [len(counts) == 1, all(first)],
        {" < ".join(order): count for order, count in counts.items()},
    )


def _time_to_perplexity(context: Context, models: Models, speeds: Speeds) -> tuple[Verdict, Table]:
    """Return the verdict and its table."""
    seconds: dict[tuple[str, float], list] = {}
    for name in (f"{cell}-{kind}" for cell in _CELLS for kind in _KINDS):
        for goal in _PERPLEXITIES:
            epochs = [epochs_to(goal, model) for model in models[name]]
            seconds[name, goal] = [number and number * speeds[name].epoch for number in epochs]

    def shown(values):
        reached = [value for value in values if value is not None]
        if not reached:
            return "not reached"
        text = f"{statistics.median(reached):.0f} s"
        return text if len(reached) == len(values) else f"{text} ({len(reached)} of {len(values)})"

    shorter = []
    for cell in _CELLS:
        for goal in _PERPLEXITIES:
            slow, fast = (seconds[f"{cell}-{kind}", goal] for kind in _KINDS)
            # What not every seed reaches has no median to compare.
            if None not in slow + fast:
                shorter.append(statistics.median(fast) < statistics.median(slow))
    gru = "; ".join(
        f"to perplexity {goal:g}: {shown(seconds['gru-scratch', goal])} from scratch, "
        f"{shown(seconds['gru-concise', goal])} concise"
        for goal in _PERPLEXITIES
    )
    return context.judge(
        TIME_TO_PERPLEXITY,
        "The epochs until a perplexity is first reached, times the seconds of an epoch timed in "
        "turns; medians over the seeds, of each cell and perplexity that every seed reaches.",
        f"The GRU, {gru}. In {sum(shorter)} of {len(shorter)} comparisons of RNN, GRU and LSTM "
        "the concise model is the faster one.",
        shorter or [False],
        {f"{name} to {goal:g}": values for (name, goal), values in seconds.items()},
    ), Table(
        ["model", *(f"to {goal:g}" for goal in _PERPLEXITIES)],
        [
            [
                title(f"{cell}-{kind}"),
                *(shown(seconds[f"{cell}-{kind}", goal]) for goal in _PERPLEXITIES),
            ]
            for cell in _CELLS
            for kind in _KINDS
        ],
        "Time to a perplexity",
    )
