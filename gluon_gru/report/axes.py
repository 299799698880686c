"""Where curves, ticks and labelled points go, from 0 to 1 in both directions.

The picture and the page draw the same `Axes`; neither decides anything about scales.
"""

from __future__ import annotations

import math
import statistics
from typing import Callable, NamedTuple, Sequence

from gluon_gru.report.document import Curve, Curves, Point

# Marks of a logarithmic axis in a power of ten; the densest that is not crowded is taken.
_LOG_TICKS = ((1, 1.5, 2, 3, 4, 5, 7), (1, 1.5, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS, _FEWEST_TICKS = 10, 4
# Labels that are nearer to each other than this share of an axis run together.
_CROWDED = 0.065

_FORWARD: dict[str, Callable[[float], float]] = {
    "linear": float,
    "log": math.log,
    "near": lambda value: value / 10 if value < 10 else 1 + math.log10(value / 10),
}


class Axis:
    """An axis from ``low`` to ``high``.

    Attributes:
        ticks: pairs of a place, from 0 to 1, and its label.
    """

    def __init__(self, low: float, high: float, scale: str) -> None:
        self._forward = _FORWARD[scale]
        self._ends = self._forward(low), self._forward(high)
        self.ticks: list[tuple[float, str]] = []
        for value in self._values(low, high, scale):
            place = self.at(value)
            if not self.ticks or place - self.ticks[-1][0] > _CROWDED:
                self.ticks.append((place, f"{value:.6g}"))

    def at(self, value: float) -> float:
        """Return a value's place, from 0 to 1; one that is infinite is at the end."""
        low, high = self._ends
        there = self._forward(value) if math.isfinite(value) else high
        return (there - low) / (high - low)

    @staticmethod
    def _values(low: float, high: float, scale: str) -> Sequence[float]:
        if scale == "near":
            return [v for v in (0, 2, 4, 6, 8, 10, 20, 40, 60, 100, 200) if low <= v <= high]
        if scale == "log":
            powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            sets = [[t * 10.0**p for p in powers for t in ticks] for ticks in _LOG_TICKS]
            sets = [[value for value in values if low <= value <= high] for values in sets]
            found = next((values for values in sets if len(values) <= _MOST_TICKS), sets[-1])
            if len(found) >= _FEWEST_TICKS:
                return found
        raw = (high - low) / 8
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


class Line(NamedTuple):
    """A curve's line as points, and its seeds' range: points along its top and back below."""

    curve: Curve
    points: list[tuple[float, float]]
    band: list[tuple[float, float]]


class Place(NamedTuple):
    """A labelled point's place, and its label's: above it or ``below``, begun or ``ended`` there."""

    point: Point
    x: float
    y: float
    label_x: float
    below: bool
    ended: bool


class Axes:
    """What is drawn of `Curves`.

    Attributes:
        x, y: the two `Axis`.
        lines, places: a `Line` for each curve, a `Place` for each point.
        longest: how many values the longest curve has.
    """

    def __init__(self, block: Curves) -> None:
        runs = [run for curve in block.curves for run in curve.runs]
        self.longest = max(map(len, runs), default=1)
        xs = [
            x
            for curve in block.curves
            for x in (curve.x if curve.x is not None else (1, max(map(len, curve.runs))))
        ]
        ys = [float(y) for run in runs for y in run] + [point.y for point in block.points]
        ys = list(filter(math.isfinite, ys))
        self.x = _axis(xs, block.xscale, 0 if block.by_epoch else 0.03)
        self.y = _axis(ys, block.yscale, 0.03)
        if block.by_epoch and self.x.ticks[0][0] > 0:
            self.x.ticks = [(0.0, "1"), *(tick for tick in self.x.ticks if tick[0] > _CROWDED)]
        self.lines = [self._line(curve) for curve in block.curves]
        low, high = min(xs), max(xs)
        self.places = []
        for number, point in enumerate(block.points):
            # One that was printed after more epochs than were trained here is at the edge.
            x = self.x.at(min(max(point.x, low), high))
            # Where no curve is: right of an early point, at the left edge for a late one.
            label_x = x + 0.02 if x < 0.5 or not point.across else 0.015
            below = not point.across and number % 2 == 0
            ended = not point.across and x > 0.75
            label_x = x - 0.015 if ended else label_x
            self.places.append(Place(point, x, self.y.at(point.y), label_x, below, ended))

    def _line(self, curve: Curve) -> Line:
        longest = max(map(len, curve.runs), default=0)
        xs = range(1, longest + 1) if curve.x is None else curve.x
        there = [[float(run[i]) for run in curve.runs if i < len(run)] for i in range(longest)]
        places = [self.x.at(x) for x in xs]

        def points(value):
            return [(x, self.y.at(value(values))) for x, values in zip(places, there)]

        band = points(max) + points(min)[::-1] if len(curve.runs) > 1 else []
        return Line(curve, points(statistics.median), band)


def _axis(values: Sequence[float], scale: str, margin: float) -> Axis:
    low, high = min(values, default=1), max(values, default=2)
    if scale == "log":
        room = 1.02 * (high / low) ** margin
        return Axis(low / room, high * room, scale)
    room = margin * (high - low) if high > low else 0.5
    return Axis(low - (0 if scale == "near" else room), high + room, scale)
