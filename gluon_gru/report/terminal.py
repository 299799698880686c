"""Blocks of a report as text for a terminal, as wide as the terminal is."""

from __future__ import annotations

import functools
import itertools
import shutil
import textwrap
from typing import Any, Sequence

from gluon_gru.report.document import Bullets, Facts, Heading, Paragraph, Table

_BETWEEN = 2


def text(blocks: Sequence[Any], width: int | None = None) -> str:
    """Return headings, paragraphs, lists, facts and tables as text; other blocks are left out.

    Args:
        blocks: see `gluon_gru.report.document`.
        width: how many columns there are; by default the terminal's, or 80.
    """
    width = width or shutil.get_terminal_size().columns
    parts = []
    for block in blocks:
        if isinstance(block, (Heading, Paragraph)):
            parts.append(_wrap(block.text, width))
        elif isinstance(block, Bullets):
            parts.append("\n".join(_wrap(f"- {line}", width) for line in block.lines))
        elif isinstance(block, Facts):
            parts.append(_table(list(block.values.items()), (), width))
        elif isinstance(block, Table):
            title = [_wrap(f"{block.title}:", width)] if block.title else []
            parts.append("\n".join([*title, _table(block.rows, block.headers, width)]))
    return "\n\n".join(parts)


def _wrap(text: str, width: int, break_words: bool = False) -> str:
    return "\n".join(
        part
        for line in text.split("\n")
        for part in textwrap.wrap(line, width, break_on_hyphens=False, break_long_words=break_words)
        or [""]
    )


def _table(rows: Sequence[Sequence[Any]], headers: Sequence[str], width: int) -> str:
    cells = [[str(cell) for cell in row] for row in ([headers, *rows] if headers else rows)]
    widths = _widths(cells, width)
    lines: list[Sequence[str]] = []
    for row in cells:
        wrapped = [_wrap(cell, have, True).split("\n") for cell, have in zip(row, widths)]
        lines += itertools.zip_longest(*wrapped, fillvalue="")
        if headers and row is cells[0]:
            lines.append(["-" * have for have in widths])
    return "\n".join(
        (" " * _BETWEEN).join(cell.ljust(have) for cell, have in zip(line, widths)).rstrip()
        for line in lines
    )


def _widths(rows: list[list[str]], width: int) -> list[int]:
    """Return how wide each column is: as it wants to be, or narrowed where rows stay lowest.

    No column gets narrower than its longest word, nor the first, which names the rows, than its
    longest cell, unless it has half of all to itself.
    """
    columns = list(zip(*rows))
    widths = [max(1, *(len(line) for cell in c for line in cell.split("\n"))) for c in columns]
    words = [max((len(word) for cell in c for word in cell.split()), default=1) for c in columns]
    least = [max(1, min(word, width // 2)) for word in [widths[0], *words[1:]]]
    room = width - _BETWEEN * (len(columns) - 1)
    heights = [[_lines(cell, have) for cell in c] for c, have in zip(columns, widths)]
    while sum(widths) > room:
        choices = []
        for i, column in enumerate(columns):
            if widths[i] > least[i]:
                narrower = [_lines(cell, widths[i] - 1) for cell in column]
                tall = map(max, zip(*heights[:i], narrower, *heights[i + 1 :]))
                choices.append((sum(lines * lines for lines in tall), -widths[i], i, narrower))
        if not choices:
            break
        _, _, i, heights[i] = min(choices)
        widths[i] -= 1
    return widths


@functools.lru_cache(maxsize=10000)
def _lines(cell: str, width: int) -> int:
    return (
        1 if len(cell) <= width and "\n" not in cell else _wrap(cell, width, True).count("\n") + 1
    )
