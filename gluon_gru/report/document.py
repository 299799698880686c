"""What a report is made of."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence


class Table(NamedTuple):
    """A table: the columns' headers, rows of cells, and a title."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
