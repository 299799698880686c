"""The minibatches of epoch after epoch, whose place can be taken note of and gone back to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy

from gluon_gru.runs.checkpoint import set_state, state_of
from gluon_gru.text.minibatches import Minibatch, SeqDataLoader


class MinibatchStream:
    """A loader's minibatches, epoch after epoch without end.

    Args:
        loader: with a `random.Random` of its own.
    """

    def __init__(self, loader: SeqDataLoader) -> None:
        self._loader = loader
        self._before_epoch = state_of(loader.rng)
        self._epoch: Iterator[Minibatch] | None = None
        # Of the epoch's minibatches, those that were given out, and those to skip.
        self._given = self._skipped = 0

    def take(self, count: int) -> Iterator[tuple[numpy.ndarray, numpy.ndarray, bool]]:
        """Yield so many minibatches: ``(X, Y, starts)``, starts for the first one of an epoch."""
        while count:
            if self._epoch is None:
                self._before_epoch = state_of(self._loader.rng)
                self._epoch = itertools.islice(self._loader.in_numpy(), self._skipped, None)
            for X, Y in itertools.islice(self._epoch, count):
                self._given += 1
                count -= 1
                yield X, Y, self._given == 1
            if count:
                self._epoch, self._given, self._skipped = None, 0, 0

    def place(self) -> tuple[int, list[Any]]:
        """Return how many of the epoch's minibatches are done, and the random state before it."""
        return self._given, self._before_epoch

    def go_to(self, index: int, random_state: list[Any]) -> None:
        """Go on from what `place` returned."""
        set_state(self._loader.rng, random_state)
        self._before_epoch = random_state
        self._epoch, self._given, self._skipped = None, index, index
