"""A file of text in, strings out: whatever its encoding, its ends of lines, and where it comes from."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import reprlib
from collections.abc import Iterator
from typing import BinaryIO

from gluon_gru.errors import InputError
from gluon_gru.text.encodings import SAMPLE, binary, decoder, has_controls, not_text

_BLOCK = 1 << 20


class _Tidy:
    """Drops a byte order mark and makes all ends of lines ``\\n``, in a text that comes in pieces."""

    def __init__(self) -> None:
        self._line_ends = io.IncrementalNewlineDecoder(None, translate=True)
        self._begun = False

    def __call__(self, text: str, final: bool = False) -> str:
        if text and not self._begun:
            self._begun, text = True, text[1:] if text[0] == "\ufeff" else text
        return self._line_ends.decode(text, final=final)


def tidy(text: str) -> str:
    """Return a string as a file of it would be read, by `TextFile.blocks`.

    Raises:
        InputError: for half a character, which Python makes of bytes that the terminal's encoding
            hasn't got.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"text {reprlib.repr(text)} has half a character ({text[error.start]!r}): type it in "
            "the terminal's encoding, or give a file"
        ) from error
    return _Tidy()(text, final=True)


class TextFile:
    """A text file, a pipe, or the standard input; it can be read once.

    Args:
        path: ``-`` for the standard input.
        encoding: by the name that Python has for it. None stands for UTF-8 where the user can't
            name another one, which errors don't advise then.

    Attributes:
        size, sha256: of what was read of it by `blocks`; the size in bytes.

    Raises:
        InputError: for an unknown encoding.
    """

    def __init__(self, path: str | os.PathLike, encoding: str | None = "utf-8") -> None:
        self._path, self._encoding = pathlib.Path(path), encoding
        self._decoder = decoder("utf-8" if encoding is None else encoding)
        self.size, self._digest = 0, hashlib.sha256()

    def __str__(self) -> str:
        return str(self._path)

    @property
    def name(self) -> str:
        """What a record calls it: the file's name without its folder."""
        return "standard input" if str(self) == "-" else self._path.name

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hexadecimal."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[str]:
        """Yield the text in strings, any of which but the first starts with white space.

        So no word lies in two of them, and lower case, which in Greek depends on where in a word a
        letter is, comes out as for the whole text. A byte order mark is dropped, and ``\\r\\n`` and
        ``\\r`` become ``\\n``.

        Raises:
            InputError: for a file that can't be read, is binary, or not of its encoding.
        """
        tidied, held, before = _Tidy(), [], b""
        try:
            with self._open() as file:
                while True:
                    raw = file.read(_BLOCK)
                    text = tidied(self._decode(raw, before, file), final=not raw)
                    self._digest.update(raw)
                    self.size += len(raw)
                    before = (before + raw)[-SAMPLE:]
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
                f"text {str(self)!r} can't be read ({error.strerror or error}): give a text file"
            ) from error

    def _open(self) -> BinaryIO:
        return open(0, "rb", closefd=False) if str(self) == "-" else open(self._path, "rb")

    def _decode(self, raw: bytes, before: bytes, file: BinaryIO) -> str:
        """Return the text of a block; ``before`` are bytes before it, the rest is in ``file``."""
        undecided = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(raw, final=not raw)
            # Some encodings let halves of a character through, which no text has.
            text.encode("utf-8")
        except UnicodeError as error:
            at = error.start - undecided if isinstance(error, UnicodeDecodeError) else 0
        else:
            if "\0" not in text:
                if not self.size and has_controls(text):
                    raise binary(str(self), 0)
                return text
            at = max(0, raw.find(b"\0"))
        around = before + raw + file.read(SAMPLE)
        start = max(0, len(before) + at - SAMPLE)
        sample = around[start : start + 2 * SAMPLE]
        raise not_text(str(self), self._encoding, self.size + at, sample)


def _last_white_space(text: str) -> int:
    for i in range(len(text) - 1, -1, -1):
        if text[i].isspace():
            return i
    return -1
