"""A file of text in, tokens and a vocabulary out.

A file is read in blocks (`gluon_gru.text.textfile`), which a model's rules (`gluon_gru.text.rules`)
or an edition of the book make into numbered tokens (`gluon_gru.text.indexing`). `read` makes the
vocabulary of a text of one's own, `read_as` takes a trained model's; the book's corpus is loaded by
`gluon_gru.text.corpus.load_corpus`.

Of a text that is kept, nothing is lost but what nobody sees: a byte order mark is dropped, and
``\\r\\n`` and ``\\r`` become ``\\n``. Joined by nothing, its tokens are the text again.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from gluon_gru.errors import InputError, shown
from gluon_gru.text.editions import UNNAMED, edition_of
from gluon_gru.text.indexing import IndexedTokens, index_book_tokens, index_tokens
from gluon_gru.text.noticing import Noticed
from gluon_gru.text.rules import Rules
from gluon_gru.text.spelling import Spelling
from gluon_gru.text.textfile import TextFile
from gluon_gru.text.vocabulary import Vocab

#: Words that are rarer than this in the training part, or beyond the most frequent so many, are
#: ``<unk>``: nothing can be learned of a word seen once, and the output layer, whose time grows
#: with the vocabulary, would take nearly all of a step.
MIN_FREQ, MAX_WORDS = 2, 20_000

#: What words are where nothing separates them.
NO_SPACES = (
    "in Chinese, Japanese, Thai, Khmer, Lao and Burmese, a word is all that stands between two "
    "spaces or other signs"
)


@dataclasses.dataclass(frozen=True)
class Text:
    """A text that was read.

    Attributes:
        tokens: their indices, an integer array (num_tokens,), of the smallest type that does.
        vocab: the `gluon_gru.Vocab`.
        num_training: how many tokens, from the first on, are not held out.
        num_characters: in all that are held out but the first of these, which nothing predicts.
        num_unknown: the number of tokens, of the same, that are not in the vocabulary.
        spelling_bits: what it takes to spell these, in all: see `Spelling`.
        name, size, sha256: of the file; the size in bytes.
    """

    tokens: numpy.ndarray
    vocab: Vocab
    num_training: int
    num_characters: int
    num_unknown: int
    spelling_bits: float
    name: str
    size: int
    sha256: str

    @property
    def held_out(self) -> numpy.ndarray:
        """The tokens that are held out."""
        return self.tokens[self.num_training :]

    @property
    def unknown_share(self) -> float:
        """The share of tokens on what is held out that are not in the vocabulary."""
        return self.num_unknown / max(1, len(self.held_out) - 1)

    def bits_per_character(self, loss: float) -> float:
        """Return bits per character for a mean loss, in nats per token, on what is held out."""
        return loss * (len(self.held_out) - 1) / math.log(2) / self.num_characters

    @property
    def spelling_bits_per_character(self) -> float:
        """What `bits_per_character` lacks where ``<unk>`` is to be spelled out as well."""
        return self.spelling_bits / max(1, self.num_characters)


def _text(file: TextFile, indexed: IndexedTokens, vocab: Vocab, num_training: int = 0) -> Text:
    predicted = indexed.freqs(num_training + 1)
    unknown = {name: freq for name, freq in predicted.items() if name not in vocab.token_to_idx}
    spelling = Spelling([token for token in vocab.idx_to_token if token != "<unk>"])
    return Text(
        tokens=indexed.numbered(vocab),
        vocab=vocab,
        num_training=num_training,
        num_characters=sum(len(name) * freq for name, freq in predicted.items()),
        num_unknown=sum(unknown.values()),
        spelling_bits=sum(spelling.bits(name) * freq for name, freq in unknown.items() if freq),
        name=shown(file.name),
        size=file.size,
        sha256=file.sha256,
    )


def _not_empty(file: TextFile, indexed: IndexedTokens) -> IndexedTokens:
    if not indexed.names:
        raise InputError(f"text {str(file)!r} is empty: give a text to read")
    return indexed


def read(
    file: TextFile,
    rules: Rules,
    num_training: Callable[[int], int] = lambda num_tokens: num_tokens,
    shuffle: int | None = None,
    vocab: Vocab | None = None,
) -> tuple[Text, Noticed]:
    """Read a text and make its vocabulary; also return what was noticed of it.

    The vocabulary has, by falling frequency, all characters; or the words that the training part
    has at least `MIN_FREQ` times, at most `MAX_WORDS`. A model's vocabulary keeps its tokens and
    their indices, and gets those that it lacks behind them.

    Args:
        file: the file.
        rules: what tokens are.
        num_training: how many tokens of a text's are its training part, a function of all.
        shuffle: put the lines in the random order of this seed first.
        vocab: that of a model which is trained further; by default a new one is made.

    Raises:
        InputError: for a file that can't be read (`TextFile.blocks`), is empty, or has a single
            distinct character, or if most of its words are too rare.
    """
    noticed = Noticed()
    blocks = noticed.watch(map(rules.fold, file.blocks()))
    indexed = _not_empty(file, index_tokens(blocks, rules))
    if len(indexed.names) < 2:
        raise InputError(
            f"text {str(file)!r} holds nothing but {indexed.names[0]!r}: give a text with "
            f"at least two distinct {rules.tokens}"
        )
    if shuffle is not None:
        indexed = indexed.shuffled(shuffle)
    training = num_training(len(indexed.indices))
    freqs = indexed.freqs() if rules.tokens == "characters" else indexed.freqs(0, training)
    known = set() if vocab is None else vocab.token_to_idx.keys() - {"<unk>"}
    new = {token: freq for token, freq in freqs.items() if token not in known}
    if rules.tokens == "words":
        new = _frequent(new, MAX_WORDS - len(known))
        learned = sum(new.values()) + sum(freqs.get(word, 0) for word in known)
        if learned * 2 < training:
            raise InputError(
                f"text {str(file)!r} has {training:,} words to train on, of which more than half "
                f"occur once: give a longer text, or train on characters ({NO_SPACES})"
            )
    made = Vocab(collections.Counter(new))
    if vocab is not None:
        made = Vocab.of([*vocab.idx_to_token, *made.idx_to_token[1:]])
    return _text(file, indexed, made, training), noticed


def _frequent(freqs: Mapping[str, int], most: int) -> dict[str, int]:
    """Return the words, at most so many, that a vocabulary gets."""
    # By frequency, then in alphabetical order, as the vocabulary has them.
    ordered = sorted(freqs.items(), key=lambda pair: (-pair[1], pair[0]))
    return {word: freq for word, freq in ordered[: max(0, most)] if freq >= MIN_FREQ}


def read_as(file: TextFile, vocab: Vocab, config: Mapping[str, Any]) -> Text:
    """Read a text with the vocabulary of a trained model; unknown tokens are ``<unk>``.

    Args:
        file: the file.
        vocab: the model's.
        config: that of its checkpoint, which says what tokens are; a model of the book's text has
            characters of normalised lines, and names the edition.

    Raises:
        InputError: for a file that can't be read (`TextFile.blocks`), or is empty.
    """
    if "text" in config:
        rules = Rules.of(config)
        indexed = index_tokens(map(rules.fold, file.blocks()), rules)
    else:
        edition = edition_of(config.get("edition", UNNAMED))
        indexed = index_book_tokens(file.blocks(), "characters", edition)
    return _text(file, _not_empty(file, indexed), vocab)
