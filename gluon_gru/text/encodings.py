"""What a file that isn't UTF-8 text is instead, in one line, with the command that converts it."""

from __future__ import annotations

import codecs
import os
import re
import shlex

from gluon_gru.errors import InputError

_SAMPLE = 1 << 15
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
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
# What iconv doesn't know can't be advised.
NOT_ICONVS = (
    "cp1006",
    "cp720",
    "euc_jis_2004",
    "hz",
    "iso2022_jp_1",
    "iso2022_jp_2",
    "iso2022_jp_2004",
    "iso2022_jp_3",
    "iso2022_jp_ext",
    "kz1048",
    "mac_greek",
    "mac_iceland",
    "mac_latin2",
    "mac_roman",
    "mac_turkish",
    "ptcp154",
    "shift_jis_2004",
    "shift_jisx0213",
)
# What Western European texts have beyond ASCII, and how rarely: a few such signs are too little
# for a guess by frequencies, and are far more often these than anything else.
_WESTERN = set("äöüÄÖÜßàâáãåæçéèêëíìîïñóòôõøœúùûÀÂÁÅÆÇÉÈÊÍÎÑÓÔØÚ«»‘’‚“”„–—…¡¿§°€£·\xa0")
_WESTERN_SHARE = 0.25


def check_is_text(path: str | os.PathLike, start: bytes) -> None:
    """Raise InputError for a file whose first bytes, ``start``, are not those of a text."""
    if _has_controls(start) or start.startswith(tuple(mark for mark, _ in _MARKS)):
        raise not_utf8(path, 0)


def not_utf8(path: str | os.PathLike, position: int) -> InputError:
    """Return the InputError for a file with a byte at ``position`` that UTF-8 text can't have."""
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(max(0, position - _SAMPLE))
        sample = file.read(2 * _SAMPLE)
    marked = [encoding for mark, encoding in _MARKS if start.startswith(mark)]
    name, encoding = str(path), marked[0] if marked else _guess(sample)
    if encoding is None:
        return InputError(
            f"text {name!r} is binary data, not text (at byte {position:,}): give "
            "a text file, UTF-8"
        )
    if encoding == "utf_8":
        return InputError(
            f"text {name!r} is UTF-8, but damaged at byte {position:,}: leave out what is, with  "
            f"iconv -c -f UTF-8 -t UTF-8 {shlex.quote(name)} > converted.txt"
        )
    encoding = iconvs(encoding)
    return InputError(
        f"text {name!r} is not UTF-8 (at byte {position:,}); it looks like {encoding}: convert it "
        f"with  iconv -f {encoding} -t UTF-8 {shlex.quote(name)} > converted.txt"
    )


def iconvs(encoding: str) -> str:
    """Return the name by which iconv knows one of Python's encodings."""
    name = encoding.replace("_", "-").upper()
    for theirs, own in (
        ("UTF-16-", "UTF-16"),
        ("UTF-32-", "UTF-32"),
        ("ISO2022-", "ISO-2022-"),
        ("LATIN-1", "ISO-8859-1"),
    ):
        name = name.replace(theirs, own)
    return name


def _has_controls(sample: bytes) -> bool:
    """Return whether more than one in twenty bytes are control characters, as in no text."""
    return len(_CONTROLS.findall(sample)) > max(1, len(sample) // 20)


def _guess(sample: bytes) -> str | None:
    """Return the encoding of a part of a text by its Python name, None for what is no text."""
    if b"\0" in sample:
        # In UTF-16 without a mark, every other byte of what is ASCII.
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        few, many = sorted((even, odd))
        if many > len(sample) // 8 and few * 20 < many:
            return "utf_16_be" if even > odd else "utf_16_le"
        return None
    if _has_controls(sample):
        return None
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") * 4 < sum(character > "\x7f" for character in text):
        return "utf_8"
    # Only whole lines, and only those that tell something: the sample may start or end within a
    # character.
    lines = sample[: sample.rfind(b"\n") + 1 or None].split(b"\n")
    telling = b"\n".join([line for line in lines if not line.isascii()] or lines)
    beyond_ascii = [sign for sign in telling.decode("cp1252", "replace") if sign > "\x7f"]
    if len(beyond_ascii) < _WESTERN_SHARE * len(telling) and _WESTERN.issuperset(beyond_ascii):
        return "cp1252"
    # Few need it, and its tables take a while to load.
    import charset_normalizer

    best = charset_normalizer.from_bytes(telling, cp_exclusion=list(NOT_ICONVS)).best()
    if best is None:
        return None
    same = [best.encoding, *best.could_be_from_charset]
    return next((name for name in _KNOWN if name in same), best.encoding)
