"""Fonts for what a picture says: Matplotlib's own, and for signs that it lacks one of the system's."""

from __future__ import annotations

import functools
from typing import Any

_OWN = "DejaVu Sans"


@functools.lru_cache(maxsize=64)
def _fonts(signs: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Return the names of fonts that have signs between them, and the signs that none has."""
    from matplotlib import font_manager

    own = font_manager.FontProperties(family=_OWN)
    names, lacking = [_OWN], signs - _signs(font_manager.findfont(own), signs)
    for font in font_manager.fontManager.ttflist:
        # One is as good as another, but "Last Resort" has a box for everything.
        if lacking and font.style == "normal" and "last resort" not in font.name.lower():
            found = _signs(font.fname, lacking)
            names += [font.name] if found else []
            lacking -= found
    return names, lacking


def _signs(file: str, signs: frozenset[str]) -> frozenset[str]:
    """Return those of the signs that a font's file has."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(file)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(sign for sign in signs if font.get_char_index(ord(sign)))


def _foreign(text: str) -> frozenset[str]:
    # Control characters, which no font has, but for the ends of lines.
    return frozenset(sign for sign in text if not " " <= sign <= "~" and sign != "\n")


def having(text: str) -> Any:
    """Return a context in which Matplotlib draws with fonts that have a text's signs."""
    import matplotlib

    return matplotlib.rc_context({"font.family": _fonts(_foreign(text))[0]})


def drawable(text: str) -> str:
    """Return a text with what no font has escaped, as in Python: ``\\u4e2d``."""
    _, lacking = _fonts(_foreign(text))
    return "".join(
        sign.encode("unicode_escape").decode()
        if sign in lacking or "\ud800" <= sign <= "\udfff"
        else sign
        for sign in text
    )
