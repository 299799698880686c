"""Where the lines, labels and bars of a page's charts go; the templates draw them.

They are drawn as SVG and HTML, not by Matplotlib, so that they follow the page's colours in light
and dark, and their letters keep their size on a phone.
"""

import math
import typing

from matplotlib.ticker import MaxNLocator

# The drawing's units; its edges leave room for labels in the larger letters of a narrow window.
WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 610, 16, 336
# Marks of the logarithmic axis in a power of ten, the more the shorter the axis.
_TICKS = ((1, 1.5, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS = 10

#: After these epochs the table beside the curves has a row.
_ROWS = (1, 10, 25, 50, 100, 200, 300, 400, 500)


class Curve(typing.NamedTuple):
    """Perplexities by epoch under one label, a list a run."""

    label: str
    runs: list


class Reported(typing.NamedTuple):
    """A published perplexity, the epoch that it was printed after, and who reports it."""

    value: float
    epoch: int
    source: str


def curves(found, reported=()):
    """Return what the macro ``curves`` draws: perplexity, on a logarithmic axis, by epoch.

    Args:
        found: a list of `Curve`.
        reported: a list of `Reported`.
    """
    runs = [run for curve in found for run in curve.runs]
    longest = max(len(run) for run in runs)
    values = [value for run in runs for value in run] + [one.value for one in reported]
    low, high = math.log(0.93), math.log(1.07 * max(values))

    def x(epoch):
        return round(_LEFT + (_RIGHT - _LEFT) * (epoch - 1) / max(longest - 1, 1), 1)

    def y(value):
        return round(_BOTTOM - (_BOTTOM - _TOP) * (math.log(value) - low) / (high - low), 1)

    ticks = [
        [
            tick * 10**power
            for power in range(20)
            for tick in some
            if math.log(tick * 10**power) < high
        ]
        for some in _TICKS
    ]
    epochs = [
        epoch
        for epoch in MaxNLocator(5, integer=True).tick_values(1, longest)
        if 0 < epoch <= longest
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "bottom": _BOTTOM,
        "top": _TOP,
        "x_ticks": [
            (x(epoch), f"{epoch:g}")
            for epoch in sorted({1, *epochs})
            if epoch == 1 or x(epoch) - _LEFT > 40
        ],
        "y_ticks": [
            (y(tick), f"{tick:g}")
            for tick in next((some for some in ticks if len(some) <= _MOST_TICKS), ticks[-1])
        ],
        "curves": [
            {
                "label": curve.label
                + (f" ({len(curve.runs)} seeds)" if len(curve.runs) > 1 else ""),
                "lines": [
                    " ".join(f"{x(i)},{y(value)}" for i, value in enumerate(run, 1))
                    for run in curve.runs
                ],
            }
            for curve in found
        ],
        # Where no curve is: right of an early point, at the left edge for a late one.
        "reported": [
            {
                "y": y(one.value),
                "x": x(min(one.epoch, longest)),
                "label_x": x(one.epoch) + 12 if one.epoch < longest / 2 else _LEFT + 8,
                "value": f"{one.value:g}",
                "source": one.source,
                "epoch": one.epoch,
            }
            for one in reported
        ],
        "data": [
            {
                "label": curve.label,
                "runs": [[float(f"{value:.4g}") for value in run] for run in curve.runs],
            }
            for curve in found
        ],
        "rows": [
            [
                epoch,
                *(
                    ", ".join(f"{run[epoch - 1]:.3f}" for run in curve.runs if len(run) >= epoch)
                    for curve in found
                ),
            ]
            for epoch in sorted({*(row for row in _ROWS if row < longest), longest})
        ],
    }


class Bar(typing.NamedTuple):
    """A bar: what it is of, its length, the range drawn over it, and how it is filled.

    ``kind`` is ``engine``, ``package`` or ``peer``.
    """

    label: str
    note: str
    value: float
    span: typing.Optional[tuple]
    kind: str


def bars(found, limit=None):
    """Return what the macro ``bars`` draws: bars with their lengths in percent of the longest.

    Args:
        found: a list of `Bar`.
        limit: a value that is drawn as a line across all of them.
    """
    longest = max([*(max((bar.value, *(bar.span or ()))) for bar in found), limit or 0])

    def percent(value):
        return round(100 * value / longest, 2)

    return {
        "bars": [
            {
                "label": bar.label,
                "note": bar.note,
                "kind": bar.kind,
                "value": f"{bar.value:,.0f}",
                "length": percent(bar.value),
                "span": bar.span and [percent(end) for end in bar.span],
            }
            for bar in found
        ],
        "limit": limit and {"at": percent(limit), "value": f"{limit:,.0f}"},
    }
