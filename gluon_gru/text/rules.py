"""How a model's texts become tokens: decided once, in training, and obeyed by every text it reads.

A checkpoint's config holds the rules under ``text``. They also make a prefix, or the text whose
gates are shown, what it would be in the text that the model was trained on.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from gluon_gru.errors import InputError
from gluon_gru.text.textfile import tidy

#: How a text can be split, what can become of its capitals, and the forms that Unicode gives letters
#: with marks: NFC composes a letter and its marks, NFD takes them apart.
TOKENS = ("characters", "words")
CASES = ("keep", "fold")
Form = Literal["NFC", "NFD"]
#: The forms of Unicode that a text may have.
FORMS: tuple[Form, ...] = ("NFC", "NFD")

#: What can become of the order of a text's lines.
LINES = ("keep", "shuffle")

# A word (with the apostrophes in it) or a run of other signs, either with the space before it; any
# other white space by itself. So every character of a text is in exactly one token.
_SIGNS = r"| ?[^\w\s]+|\s"
_IN_A_WORD = "['’]"


@functools.lru_cache(maxsize=None)
def _words(rule: int) -> re.Pattern[str]:
    """Return the pattern of a rule for words, which models name: 1 is that of version 0.1.0.

    To Python, and so to rule 1, a mark is no part of a word. In rule 2, marks and what has no shape
    (joiners, signs of direction) belong to the letter before them, as Unicode's rules for words
    have it (UAX 29, WB4), and Hebrew's two signs to words as apostrophes do. The zero width space
    doesn't, which stands between words where nothing else does.

    Raises:
        InputError: for any other rule.
    """
    if rule == 1:
        return re.compile(rf" ?\w+(?:{_IN_A_WORD}\w+)*{_SIGNS}")
    if rule != 2:
        raise InputError(
            f"its words are of rule {rule!r}, which a later version of gluon_gru made: use that one"
        )
    beyond_ascii = map(chr, range(0x80, sys.maxunicode + 1))
    marks = "".join(
        sign for sign in beyond_ascii if unicodedata.category(sign) in ("Mn", "Mc", "Me", "Cf")
    ).replace("\u200b", "")
    # The first condition spares most texts a search in a long list.
    return re.compile(
        rf" ?\w+(?:(?=[^ -~\s])[{marks}\u05f3]\w*|(?:{_IN_A_WORD}|\u05f4)\w+)*{_SIGNS}"
    )


@dataclasses.dataclass(frozen=True)
class Rules:
    """How texts become tokens.

    Attributes:
        tokens: one of `TOKENS`.
        case: ``keep``, or ``fold`` for small letters: ``str.lower``, which people write, not
            ``str.casefold``, which only serves comparisons (it makes ``strasse`` of ``Straße``).
        form: one of `FORMS`, the one that the model's text has; None if it has neither.
        words: the rule for words, see ``_words``.
    """

    tokens: str = "characters"
    case: str = "keep"
    form: Form | None = None
    words: int = 2

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Rules:
        """Return the rules in a checkpoint's config; version 0.1.0 recorded no form and no words.

        A model of the book's text, which has none, is one of characters as they are.
        """
        return cls(**{"words": 1, **config.get("text", {})})

    def fold(self, text: str) -> str:
        """Return a string in the model's case and form; strings cut at white space fold alike."""
        if self.case == "fold":
            text = text.lower()
        return unicodedata.normalize(self.form, text) if self.form else text

    def read(self, text: str) -> str:
        """Return a string as it would be read from a file: see `tidy` and `fold`.

        Raises:
            InputError: see `tidy`.
        """
        return self.fold(tidy(text))

    def split(self, text: str) -> list[str]:
        """Return the tokens of a string: its characters, or its words."""
        return list(text) if self.tokens == "characters" else _words(self.words).findall(text)
