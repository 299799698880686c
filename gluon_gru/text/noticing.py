"""What is noticed of a text while it is read, for which it isn't read again."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from gluon_gru.text.rules import FORMS, Form

# The start of a line, which tells its place in an order.
_START = 1000


class Noticed:
    """The form of a text's letters, and the order of its lines."""

    def __init__(self) -> None:
        self._forms = list(FORMS)
        self._rising = self._falling = 0

    def watch(self, blocks: Iterable[str]) -> Iterator[str]:
        """Yield the blocks of a text, which white space starts, as they come."""
        before, rest = "", ""
        for block in blocks:
            self._forms = [form for form in self._forms if unicodedata.is_normalized(form, block)]
            *lines, rest = (rest + block).split("\n")
            rest = rest[:_START]
            for line in lines:
                line = line[:_START].lower()
                self._rising += before < line
                self._falling += before > line
                before = line
            yield block

    @property
    def form(self) -> Form | None:
        """The form of all letters, NFC if they have both; None for neither."""
        return self._forms[0] if self._forms else None

    @property
    def num_lines(self) -> int:
        """The number of lines that differ from the one before."""
        return self._rising + self._falling

    @property
    def in_order(self) -> float:
        """The share of lines that are on the same side of the one before, half of them at least."""
        return max(self._rising, self._falling) / max(1, self.num_lines)
