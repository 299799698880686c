"""Whether goals are met, and how sure that is: of the contests as a record holds them."""

from __future__ import annotations

import math
import statistics
from typing import Any, Mapping, NamedTuple, Sequence

from benchmarks.catalogue import LIMIT, PEERS
from benchmarks.contest import ratio

#: How likely a ratio, measured for ever, would be in the interval of the rounds.
_CONFIDENCE = 0.9

# The fastest round of a contestant that does the same every time is faster than the slowest by less
# than this factor, on a quiet machine.
_QUIET = 1.25

_CELLS = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN"}


class Figure(NamedTuple):
    """What a goal is held against.

    Attributes:
        over: see `benchmarks.catalogue.Goal`.
        least: what is wanted.
        value: the median over the rounds.
        low, high: the interval that it is in, as far as the rounds tell.
        other: whose rate the contestant's is divided by; empty for the limit.
    """

    over: str
    least: float
    value: float
    low: float
    high: float
    other: str = ""

    @property
    def met(self) -> bool:
        """Return whether the goal is met, by the median."""
        return self.value >= self.least

    @property
    def sure(self) -> bool:
        """Return whether more rounds would hardly change that."""
        return self.low >= self.least or self.high < self.least

    @property
    def verdict(self) -> str:
        """Return it in words."""
        return ("met" if self.met else "missed") + " (unsure)" * (not self.sure)


def shape_of(contest: Mapping[str, Any]) -> str:
    """Return a contest's model and minibatches in a few words, such as ``GRU 256, 32 x 35``."""
    layers = f" x {contest['num_layers']}" if contest["num_layers"] > 1 else ""
    parts = [f"{_CELLS[contest['cell']]} {contest['num_hiddens']}{layers}"]
    if contest["task"] in ("training", "scoring"):
        parts.append(f"{contest['batch_size']} x {contest['num_steps']}")
    if contest["dropout"]:
        parts.append(f"dropout {contest['dropout']:g}")
    if contest.get("words", contest["vocab_size"]):
        parts.append(f"{contest['vocab_size']:,} words")
    return ", ".join(parts)


def limits(contest: Mapping[str, Any]) -> list[float]:
    """Return what bounds a contest's rates in each round: the best sgemm, in tokens/sec."""
    return [
        max(rates) / contest["flop_per_token"]
        for rates in zip(*(one["rates"] for one in contest["roofline"].values()))
    ]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval that the median of all possible rounds is in, with 90% confidence.

    It lies between two of the rounds' values, whatever their distribution: of n values, the median
    is below the k-th smallest with the probability that less than k of n coins show heads. With
    less than five rounds it is endless.
    """
    ordered, count = sorted(values), len(values)
    outside, k = 0.5**count, 0
    while 2 * outside <= 1 - _CONFIDENCE:
        k += 1
        outside += math.comb(count, k) * 0.5**count
    return (ordered[k - 1], ordered[-k]) if k else (-math.inf, math.inf)


def figures(contest: Mapping[str, Any]) -> list[Figure]:
    """Return what each goal of a contest is held against; not of those who were left out."""
    contestants = contest["contestants"]
    first, *others = contestants
    found = []
    for goal in contest.get("goals", ()):
        over, least = goal["over"], goal["least"]
        if over == LIMIT:
            rates = contestants[first]["rates"]
            shares = [rate / limit for rate, limit in zip(rates, limits(contest))]
            found.append(Figure(over, least, statistics.median(shares), *interval(shares)))
            continue
        peers = [name for name in others if contestants[name]["kind"] != "engine"]
        # Those that were too slow after the first round have fewer rates.
        rounds = max((len(contestants[name]["rates"]) for name in peers), default=0)
        peers = [name for name in peers if len(contestants[name]["rates"]) == rounds]
        rivals = peers if over == PEERS else [name for name in others if name == over]
        if rivals:
            other = min(rivals, key=lambda name: ratio(contestants, first, name))
            pairs = zip(contestants[first]["rates"], contestants[other]["rates"])
            ratios = [one / another for one, another in pairs]
            found.append(Figure(over, least, statistics.median(ratios), *interval(ratios), other))
    return found


def unsteady(contest: Mapping[str, Any]) -> bool:
    """Return whether the engine or the large product was much slower in some round than in another."""
    steady = [one for one in contest["contestants"].values() if one["kind"] == "engine"]
    steady += contest["roofline"].values()
    return any(max(one["rates"]) > _QUIET * min(one["rates"]) for one in steady)


def warnings(results: Mapping[str, Any]) -> list[str]:
    """Return what a reader of the figures has to know: sentences.

    Args:
        results: what ``record.json`` holds.
    """
    contests, found = results["contests"], []
    noisy = sum(map(unsteady, contests))
    if noisy:
        found.append(
            f"The machine was not quiet: in {noisy} of {len(contests)} contests the engine, or the "
            f"large product, was more than {_QUIET - 1:.0%} faster in one round than in another. "
            "End what else runs, and measure again."
        )
    judged = [figure for contest in contests for figure in figures(contest)]
    unsure = sum(not figure.sure for figure in judged)
    if unsure:
        rounds = results["settings"]["rounds"]
        found.append(
            f"{rounds} rounds are too few for {unsure} of {len(judged)} verdicts, which are marked "
            "as unsure: their ratios differ more from round to round than from the goal. Measure "
            "with more --rounds."
        )
    return found
