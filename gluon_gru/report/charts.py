"""What the page needs to draw curves, bars and heat maps itself, in SVG and HTML.

Unlike Matplotlib's pictures they follow the page's colours in light and dark, and their letters keep
their size on a phone.
"""

from __future__ import annotations

import itertools
from typing import Any, Iterator, Sequence

from gluon_gru.report.axes import Shades, stacked
from gluon_gru.report.document import Bars, Curves, DotRow, Dots, HeatMap, Table
from gluon_gru.report.style import style

#: A drawing's size, and its edges, which leave room for larger labels in a narrow window.
BOX = {"width": 640, "height": 400, "left": 88, "right": 614, "top": 36, "bottom": 336}

#: The epochs that the table beside the curves shows, with the last one.
_ROWS = (1, 10, 25, 50, 100, 200, 300, 400, 500)


def across(place: float) -> float:
    """Return the x of a place between 0, at the left, and 1."""
    return round(BOX["left"] + (BOX["right"] - BOX["left"]) * place, 1)


def up(place: float) -> float:
    """Return the y of a place between 0, at the bottom, and 1."""
    return round(BOX["bottom"] - (BOX["bottom"] - BOX["top"]) * place, 1)


def path(places: Sequence[tuple[float, float]]) -> str:
    """Return the ``points`` of a line or an area."""
    return " ".join(f"{across(x)},{up(y)}" for x, y in places)


def css(drawn: Any, place: int = 0) -> str:
    """Return the colour and dashes of a `Curve` or `Bar`, the ``place``-th from 0, as a style."""
    how = style(drawn.model, place, getattr(drawn, "dashed", False))
    dashes = f"; stroke-dasharray: {' '.join(map(str, how.dashes))}" if how.dashes else ""
    return f"--c: var(--{how.colour}){dashes}"


def percent(value: float, block: Bars) -> float:
    """Return a value in percent of the longest bar."""
    return round(100 * value / block.longest, 2)


def values(block: Curves) -> list[dict[str, Any]]:
    """Return the curves' values as the page's script reads them."""
    return [
        {
            "label": curve.label,
            "runs": [[float(f"{value:.4g}") for value in run] for run in curve.runs],
        }
        for curve in block.curves
    ]


def table(block: Curves) -> Table:
    """Return the curves' values after some epochs."""
    last = max(len(curve.xs) for curve in block.curves)
    epochs = [*(epoch for epoch in _ROWS if epoch < last), last]

    def cell(curve, epoch):
        return ", ".join(f"{run[epoch - 1]:.3f}" for run in curve.runs if len(run) >= epoch)

    return Table(
        ["epoch", *(curve.label for curve in block.curves)],
        [[epoch, *(cell(curve, epoch) for curve in block.curves)] for epoch in epochs],
    )


#: The size of a row of dots, its ends, and how far dots on one another are apart.
DOTS = {"width": 640, "height": 100, "left": 44, "right": 590, "step": 9}


def dots(row: DotRow, block: Dots) -> Iterator[tuple[float, int, str]]:
    """Yield the place of every dot of a row, and whether it is ``hollow`` or ``filled``."""
    wide = DOTS["right"] - DOTS["left"]
    for values, base, kind in ((row.hollow, 44, "hollow"), (row.filled, 94, "filled")):
        for x, y in stacked(values, block):
            yield round(DOTS["left"] + wide * x, 1), base - DOTS["step"] * y, kind


class Map:
    """The sizes of a heat map's grids, and what is drawn in them, in pixels.

    Attributes:
        cell, row: the width of a column, and the height of a row.
        left, top, high: where the cells begin, and how high they are in all.
        width, height: of a grid with its labels.
        across: the width of all that are side by side.
        turned: whether the columns' labels are turned, to be read from below.
        shades: the `Shades`.
        ends: the lowest and the highest value, as the legend has them.
    """

    def __init__(self, block: HeatMap) -> None:
        lines = [line for label in block.columns for line in label.split("\n")]
        longest, letter = max(map(len, lines)), 7.5
        texts = [len(text) for grid in block.grids.values() for row in grid for _, text in row]
        self.turned = not block.has_texts and longest > 1
        self.cell, self.row, below = 10.0, 15.0, 20 + letter * longest * self.turned
        if block.has_texts:
            self.cell, self.row = max(44, letter * max(longest, *texts) + 8), 30.0
            below = 8 + 15 * max(label.count("\n") + 1 for label in block.columns)
        self.top = 22.0 if any(block.grids) else 2.0
        self.left = 10 + letter * max(map(len, block.rows))
        self.high = self.row * len(block.rows)
        self.width = round(self.left + self.cell * len(block.columns) + 4)
        self.height = round(self.top + self.high + below)
        self.across = (self.width + 64) * (block.across or len(block.grids))
        self.shades = Shades(block)
        self.ends = [f"{value:.3g}" for value in self.shades.ends]

    def areas(self, grid: Sequence[Any]) -> list[tuple[str, str]]:
        """Return the colours of a grid, each with the path of its cells; none is "" ."""
        found: dict[str, list[str]] = {}
        for y, row in enumerate(grid):
            colours = ["" if value is None else self.shades.colour(value) for value, _ in row]
            for colour, cells in itertools.groupby(range(len(row)), colours.__getitem__):
                first, *others = cells
                width = self.cell * (len(others) + 1)
                found.setdefault(colour, []).append(
                    f"M{self.left + self.cell * first:g} {self.top + self.row * y:g}"
                    f"h{width:g}v{self.row:g}h{-width:g}z"
                )
        return [(colour, "".join(paths)) for colour, paths in found.items()]

    def texts(self, grid: Sequence[Any]) -> Iterator[tuple[float, float, str, str]]:
        """Yield the place, the ink and the text of every cell that has one."""
        for y, row in enumerate(grid):
            for x, (value, text) in enumerate(row):
                ink = "" if value is None else self.shades.ink(value)
                place = self.left + self.cell * (x + 0.5), self.top + self.row * (y + 0.5)
                if text:
                    yield (*place, ink, text)
