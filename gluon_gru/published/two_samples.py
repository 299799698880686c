"""Two samples of perplexities: do they come from one distribution, and how far are they apart?

Whether: by Wilcoxon's rank-sum test (Mann and Whitney's), two-sided, with midranks. Printed with one
decimal, nearly all values are tied, which the usual tables and the normal approximation don't allow
for. So its distribution is counted over all ways to deal the pooled values out to the two samples.

How far: by the estimate and the interval that belong to this test, Hodges and Lehmann's.
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy

#: Verdicts are at this level: of some twenty, one would be "does not hold" by mere chance in every
#: fifth reproduction.
LEVEL = 0.01

#: A difference counts as one that these samples could have shown if they show it so often.
POWER = 0.8

#: Power is simulated with so many samples.
_DRAWS = 200


def rank_sum_p(first: Iterable[float], second: Iterable[float]) -> float:
    """Return the p-value of the two-sided rank-sum test of two samples, each of at least one."""
    one, other = collections.Counter(first), collections.Counter(second)
    taken, below, statistic = sum(one.values()), 0, 0
    # How many ways there are to have taken so many values with so large a sum of (doubled) ranks.
    ways = {(0, 0): 1}
    for value in sorted(one + other):
        tied = one[value] + other[value]
        rank = 2 * below + tied + 1
        more: dict[tuple[int, int], int] = collections.defaultdict(int)
        for (count, ranks), number in ways.items():
            for extra in range(min(tied, taken - count) + 1):
                more[count + extra, ranks + extra * rank] += number * math.comb(tied, extra)
        ways, below = more, below + tied
        statistic += one[value] * rank
    expected = taken * (below + 1)
    sums = {ranks: number for (count, ranks), number in ways.items() if count == taken}
    extreme = sum(
        number
        for ranks, number in sums.items()
        if abs(ranks - expected) >= abs(statistic - expected)
    )
    return extreme / sum(sums.values())


def power(published: Sequence[float], size: int, shift: float = 0.1) -> float:
    """Return how often ``size`` runs would differ from the published ones if they were shifted.

    Simulated: ``size`` values are drawn from the published ones, each is made larger by ``shift``
    (one step of the printed decimal), and tested at `LEVEL`.
    """
    rng, known, shown = numpy.random.RandomState(0), {}, 0
    for _ in range(_DRAWS):
        drawn = tuple(sorted(round(value + shift, 1) for value in rng.choice(published, size)))
        if drawn not in known:
            known[drawn] = rank_sum_p(drawn, published) < LEVEL
        shown += known[drawn]
    return shown / _DRAWS


class Shift(NamedTuple):
    """How much larger the values of one sample are than those of another.

    Attributes:
        estimate: the median of all differences (Hodges and Lehmann, 1963).
        low, high: its interval of 95%, or of more where so few values don't allow for one so narrow.
        confident: whether there are enough values for an interval of 95%. If not, low and high are
            the smallest and the largest difference.
    """

    estimate: float
    low: float
    high: float
    confident: bool

    def show(self, form: str = "{:+.3f}") -> str:
        """Return the estimate and its interval as reports show them."""
        span = f"{form.format(self.low)} to {form.format(self.high)}"
        if self.low == self.high:
            return f"{form.format(self.estimate)} (one seed each)"
        name = "95% interval" if self.confident else "range"
        return f"{form.format(self.estimate)} ({name} {span})"


def shift(first: Sequence[float], second: Sequence[float]) -> Shift:
    """Return how much larger the values of ``first`` are, as a `Shift`; each has at least one."""
    differences = sorted(one - other for one in first for other in second)
    # How many ways there are for so many differences to be positive, if nothing differs.
    ways = numpy.ones(1, dtype=object)
    for number in range(1, len(second) + 1):
        ways = _times_of_gauss(ways, len(first) + number, number)
    # How many of the least likely counts have 2.5% together.
    cut = sum(40 * tail <= sum(ways) for tail in itertools.accumulate(ways))
    confident = cut > 0
    left = cut - 1 if confident else 0
    return Shift(
        float(numpy.median(differences)), differences[left], differences[-1 - left], confident
    )


def _times_of_gauss(ways: numpy.ndarray, up: int, down: int) -> numpy.ndarray:
    """Return a polynomial times (1 - x**up) / (1 - x**down), as Gauss's binomials multiply."""
    raised = numpy.concatenate([ways, numpy.zeros(up, dtype=object)])
    raised[up:] -= ways
    for power_of_x in range(down, len(raised)):
        raised[power_of_x] += raised[power_of_x - down]
    return raised[: len(raised) - down]
