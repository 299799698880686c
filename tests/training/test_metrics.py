"""The timer on a clock that the tests set, the accumulator, and perplexity against math.exp."""

import math
import time

import hypothesis
import numpy
import pytest
from hypothesis import strategies as st
from mxnet import np

import gluon_gru


@pytest.fixture
def clock(monkeypatch):
    """Return a function that makes the clock show the given times, one a call."""

    def show(*times):
        times = iter(times)
        monkeypatch.setattr(time, "perf_counter", lambda: next(times))

    return show


def test_a_timer_runs_from_its_making(clock):
    clock(100.0, 102.5)
    timer = gluon_gru.Timer()
    assert timer.stop() == 2.5


def test_a_timer_does_not_count_the_time_between_stop_and_start(clock):
    clock(10.0, 11.0, 50.0, 54.0)
    timer = gluon_gru.Timer()
    timer.stop()
    timer.start()
    assert timer.stop() == 4.0
    assert timer.times == [1.0, 4.0]


def test_a_timer_sums_averages_and_accumulates_what_it_recorded(clock):
    clock(0.0, 1.0, 10.0, 12.0, 20.0, 26.0)
    timer = gluon_gru.Timer()
    timer.stop()
    for _ in range(2):
        timer.start()
        timer.stop()
    assert timer.sum() == 9.0
    assert timer.avg() == 3.0
    assert timer.cumsum() == [1.0, 3.0, 9.0]
    assert isinstance(timer.cumsum(), list)


def test_an_accumulator_starts_at_zero_and_sums_each_place_on_its_own():
    sums = gluon_gru.Accumulator(3)
    assert [sums[0], sums[1], sums[2]] == [0.0, 0.0, 0.0]
    sums.add(1, 2.5, True)
    sums.add(10, -0.5, 1)
    assert [sums[0], sums[1], sums[2]] == [11.0, 2.0, 2.0]


def test_an_accumulator_holds_python_numbers_whatever_was_added():
    sums = gluon_gru.Accumulator(2)
    sums.add(numpy.float32(1.5), np.array(2.5))
    assert sums.data == [1.5, 2.5]
    assert all(type(value) is float for value in sums.data)


def test_a_reset_accumulator_has_as_many_sums_as_before_all_zero():
    sums = gluon_gru.Accumulator(2)
    sums.add(3, 4)
    sums.reset()
    assert sums.data == [0.0, 0.0]
    sums.add(1, 2)
    assert sums.data == [1.0, 2.0]


@hypothesis.given(st.floats(-50, 700))
def test_perplexity_is_the_exponential_of_the_loss(loss):
    assert gluon_gru.perplexity(loss) == pytest.approx(math.exp(loss), rel=1e-12)


def test_perplexity_of_guessing_among_equals_is_their_number():
    assert gluon_gru.perplexity(math.log(28)) == pytest.approx(28, rel=1e-12)


@pytest.mark.parametrize("loss", [710, 1e6, math.inf, numpy.float32(1e4), numpy.float32(numpy.inf)])
def test_perplexity_that_overflows_is_infinite_without_a_warning(loss):
    # Warnings are errors here.
    assert gluon_gru.perplexity(loss) == math.inf


def test_perplexity_of_a_float32_loss_has_the_range_of_a_double():
    assert gluon_gru.perplexity(numpy.float32(100)) == pytest.approx(math.exp(100), rel=1e-12)


def test_perplexity_of_no_number_is_no_number():
    assert math.isnan(gluon_gru.perplexity(math.nan))


@pytest.mark.parametrize("loss", [1, 1.0, numpy.float32(1), numpy.float64(1)])
def test_perplexity_is_a_python_number(loss):
    assert type(gluon_gru.perplexity(loss)) is float
