"""Exercise "compare rnn.RNN and rnn.GRU", with LSTM, from scratch and concise."""

import statistics

from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.answers import Answer, Finding, Table
from gluon_gru.studies.exercises.comparing import epochs_to, figures, final, side_by_side
from gluon_gru.studies.exercises.timing import in_turns, times_as_long
from gluon_gru.studies.exercises.trainings import CELLS, title

_PERPLEXITIES = (2, 1.1)
_CELLS, _KINDS = ("rnn", "gru", "lstm"), ("scratch", "concise")


def answer(setting):
    """Return the `Answer`; trains every cell, both ways, with every seed."""
    runs = setting.trainings.get(CELLS)
    speeds = in_turns(CELLS, setting)
    times, time_table = _time_to_perplexity(setting, runs, speeds)
    return Answer(
        [
            _gru_against_rnn(setting, runs, speeds),
            _gru_against_lstm(setting, runs, speeds),
            _ranking(setting, runs),
            times,
        ],
        [*side_by_side(runs, speeds), time_table],
        {
            "cells.png": (
                "Perplexity by epoch: the median of the seeds, and their range",
                plots.perplexity({title(name): trainings for name, trainings in runs.items()}),
            )
        },
    )


def _median(runs, name):
    return statistics.median(final(runs[name]))


def _against(runs, speeds, cell, other, kind):
    """Return a GRU beside another cell: the words, and how many times as long the one takes."""
    ratios = times_as_long(speeds[f"{cell}-{kind}"], speeds[f"{other}-{kind}"])
    return (
        f"{kind}: {cell.upper()} {_median(runs, f'{cell}-{kind}'):.3f}, {other.upper()} "
        f"{_median(runs, f'{other}-{kind}'):.3f}; an epoch of the {cell.upper()} takes "
        f"{statistics.median(ratios):.2f} times as long ({ratios[0]:.2f} to "
        f"{ratios[-1]:.2f})"
    ), statistics.median(ratios)


def _gru_against_rnn(setting, runs, speeds):
    better = [_median(runs, f"gru-{kind}") < _median(runs, f"rnn-{kind}") for kind in _KINDS]
    shown, ratios = zip(*(_against(runs, speeds, "gru", "rnn", kind) for kind in _KINDS))
    return Finding(
        "cells/gru-against-rnn",
        "The chapter's protocol with each of them; the tables below. "
        "Epochs were timed in turns; ratios are of each round (median, range).",
        f"Perplexity at the end, {'; '.join(shown)}. rnn.RNN has ReLU unless told otherwise, the "
        "RNN from scratch has tanh; with tanh rnn.RNN ends at "
        f"{_median(runs, 'rnn-tanh-concise'):.3f}.",
        setting.verdict([*better, *(ratio > 1 for ratio in ratios)]),
        figures(runs, speeds),
    )


def _gru_against_lstm(setting, runs, speeds):
    as_good = [
        _median(runs, f"gru-{kind}") <= 1.05 * _median(runs, f"lstm-{kind}") for kind in _KINDS
    ]
    shown, ratios = zip(*(_against(runs, speeds, "gru", "lstm", kind) for kind in _KINDS))
    return Finding(
        "cells/gru-against-lstm",
        "The same; as good is a perplexity at most 5% above, "
        "significantly faster an epoch at least 10% shorter.",
        f"Perplexity at the end, {'; '.join(shown)}.",
        setting.verdict([*as_good, *(ratio < 0.9 for ratio in ratios)]),
        {"times_as_long": dict(zip(_KINDS, ratios))},
    )


def _ranking(setting, runs):
    orders = [
        tuple(sorted(_CELLS, key=lambda cell: final(runs[f"{cell}-{kind}"])[seed]))
        for kind in _KINDS
        for seed in range(len(runs["gru-scratch"]))
    ]
    counts = {order: orders.count(order) for order in dict.fromkeys(orders)}
    shown = "; ".join(
        f"{' before '.join(cell.upper() for cell in order)} in {count} of {len(orders)}"
        for order, count in counts.items()
    )
    first = [order[0] == orders[0][0] for order in orders]
    return Finding(
        "cells/ranking",
        "The order by the perplexity at the end, for each seed, from scratch and "
        "concise. It depends if only the first place is always the same one's.",
        f"{shown}.",
        setting.verdict([len(counts) == 1, all(first)]),
        {" < ".join(order): count for order, count in counts.items()},
    )


def _time_to_perplexity(setting, runs, speeds):
    """Return the finding and its table."""
    seconds = {}
    for name in (f"{cell}-{kind}" for cell in _CELLS for kind in _KINDS):
        for goal in _PERPLEXITIES:
            epochs = [epochs_to(training.history, goal) for training in runs[name]]
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
    found = "; ".join(
        f"to perplexity {goal:g}: {shown(seconds['gru-scratch', goal])} from scratch, "
        f"{shown(seconds['gru-concise', goal])} concise"
        for goal in _PERPLEXITIES
    )
    return Finding(
        "cells/time-to-perplexity",
        "The epochs until a perplexity is first reached, times the seconds of an epoch timed in "
        "turns; medians over the seeds, of each cell and perplexity that every seed reaches.",
        f"The GRU, {found}. In {sum(shorter)} of {len(shorter)} comparisons of RNN, GRU and LSTM "
        "the concise model is the faster one.",
        setting.verdict(shorter or [False]),
        {f"{name} to {goal:g}": values for (name, goal), values in seconds.items()},
    ), Table(
        "Time to a perplexity",
        ["model", *(f"to {goal:g}" for goal in _PERPLEXITIES)],
        [
            [
                title(f"{cell}-{kind}"),
                *(shown(seconds[f"{cell}-{kind}", goal]) for goal in _PERPLEXITIES),
            ]
            for cell in _CELLS
            for kind in _KINDS
        ],
    )
