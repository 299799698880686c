"""How well counts of a text's n-grams predict its end: what a trained model has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy

#: The longest n-grams that are counted, in tokens, and the most tokens they are counted over: 5
#: million take seconds and some 300 MB.
MAX_ORDER, MAX_COUNTED = 6, 5_000_000


class Prediction(NamedTuple):
    """How well n-grams predict a text.

    Attributes:
        order: the tokens in the longest n-gram, the one that is predicted included.
        loss: the mean, in nats per token.
        num_counted: how many tokens they were counted over.
    """

    order: int
    loss: float
    num_counted: int


def best_prediction(
    training: numpy.ndarray, held_out: numpy.ndarray, vocab_size: int
) -> Prediction:
    """Return how well n-grams predict a text, of the order from 1 to `MAX_ORDER` that does it best.

    The order is chosen on the text that is predicted, as the best round of a model is.

    Args:
        training: the tokens to count, integers (num_tokens,), of which the last `MAX_COUNTED` are.
        held_out: the tokens to predict from the second one on, likewise, at least two.
        vocab_size: the number of distinct tokens that there can be.
    """
    counted = training[-MAX_COUNTED:]
    losses = [
        -float(numpy.log(chances).mean())
        for chances in chances_by_order(counted, held_out, vocab_size)
    ]
    best = int(numpy.argmin(losses))
    return Prediction(best + 1, losses[best], len(counted))


def chances_by_order(
    training: numpy.ndarray, scored: numpy.ndarray, vocab_size: int
) -> Iterator[numpy.ndarray]:
    """Yield the chances of a text's tokens from the second one on, by orders from 1 to `MAX_ORDER`.

    Interpolated as by Witten and Bell (1991, method C): of a context that the training text has n
    times, with t different tokens after it, a token that followed it c times has the chance
    (c + t * lower) / (n + t), where ``lower`` is its chance after the context without its first
    token. A context that the training text lacks leaves it at that. Below a context of no tokens
    all have the same chance. So the chances of all tokens sum up to 1 in any context.

    The text's first tokens have only those before them as context, none of the training text.

    Args:
        training: the tokens to count, integers (num_tokens,), at least one.
        scored: the text, likewise.
        vocab_size: the number of distinct tokens that there can be.
    """
    chances = numpy.full(len(scored) - 1, 1 / vocab_size)
    # Before each token, the number of its context, which begins with none and grows by a token in
    # each round; -1 for one that isn't counted.
    before, scored_before = numpy.zeros(len(training), int), numpy.zeros(len(scored), int)
    num_contexts = 1
    for _ in range(min(MAX_ORDER, len(training))):
        # An n-gram, as a number, has its context's and its last token's. Its place among them all is
        # its number as a context of the next order.
        known = before >= 0
        ngrams, places, counts = numpy.unique(
            before[known] * vocab_size + training[known], return_inverse=True, return_counts=True
        )
        contexts = ngrams // vocab_size
        occurrences = numpy.bincount(contexts, counts, num_contexts)
        different = numpy.bincount(contexts, minlength=num_contexts)
        wanted = scored_before * vocab_size + scored
        place = numpy.minimum(numpy.searchsorted(ngrams, wanted), len(ngrams) - 1)
        is_counted = (scored_before >= 0) & (ngrams[place] == wanted)
        # -1 finds the last one's, in vain.
        n, t = (
            numpy.where(scored_before >= 0, of[scored_before], 0)[1:]
            for of in (occurrences, different)
        )
        c = numpy.where(is_counted, counts[place], 0)[1:]
        # Nothing may follow a context, the one at the end of the training text.
        chances = numpy.where(n > 0, (c + t * chances) / numpy.maximum(n + t, 1), chances)
        yield chances
        before[known] = places
        before = numpy.concatenate([[-1], before[:-1]])
        scored_before = numpy.concatenate([[-1], numpy.where(is_counted, place, -1)[:-1]])
        num_contexts = len(ngrams)
