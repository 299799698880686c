"""The rank-sum test, against all permutations, against SciPy, and by its promise."""

import itertools

import numpy
import pytest

from gluon_gru.published.two_samples import LEVEL, power, rank_sum_p, shift


def by_permutation(first, second):
    """Return the p-value by dealing the pooled values out in every way."""
    pooled = numpy.array([*first, *second])
    ranks = numpy.array([(pooled < v).sum() + ((pooled == v).sum() + 1) / 2 for v in pooled])
    sums = [sum(some) for some in itertools.combinations(ranks, len(first))]
    off = [abs(one - numpy.mean(sums)) for one in sums]
    return numpy.mean(
        [one >= abs(sum(ranks[: len(first)]) - numpy.mean(sums)) - 1e-9 for one in off]
    )


@pytest.mark.parametrize(
    "first, second",
    [
        ([1.0, 1.1], [1.1, 1.1, 1.2]),
        ([1.0, 1.0, 1.0], [1.1, 1.1, 1.2, 1.1]),
        ([1.1], [1.1, 1.1]),
        ([1.3, 1.3, 1.4, 1.5], [1.4, 1.5, 1.5, 1.5, 1.5]),
        ([1.0, 1.2, 1.4, 1.6], [1.1, 1.3, 1.5, 1.7, 1.9]),
    ],
)
def test_the_p_value_is_that_of_all_permutations(first, second):
    assert rank_sum_p(first, second) == pytest.approx(by_permutation(first, second))
    assert rank_sum_p(second, first) == pytest.approx(rank_sum_p(first, second))


def test_the_p_value_is_scipys_where_nothing_is_tied():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    rng = numpy.random.RandomState(1)
    first, second = rng.rand(9), rng.rand(13) + 0.3
    expected = stats.mannwhitneyu(first, second, method="exact").pvalue
    assert rank_sum_p(first, second) == pytest.approx(expected)


def test_samples_of_one_distribution_differ_no_more_often_than_the_level_says():
    rng = numpy.random.RandomState(2)
    often = numpy.mean(
        [
            rank_sum_p(*(rng.choice([1.0, 1.1, 1.2], n, p=[0.3, 0.5, 0.2]) for n in (8, 12))) < 0.1
            for _ in range(200)
        ]
    )
    assert 0.02 < often <= 0.13


def test_power_grows_with_the_sample_and_is_none_without_a_shift():
    published = [1.1] * 30 + [1.2] * 14
    powers = [power(published, size) for size in (1, 5, 10, 20)]
    assert powers == sorted(powers) and powers[0] == 0 and powers[-1] == 1
    assert power(published, 20, shift=0) <= 2 * LEVEL


@pytest.mark.parametrize("sizes, place", [((10, 10), 24), ((5, 5), 3), ((6, 9), 11), ((4, 4), 1)])
def test_the_interval_of_a_shift_is_that_of_the_tables(sizes, place):
    """Its ends are these order statistics of all differences (Conover, 1999, table A7)."""
    rng = numpy.random.RandomState(0)
    first, second = (rng.rand(size) for size in sizes)
    differences = sorted((first[:, None] - second).ravel())
    found = shift(first, second)
    assert found.estimate == pytest.approx(numpy.median(differences)) and found.confident
    assert (found.low, found.high) == (differences[place - 1], differences[-place])


def test_of_too_few_values_the_range_of_a_shift_is_shown():
    assert shift([3, 4, 5], [1, 1, 2]) == (3, 1, 4, False)
    assert "range" in shift([3, 4, 5], [1, 1, 2]).show() and "one seed" in shift([3], [1]).show()
