"""What a training loop measures with: the book's ``Timer`` and ``Accumulator``, and perplexity."""

import time

import numpy


class Timer:
    """Record running times, in seconds. Source: the book's section "Linear Regression"."""

    def __init__(self):
        self.times = []
        self.start()

    def start(self):
        """Start the timer."""
        self.start_time = time.perf_counter()

    def stop(self):
        """Stop the timer; record the time since its start and return it."""
        self.times.append(time.perf_counter() - self.start_time)
        return self.times[-1]

    def avg(self):
        """Return the average of the recorded times."""
        return sum(self.times) / len(self.times)

    def sum(self):
        """Return the sum of the recorded times."""
        return sum(self.times)

    def cumsum(self):
        """Return the accumulated times, a list."""
        return numpy.cumsum(self.times).tolist()


class Accumulator:
    """Sums over n variables. Source: the book's section "Softmax Regression from Scratch"."""

    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        """Add a value to each of the sums."""
        self.data = [total + float(value) for total, value in zip(self.data, args)]

    def reset(self):
        """Set the sums back to 0."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index):
        """Return the sum at ``index``."""
        return self.data[index]


def perplexity(mean_loss):
    """Return exp(mean_loss), infinite where that overflows.

    Args:
        mean_loss: cross-entropy in nats a token.
    """
    with numpy.errstate(over="ignore"):
        return float(numpy.exp(numpy.float64(mean_loss)))
