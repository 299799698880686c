"""What the page needs to draw curves and bars itself, in SVG and HTML.

Unlike Matplotlib's pictures they follow the page's colours in light and dark, and their letters keep
their size on a phone.
"""

from __future__ import annotations

from typing import Any, Sequence

from gluon_gru.report.document import Bars, Curves, Table
from gluon_gru.report.style import style

#: A drawing's size, and its edges, which leave room for larger labels in a narrow window.
BOX = {"width": 640, "height": 400, "left": 62, "right": 610, "top": 16, "bottom": 336}

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
