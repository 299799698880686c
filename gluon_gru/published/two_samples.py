"""Do two samples of printed perplexities come from one distribution? A rank-sum test, exact.

The test is Wilcoxon's (Mann and Whitney's), two-sided, with midranks: printed with one decimal,
nearly all values are tied, which the usual tables and the normal approximation don't allow for. So
its distribution is counted over all ways to deal the pooled values out to the two samples.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Sequence

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
