"""Exercise "compare rnn.RNN and rnn.GRU", with LSTM, from scratch and concise."""
import statistics

from ..report import spread
from . import plots
from .answers import Answer, Finding, Table, verdict
from .comparing import epochs_to, figures, final, side_by_side
from .recall import CELLS as CELLS_THAT_RECALL
from .recall import minibatches_to_learn
from .timing import in_turns
from .trainings import CELLS, title

_PERPLEXITIES = (2, 1.1)
_PAIRS = (("rnn-scratch", "rnn-concise"), ("gru-scratch", "gru-concise"),
          ("lstm-scratch", "lstm-concise"))
_KINDS = ("scratch", "concise")

# In the task that needs a memory of a known length.
_DISTANCES = (5, 10, 20, 40, 80)


def answer(setting):
    """Return the `Answer`; trains every cell, both ways, with every seed."""
    runs = setting.trainings.get(CELLS)
    speeds = in_turns(CELLS, setting)
    distances, distance_table = _long_distances(setting)
    times, time_table = _time_to_perplexity(setting, runs, speeds)
    return Answer(
        [_gru_against_rnn(setting, runs, speeds), _gru_against_lstm(setting, runs, speeds),
         _ranking(setting, runs), times, distances],
        [*side_by_side(runs, speeds), time_table, distance_table],
        {"cells.png": ("Perplexity by epoch: the median of the seeds, and their range",
                       plots.perplexity({title(name): trainings
                                         for name, trainings in runs.items()}))})


def _median(runs, name):
    return statistics.median(final(runs[name]))


def _gru_against_rnn(setting, runs, speeds):
    better = [_median(runs, f"gru-{kind}") < _median(runs, f"rnn-{kind}") for kind in _KINDS]
    longer = [speeds[f"gru-{kind}"].epoch > speeds[f"rnn-{kind}"].epoch for kind in _KINDS]
    found = "; ".join(
        f"{kind}: GRU {_median(runs, f'gru-{kind}'):.3f}, RNN {_median(runs, f'rnn-{kind}'):.3f}, "
        f"an epoch takes {speeds[f'gru-{kind}'].epoch / speeds[f'rnn-{kind}'].epoch:.1f} times as "
        "long" for kind in _KINDS)
    return Finding(
        "cells/gru-against-rnn", "The chapter's protocol with each of them; the tables below.",
        f"Perplexity at the end, {found}. rnn.RNN has ReLU unless told otherwise, the RNN from "
        f"scratch has tanh; with tanh rnn.RNN ends at {_median(runs, 'rnn-tanh-concise'):.3f}.",
        setting.verdict(all(better + longer),
                        "depends" if any(better) else "does not hold"), figures(runs, speeds))


def _gru_against_lstm(setting, runs, speeds):
    as_good = [_median(runs, f"gru-{kind}") <= 1.05 * _median(runs, f"lstm-{kind}")
               for kind in _KINDS]
    ratios = [speeds[f"gru-{kind}"].rate / speeds[f"lstm-{kind}"].rate for kind in _KINDS]
    faster = [ratio > 1.1 for ratio in ratios]
    found = "; ".join(
        f"{kind}: GRU {_median(runs, f'gru-{kind}'):.3f}, LSTM {_median(runs, f'lstm-{kind}'):.3f},"
        f" the GRU trains {ratio:.2f} times as fast" for kind, ratio in zip(_KINDS, ratios))
    return Finding(
        "cells/gru-against-lstm",
        "The same; as good is a perplexity at most 5% above, significantly faster 10% or more.",
        f"{found[0].upper()}{found[1:]}.",
        setting.verdict(all(as_good + faster), "depends" if all(as_good) or all(faster)
                        else "does not hold"), {"speed": dict(zip(_KINDS, ratios))})


def _ranking(setting, runs):
    orders = {(kind, seed): tuple(sorted(("rnn", "gru", "lstm"), key=lambda cell: final(
        runs[f"{cell}-{kind}"])[seed])) for kind in _KINDS
        for seed in range(setting.trainings.num_seeds)}
    counts = {order: list(orders.values()).count(order) for order in set(orders.values())}
    shown = "; ".join(f"{' before '.join(cell.upper() for cell in order)} in {count} of "
                      f"{len(orders)}" for order, count in
                      sorted(counts.items(), key=lambda item: -item[1]))
    return Finding(
        "cells/ranking", "The order by the perplexity at the end, for each seed, from scratch and "
        "concise.", f"{shown}.", setting.verdict(len(counts) == 1, "depends"),
        {f"{kind} seed {seed + 1}": order for (kind, seed), order in orders.items()})


def _time_to_perplexity(setting, runs, speeds):
    seconds = {(name, goal): [
        (epochs := epochs_to(t.measurement, goal)) and epochs * speeds[name].epoch
        for t in runs[name]] for pair in _PAIRS for name in pair for goal in _PERPLEXITIES}

    def shown(values):
        reached = [value for value in values if value is not None]
        if not reached:
            return "not reached"
        text = f"{statistics.median(reached):.0f} s"
        return text if len(reached) == len(values) else f"{text} ({len(reached)} of {len(values)})"

    shorter = {}
    for scratch, concise in _PAIRS:
        for goal in _PERPLEXITIES:
            slow, fast = seconds[scratch, goal], seconds[concise, goal]
            if None not in slow + fast:
                shorter[scratch, goal] = statistics.median(fast) < statistics.median(slow)
    gru = [shorter.get(("gru-scratch", goal)) for goal in _PERPLEXITIES]
    rows = [[title(name), *(shown(seconds[name, goal]) for goal in _PERPLEXITIES)]
            for pair in _PAIRS for name in pair]
    found = "; ".join(
        f"to perplexity {goal:g}: {shown(seconds['gru-scratch', goal])} from scratch, "
        f"{shown(seconds['gru-concise', goal])} concise" for goal in _PERPLEXITIES)
    return Finding(
        "cells/time-to-perplexity",
        "The epochs until a perplexity is first reached, times the seconds of an epoch; medians "
        "over the seeds.", f"The GRU, {found}. RNN and LSTM: in the table.",
        setting.verdict(all(gru) and all(shorter.values()),
                        "depends" if any(shorter.values()) else "does not hold"),
        {f"{name} to {goal:g}": values for (name, goal), values in seconds.items()}), \
        Table("Time to a perplexity", ["model", *(f"to {goal:g}" for goal in _PERPLEXITIES)], rows)


def _long_distances(setting):
    """Return the finding, and the table of how long each cell needed to learn each distance."""
    seeds = range(1, setting.trainings.num_seeds + 1)
    needed = {(cell, distance): [minibatches_to_learn(cell, distance, seed, setting.ctx)
                                 for seed in seeds]
              for cell in CELLS_THAT_RECALL for distance in _DISTANCES}
    longest = {cell: max((distance for distance in _DISTANCES
                          if None not in needed[cell, distance]), default=0)
               for cell in CELLS_THAT_RECALL}

    def shown(values):
        learnt = [value for value in values if value is not None]
        if not learnt:
            return "not learnt"
        text = spread(learnt, "{:.0f}".format)
        return text if len(learnt) == len(values) else f"{text}; {len(learnt)} of {len(values)}"

    return Finding(
        "cells/long-distances",
        "A task whose distance is known: read a key, then so many other tokens, then name the key "
        "(32 hidden units, Adam). A distance is learnt if every seed names 99% of the keys.",
        "The longest distance that is learnt: " + ", ".join(
            f"{cell} {distance or 'none'}" for cell, distance in longest.items())
        + f" (tried: {', '.join(map(str, _DISTANCES))}).",
        verdict(longest["GRU"] > longest["RNN"]),
        {f"{cell}, distance {distance}": values for (cell, distance), values in needed.items()}), \
        Table("Minibatches until the key is named after so many other tokens: median (and range)",
              ["cell", *map(str, _DISTANCES)],
              [[cell, *(shown(needed[cell, distance]) for distance in _DISTANCES)]
               for cell in CELLS_THAT_RECALL])
