"""Strings in, numbered tokens out; 100 MB take seconds and little memory."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable

import numpy

from gluon_gru.errors import InputError
from gluon_gru.text.editions import Edition
from gluon_gru.text.rules import Rules
from gluon_gru.text.vocabulary import Vocab

# Tokens that are counted, and lines that are put together, at a time.
_BLOCK, _LINES = 1 << 20, 1 << 16


@dataclasses.dataclass(frozen=True)
class IndexedTokens:
    """A text's tokens, numbered as they first appear.

    Attributes:
        indices: an integer array (num_tokens,).
        names: the distinct tokens, by index.
    """

    indices: numpy.ndarray
    names: list[str]

    def freqs(self, start: int = 0, stop: int | None = None) -> dict[str, int]:
        """Return how often each token occurs, in the text or from one token to another."""
        indices = self.indices[start:stop]
        freqs = numpy.zeros(len(self.names), numpy.int64)
        # In pieces, since NumPy makes eight bytes of each index.
        for i in range(0, len(indices), _BLOCK):
            freqs += numpy.bincount(indices[i : i + _BLOCK], minlength=len(freqs))
        return dict(zip(self.names, freqs.tolist()))

    def numbered(self, vocab: Vocab, max_tokens: int | None = None) -> numpy.ndarray:
        """Return the text in a vocabulary's indices, of the smallest integer type that will do."""
        final = numpy.array(vocab[self.names], numpy.min_scalar_type(len(vocab) - 1))
        return final[self.indices[:max_tokens]]

    def shuffled(self, seed: int) -> IndexedTokens:
        """Return the text with its lines in random order; what no end of a line follows stays last.

        Raises:
            InputError: if it has fewer than two lines.
        """
        ends = numpy.flatnonzero(self.indices == self._end_of_line()) + 1
        if len(ends) < 2:
            raise InputError("the text has fewer than two lines to shuffle: keep it as it is")
        lines = numpy.stack([numpy.append(0, ends[:-1]), ends], axis=1)
        # The order of `permutation` depends on NumPy's version.
        lines = lines[
            numpy.argsort(numpy.random.default_rng(seed).random(len(lines)), kind="stable")
        ]
        parts = [
            numpy.concatenate([self.indices[start:end] for start, end in lines[i : i + _LINES]])
            for i in range(0, len(lines), _LINES)
        ]
        return IndexedTokens(numpy.concatenate([*parts, self.indices[ends[-1] :]]), self.names)

    def _end_of_line(self) -> int:
        return self.names.index("\n") if "\n" in self.names else len(self.names)


def index_tokens(blocks: Iterable[str], rules: Rules) -> IndexedTokens:
    """Split a text into tokens by a model's rules.

    Args:
        blocks: as `TextFile.blocks` yields them, folded (`Rules.fold`).
        rules: the rules.
    """
    if rules.tokens == "words":
        return _index_words(map(rules.split, blocks))
    return _index_characters(blocks)


def index_book_tokens(blocks: Iterable[str], tokens: str, edition: Edition) -> IndexedTokens:
    """Split a text into tokens as the book does in an edition.

    Characters of adjacent lines follow each other with nothing between.

    Args:
        blocks: as `TextFile.blocks` yields them.
        tokens: ``characters`` or ``words``.
        edition: the edition.
    """
    lists = edition.lines(blocks)
    if tokens == "words":
        return _index_words(
            [word for line in lines for word in edition.words(line)] for lines in lists
        )
    return _index_characters(map("".join, lists))


def _index_characters(blocks: Iterable[str]) -> IndexedTokens:
    place = numpy.full(0x110000, -1, numpy.int32)
    # One array of bytes that grows: pieces put together at the end would take twice the memory.
    indices, kind = bytearray(), numpy.dtype(numpy.uint8)
    names: list[str] = []
    for block in blocks:
        codes = numpy.frombuffer(block.encode("utf-32-le"), numpy.uint32)
        new, first = numpy.unique(codes[place[codes] < 0], return_index=True)
        new = new[numpy.argsort(first)]
        place[new] = len(names) + numpy.arange(len(new))
        names.extend(map(chr, new.tolist()))
        wider = numpy.min_scalar_type(max(len(names) - 1, 0))
        if wider != kind:
            indices = bytearray(numpy.frombuffer(indices, kind).astype(wider).tobytes())
            kind = wider
        indices += place[codes].astype(kind).tobytes()
    return IndexedTokens(numpy.frombuffer(indices, kind), names)


def _index_words(blocks: Iterable[list[str]]) -> IndexedTokens:
    place: collections.defaultdict[str, int] = collections.defaultdict(lambda: len(place))
    indices = bytearray()
    for words in blocks:
        indices += numpy.fromiter(map(place.__getitem__, words), numpy.int32, len(words)).tobytes()
    return IndexedTokens(numpy.frombuffer(indices, numpy.int32), list(place))
