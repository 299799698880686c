"""A file of text in, tokens and a vocabulary out; 100 MB take seconds and little memory.

A file is read in blocks (`TextFile`), which are normalised (kept, folded to lower case, or as an
edition of the book does it) and split into characters or words (`index_tokens`,
`index_book_tokens`). `read` makes the vocabulary of a text of one's own, `read_as` takes a trained
model's; the book's corpus is loaded by `gluon_gru.text.corpus.load_corpus`.

Of a text that is kept, nothing is lost but what nobody sees: a byte order mark is dropped, and
``\\r\\n`` and ``\\r`` become ``\\n``. Joined by nothing, its tokens are the text again.
"""

from __future__ import annotations

import codecs
import collections
import dataclasses
import hashlib
import io
import math
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator

import numpy

from gluon_gru.errors import InputError, shown
from gluon_gru.text.editions import UNNAMED, Edition, edition_of
from gluon_gru.text.encodings import check_is_text, not_utf8
from gluon_gru.text.vocabulary import Vocab

TOKENS = ("characters", "words")
CASES = ("keep", "fold")

#: Words that are rarer than this in the training part, or beyond the most frequent so many, are
#: ``<unk>``: nothing can be learned of a word seen once, and the output layer, whose time grows
#: with the vocabulary, would take nearly all of a step.
MIN_FREQ, MAX_WORDS = 2, 20_000

_BLOCK = 1 << 20
# A word (with the apostrophes in it) or a run of other signs, either with the space before it; any
# other white space by itself. So every character of a text is in exactly one token.
_WORD = re.compile(r" ?\w+(?:['’]\w+)*| ?[^\w\s]+|\s")


class TextFile:
    """A text file, UTF-8.

    Attributes:
        path: of the file.
        size, sha256: of what was read of it by `blocks`; the size in bytes.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path, self.size, self._digest = pathlib.Path(path), 0, hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hexadecimal."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[str]:
        """Yield the text in strings, any of which but the first starts with white space.

        So no word lies in two of them, and lower case, which in Greek depends on where in a word a
        letter is, comes out as for the whole text.

        Raises:
            InputError: for a file that can't be read, is binary, or not UTF-8.
        """
        utf8 = codecs.getincrementaldecoder("utf-8")()
        line_ends = io.IncrementalNewlineDecoder(None, translate=True)
        begun, held = False, []
        try:
            with open(self.path, "rb") as file:
                while True:
                    raw = file.read(_BLOCK)
                    text = self._decode(utf8, raw)
                    self._digest.update(raw)
                    self.size += len(raw)
                    if text and not begun:
                        begun, text = True, text[1:] if text[0] == "\ufeff" else text
                    text = line_ends.decode(text, final=not raw)
                    if not raw:
                        break
                    cut = _last_white_space(text)
                    if cut < 0:
                        held.append(text)
                    else:
                        yield "".join([*held, text[:cut]])
                        held = [text[cut:]]
                yield "".join([*held, text])
        except OSError as error:
            raise InputError(
                f"text {str(self.path)!r} can't be read ({error.strerror}): give a text file"
            ) from error

    def _decode(self, utf8: codecs.IncrementalDecoder, raw: bytes) -> str:
        if not self.size:
            check_is_text(self.path, raw)
        undecided = len(utf8.getstate()[0])
        try:
            text = utf8.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise not_utf8(self.path, self.size - undecided + error.start) from error
        if "\0" in text:
            raise not_utf8(self.path, self.size + raw.find(b"\0"))
        return text


def _last_white_space(text: str) -> int:
    for i in range(len(text) - 1, -1, -1):
        if text[i].isspace():
            return i
    return -1


def fold(text: str, case: str) -> str:
    """Return a string in lower case if ``case`` is ``fold``.

    That is ``str.lower``, which people write, not ``str.casefold``, which only serves comparisons
    (it makes ``strasse`` of ``Straße``).
    """
    return text.lower() if case == "fold" else text


def split(text: str, tokens: str) -> list[str]:
    """Return the tokens of a string: its characters, or its words."""
    return list(text) if tokens == "characters" else _WORD.findall(text)


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


def index_tokens(file: TextFile, tokens: str, case: str) -> IndexedTokens:
    """Read a file and split it into tokens.

    Args:
        file: the file.
        tokens: one of `TOKENS`.
        case: one of `CASES`.

    Raises:
        InputError: see `TextFile.blocks`.
    """
    blocks = (fold(block, case) for block in file.blocks())
    if tokens == "words":
        return _index_words(map(_WORD.findall, blocks))
    return _index_characters(blocks)


def index_book_tokens(file: TextFile, tokens: str, edition: Edition) -> IndexedTokens:
    """Read a file and split it into tokens as the book does in an edition.

    Characters of adjacent lines follow each other with nothing between.

    Args and errors: see `index_tokens`.
    """
    blocks = edition.lines(file.blocks())
    if tokens == "words":
        return _index_words(
            [word for line in lines for word in edition.words(line)] for lines in blocks
        )
    return _index_characters(map("".join, blocks))


def _index_characters(blocks: Iterable[str]) -> IndexedTokens:
    place, parts = numpy.full(0x110000, -1, numpy.int32), [numpy.empty(0, numpy.uint8)]
    names: list[str] = []
    for block in blocks:
        codes = numpy.frombuffer(block.encode("utf-32-le"), numpy.uint32)
        new, first = numpy.unique(codes[place[codes] < 0], return_index=True)
        new = new[numpy.argsort(first)]
        place[new] = len(names) + numpy.arange(len(new))
        names.extend(map(chr, new.tolist()))
        parts.append(place[codes].astype(numpy.min_scalar_type(max(len(names) - 1, 0))))
    return IndexedTokens(numpy.concatenate(parts), names)


def _index_words(blocks: Iterable[list[str]]) -> IndexedTokens:
    place: collections.defaultdict[str, int] = collections.defaultdict(lambda: len(place))
    parts = [numpy.empty(0, numpy.int32)]
    for words in blocks:
        parts.append(numpy.fromiter(map(place.__getitem__, words), numpy.int32, len(words)))
    return IndexedTokens(numpy.concatenate(parts), list(place))


@dataclasses.dataclass(frozen=True)
class Text:
    """A text that was read.

    Attributes:
        tokens: their indices, an integer array (num_tokens,), of the smallest type that does.
        vocab: the `gluon_gru.Vocab`.
        num_training: how many of them, from the first on, are not held out.
        num_characters: in all that are held out but the first of these, which nothing predicts.
        name, size, sha256: of the file; the size in bytes.
    """

    tokens: numpy.ndarray
    vocab: Vocab
    num_training: int
    num_characters: int
    name: str
    size: int
    sha256: str

    @property
    def held_out(self) -> numpy.ndarray:
        """The tokens that are held out."""
        return self.tokens[self.num_training :]

    def bits_per_character(self, loss: float) -> float:
        """Return bits per character for a mean loss, in nats per token, on what is held out."""
        return loss * (len(self.held_out) - 1) / math.log(2) / self.num_characters


def _text(file: TextFile, indexed: IndexedTokens, vocab: Vocab, num_training: int = 0) -> Text:
    predicted = indexed.freqs(num_training + 1)
    num_characters = sum(len(name) * freq for name, freq in predicted.items())
    return Text(
        indexed.numbered(vocab),
        vocab,
        num_training,
        num_characters,
        shown(file.path.name),
        file.size,
        file.sha256,
    )


def _not_empty(file: TextFile, indexed: IndexedTokens) -> IndexedTokens:
    if not indexed.names:
        raise InputError(f"text {str(file.path)!r} is empty: give a text to read")
    return indexed


def read(
    path: str | os.PathLike,
    tokens: str = "characters",
    case: str = "keep",
    num_training: Callable[[int], int] = lambda num_tokens: num_tokens,
) -> Text:
    """Read a text and make its vocabulary.

    The vocabulary has, by falling frequency, all characters; or the words that the training part
    has at least `MIN_FREQ` times, at most `MAX_WORDS`.

    Args:
        path: of a UTF-8 file.
        tokens: one of `TOKENS`.
        case: ``keep``, or ``fold``: see `fold`.
        num_training: how many tokens of a text's are its training part, a function of all.

    Raises:
        InputError: for a file that can't be read, is empty, binary, not UTF-8, or has a single
            distinct character, or if most of its words are too rare.
    """
    file = TextFile(path)
    indexed = _not_empty(file, index_tokens(file, tokens, case))
    if len(indexed.names) < 2:
        raise InputError(
            f"text {str(path)!r} holds nothing but {indexed.names[0]!r}: give a text with "
            f"at least two distinct {tokens}"
        )
    training = num_training(len(indexed.indices))
    if tokens == "characters":
        return _text(file, indexed, Vocab(collections.Counter(indexed.freqs())), training)
    freqs = collections.Counter(indexed.freqs(0, training))
    # By frequency, then in alphabetical order, as the vocabulary has them.
    ordered = sorted(freqs.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = {word: freq for word, freq in ordered[:MAX_WORDS] if freq >= MIN_FREQ}
    if sum(kept.values()) * 2 < training:
        raise InputError(
            f"text {str(path)!r} has {training:,} words to train on, of which "
            f"more than half occur once: give a longer text, or train on characters"
        )
    return _text(file, indexed, Vocab(collections.Counter(kept)), training)


def read_as(path: str | os.PathLike, vocab: Vocab, config: dict) -> Text:
    """Read a text with the vocabulary of a trained model; unknown tokens are ``<unk>``.

    Args:
        path: of a UTF-8 file.
        vocab: the model's.
        config: that of its checkpoint, which says what tokens are; a model of the book's text has
            characters of normalised lines, and names the edition.

    Raises:
        InputError: see `read`.
    """
    file, how = TextFile(path), config.get("text")
    if how:
        indexed = index_tokens(file, how["tokens"], how["case"])
    else:
        edition = edition_of(config.get("edition", UNNAMED))
        indexed = index_book_tokens(file, "characters", edition)
    return _text(file, _not_empty(file, indexed), vocab)
