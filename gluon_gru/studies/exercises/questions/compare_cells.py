"""Exercise "compare rnn.RNN and rnn.GRU", with LSTM, from scratch and concise."""

from __future__ import annotations

import collections
import statistics

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import CHAPTER, NOTES, QUESTION
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.comparing import Comparison, compare
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import TrainedModel, title

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
_NAMES = [f"{cell}-{kind}" for cell in _CELLS for kind in _KINDS]


@Exercise(
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
    compared = compare(ALL_CELLS, context)
    times, time_table = _time_to_perplexity(context, compared)
    return Answer(
        [
            _gru_against_rnn(context, compared),
            _gru_against_lstm(context, compared),
            _ranking(context, compared),
            times,
        ],
        [*compared.tables(), time_table],
        [
            compared.picture(
                "cells.png", "Perplexity by epoch: the median of the seeds, and their range"
            )
        ],
    )


def _against(compared: Comparison, other: str) -> tuple[str, list[float]]:
    """Return the GRU beside another cell: the words, and how many times as long it takes."""
    shown, medians = [], []
    for kind in _KINDS:
        gru, model = f"gru-{kind}", f"{other}-{kind}"
        ratios = compared.times_as_long(gru, model)
        medians.append(statistics.median(ratios))
        shown.append(
            f"{kind}: GRU {compared.median(gru):.3f}, {other.upper()} "
            f"{compared.median(model):.3f}; an epoch of the GRU takes {medians[-1]:.2f} times as "
            f"long ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    return f"Perplexity at the end, {'; '.join(shown)}.", medians


def _gru_against_rnn(context: Context, compared: Comparison) -> Verdict:
    better = [compared.median(f"gru-{kind}") < compared.median(f"rnn-{kind}") for kind in _KINDS]
    shown, ratios = _against(compared, "rnn")
    return context.judge(
        GRU_AGAINST_RNN,
        "The chapter's protocol with each of them; the tables below. "
        "Epochs were timed in turns; ratios are of each round (median, range).",
        f"{shown} rnn.RNN has ReLU unless told otherwise, the RNN from scratch has tanh; with tanh "
        f"rnn.RNN ends at {compared.median('rnn-tanh-concise'):.3f}.",
        [*better, *(ratio > 1 for ratio in ratios)],
        compared.figures,
    )


def _gru_against_lstm(context: Context, compared: Comparison) -> Verdict:
    as_good = [
        compared.median(f"gru-{kind}") <= 1.05 * compared.median(f"lstm-{kind}") for kind in _KINDS
    ]
    shown, ratios = _against(compared, "lstm")
    return context.judge(
        GRU_AGAINST_LSTM,
        "The same; as good is a perplexity at most 5% above, "
        "significantly faster an epoch at least 10% shorter.",
        shown,
        [*as_good, *(ratio < 0.9 for ratio in ratios)],
        {"times_as_long": dict(zip(_KINDS, ratios))},
    )


def _ranking(context: Context, compared: Comparison) -> Verdict:
    orders = [
        tuple(sorted(_CELLS, key=lambda cell: compared.ends(f"{cell}-{kind}")[seed]))
        for kind in _KINDS
        for seed in range(len(compared.models["gru-scratch"]))
    ]
    counts = collections.Counter(orders)
    shown = "; ".join(
        f"{' before '.join(map(str.upper, order))} in {count} of {len(orders)}"
        for order, count in counts.items()
    )
    return context.judge(
        RANKING,
        "The order by the perplexity at the end, for each seed, from scratch and "
        "concise. It depends if only the first place always goes to the same cell.",
        f"{shown}.",
        [len(counts) == 1, len({first for first, *_ in orders}) == 1],
        {" < ".join(order): count for order, count in counts.items()},
    )


def epochs_to(perplexity: float, model: TrainedModel) -> int | None:
    """Return after how many epochs a model first had this perplexity or less; None if never."""
    by_epoch = enumerate(model.history.perplexity, 1)
    return next((epoch for epoch, value in by_epoch if value <= perplexity), None)


def _time_to_perplexity(context: Context, compared: Comparison) -> tuple[Verdict, Table]:
    """Return the verdict and its table."""
    seconds: dict[tuple[str, float], list] = {
        (name, goal): [
            epochs and epochs * compared.epoch(name)
            for epochs in (epochs_to(goal, model) for model in compared.models[name])
        ]
        for name in _NAMES
        for goal in _PERPLEXITIES
    }
    shown = {key: _median_of_those_reached(values) for key, values in seconds.items()}
    pairs = [
        [seconds[f"{cell}-{kind}", goal] for kind in _KINDS]
        for cell in _CELLS
        for goal in _PERPLEXITIES
    ]
    # What not every seed reaches has no median to compare.
    shorter = [
        statistics.median(fast) < statistics.median(slow)
        for slow, fast in pairs
        if None not in slow + fast
    ]
    gru = "; ".join(
        f"to perplexity {goal:g}: {shown['gru-scratch', goal]} from scratch, "
        f"{shown['gru-concise', goal]} concise"
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
        [[title(name), *(shown[name, goal] for goal in _PERPLEXITIES)] for name in _NAMES],
        "Time to a perplexity",
    )


def _median_of_those_reached(seconds):
    reached = [value for value in seconds if value is not None]
    if not reached:
        return "not reached"
    text = f"{statistics.median(reached):.0f} s"
    return text if len(reached) == len(seconds) else f"{text} ({len(reached)} of {len(seconds)})"
