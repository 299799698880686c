"""Curves and bars as a page draws them, in SVG and HTML.

Unlike Matplotlib's pictures they follow the page's colours in light and dark, and their letters keep
their size on a phone.
"""

from __future__ import annotations

from typing import Any

from gluon_gru.report.axes import Axes
from gluon_gru.report.document import Bars, Curves, Table
from gluon_gru.report.style import Style, style

# The drawing's units; its edges leave room for labels in the larger letters of a narrow window.
WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 610, 16, 336

#: The epochs that the table beside the curves shows, with the last one.
_ROWS = (1, 10, 25, 50, 100, 200, 300, 400, 500)


def curves(block: Curves) -> dict[str, Any]:
    """Return what the macro ``Curves`` draws."""
    axes = Axes(block)

    def across(place):
        return round(_LEFT + (_RIGHT - _LEFT) * place, 1)

    def up(place):
        return round(_BOTTOM - (_BOTTOM - _TOP) * place, 1)

    def line(places):
        return " ".join(f"{across(x)},{up(y)}" for x, y in places)

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "bottom": _BOTTOM,
        "top": _TOP,
        "x_ticks": [(across(place), label) for place, label in axes.x.ticks],
        "y_ticks": [(up(place), label) for place, label in axes.y.ticks],
        "curves": [
            {
                "label": curve.label,
                "style": _css(style(curve.model, number, curve.dashed)),
                "line": line(points),
                "dots": [] if curve.joined else [(across(x), up(y)) for x, y in points],
                "band": line(band),
            }
            for number, (curve, points, band) in enumerate(axes.lines)
        ],
        "points": [
            {
                "point": place.point,
                "x": across(place.x),
                "y": up(place.y),
                "label_x": across(place.label_x),
                "anchor": "end" if place.ended else "start",
                "label_y": up(place.y) + (22 if place.below else -10),
            }
            for place in axes.places
        ],
        "data": [
            {
                "label": curve.label,
                "runs": [[float(f"{value:.4g}") for value in run] for run in curve.runs],
            }
            for curve in block.curves
        ],
        "table": _table(block),
    }


def _table(block: Curves) -> Table:
    last = max(len(curve.xs) for curve in block.curves)
    epochs = [*(epoch for epoch in _ROWS if epoch < last), last]

    def cell(curve, epoch):
        return ", ".join(f"{run[epoch - 1]:.3f}" for run in curve.runs if len(run) >= epoch)

    return Table(
        ["epoch", *(curve.label for curve in block.curves)],
        [[epoch, *(cell(curve, epoch) for curve in block.curves)] for epoch in epochs],
    )


def _css(how: Style) -> str:
    """Return a colour and dashes as an element's style."""
    dashes = f"; stroke-dasharray: {' '.join(map(str, how.dashes))}" if how.dashes else ""
    return f"--c: var(--{how.colour}){dashes}"


def bars(block: Bars) -> dict[str, Any]:
    """Return what the macro ``Bars`` draws: bars with their lengths in percent of the longest."""

    def percent(value):
        return round(100 * value / block.longest, 2)

    return {
        "bars": [
            {
                **bar._asdict(),
                "style": _css(style(bar.model)),
                "value": block.form(bar.value),
                "length": percent(bar.value),
                "span": bar.span and [percent(end) for end in bar.span],
            }
            for bar in block.bars
        ],
        "limit": block.limit and {"at": percent(block.limit), "value": block.form(block.limit)},
    }
