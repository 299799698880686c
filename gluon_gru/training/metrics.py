"""Measuring a training: the book's ``Timer`` and ``Accumulator``, and perplexity."""

from __future__ import annotations

import time
from typing import Any

import numpy


class Timer:
    """Record running times, in seconds. Source: the book's section "Linear Regression"."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Start the timer."""
        self.start_time = time.perf_counter()

    def stop(self) -> float:
        """Stop the timer; record the time since its start and return it."""
        self.times.append(time.perf_counter() - self.start_time)
        return self.times[-1]

    def avg(self) -> float:
        """Return the average of the recorded times."""
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """Return the sum of the recorded times."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Return the accumulated times."""
        return numpy.cumsum(self.times).tolist()


class Accumulator:
    """Sums over n variables. Source: the book's section "Softmax Regression from Scratch"."""

    def __init__(self, n: int) -> None:
        self.data = [0.0] * n

    def add(self, *args: Any) -> None:
        """Add a value to each of the sums."""
        self.data = [total + float(value) for total, value in zip(self.data, args)]

    def reset(self) -> None:
        """Set the sums back to 0."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index: int) -> float:
        """Return the sum at ``index``."""
        return self.data[index]


def perplexity(mean_loss: float) -> float:
    """Return exp(mean_loss), infinite where that overflows.

    Args:
        mean_loss: cross-entropy in nats per token.
    """
    with numpy.errstate(over="ignore"):
        return float(numpy.exp(numpy.float64(mean_loss)))
