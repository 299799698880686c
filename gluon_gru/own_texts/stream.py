"""The minibatches of epoch after epoch, from a place that can be saved and restored."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from gluon_gru.runs.checkpoint import set_state
from gluon_gru.text.minibatches import SeqDataLoader


class MinibatchStream:
    """A loader's minibatches, epoch after epoch without end.

    Args:
        loader: with a ``random.Random`` of its own.
    """

    def __init__(self, loader: SeqDataLoader) -> None:
        self._loader = loader
        self.go_to(0, loader.rng.getstate())

    def take(self, count: int) -> Iterator[tuple[numpy.ndarray, numpy.ndarray, bool]]:
        """Yield ``count`` times ``(X, Y, starts)``; ``starts`` is true for an epoch's first."""
        for _ in range(count):
            minibatch = next(self._epoch, None)
            if minibatch is None:
                self.go_to(0, self._loader.rng.getstate())
                minibatch = next(self._epoch)
            self._index += 1
            yield (*minibatch, self._index == 1)

    def place(self) -> tuple[int, Sequence[Any]]:
        """Return how many minibatches of the epoch are done, and the random state before it."""
        return self._index, self._before_epoch

    def go_to(self, index: int, random_state: Sequence[Any]) -> None:
        """Continue from what `place` returned."""
        set_state(self._loader.rng, random_state)
        self._index, self._before_epoch = index, random_state
        self._epoch = itertools.islice(self._loader.in_numpy(), index, None)
