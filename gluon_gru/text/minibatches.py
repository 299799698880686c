"""Tokens in, minibatches out: random sampling, or sequential partitioning.

Follows the book's section "Language Models and the Dataset": the same random offsets, and the same
sequences in the same minibatches.
"""

import numbers
import random

import numpy
from mxnet import np

from gluon_gru.errors import InputError, check_positive
from gluon_gru.text.vocabulary import load_corpus_time_machine


def shortest_corpus(batch_size, num_steps):
    """Return how many tokens one minibatch takes, wherever the random offset falls."""
    return batch_size * num_steps + num_steps + 1


def _check(corpus, batch_size, num_steps):
    check_positive("batch_size", batch_size)
    check_positive("num_steps", num_steps)
    needed = shortest_corpus(batch_size, num_steps)
    if len(corpus) < needed:
        raise InputError(
            f"a text of {len(corpus):,} tokens is too short: one minibatch of {batch_size} "
            f"sequences of {num_steps} tokens takes {needed:,}; give a longer text, or a smaller "
            "batch_size or num_steps"
        )


def _random(corpus, batch_size, num_steps, rng):
    """Yield what `seq_data_iter_random` does, as NumPy arrays."""
    _check(corpus, batch_size, num_steps)
    corpus = numpy.asarray(corpus)[rng.randint(0, num_steps) :]
    num_examples = (len(corpus) - 1) // num_steps
    starts = list(range(0, num_examples * num_steps, num_steps))
    rng.shuffle(starts)
    starts, within = numpy.array(starts)[:, None], numpy.arange(num_steps)
    for i in range(0, num_examples // batch_size * batch_size, batch_size):
        indices = starts[i : i + batch_size] + within
        yield corpus[indices].astype(numpy.int32), corpus[indices + 1].astype(numpy.int32)


def _consecutive(corpus, batch_size, num_steps, rng):
    """Yield what `seq_data_iter_consecutive` does, as NumPy arrays."""
    _check(corpus, batch_size, num_steps)
    corpus, offset = numpy.asarray(corpus), rng.randint(0, num_steps)
    row = (len(corpus) - offset - 1) // batch_size
    Xs = corpus[offset : offset + batch_size * row].reshape(batch_size, row)
    Ys = corpus[offset + 1 : offset + 1 + batch_size * row].reshape(batch_size, row)
    for i in range(0, row // num_steps * num_steps, num_steps):
        # Minibatch by minibatch: a long text's tokens are held in as few bytes as will do.
        yield (
            Xs[:, i : i + num_steps].astype(numpy.int32),
            Ys[:, i : i + num_steps].astype(numpy.int32),
        )


def _for_mxnet(minibatches):
    for X, Y in minibatches:
        yield np.array(numpy.ascontiguousarray(X)), np.array(numpy.ascontiguousarray(Y))


def seq_data_iter_random(corpus, batch_size, num_steps, rng=random):
    """Yield minibatches of sequences from random places; ``(X, Y)``, (batch_size, num_steps) each.

    The text after a random offset in [0, num_steps] is cut into sequences, which are shuffled; Y
    is X one token later. Source: the book's section "Language Models and the Dataset", random
    sampling (2019).

    Raises:
        InputError: for sizes that aren't positive, and a corpus too short for one minibatch.
    """
    return _for_mxnet(_random(corpus, batch_size, num_steps, rng))


def seq_data_iter_consecutive(corpus, batch_size, num_steps, rng=random):
    """Yield minibatches that continue each other; ``(X, Y)``, (batch_size, num_steps) each.

    The text after a random offset in [0, num_steps] is cut into batch_size long rows; row i of a
    minibatch goes on where row i of the one before it ended; Y is X one token later. Source: the
    book's section "Language Models and the Dataset", sequential partitioning.

    Raises:
        InputError: for sizes that aren't positive, and a corpus too short for one minibatch.
    """
    return _for_mxnet(_consecutive(corpus, batch_size, num_steps, rng))


#: The name that the book's later editions give it.
seq_data_iter_sequential = seq_data_iter_consecutive


class SeqDataLoader:
    """Minibatches of a corpus, anew (with another random offset) for every epoch.

    Source: the book's section "Language Models and the Dataset".

    Args:
        batch_size, num_steps: sequences in a minibatch, tokens in a sequence.
        use_random_iter: random sampling instead of sequential partitioning.
        max_tokens: use the first so many tokens; all if it is not positive.
        source: ``(tokens, vocab)``; by default the book's corpus, characters.
        rng: what draws the offsets: the module `random`, as in the book, or a `random.Random`.

    Attributes:
        corpus: the tokens, an integer array (num_tokens,).
        vocab: their `Vocab`.

    Raises:
        InputError: for sizes that aren't positive, and a corpus too short for one minibatch.
    """

    def __init__(
        self,
        batch_size,
        num_steps,
        use_random_iter=False,
        max_tokens=10000,
        source=None,
        rng=random,
    ):
        if not isinstance(max_tokens, numbers.Integral):
            raise InputError(f"max_tokens is {max_tokens!r}: it must be a whole number")
        self.corpus, self.vocab = source or load_corpus_time_machine()
        if max_tokens > 0:
            self.corpus = self.corpus[:max_tokens]
        _check(self.corpus, batch_size, num_steps)
        self.batch_size, self.num_steps, self.rng = batch_size, num_steps, rng
        self.use_random_iter = use_random_iter

    def in_numpy(self):
        """Start an epoch; yield its minibatches as NumPy arrays of int32."""
        minibatches = _random if self.use_random_iter else _consecutive
        return minibatches(self.corpus, self.batch_size, self.num_steps, self.rng)

    def __iter__(self):
        """Start an epoch; yield its minibatches as MXNet's arrays."""
        return _for_mxnet(self.in_numpy())


def load_data_time_machine(batch_size, num_steps, use_random_iter=False, max_tokens=10000):
    """Return ``(train_iter, vocab)``: a `SeqDataLoader` of the book's corpus and its `Vocab`.

    Source: the book's section "Language Models and the Dataset".

    Raises:
        InputError: see `SeqDataLoader` and `gluon_gru.text.corpus.find`.
    """
    train_iter = SeqDataLoader(batch_size, num_steps, use_random_iter, max_tokens)
    return train_iter, train_iter.vocab
