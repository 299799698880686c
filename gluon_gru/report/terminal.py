"""Text for a terminal: what could command it is escaped; lines and blocks are as wide as it is.

Nothing is coloured.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import shutil
import textwrap
from typing import Any, Iterator, Sequence, TextIO

from gluon_gru.report.document import Bullets, Facts, Heading, Paragraph, Table

_GAP = 2

# The columns of a terminal that doesn't say how many it has.
_USUAL = 80

# What a quoted line begins with.
_BAR = "  | "

# Control characters, but for tabs and ends of lines.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str, stream: TextIO) -> str:
    """Return what to write of a text to a stream: control characters as ``\\x1b`` to a terminal.

    A model writes those that it learned, and they could move the cursor, or worse. A file or a pipe
    gets the text as it is.
    """
    if not stream.isatty():
        return text
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def columns(stream: TextIO) -> int | None:
    """Return how wide a terminal is, in columns; None for a stream that goes to something else."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL


def wrapped(text: str, stream: TextIO) -> str:
    """Return a text with lines as wide as a terminal, cut at spaces; unchanged for anything else."""
    width = columns(stream)
    return text if width is None else "\n".join(_wrap(text, width))


def quoted(text: str, stream: TextIO) -> str:
    """Return what a model wrote as it is shown among messages: behind a bar, and harmless."""
    width = columns(stream)
    lines = harmless(text, stream).expandtabs().split("\n")
    if width is not None:
        room = max(1, width - len(_BAR))
        lines = [part for line in lines for part in _cut(line, room)]
    return "\n".join(f"{_BAR}{line}".rstrip() for line in lines)


def _cut(line: str, width: int) -> Iterator[str]:
    """Yield the parts of a line, cut at spaces if it has some, and anywhere where it has none."""
    from tqdm.utils import disp_len, disp_trim

    for part in _wrap(line, width, True):
        # Chinese characters, for one, are two columns wide.
        while disp_len(part) > width:
            cut = disp_trim(part, width) or part[:1]
            yield cut
            part = part[len(cut) :]
        yield part


def text(blocks: Sequence[Any], width: int | None = None) -> str:
    """Return headings, paragraphs, lists, facts and tables as text; other blocks are left out.

    Args:
        blocks: see `gluon_gru.report.document`.
        width: the number of columns; by default the terminal's, or 80.
    """
    width = width or shutil.get_terminal_size().columns
    rendered = ["\n".join(_render(block, width)) for block in blocks]
    return "\n\n".join(filter(None, rendered))


def _render(block: Any, width: int) -> Iterator[str]:
    if isinstance(block, (Heading, Paragraph)):
        yield from _wrap(block.text, width)
    elif isinstance(block, Bullets):
        for line in block.lines:
            yield from _wrap(f"- {line}", width)
    elif isinstance(block, Facts):
        yield from _table(list(block.values.items()), width)
    elif isinstance(block, Table):
        if block.title:
            yield from _wrap(f"{block.title}:", width)
        yield from _table([block.headers, *block.rows], width, ruled=True)


def _wrap(text: str, width: int, break_words: bool = False) -> list[str]:
    wrapper = textwrap.TextWrapper(width, break_on_hyphens=False, break_long_words=break_words)
    return [part for line in text.split("\n") for part in wrapper.wrap(line) or [""]]


def _table(rows: Sequence[Sequence[Any]], width: int, ruled: bool = False) -> Iterator[str]:
    cells = [[str(cell) for cell in row] for row in rows]
    widths = _widths(cells, width)
    for number, row in enumerate(cells):
        wrapped = [_wrap(cell, have, True) for cell, have in zip(row, widths)]
        lines = list(itertools.zip_longest(*wrapped, fillvalue=""))
        if ruled and number == 0:
            lines.append(tuple("-" * have for have in widths))
        for line in lines:
            yield (" " * _GAP).join(map(str.ljust, line, widths)).rstrip()


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the columns' widths: of their longest lines, or narrowed until they fit.

    Each step narrows the column that leaves rows lowest, by the squares of their heights. The first
    column, which names the rows, keeps its longest line and every other its longest word, up to
    half of the room.
    """
    columns = list(zip(*rows))
    room = width - _GAP * (len(columns) - 1)
    longest = [max(1, *map(len, "\n".join(column).split("\n"))) for column in columns]
    words = [max(map(len, " ".join(column).split()), default=1) for column in columns]
    least = [max(1, min(have, room // 2)) for have in [*longest[:1], *words[1:]]]
    widths = [min(have, room) for have in longest]

    def cost(tried):
        return sum(max(map(_height, row, tried)) ** 2 for row in rows), max(tried)

    while sum(widths) > room and widths != least:
        narrowed = (
            [*widths[:i], have - 1, *widths[i + 1 :]]
            for i, have in enumerate(widths)
            if have > least[i]
        )
        widths = min(narrowed, key=cost)
    return widths


@functools.lru_cache(maxsize=99999)
def _height(cell: str, width: int) -> int:
    return len(_wrap(cell, width, True))
