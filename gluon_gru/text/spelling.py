"""How many bits the spelling of an unknown word takes, so that ``<unk>`` is no way to save them."""

from __future__ import annotations

import collections
import math
import sys
from collections.abc import Iterable

# The start and the end of a word, and any character that is in none.
_START, _END, _OTHER = "start", "end", "other"


class Spelling:
    """A model of words: each character depends on the one before it, by counts plus one.

    The chances of all words that can be spelled sum up to one: a character that none of the counted
    words has is any of Unicode's.

    Args:
        words: the known ones, of which each counts once.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._pairs = collections.Counter(
            pair for word in words for pair in zip([_START, *word], [*word, _END])
        )
        self._befores: collections.Counter[str] = collections.Counter()
        for (before, _), count in self._pairs.items():
            self._befores[before] += count
        # What may come next: a known character, another one, the end.
        self._choices = len(self._befores.keys() - {_START}) + 2

    def bits(self, word: str) -> float:
        """Return minus the binary logarithm of a word's chance."""
        known = [sign if sign in self._befores else _OTHER for sign in word]
        bits = known.count(_OTHER) * math.log2(sys.maxunicode + 1)
        for pair in zip([_START, *known], [*known, _END]):
            bits -= math.log2((self._pairs[pair] + 1) / (self._befores[pair[0]] + self._choices))
        return bits
