"""Text in, a vocabulary and token indices out.

Follows the book's section "Text Preprocessing": the same normalisation, tokens and order of the
vocabulary. A text's tokens are a NumPy array of the smallest integer type that fits, not a list,
so large texts load fast.
"""

import codecs
import collections
import io
import itertools
import re
import sys
import warnings

import numpy

from gluon_gru.errors import InputError
from gluon_gru.text import corpus as corpora

_NEWLINE, _SPACE = ord("\n"), ord(" ")
_BLOCK = 1 << 20

# Every byte that isn't a letter becomes a space, so all of a character beyond ASCII does.
_NORMALISED = numpy.full(256, _SPACE, numpy.uint8)
for _letter in range(ord("a"), ord("z") + 1):
    _NORMALISED[[_letter, _letter - 32]] = _letter
_NORMALISED[[_NEWLINE, ord("\r")]] = _NEWLINE


def _normalised_blocks(path):
    """Yield the text of ``path`` in uint8 arrays: letters, single spaces, ends of lines.

    What the book's ``re.sub('[^A-Za-z]+', ' ', line).strip().lower()`` gives for each line, for
    files larger than one likes to hold as a list of lines.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    previous_code, held, position = _NEWLINE, numpy.empty(0, numpy.uint8), 0
    with open(path, "rb") as file:
        while True:
            raw = file.read(_BLOCK)
            undecided = len(decoder.getstate()[0])
            try:
                decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise _not_utf8(path, position - undecided + error.start) from error
            if not raw:
                return
            position += len(raw)
            codes = _NORMALISED[numpy.frombuffer(raw, numpy.uint8)]
            previous = numpy.concatenate(([previous_code], codes[:-1]))
            previous_code = codes[-1]
            # A space stays if it follows a letter (one of a run, none at a line's start) ...
            codes = codes[(codes != _SPACE) | (previous > _SPACE)]
            codes = numpy.concatenate((held, codes))
            # ... and no end of a line or of the text follows it.
            held = codes[-1:] if len(codes) and codes[-1] == _SPACE else codes[:0]
            codes = codes[: len(codes) - len(held)]
            following = numpy.append(codes[1:], 0)[: len(codes)]
            yield codes[(codes != _SPACE) | (following != _NEWLINE)]


def _not_utf8(path, position):
    return InputError(
        f"{path.name!r} is not UTF-8 text (at byte {position}): convert it, for "
        f"example  iconv -f latin1 -t utf-8 {path.name}"
    )


def _books_corpus():
    """Find the corpus; warn the reader's own line of code if it is not the one hoped for."""
    corpus = corpora.find()
    if corpus.note:
        frame, level = sys._getframe(1), 2
        while frame.f_back and frame.f_globals["__name__"].startswith("gluon_gru."):
            frame, level = frame.f_back, level + 1
        warnings.warn(corpus.note, stacklevel=level)
    return corpus


def read_time_machine():
    """Return the corpus (`gluon_gru.text.corpus.find`) as a list of normalised lines, as the book
    does.

    Raises:
        InputError: for a corpus that can't be read or isn't UTF-8.
    """
    path = _books_corpus().path
    try:
        lines = io.StringIO(path.read_bytes().decode("utf-8"), newline=None)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error.start) from error
    return [normalise(line) for line in lines]


def normalise(line):
    """Return a line as the book's corpus has it: small letters, single spaces for all else."""
    return re.sub("[^A-Za-z]+", " ", line).strip().lower()


def tokenize(lines, token="word"):
    """Split each line into words or characters; a list of lists of strings.

    Source: the book's section "Text Preprocessing" (its later edition, where an empty line has no
    words; in 2019 it had one, the empty string).

    Raises:
        InputError: for a ``token`` other than ``"word"`` and ``"char"``.
    """
    if token == "word":
        return [line.split() for line in lines]
    if token == "char":
        return [list(line) for line in lines]
    raise InputError(f"token type {token!r} is unknown: use 'char' or 'word'")


def count_corpus(tokens):
    """Count tokens, given as a list or as a list of lists; a `collections.Counter`."""
    if tokens and isinstance(tokens[0], (list, tuple)):
        tokens = itertools.chain.from_iterable(tokens)
    return collections.Counter(tokens)


class Vocab:
    """Tokens and their indices: ``<unk>`` is 0, the rest follow by falling frequency.

    Tokens of the same frequency follow in alphabetical order. Source: the book's section "Text
    Preprocessing" (2019); ``reserved_tokens`` is from its later editions.

    Args:
        tokens: a list, or a list of lists, or a `collections.Counter`.
        min_freq: leave out tokens that are rarer.
        use_special_tokens: start with ``<pad>``, ``<bos>``, ``<eos>``, ``<unk>`` instead.
        reserved_tokens: further tokens to put behind ``<unk>``.
    """

    def __init__(self, tokens=(), min_freq=0, use_special_tokens=False, reserved_tokens=()):
        counter = tokens if isinstance(tokens, collections.Counter) else count_corpus(tokens)
        self.token_freqs = sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
        first = ["<pad>", "<bos>", "<eos>", "<unk>"] if use_special_tokens else ["<unk>"]
        first += list(reserved_tokens or ())
        self.unk = first.index("<unk>")
        if use_special_tokens:
            self.pad, self.bos, self.eos = 0, 1, 2
        taken = set(first)
        self.idx_to_token = first + [
            token for token, freq in self.token_freqs if freq >= min_freq and token not in taken
        ]
        self.token_to_idx = {token: index for index, token in enumerate(self.idx_to_token)}

    def __len__(self):
        """Return how many tokens there are, ``<unk>`` included."""
        return len(self.idx_to_token)

    def __getitem__(self, tokens):
        """Return the index of a token (``unk`` for an unknown one), or a list of those of many."""
        if not isinstance(tokens, (list, tuple)):
            return self.token_to_idx.get(tokens, self.unk)
        return [self[token] for token in tokens]

    def to_tokens(self, indices):
        """Return the token of an index, or a list of those of many."""
        if not isinstance(indices, (list, tuple, numpy.ndarray)):
            return self.idx_to_token[indices]
        return [self.idx_to_token[index] for index in indices]


def load_corpus(corpus, token="char", max_tokens=-1):
    """Return ``(tokens, vocab)`` of a corpus: an integer array (num_tokens,) and a `Vocab`.

    The vocabulary is the whole text's, however few tokens are asked for. Characters of adjacent
    lines follow each other with nothing between, as in the book.

    Args:
        corpus: a `gluon_gru.text.corpus.Corpus`, UTF-8 text.
        token: ``"char"`` or ``"word"``.
        max_tokens: return the first so many; all if it is not positive.

    Raises:
        InputError: for a text that isn't UTF-8 or holds no letter, and for an unknown ``token``.
    """
    if token not in ("char", "word"):
        tokenize([], token)
    found, names, freqs = (_characters if token == "char" else _words)(
        _normalised_blocks(corpus.path)
    )
    vocab = Vocab(
        collections.Counter({name: int(freq) for name, freq in zip(names, freqs) if freq})
    )
    if not vocab.token_freqs:
        raise InputError(f"{corpus.name!r} holds no letters (a to z) to learn from")
    final = numpy.array(vocab[names], numpy.uint8 if len(vocab) <= 256 else numpy.int32)
    return final[found[:max_tokens] if max_tokens > 0 else found], vocab


def _characters(blocks):
    """Return the text's character codes, the characters by code, and their frequencies."""
    blocks = [block[block != _NEWLINE] for block in blocks]
    freqs = sum(
        (numpy.bincount(block, minlength=128) for block in blocks), numpy.zeros(128, numpy.int64)
    )
    return numpy.concatenate(blocks), [chr(code) for code in range(128)], freqs


def _words(blocks):
    """Return the text's words as indices by first appearance, the words, and their frequencies."""
    place = collections.defaultdict(lambda: len(place))
    parts, tail = [], b""
    for block in itertools.chain(blocks, [numpy.array([_NEWLINE], numpy.uint8)]):
        text = tail + block.tobytes()
        # The last word of a block may go on in the next one.
        cut = max(text.rfind(b"\n"), text.rfind(b" ")) + 1
        text, tail = text[:cut], text[cut:]
        words = text.split()
        parts.append(numpy.fromiter(map(place.__getitem__, words), numpy.int32, len(words)))
    found = numpy.concatenate(parts)
    return found, [word.decode("ascii") for word in place], numpy.bincount(found)


def load_corpus_time_machine(max_tokens=-1):
    """Return ``(tokens, vocab)`` of the book's corpus: integers (num_tokens,) and a `Vocab`.

    Characters. Where the text comes from is `gluon_gru.text.corpus.find`'s matter; it warns if it
    has to fall back on the sample. Source: the book's section "Text Preprocessing".

    Raises:
        InputError: see `gluon_gru.text.corpus.find` and `load_corpus`.
    """
    return load_corpus(_books_corpus(), max_tokens=max_tokens)
