"""Tokens and their indices, as in the book's section "Text Preprocessing"."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from gluon_gru.errors import InputError
from gluon_gru.text.editions import DEFAULT, edition_of


def tokenize(lines: Iterable[str], token: str = "word", edition: str = DEFAULT) -> list[list[str]]:
    """Split each line into words or characters; a list of lists of strings.

    In the edition ``"2019"`` an empty line has one word, the empty string; in ``"2020-09"`` it has
    none. Source: the book's section "Text Preprocessing".

    Raises:
        InputError: for a ``token`` other than ``"word"`` and ``"char"``, and an unknown edition.
    """
    words = edition_of(edition).words
    if token == "word":
        return list(map(words, lines))
    if token == "char":
        return [list(line) for line in lines]
    raise InputError(f"token type {token!r} is unknown: use 'char' or 'word'")


def count_corpus(tokens: Sequence) -> collections.Counter:
    """Count tokens, given as a list or as a list of lists.

    A tuple is a token: of words' pairs, the pairs are counted.
    """
    if len(tokens) and isinstance(tokens[0], list):
        return collections.Counter(itertools.chain.from_iterable(tokens))
    return collections.Counter(tokens)


class Vocab:
    """Tokens and their indices: ``<unk>`` is 0, the rest follow by falling frequency.

    Tokens of the same frequency are in alphabetical order, or, in the edition ``"2020-09"``, in
    that of their first appearance. Source: the book's section "Text Preprocessing" (2019);
    ``reserved_tokens`` is from its later editions.

    Args:
        tokens: a list, or a list of lists, or a ``collections.Counter``.
        min_freq: leave out tokens that are rarer.
        use_special_tokens: start with ``<pad>``, ``<bos>``, ``<eos>``, ``<unk>`` instead.
        reserved_tokens: further tokens to put behind ``<unk>``.
        edition: of the book: a key of `gluon_gru.text.editions.EDITIONS`.

    Raises:
        InputError: for an unknown edition.
    """

    def __init__(
        self,
        tokens: Sequence | collections.Counter = (),
        min_freq: int = 0,
        use_special_tokens: bool = False,
        reserved_tokens: Iterable[str] | None = (),
        edition: str = DEFAULT,
    ) -> None:
        counter = tokens if isinstance(tokens, collections.Counter) else count_corpus(tokens)
        self.edition = edition
        self.token_freqs = edition_of(edition).by_frequency(counter)
        first = ["<pad>", "<bos>", "<eos>", "<unk>"] if use_special_tokens else ["<unk>"]
        first += list(reserved_tokens or ())
        self.unk: int | None = first.index("<unk>")
        if use_special_tokens:
            self.pad, self.bos, self.eos = 0, 1, 2
        taken = set(first)
        self.idx_to_token = first + [
            token for token, freq in self.token_freqs if freq >= min_freq and token not in taken
        ]
        self.token_to_idx = {token: index for index, token in enumerate(self.idx_to_token)}

    @classmethod
    def of(cls, tokens: Sequence[str]) -> Vocab:
        """Return the vocabulary of tokens by index, without their frequencies.

        Those of the book's first editions, until 2019, have no ``<unk>``: ``unk`` is None then.

        Raises:
            InputError: unless they are a list of different strings, at least one.
        """
        if not (
            isinstance(tokens, list)
            and tokens
            and all(isinstance(token, str) for token in tokens)
            and len(set(tokens)) == len(tokens)
        ):
            raise InputError("a vocabulary is a list of its tokens by index, strings, each once")
        vocab = cls(use_special_tokens=tokens[0] == "<pad>")
        vocab.idx_to_token = list(tokens)
        vocab.token_to_idx = {token: index for index, token in enumerate(tokens)}
        vocab.unk = vocab.token_to_idx.get("<unk>")
        return vocab

    def __len__(self) -> int:
        """Return how many tokens there are, ``<unk>`` included."""
        return len(self.idx_to_token)

    def __getitem__(self, tokens: Any) -> Any:
        """Return the index of a token (``unk`` for an unknown one), or a list of those of many.

        Raises:
            InputError: for an unknown token, if the vocabulary has no ``<unk>`` (see `of`).
        """
        if isinstance(tokens, (list, tuple)):
            return [self[token] for token in tokens]
        index = self.token_to_idx.get(tokens, self.unk)
        if index is None:
            raise InputError(
                f"{tokens!r} is not in the vocabulary, which has no <unk> to stand for it: use the "
                f"tokens that it has, such as {', '.join(map(repr, self.idx_to_token[:12]))}"
            )
        return index

    def to_tokens(self, indices: Any) -> Any:
        """Return the token of an index, or a list of those of many."""
        if not isinstance(indices, (list, tuple, numpy.ndarray)):
            return self.idx_to_token[indices]
        return [self.idx_to_token[index] for index in indices]
