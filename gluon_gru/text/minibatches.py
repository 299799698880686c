"""Tokens in, minibatches out: sequential or random as the book cuts them, windows, and rows.

All are cut with NumPy; the book's names on top of them (`seq_data_iter_random`, `SeqDataLoader`,
...) give MXNet's arrays. They follow the book's section "Language Models and the Dataset": the same
random offsets, and the same sequences in the same minibatches.
"""

from __future__ import annotations

import numbers
import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Tuple

import numpy

from gluon_gru.errors import InputError, check_positive
from gluon_gru.text.corpus import load_corpus_time_machine
from gluon_gru.text.editions import DEFAULT
from gluon_gru.text.vocabulary import Vocab

if TYPE_CHECKING:
    from mxnet import np

#: ``(X, Y)``, integers (batch_size, num_steps) each; Y is X one token later.
Minibatch = Tuple[numpy.ndarray, numpy.ndarray]


def shortest_corpus(batch_size: int, num_steps: int) -> int:
    """Return how many tokens one minibatch takes, wherever the random offset falls."""
    return batch_size * num_steps + num_steps + 1


def _check(tokens: numpy.ndarray, batch_size: int, num_steps: int) -> None:
    check_positive("batch_size", batch_size)
    check_positive("num_steps", num_steps)
    needed = shortest_corpus(batch_size, num_steps)
    if len(tokens) < needed:
        raise InputError(
            f"a text of {len(tokens):,} tokens is too short: one minibatch of {batch_size} "
            f"sequences of {num_steps} tokens takes {needed:,}; give a longer text, or a smaller "
            "batch_size or num_steps"
        )


def rows(tokens: numpy.ndarray, num_rows: int) -> Minibatch:
    """Cut a text into rows of consecutive tokens, to be read side by side.

    Args:
        tokens: integers (num_tokens,), at least one more than there are rows.
        num_rows: how many. They are of the same length, so a few tokens at the end are left out.

    Returns:
        ``(X, Y)``, views (num_rows, (num_tokens - 1) // num_rows) of the tokens; Y is X one token
        later.
    """
    tokens = numpy.asarray(tokens)
    length = (len(tokens) - 1) // num_rows
    X, Y = (tokens[i : i + num_rows * length].reshape(num_rows, length) for i in (0, 1))
    return X, Y


def columns(X: numpy.ndarray, Y: numpy.ndarray, num_steps: int) -> Iterator[Minibatch]:
    """Yield what `rows` returns, int32 and num_steps tokens of each row at a time.

    The last ones may be fewer.
    """
    for i in range(0, X.shape[1], num_steps):
        # Bit by bit: a long text's tokens are held in as few bytes as will do.
        yield (
            X[:, i : i + num_steps].astype(numpy.int32),
            Y[:, i : i + num_steps].astype(numpy.int32),
        )


def cut_sequential(
    tokens: numpy.ndarray, batch_size: int, num_steps: int, rng: Any
) -> Iterator[Minibatch]:
    """Yield what `seq_data_iter_sequential` does, as NumPy arrays of int32."""
    _check(tokens, batch_size, num_steps)
    X, Y = rows(tokens[rng.randint(0, num_steps) :], batch_size)
    whole = X.shape[1] // num_steps * num_steps
    yield from columns(X[:, :whole], Y[:, :whole], num_steps)


def cut_random(
    tokens: numpy.ndarray, batch_size: int, num_steps: int, rng: Any
) -> Iterator[Minibatch]:
    """Yield what `seq_data_iter_random` does, as NumPy arrays of int32."""
    _check(tokens, batch_size, num_steps)
    tokens = numpy.asarray(tokens)[rng.randint(0, num_steps) :]
    num_examples = (len(tokens) - 1) // num_steps
    starts = list(range(0, num_examples * num_steps, num_steps))
    rng.shuffle(starts)
    whole = num_examples // batch_size * batch_size
    yield from _cut_at(tokens, numpy.array(starts[:whole]), batch_size, num_steps)


def _cut_at(
    tokens: numpy.ndarray, starts: numpy.ndarray, batch_size: int, num_steps: int
) -> Iterator[Minibatch]:
    """Yield minibatches of the sequences that start at ``starts``, an integer array."""
    for i in range(0, len(starts), batch_size):
        indices = starts[i : i + batch_size, None] + numpy.arange(num_steps)
        yield tokens[indices].astype(numpy.int32), tokens[indices + 1].astype(numpy.int32)


def _for_mxnet(minibatches: Iterable[Minibatch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from mxnet import np

    for X, Y in minibatches:
        yield np.array(numpy.ascontiguousarray(X)), np.array(numpy.ascontiguousarray(Y))


def seq_data_iter_random(
    corpus: numpy.ndarray, batch_size: int, num_steps: int, rng: Any = random
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield minibatches of sequences from random places; ``(X, Y)``, (batch_size, num_steps) each.

    The text after a random offset in [0, num_steps] is cut into sequences, which are shuffled; Y
    is X one token later. Source: the book's section "Language Models and the Dataset", random
    sampling (2019).

    Args:
        corpus: the tokens, integers (num_tokens,).
        batch_size, num_steps: sequences in a minibatch, tokens in a sequence.
        rng: draws the offset and the order: the module ``random``, or a ``random.Random``.

    Raises:
        InputError: for sizes that aren't positive, and a corpus too short for one minibatch.
    """
    return _for_mxnet(cut_random(corpus, batch_size, num_steps, rng))


def seq_data_iter_consecutive(
    corpus: numpy.ndarray, batch_size: int, num_steps: int, rng: Any = random
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield minibatches that continue each other; ``(X, Y)``, (batch_size, num_steps) each.

    The text after a random offset in [0, num_steps] is cut into batch_size long rows; row i of a
    minibatch goes on where row i of the one before it ended; Y is X one token later. Source: the
    book's section "Language Models and the Dataset", sequential partitioning.

    Args and errors: see `seq_data_iter_random`.
    """
    return _for_mxnet(cut_sequential(corpus, batch_size, num_steps, rng))


#: The name that the book's later editions give it.
seq_data_iter_sequential = seq_data_iter_consecutive


class _Loader:
    """Minibatches, anew for every epoch."""

    def in_numpy(self) -> Iterator[Minibatch]:
        """Start an epoch; yield its minibatches as NumPy arrays of int32."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Start an epoch; yield its minibatches as MXNet's arrays."""
        return _for_mxnet(self.in_numpy())


class SeqDataLoader(_Loader):
    """Minibatches of a corpus, anew (with another random offset) for every epoch.

    Source: the book's section "Language Models and the Dataset".

    Args:
        batch_size, num_steps: sequences in a minibatch, tokens in a sequence.
        use_random_iter: random sampling instead of sequential partitioning.
        max_tokens: use the first so many tokens; all if it is not positive.
        source: ``(tokens, vocab)``; by default the book's corpus, characters.
        rng: what draws the offsets: the module ``random``, as in the book, or a ``random.Random``.

    Attributes:
        corpus: the tokens, an integer array (num_tokens,).
        vocab: their `Vocab`.

    Raises:
        InputError: for sizes that aren't positive, and a corpus too short for one minibatch.
    """

    def __init__(
        self,
        batch_size: int,
        num_steps: int,
        use_random_iter: bool = False,
        max_tokens: int = 10000,
        source: tuple[numpy.ndarray, Vocab] | None = None,
        rng: Any = random,
    ) -> None:
        given: object = max_tokens
        if not isinstance(given, numbers.Integral):
            raise InputError(f"max_tokens is {max_tokens!r}: it must be a whole number")
        self.corpus, self.vocab = source or load_corpus_time_machine()
        if max_tokens > 0:
            self.corpus = self.corpus[:max_tokens]
        _check(self.corpus, batch_size, num_steps)
        self.batch_size, self.num_steps, self.rng = batch_size, num_steps, rng
        self.use_random_iter = use_random_iter

    def in_numpy(self) -> Iterator[Minibatch]:
        """Start an epoch; yield its minibatches as NumPy arrays of int32."""
        cut = cut_random if self.use_random_iter else cut_sequential
        return cut(self.corpus, self.batch_size, self.num_steps, self.rng)


class WindowLoader(_Loader):
    """Minibatches of a text's windows; window i is ``tokens[i:i + num_steps + 1]``.

    A minibatch is ``(X, Y)``, (batch_size, num_steps) each: the windows without their last token,
    and without their first. The last one of an epoch may be smaller. Source: ``TimeMachine`` in the
    book's later section "Language Models and the Dataset". As there, the last training window and
    the first of validation have num_steps tokens in common.

    Args:
        tokens: an integer array (num_tokens,).
        num_steps, batch_size: tokens in X's rows, and rows.
        first, count: the first window, and how many.
        rng: a ``numpy.random.RandomState`` that shuffles them anew for every epoch; None leaves
            them in order.

    Raises:
        InputError: for sizes that aren't positive, and a text too short for the windows.
    """

    def __init__(
        self,
        tokens: numpy.ndarray,
        num_steps: int,
        batch_size: int,
        first: int,
        count: int,
        rng: numpy.random.RandomState | None = None,
    ) -> None:
        for name, value in (("num_steps", num_steps), ("batch_size", batch_size), ("count", count)):
            check_positive(name, value)
        needed = first + count + num_steps
        if len(tokens) < needed:
            raise InputError(
                f"a text of {len(tokens):,} tokens is too short: the windows {first:,} to "
                f"{first + count - 1:,} of num_steps {num_steps} take {needed:,}; give a "
                "longer text"
            )
        self.tokens, self.num_steps, self.batch_size = numpy.asarray(tokens), num_steps, batch_size
        self.first, self.count, self.rng = first, count, rng

    def in_numpy(self) -> Iterator[Minibatch]:
        """Start an epoch; yield its minibatches as NumPy arrays of int32."""
        order = numpy.arange(self.count) if self.rng is None else self.rng.permutation(self.count)
        return _cut_at(self.tokens, self.first + order, self.batch_size, self.num_steps)


def load_data_time_machine(
    batch_size: int,
    num_steps: int,
    use_random_iter: bool = False,
    max_tokens: int = 10000,
    edition: str = DEFAULT,
) -> tuple[SeqDataLoader, Vocab]:
    """Return ``(train_iter, vocab)``: a `SeqDataLoader` of the book's corpus and its `Vocab`.

    ``edition`` names the book's: see `gluon_gru.text.editions.EDITIONS`. Source: the book's section
    "Language Models and the Dataset".

    Raises:
        InputError: see `SeqDataLoader` and `gluon_gru.text.corpus.find`.
    """
    source = load_corpus_time_machine(edition=edition)
    train_iter = SeqDataLoader(batch_size, num_steps, use_random_iter, max_tokens, source)
    return train_iter, train_iter.vocab
