"""What a file is that isn't UTF-8 text, told in one line, with the command that converts it."""
import re
import shlex

import charset_normalizer

from ..errors import InputError

_SAMPLE = 1 << 15
# More of them than one character in twenty is no text.
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# Of the encodings in which a sample reads the same, the one that is known best.
_KNOWN = ("cp1252", "shift_jis", "euc_jp", "gb18030", "big5", "cp1251", "koi8_r", "iso8859_7")


def check_is_text(path, start):
    """Raise InputError for a file that starts (``start``, bytes) like none of text.

    UTF-16 and UTF-32 are told from it by the mark they start with.
    """
    marked = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not marked and len(_CONTROLS.findall(start)) > max(1, len(start) // 20):
        raise not_utf8(path, 0)


def not_utf8(path, position):
    """Return the InputError for a file with a byte at ``position`` that UTF-8 text can't have."""
    with open(path, "rb") as file:
        file.seek(max(0, position - _SAMPLE))
        sample = file.read(2 * _SAMPLE)
    # A line's end; the sample may start or end within a character.
    sample = sample[:sample.rfind(b"\n") + 1 or None]
    name, encoding = str(path), _guess(sample)
    if encoding is None:
        return InputError(f"text {name!r} is binary data, not text (at byte {position:,}): give "
                          "a text file, UTF-8")
    if encoding == "utf_8":
        return InputError(
            f"text {name!r} is UTF-8, but damaged at byte {position:,}: leave out what is, with  "
            f"iconv -c -f UTF-8 -t UTF-8 {shlex.quote(name)} > converted.txt")
    encoding = encoding.replace("_", "-").upper()
    return InputError(
        f"text {name!r} is not UTF-8 (at byte {position:,}); it looks like {encoding}: convert it "
        f"with  iconv -f {encoding} -t UTF-8 {shlex.quote(name)} > converted.txt")


def _guess(sample):
    """Return the encoding of a text by its Python name, None for what is no text."""
    text = sample.decode("utf-8", "replace")
    beyond_ascii = sum(character > "\x7f" for character in text)
    if b"\0" not in sample and text.count("\ufffd") * 4 < beyond_ascii:
        return "utf_8"
    best = charset_normalizer.from_bytes(sample).best()
    if best is None:
        return None
    if b"\0" in sample and not best.encoding.startswith(("utf_16", "utf_32")):
        return None
    same = [best.encoding, *best.could_be_from_charset]
    return next((name for name in _KNOWN if name in same), best.encoding)
