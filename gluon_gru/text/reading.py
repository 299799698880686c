"""A file of text in, tokens and a vocabulary out; 100 MB take seconds and little memory.

Of the text nothing is lost but what nobody sees: a byte order mark is dropped, and ``\\r\\n`` and
``\\r`` become ``\\n``. Joined by nothing, the tokens are the text again.
"""

import codecs
import collections
import dataclasses
import hashlib
import io
import math
import pathlib
import re

import numpy

from gluon_gru.errors import InputError
from gluon_gru.text.encodings import check_is_text, not_utf8
from gluon_gru.text.vocabulary import Vocab, normalise

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
    def held_out(self):
        """The tokens that are held out."""
        return self.tokens[self.num_training :]

    def bits_per_character(self, loss):
        """Return bits a character for a mean loss, in nats a token, on what is held out."""
        return loss * (len(self.held_out) - 1) / math.log(2) / self.num_characters


def split(text, tokens):
    """Return the tokens of a string, a list: its characters, or its words."""
    return list(text) if tokens == "characters" else _WORD.findall(text)


def fold(text, case):
    """Return a string in lower case if ``case`` is ``fold``.

    That is ``str.lower``, which people write, not ``str.casefold``, which only serves comparisons
    (it makes ``strasse`` of ``Straße``).
    """
    return text.lower() if case == "fold" else text


class _File:
    """A text file, read in blocks of characters; knows its size and SHA-256 once it was read."""

    def __init__(self, path):
        self.path, self.size, self._digest = pathlib.Path(path), 0, hashlib.sha256()

    @property
    def sha256(self):
        return self._digest.hexdigest()

    def blocks(self):
        """Yield the text in strings, any of which but the first starts with white space.

        So no word lies in two of them, and lower case, which in Greek depends on where in a word a
        letter is, comes out as for the whole text.
        """
        utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        decoder, held = io.IncrementalNewlineDecoder(utf8, translate=True), []
        try:
            with open(self.path, "rb") as file:
                while True:
                    raw = file.read(_BLOCK)
                    if not self.size:
                        check_is_text(self.path, raw)
                    text = self._decode(decoder, utf8, raw)
                    self._digest.update(raw)
                    self.size += len(raw)
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

    def _decode(self, decoder, utf8, raw):
        undecided = len(utf8.getstate()[0])
        try:
            text = decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise not_utf8(self.path, self.size - undecided + error.start) from error
        if "\0" in text:
            raise not_utf8(self.path, self.size + max(raw.find(b"\0"), 0))
        return text


def _last_white_space(text):
    for i in range(len(text) - 1, -1, -1):
        if text[i].isspace():
            return i
    return -1


def _characters(blocks):
    """Return characters as indices by first appearance, and the characters in that order."""
    place, found, parts = numpy.full(0x110000, -1, numpy.int32), [], [numpy.empty(0, numpy.uint8)]
    for block in blocks:
        codes = numpy.frombuffer(block.encode("utf-32-le"), numpy.uint32)
        new = numpy.unique(codes[place[codes] < 0])
        place[new] = len(found) + numpy.arange(len(new))
        found.extend(map(chr, new.tolist()))
        parts.append(place[codes].astype(numpy.min_scalar_type(max(len(found) - 1, 0))))
    return numpy.concatenate(parts), found


def _words(blocks):
    """Return words as indices by first appearance, and the words in that order."""
    place, parts = collections.defaultdict(lambda: len(place)), [numpy.empty(0, numpy.int32)]
    for block in blocks:
        words = _WORD.findall(block)
        parts.append(numpy.fromiter(map(place.__getitem__, words), numpy.int32, len(words)))
    return numpy.concatenate(parts), list(place)


def _freqs(found, num_names):
    """Return how often each index occurs; in pieces, since NumPy makes eight bytes of each."""
    freqs = numpy.zeros(num_names, numpy.int64)
    for i in range(0, len(found), _BLOCK):
        freqs += numpy.bincount(found[i : i + _BLOCK], minlength=num_names)
    return freqs


def _read(path, tokens, blocks_of):
    file = _File(path)
    found, names = (_characters if tokens == "characters" else _words)(blocks_of(file.blocks()))
    if not len(found):
        raise InputError(f"text {str(path)!r} is empty: give a text to read")
    return file, found, names


def _indexed(file, found, names, vocab, num_training=0):
    final = numpy.array(vocab[names], numpy.min_scalar_type(len(vocab) - 1))
    lengths = numpy.array([len(name) for name in names])
    num_characters = int(lengths @ _freqs(found[num_training + 1 :], len(names)))
    return Text(
        final[found], vocab, num_training, num_characters, file.path.name, file.size, file.sha256
    )


def read(path, tokens="characters", case="keep", num_training=lambda num_tokens: num_tokens):
    """Read a text and make its vocabulary; a `Text`.

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
    file, found, names = _read(path, tokens, lambda blocks: (fold(b, case) for b in blocks))
    if len(names) < 2:
        raise InputError(
            f"text {str(path)!r} holds nothing but {names[0]!r}: give a text with "
            f"at least two distinct {tokens}"
        )
    num_training = num_training(len(found))
    trained = found if tokens == "characters" else found[:num_training]
    freqs = _freqs(trained, len(names))
    if tokens == "words":
        freqs[freqs < MIN_FREQ] = 0
    # By frequency, then in alphabetical order, as the vocabulary has them.
    kept = sorted(
        ((name, freq) for name, freq in zip(names, freqs.tolist()) if freq),
        key=lambda pair: (-pair[1], pair[0]),
    )
    kept = kept[:MAX_WORDS] if tokens == "words" else kept
    if sum(freq for _, freq in kept) * 2 < len(trained):
        raise InputError(
            f"text {str(path)!r} has {len(trained):,} words to train on, of which "
            f"more than half occur once: give a longer text, or train on characters"
        )
    return _indexed(file, found, names, Vocab(collections.Counter(dict(kept))), num_training)


def read_as(path, vocab, config):
    """Read a text with the vocabulary of a trained model; a `Text`, unknown tokens are ``<unk>``.

    Args:
        path: of a UTF-8 file.
        vocab: the model's.
        config: that of its checkpoint, which says what tokens are; one of the chapter's protocols
            has characters of the book's normalised lines.

    Raises:
        InputError: see `read`.
    """
    settings = config.get("text")
    if settings is None:
        return _indexed(*_read(path, "characters", _books), vocab)
    return _indexed(
        *_read(
            path,
            settings["tokens"],
            lambda blocks: (fold(block, settings["case"]) for block in blocks),
        ),
        vocab,
    )


def _books(blocks):
    """Return a text as the book's corpus has it, in one block."""
    return ["".join(normalise(line) for line in "".join(blocks).split("\n"))]
