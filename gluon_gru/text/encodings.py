"""What a file that isn't text of its encoding is instead, in one line, with the way out."""

from __future__ import annotations

import codecs
import re
import shlex

from gluon_gru.errors import InputError

#: How many bytes tell an encoding.
SAMPLE = 1 << 15

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# UTF-16 and UTF-32 are told by the mark at their start; the longer ones first, of which the
# others are a part.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf_32"),
    (codecs.BOM_UTF32_BE, "utf_32"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)
# Of the encodings in which a sample reads the same, the one that is known best.
_KNOWN = ("cp1252", "shift_jis", "euc_jp", "gb18030", "big5", "cp1251", "koi8_r", "iso8859_7")
# What Western European texts have beyond ASCII, and how rarely: a few such signs are too little
# for a guess by frequencies, and are far more often these than anything else.
_WESTERN = set("äöüÄÖÜßàâáãåæçéèêëíìîïñóòôõøœúùûÀÂÁÅÆÇÉÈÊÍÎÑÓÔØÚ«»‘’‚“”„–—…¡¿§°€£·\xa0")
_WESTERN_SHARE = 0.25


def decoder(encoding: str) -> codecs.IncrementalDecoder:
    """Return a new decoder of an encoding.

    Raises:
        InputError: for a name that is no text encoding of Python's.
    """
    try:
        # That refuses what makes bytes of bytes, such as base64.
        "".encode(encoding)
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"encoding {encoding!r} is unknown: give one of Python's, such as utf-8, utf-16, "
            "cp1252, koi8-r, gb18030 or shift_jis"
        ) from error


def binary(name: str, position: int) -> InputError:
    """Return the InputError for a file that is no text in any encoding; see `not_text`."""
    return InputError(
        f"text {name!r} is binary data, not text (at byte {position:,}): give a text file"
    )


def not_text(name: str, encoding: str | None, position: int, sample: bytes) -> InputError:
    """Return the InputError for a file with bytes at ``position`` that its text can't have.

    Args:
        name: of the file.
        encoding: what it was read as; None for UTF-8 where no other one can be asked for.
        position: of the first such byte.
        sample: what is around it.
    """
    asked = "utf-8" if encoding is None else encoding
    guess = _guess(sample, asked)
    if guess is None:
        return binary(name, position)
    if codecs.lookup(guess).name == codecs.lookup(asked).name:
        way_out = "mend it, or name another encoding"
        if guess == "utf_8":
            way_out = (
                "leave out what is, with  iconv -c -f UTF-8 -t UTF-8 "
                f"{shlex.quote(name)} > converted.txt"
            )
        return InputError(
            f"text {name!r} is {_shown(asked)}, but damaged at byte {position:,}: {way_out}"
        )
    named = "" if encoding is None else f"name that (--encoding {guess}), or "
    return InputError(
        f"text {name!r} is not {_shown(asked)} (at byte {position:,}); it looks like {guess}: "
        f"{named}convert it to UTF-8"
    )


def _shown(encoding: str) -> str:
    return encoding.upper() if codecs.lookup(encoding).name == "utf-8" else encoding


def has_controls(sample: str) -> bool:
    """Return whether more than one in twenty characters are control characters, as in no text."""
    return len(_CONTROLS.findall(sample)) > max(1, len(sample) // 20)


def _guess(sample: bytes, asked: str) -> str | None:
    """Return the encoding of a part of a text by its Python name, None for what is no text.

    That may be ``asked``, in which it is not all text: then little of it is damaged.
    """
    marked = [encoding for mark, encoding in _MARKS if sample.startswith(mark)]
    if marked:
        return marked[0]
    if b"\0" in sample:
        # In UTF-16 without a mark, every other byte of what is ASCII.
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        few, many = sorted((even, odd))
        if many > len(sample) // 8 and few * 20 < many:
            return "utf_16_be" if even > odd else "utf_16_le"
        return None
    if has_controls(sample.decode("latin-1")):
        return None
    for encoding in (asked, "utf_8"):
        text = sample.decode(encoding, "replace")
        if text.count("\ufffd") * 4 < sum(character > "\x7f" for character in text):
            return codecs.lookup(encoding).name.replace("-", "_")
    # Only whole lines, and only those that tell something: the sample may start or end within a
    # character.
    lines = sample[: sample.rfind(b"\n") + 1 or None].split(b"\n")
    telling = b"\n".join([line for line in lines if not line.isascii()] or lines)
    beyond_ascii = [sign for sign in telling.decode("cp1252", "replace") if sign > "\x7f"]
    if len(beyond_ascii) < _WESTERN_SHARE * len(telling) and _WESTERN.issuperset(beyond_ascii):
        return "cp1252"
    # Few need it, and its tables take a while to load.
    import charset_normalizer

    best = charset_normalizer.from_bytes(telling).best()
    if best is None:
        return None
    same = [best.encoding, *best.could_be_from_charset]
    return next((name for name in _KNOWN if name in same), best.encoding)
