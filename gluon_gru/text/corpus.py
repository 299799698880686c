"""The book's corpus: where it comes from, whether it is the right one, and its tokens.

The corpus is *The Time Machine* by H. G. Wells. It is looked for in this order: a path that the
user gives (an argument, or the environment variable ``GLUON_GRU_CORPUS``), the user's cache, a
download from the book's own address, and, when all of that fails, a short story bundled with the
package, on which everything runs but nothing is comparable with the published numbers.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
import pathlib
import sys
import warnings
from typing import Any

import numpy

from gluon_gru.errors import InputError, shown
from gluon_gru.text.download import download, sha1_of
from gluon_gru.text.editions import DEFAULT, edition_of
from gluon_gru.text.indexing import index_book_tokens
from gluon_gru.text.textfile import TextFile
from gluon_gru.text.vocabulary import Vocab, tokenize

#: Where the book downloads its corpus from, and the SHA-1 that it checks.
BOOK_URL = "https://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"
BOOK_SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"

SAMPLE = pathlib.Path(__file__).parent / "data" / "sample.txt"


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A text on disk.

    Attributes:
        path: where it is.
        name: what to call it in a report; never a folder of the user's.
        sha1: of its bytes, in hexadecimal.
        note: why it is this one, if it isn't the one that was hoped for; otherwise empty.
    """

    path: pathlib.Path
    name: str
    sha1: str
    note: str = ""

    @property
    def is_books(self) -> bool:
        """Whether it is, byte for byte, what the book trained on."""
        return self.sha1 == BOOK_SHA1

    @property
    def facts(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"name": self.name, "sha1": self.sha1, "is_books": self.is_books, "note": self.note}


def find(path: str | os.PathLike | None = None) -> Corpus:
    """Find the corpus, in the order that this module's description gives.

    Args:
        path: a text file; ``None`` stands for ``GLUON_GRU_CORPUS`` if that is set.

    Raises:
        InputError: for a path that is missing, empty, unreadable or a folder.
    """
    origin = "corpus"
    if path is None and os.environ.get("GLUON_GRU_CORPUS"):
        path, origin = os.environ["GLUON_GRU_CORPUS"], "corpus (from GLUON_GRU_CORPUS)"
    if path is not None:
        return _identify(pathlib.Path(path), origin)
    try:
        return _identify(download(BOOK_URL, BOOK_SHA1), "downloaded corpus")
    except OSError as error:
        return dataclasses.replace(
            _identify(SAMPLE, "bundled story"),
            name="bundled story",
            note=f"The Time Machine is not at hand ({error}); this is a short story bundled with "
            "the package. Give the book's text with --corpus or GLUON_GRU_CORPUS.",
        )


def _identify(path: pathlib.Path, origin: str) -> Corpus:
    try:
        sha1 = sha1_of(path)
    except OSError as error:
        raise InputError(
            f"{origin} {str(path)!r} can't be read ({error.strerror}): give a text file"
        ) from error
    if path.stat().st_size == 0:
        raise InputError(
            f"{origin} {str(path)!r} is empty, or a pipe, which can be read only once: give a text "
            "file"
        )
    return Corpus(path, "The Time Machine" if sha1 == BOOK_SHA1 else shown(path.name), sha1)


def load_corpus(
    corpus: Corpus, token: str = "char", max_tokens: int = -1, edition: str = DEFAULT
) -> tuple[numpy.ndarray, Vocab]:
    """Return ``(tokens, vocab)`` of a corpus: an integer array (num_tokens,) and a `Vocab`.

    The text is normalised as the book's is. Characters of adjacent lines follow each other with
    nothing between, as in the book. The vocabulary is the whole text's, however few tokens are
    asked for.

    Args:
        corpus: UTF-8 text, see `find`.
        token: ``"char"`` or ``"word"``.
        max_tokens: return the first so many; all if it is not positive.
        edition: of the book: a key of `gluon_gru.text.editions.EDITIONS`.

    Raises:
        InputError: for a text that isn't UTF-8 or holds no letter, and for an unknown ``token`` or
            edition.
    """
    if token not in ("char", "word"):
        tokenize([], token)
    kind = "characters" if token == "char" else "words"
    indexed = index_book_tokens(
        TextFile(corpus.path, encoding=None).blocks(), kind, edition_of(edition)
    )
    if not any(name.strip() for name in indexed.names):
        raise InputError(f"{corpus.name!r} holds no letters (a to z) to learn from")
    vocab = Vocab(collections.Counter(indexed.freqs()), edition=edition)
    return indexed.numbered(vocab, max_tokens if max_tokens > 0 else None), vocab


def load_corpus_time_machine(
    max_tokens: int = -1, edition: str = DEFAULT
) -> tuple[numpy.ndarray, Vocab]:
    """Return ``(tokens, vocab)`` of the book's corpus: integers (num_tokens,) and a `Vocab`.

    Characters. Where the text comes from: see `find`; a warning tells if it is the sample. Source:
    the book's section "Text Preprocessing".

    Args and errors: see `load_corpus` and `find`.
    """
    return load_corpus(find_or_warn(), max_tokens=max_tokens, edition=edition)


def read_time_machine(edition: str = DEFAULT) -> list[str]:
    """Return the corpus (see `find`) as a list of normalised lines, as the book does.

    Raises:
        InputError: for a corpus that can't be read or isn't UTF-8, and an unknown edition.
    """
    lines = edition_of(edition).lines(TextFile(find_or_warn().path, encoding=None).blocks())
    return list(itertools.chain.from_iterable(lines))


def find_or_warn() -> Corpus:
    """Find the corpus; warn the reader's own line of code if it is not the one hoped for."""
    corpus = find()
    if corpus.note:
        frame, level = sys._getframe(1), 2
        while frame.f_back and frame.f_globals["__name__"].startswith("gluon_gru."):
            frame, level = frame.f_back, level + 1
        warnings.warn(corpus.note, stacklevel=level)
    return corpus
