"""Exercise "compare rnn.RNN and rnn.GRU", with LSTM, from scratch and concise."""

from __future__ import annotations

import collections
import statistics

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import CHAPTER, NOTES, OURS, QUESTION
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.comparing import Comparison, compare
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import TrainedModel, title

GRU_AGAINST_RNN = Claim(
    "cells/gru-against-rnn",
    QUESTION,
    "Compare running time, perplexity and text of rnn.RNN and rnn.GRU.",
    quantity="question",
)
GRU_AGAINST_LSTM = Claim(
    "cells/gru-against-lstm",
    CHAPTER,
    "A GRU is often as good as an LSTM and significantly faster to compute.",
)
RANKING = Claim(
    "cells/ranking",
    OURS,
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

# A perplexity is as good as another one that is at most so much lower.
_AS_GOOD = 1.05


@Exercise(
    "cells",
    "Compare running time, perplexity and output of RNN and GRU (and LSTM), from scratch and "
    "concise.",
    "A GRU has three times the weights of an RNN, an LSTM four times, and each costs about as many "
    "times the arithmetic. From scratch every step is a dozen operators that Python starts one by "
    "one; the concise layers run a whole sequence in one operator, which is why they reach any "
    "perplexity sooner although they don't learn more in an epoch.",
    ALL_CELLS,
)
def compare_cells(context: Context) -> Answer:
    """Train every cell, both ways, with every seed."""
    compared = compare(ALL_CELLS, context)
    sooner, time_table = _time_to_perplexity(context, compared)
    medians = {name: compared.median(name) for name in ALL_CELLS}
    times = {
        other: statistics.median(compared.times_as_long("gru-concise", f"{other}-concise"))
        for other in ("rnn", "lstm")
    }
    return Answer(
        f"rnn.GRU ends at perplexity {medians['gru-concise']:.2f} where rnn.RNN ends at "
        f"{medians['rnn-concise']:.2f} (with tanh {medians['rnn-tanh-concise']:.2f}) and rnn.LSTM at "
        f"{medians['lstm-concise']:.2f}; an epoch takes {times['rnn']:.1f} times the RNN's time and "
        f"{times['lstm']:.2f} times the LSTM's.",
        [
            _gru_against_rnn(context, compared),
            _gru_against_lstm(context, compared),
            _ranking(context, compared),
            sooner,
        ],
        [*compared.tables(), time_table],
        [compared.curves("cells.png", "Perplexity by epoch of all cells")],
    )


def _model(cell: str, kind: str) -> str:
    """Return a cell's protocol; both RNNs have tanh, as the one from scratch does."""
    return "rnn-tanh-concise" if (cell, kind) == ("rnn", "concise") else f"{cell}-{kind}"


def _gru_against_rnn(context: Context, compared: Comparison) -> Verdict:
    gru, rnn, tanh = "gru-concise", "rnn-concise", "rnn-tanh-concise"
    ratios = compared.times_as_long(gru, rnn)
    return context.judge(
        GRU_AGAINST_RNN,
        "The chapter's protocol with each of them; the tables below. Perplexities are the median of "
        "the last ten epochs. Epochs were timed in turns, on MXNet's operators.",
        f"An epoch of rnn.GRU takes {statistics.median(ratios):.2f} times as long as one of rnn.RNN "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}), and its perplexity differs by "
        f"{compared.shift(gru, rnn).show()}: GRU {compared.shown(gru)}; RNN {compared.shown(rnn)}. "
        "rnn.RNN has ReLU unless told otherwise; with tanh, as from scratch, it ends at "
        f"{compared.shown(tanh)}, from which the GRU differs by "
        f"{compared.shift(gru, tanh).show()}.",
        [],
        compared.figures,
    )


def _gru_against_lstm(context: Context, compared: Comparison) -> Verdict:
    shown, cases, times = [], [], {}
    for kind in _KINDS:
        gru, lstm = f"gru-{kind}", f"lstm-{kind}"
        ratios = compared.times_as_long(gru, lstm)
        times[kind] = statistics.median(ratios)
        cases += [compared.median(gru) <= _AS_GOOD * compared.median(lstm), times[kind] < 0.9]
        shown.append(
            f"{kind}: GRU {compared.shown(gru)}; LSTM {compared.shown(lstm)}; the GRU's differs by "
            f"{compared.shift(gru, lstm).show()}, and its epoch takes {times[kind]:.2f} times as "
            f"long ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    return context.judge(
        GRU_AGAINST_LSTM,
        "The same; as good is a perplexity at most 5% above, significantly faster an epoch at least "
        "10% shorter.",
        f"{'. '.join(shown)}.",
        cases,
        {"times_as_long": times},
    )


def _ranking(context: Context, compared: Comparison) -> Verdict:
    orders = [
        tuple(sorted(_CELLS, key=lambda cell: compared.settled(_model(cell, kind))[seed]))
        for kind in _KINDS
        for seed in range(len(compared.models["gru-scratch"]))
    ]
    counts = collections.Counter(orders)
    shown = "; ".join(
        f"{' before '.join(map(str.upper, order))} in {count} of {len(orders)}"
        for order, count in counts.most_common()
    )
    return context.judge(
        RANKING,
        "The order by the median perplexity of the last ten epochs, for each seed, from scratch and "
        "concise, the RNN with tanh in both. It depends if only the first place always goes to the "
        "same cell.",
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
    names = [_model(cell, kind) for cell in _CELLS for kind in _KINDS]
    seconds: dict[tuple[str, float], list] = {
        (name, goal): [
            epochs and epochs * compared.epoch(name)
            for epochs in (epochs_to(goal, model) for model in compared.models[name])
        ]
        for name in names
        for goal in _PERPLEXITIES
    }
    shown = {key: _median_of_those_reached(values) for key, values in seconds.items()}
    pairs = [
        [seconds[_model(cell, kind), goal] for kind in _KINDS]
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
        "turns on MXNet's operators; medians over the seeds, of each cell and perplexity that every "
        "seed reaches.",
        f"The GRU, {gru}. In {sum(shorter)} of {len(shorter)} comparisons of RNN, GRU and LSTM "
        "the concise model is the faster one.",
        shorter or [False],
        {f"{name} to {goal:g}": values for (name, goal), values in seconds.items()},
    ), Table(
        ["model", *(f"to {goal:g}" for goal in _PERPLEXITIES)],
        [[title(name), *(shown[name, goal] for goal in _PERPLEXITIES)] for name in names],
        "Time to a perplexity",
    )


def _median_of_those_reached(seconds):
    reached = [value for value in seconds if value is not None]
    if not reached:
        return "not reached"
    text = f"{statistics.median(reached):.0f} s"
    return text if len(reached) == len(seconds) else f"{text} ({len(reached)} of {len(seconds)})"
