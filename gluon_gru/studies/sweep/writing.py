"""How well a model writes, by measures that the same few words again and again don't win."""

from __future__ import annotations

import collections
import math
from typing import NamedTuple

import numpy

from gluon_gru.published.verbatim import VERBATIM_RUN
from gluon_gru.text.vocabulary import Vocab

# The n-gram model predicts a character from this many before it.
_ORDER = 4


class Measures(NamedTuple):
    """What `Judge` measures of a text.

    Attributes:
        varied: the share of its characters that are in words of the book, each counted once.
        verbatim: the share of its runs of ten characters that the training text has too, each
            counted once.
        bits: bits a character under an n-gram model of the book's part that no model has read; less
            than the book's own for dull text, more for nonsense.
    """

    varied: float
    verbatim: float
    bits: float


class Judge:
    """Measures what models write, beside the text that they were trained on.

    Args:
        tokens, vocab: the whole text, integers (num_tokens,), and its `Vocab`; characters.
        num_training: how many of its characters the models were trained on, the first ones.
    """

    def __init__(self, tokens: numpy.ndarray, vocab: Vocab, num_training: int) -> None:
        text = "".join(vocab.to_tokens(tokens.tolist()))
        self._training, unread = text[:num_training], text[num_training:]
        self._words, self._size = set(text.split()), len(vocab)
        # Context -> how often each character follows it.
        self._follow: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        for order in range(_ORDER + 1):
            for i in range(order, len(unread)):
                self._follow[unread[i - order : i]][unread[i]] += 1
        self._unread = unread

    def measure(self, text: str) -> Measures:
        """Return the measures of a text; its last word, which may be cut off, is not among words."""
        words = self._words.intersection(text.split()[: -1 if text.strip() else None])
        return Measures(
            sum(map(len, words)) / max(len(text), 1), self._verbatim(text), self._bits(text)
        )

    def of_the_text(self, length: int) -> Measures:
        """Return the medians over the training text's passages of a length."""
        starts = range(0, max(len(self._training) - length, 0) + 1, length)
        found = [self.measure(self._training[start : start + length]) for start in starts]
        return Measures(*(float(numpy.median(values)) for values in zip(*found)))

    def frequencies(self, count: int) -> float:
        """Return the perplexity of knowing only how frequent each character is in the training text.

        It is that of the ``count`` characters after the training text.
        """
        freqs = collections.Counter(self._training)
        # Add-one, since a character may be new.
        whole = len(self._training) + self._size
        losses = [-math.log((freqs[c] + 1) / whole) for c in self._unread[:count]]
        return math.exp(sum(losses) / max(len(losses), 1))

    def _verbatim(self, text: str) -> float:
        runs = [text[i : i + VERBATIM_RUN] for i in range(len(text) - VERBATIM_RUN + 1)]
        return sum(run in self._training for run in set(runs)) / max(len(runs), 1)

    def _bits(self, text: str) -> float:
        total = sum(
            -math.log2(self._probability(text[max(i - _ORDER, 0) : i], c))
            for i, c in enumerate(text)
        )
        return total / max(len(text), 1)

    def _probability(self, context: str, character: str) -> float:
        """Return the probability of a character by Witten and Bell's (1991) interpolation."""
        shorter = self._probability(context[1:], character) if context else 1 / self._size
        follow = self._follow.get(context)
        if not follow:
            return shorter
        return (follow[character] + len(follow) * shorter) / (sum(follow.values()) + len(follow))
