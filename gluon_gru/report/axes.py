"""The places of curves, ticks and labelled points, from 0 to 1 in both directions.

Pictures and pages draw the same `Axes`, which alone deal with scales.
"""

from __future__ import annotations

import collections
import math
import statistics
import sys
from typing import Callable, NamedTuple, Sequence

from gluon_gru.report.document import Curve, Curves, Dots, HeatMap, Point
from gluon_gru.report.style import SHADES, TWO_SIDED

# Ticks of a logarithmic axis per power of ten; the densest that aren't crowded are taken.
_LOG_TICKS = ((1, 1.5, 2, 3, 4, 5, 7), (1, 1.5, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS, _FEWEST_TICKS = 12, 4
# Labels closer to each other than this share of an axis run together; beside each other they are
# wider than high.
_CROWDED, _CROWDED_ACROSS = 0.065, 0.09

# Up to here an axis of distances is linear.
_NEAR = 10

_FORWARD: dict[str, Callable[[float], float]] = {
    "linear": float,
    "log": math.log,
    "near": lambda value: value / _NEAR if value < _NEAR else 1 + math.log10(value / _NEAR),
}


class Axis:
    """An axis from ``low`` to ``high``, or if ``whole`` from the tick below to the one above.

    Labels that would be nearer to each other than ``crowded``, a share of the axis, are left out.

    Attributes:
        ticks: pairs of a place, from 0 to 1, and its label.
    """

    def __init__(
        self, low: float, high: float, scale: str, whole: bool = False, crowded: float = _CROWDED
    ) -> None:
        self._forward = _FORWARD[scale]
        values = self._values(low, high, scale, whole, crowded)
        low, high = min(low, *values[:1]), max(high, *values[-1:])
        self._ends = self._forward(low), self._forward(high)
        self.ticks: list[tuple[float, str]] = []
        for value in values:
            place = self.at(value)
            if self.ticks and place - self.ticks[-1][0] <= crowded:
                # Of a whole axis the ends stay.
                if not whole or value != values[-1] or len(self.ticks) == 1:
                    continue
                self.ticks.pop()
            self.ticks.append((place, f"{value:.6g}"))

    def at(self, value: float) -> float:
        """Return a value's place, from 0 to 1; an infinite one is at the end."""
        low, high = self._ends
        there = self._forward(value) if math.isfinite(value) else high
        return (there - low) / (high - low)

    @staticmethod
    def _values(
        low: float, high: float, scale: str, whole: bool, crowded: float
    ) -> Sequence[float]:
        if scale == "near":
            powers = range(1, max(math.ceil(math.log10(max(high, 1))), 1) + 1)
            far = [tick * 10.0**power for power in powers for tick in (1, 2, 4, 6)]
            every = [0.0, 2.0, 4.0, 6.0, 8.0, *far]
            found = [value for value in every if low <= value <= high]
            return [*found, *[value for value in every if value > high][:1]] if whole else found
        if scale == "log":
            powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            for ticks in _LOG_TICKS:
                every = [tick * 10.0**power for power in powers for tick in ticks]
                # From the tick below to the one above, or those between.
                first = max((v for v in every if v <= low * 1.000001), default=low)
                last = min((v for v in every if v >= high / 1.000001), default=high)
                ends = (first, last) if whole else (low, high)
                found = [value for value in every if ends[0] <= value <= ends[1]]
                span = math.log(ends[1] / ends[0])
                ratios = (math.log(after / before) for before, after in zip(found, found[1:]))
                crowd = min(ratios, default=span) <= crowded * span or len(found) > _MOST_TICKS
                if len(ticks) == 1 or not crowd:
                    break
            if len(found) >= _FEWEST_TICKS:
                return found
        raw = (high - low) / 8
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw)
        if whole:
            first, last = math.floor(low / step), math.ceil(high / step)
        else:
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


class Shades:
    """The colours of a heat map's values.

    Attributes:
        axis: the `Axis` of the colours, and ``ends``, its lowest and highest value.
        stops: colours from its beginning to its end.
    """

    # So many can be told apart, and neighbours of one colour are drawn as one.
    _STEPS = 32

    def __init__(self, block: HeatMap) -> None:
        cells = [cell for grid in block.grids.values() for row in grid for cell in row]
        values = [value for value, _ in cells if value] or [1, 2]
        self.stops = SHADES if block.legend else TWO_SIDED
        if block.scale == "share":
            self.ends = 0.0, 1.0
        elif block.legend:
            # A tenth more, so that a single value has a scale too.
            self.ends = min(values), 1.1 * max(values)
        else:
            bound = max(2, *values, *(1 / value for value in values))
            self.ends = 1 / bound, bound
        self.axis = Axis(*self.ends, "linear" if block.scale == "share" else "log")

    def colour(self, value: float) -> str:
        """Return a value's colour, between those of the stops beside it."""
        place = round(self._STEPS * self.axis.at(value)) / self._STEPS * (len(self.stops) - 1)
        below = min(int(place), len(self.stops) - 2)
        pairs = zip(*(_rgb(stop) for stop in self.stops[below : below + 2]))
        mixed = (round(a + (b - a) * (place - below)) for a, b in pairs)
        return "#" + "".join(f"{part:02x}" for part in mixed)

    def ink(self, value: float) -> str:
        """Return in what a value can be read on its colour: black or white."""
        return "#000000" if luminance(self.colour(value)) > _MIDDLE else "#ffffff"


# On a colour of this luminance black and white stand out alike.
_MIDDLE = 0.179


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, ``#rrggbb``, as WCAG 2 defines it."""
    parts = (part / 255 for part in _rgb(colour))
    linear = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


#: Dots on one another; the next ones stand in a column beside them, by a share of the axis.
COLUMN = 5
_BESIDE = 0.012


def stacked(values: Sequence[float], block: Dots) -> list[tuple[float, int]]:
    """Return the places of dots: across from 0 to 1, and how many are below it.

    Equal values, to two digits, are in columns side by side, around their place.
    """
    places = []
    for value, number in collections.Counter(round(min(v, block.high), 2) for v in values).items():
        middle = (math.ceil(number / COLUMN) - 1) / 2
        x = (value - block.low) / (block.high - block.low)
        places += [(x + _BESIDE * (i // COLUMN - middle), i % COLUMN) for i in range(number)]
    return places


def beyond(values: Sequence[float], block: Dots) -> str:
    """Return in words which values are above the end of the axis."""
    return ", ".join(f"{value:.2f}" for value in sorted(values) if value > block.high)


class Line(NamedTuple):
    """A curve's line as points, and its seeds' range: points along its top and back below."""

    curve: Curve
    points: list[tuple[float, float]]
    band: list[tuple[float, float]]


class Place(NamedTuple):
    """A labelled point's place; its label is above it or ``below``, and begins or has ``ended`` there."""

    point: Point
    x: float
    y: float
    label_x: float
    below: bool
    ended: bool


class Axes:
    """The places of everything in `Curves`.

    Attributes:
        x, y: the two `Axis`.
        turn: the place where ``x`` changes from linear to logarithmic, or None.
        lines, places: a `Line` for each curve, a `Place` for each point.
    """

    def __init__(self, block: Curves) -> None:
        xs = [x for curve in block.curves for x in curve.xs]
        ys = [float(y) for curve in block.curves for run in curve.runs for y in run]
        ys = [y for y in (*ys, *(point.y for point in block.points)) if math.isfinite(y)]
        whole = not block.by_epoch
        self.x = _axis(xs, block.xscale, whole, _CROWDED_ACROSS)
        self.y = _axis(ys, block.yscale, True)
        if block.by_epoch:
            # The first epoch, and then whole ones.
            later = [tick for tick in self.x.ticks if tick[0] > _CROWDED and "." not in tick[1]]
            self.x.ticks = [(0.0, "1"), *later]
        far = block.xscale == "near" and max(xs, default=0) > _NEAR
        self.turn = self.x.at(_NEAR) if far else None
        self.lines = [self._line(curve) for curve in block.curves]
        # A point that was reported after more epochs than were trained here is at the edge.
        low, high = min(xs), max(xs)
        self.places = [
            self._place(point, self.x.at(min(max(point.x, low), high))) for point in block.points
        ]

    def _line(self, curve: Curve) -> Line:
        places = [self.x.at(x) for x in curve.xs]
        values = [[float(run[i]) for run in curve.runs if i < len(run)] for i in range(len(places))]

        def points(choose):
            return [(x, self.y.at(choose(some))) for x, some in zip(places, values)]

        band = points(max) + points(min)[::-1] if len(curve.runs) > 1 else []
        return Line(curve, points(statistics.median), band)

    def _place(self, point: Point, x: float) -> Place:
        """Put a label where no curve is: right of an early point, at the left edge for a late one.

        Without a line across, below and left of the point: such points have the others above them.
        """
        y = self.y.at(point.y)
        if point.across:
            return Place(point, x, y, x + 0.02 if x < 0.5 else 0.015, False, False)
        ended = x > 0.1
        return Place(point, x, y, x - 0.008 if ended else x + 0.008, True, ended)


def _axis(values: Sequence[float], scale: str, whole: bool, crowded: float = _CROWDED) -> Axis:
    """Return the axis of some values; of equal ones too it has room, however large they are."""
    low, high = min(values, default=1), max(values, default=2)
    if high == low and scale == "log":
        low, high = max(low / 1.02, sys.float_info.min), high * 1.02
    elif high == low and scale == "linear":
        room = 0.5 + abs(high) / 100
        low, high = low - room, high + room
    return Axis(low, max(high, 1) if scale == "near" else high, scale, whole, crowded)
