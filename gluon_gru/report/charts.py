"""Curves and bars as a page draws them, in SVG and HTML.

Not Matplotlib's, so that they follow the page's colours in light and dark, and their letters keep
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

#: After these epochs the table beside the curves has a row.
_ROWS = (1, 10, 25, 50, 100, 200, 300, 400, 500)


def curves(block: Curves) -> dict[str, Any]:
    """Return what the macro ``curves`` draws."""
    drawn = Axes(block)

    def across(place):
        return round(_LEFT + (_RIGHT - _LEFT) * place, 1)

    def up(place):
        return round(_BOTTOM - (_BOTTOM - _TOP) * place, 1)

    def points(places):
        return " ".join(f"{across(x)},{up(y)}" for x, y in places)

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "bottom": _BOTTOM,
        "top": _TOP,
        "x_ticks": [(across(place), label) for place, label in drawn.x.ticks],
        "y_ticks": [(up(place), label) for place, label in drawn.y.ticks],
        "curves": [
            {
                "label": line.curve.label,
                "style": _css(style(line.curve.model, number, line.curve.dashed)),
                "line": points(line.points),
                "dots": [] if line.curve.joined else [(across(x), up(y)) for x, y in line.points],
                "band": points(line.band),
            }
            for number, line in enumerate(drawn.lines)
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
            for place in drawn.places
        ],
        "data": [
            {
                "label": curve.label,
                "runs": [[float(f"{value:.4g}") for value in run] for run in curve.runs],
            }
            for curve in block.curves
        ],
        "table": Table(
            ["epoch", *(curve.label for curve in block.curves)],
            [
                [
                    epoch,
                    *(
                        ", ".join(
                            f"{run[epoch - 1]:.3f}" for run in curve.runs if len(run) >= epoch
                        )
                        for curve in block.curves
                    ),
                ]
                for epoch in sorted({*(row for row in _ROWS if row < drawn.longest), drawn.longest})
            ],
        ),
    }


def _css(how: Style) -> str:
    """Return a colour and dashes as an element's style."""
    dashes = f"; stroke-dasharray: {' '.join(map(str, how.dashes))}" if how.dashes else ""
    return f"--c: var(--{how.colour}){dashes}"


def bars(block: Bars) -> dict[str, Any]:
    """Return what the macro ``bars`` draws: bars with their lengths in percent of the longest."""

    def percent(value):
        return round(100 * value / block.longest, 2)

    return {
        "bars": [
            {
                "label": bar.label,
                "note": bar.note,
                "fill": bar.fill,
                "style": _css(style(bar.model)),
                "value": block.form(bar.value),
                "length": percent(bar.value),
                "span": bar.span and [percent(end) for end in bar.span],
            }
            for bar in block.bars
        ],
        "limit": block.limit and {"at": percent(block.limit), "value": block.form(block.limit)},
    }
