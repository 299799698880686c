"""The pictures of a report, drawn by Matplotlib."""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from typing import TYPE_CHECKING, Any, Sequence

from gluon_gru.report import document as d
from gluon_gru.report.axes import Axes, Axis, Shades, beyond, stacked
from gluon_gru.report.fonts import drawable, having
from gluon_gru.report.style import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(blocks: Sequence[Any]) -> dict[str, bytes]:
    """Return the pictures of a report's blocks: file name -> PNG bytes."""
    drawn = [
        one for one in blocks if isinstance(one, (d.Curves, d.Bars, d.HeatMap, d.Dots, d.Picture))
    ]
    return {file: _draw(panels) for file, panels in d.grouped(drawn, "file").items()}


def _draw(panels: Sequence[Any]) -> bytes:
    first = panels[0]
    if isinstance(first, d.Picture):
        return first.png
    with having(str(panels)):
        if isinstance(first, d.HeatMap):
            return png(_heat_map(first))
        return png(_dots(first) if isinstance(first, d.Dots) else _column(panels))


def _column(panels: Sequence[Any]) -> Figure:
    """Draw curves or bars one below the other, the first panel's key under them."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    first, heights = panels[0], [_height(block) for block in panels]
    fig = Figure(figsize=(9, 0.4 + sum(heights)), layout="constrained")
    grid = fig.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, block in zip(grid[:, 0], panels):
        (_curves if isinstance(block, d.Curves) else _bars)(axes, block)
    if isinstance(first, d.Bars) and first.key:
        fig.suptitle(_plain(first.note), fontsize=9)
        fig.legend(
            handles=[
                Patch(label=what, **_filled(how, "#555555")) for how, what in first.key.items()
            ],
            loc="outside lower center",
            ncols=len(first.key),
            fontsize=8,
            frameon=False,
        )
    return fig


def _height(block: Any) -> float:
    """Return a panel's height in inches."""
    return 4.9 if isinstance(block, d.Curves) else 0.27 * (1.6 + sum(map(_lines, block.bars)))


def png(fig: Figure) -> bytes:
    """Return a Matplotlib figure as the bytes of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(fig)
    picture = io.BytesIO()
    fig.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


def _plain(text: str) -> str:
    """Return a text that can be drawn, whose dollar signs Matplotlib doesn't take for formulas."""
    return drawable(text).replace("$", r"\$")


def _wrapped(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(_plain(text), int(width)))


def _annotate(axes: Any, text: str, at: tuple[float, float], offset: Any, **options: Any) -> None:
    """Write a text at a place in data coordinates, moved by an offset in points."""
    axes.annotate(text, at, xytext=offset, textcoords="offset points", fontsize=8, **options)


def _curves(axes: Any, block: d.Curves) -> None:
    drawn = Axes(block)
    for number, (curve, points, band) in enumerate(drawn.lines):
        how = style(curve.model, number, curve.dashed)
        xs, ys = zip(*points)
        few = len(xs) <= 30
        axes.plot(
            xs,
            ys,
            color=how.paper,
            linestyle=((0, how.dashes) if how.dashes else "-") if curve.joined else "none",
            linewidth=1.5,
            marker=how.marker,
            markersize=4 if curve.joined else 6,
            markevery=None if few else ((number + 1) * len(xs) // 80, max(len(xs) // 10, 1)),
            label=_plain(curve.label),
        )
        if band:
            axes.fill(*zip(*band), color=how.paper, alpha=0.2, linewidth=0)
    for place in drawn.places:
        if place.point.across:
            axes.axhline(place.y, color="0.4", linewidth=0.9, linestyle=":")
        axes.plot(place.x, place.y, "kD", markersize=5, clip_on=False, zorder=3)
        note = f" ({place.point.note})" if place.point.note else ""
        _annotate(
            axes,
            _plain(place.point.label + note),
            (place.label_x, place.y),
            (0, -12 if place.below else 6),
            ha="right" if place.ended else "left",
        )
    axes.set_xticks(*map(list, zip(*drawn.x.ticks)))
    axes.set_yticks(*map(list, zip(*drawn.y.ticks)))
    if drawn.turn is not None:
        axes.axvline(drawn.turn, color="0.4", linewidth=0.9)
        _annotate(axes, "linear", (drawn.turn, 0), (-5, 5), ha="right")
        _annotate(axes, "logarithmic", (drawn.turn, 0), (5, 5), ha="left")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=_plain(block.xlabel), ylabel=_plain(block.ylabel))
    axes.grid(True, alpha=0.3)
    if block.bands:
        axes.fill([], [], color="0.5", alpha=0.3, linewidth=0, label=block.bands)
    axes.legend(fontsize=8, loc="upper right" if block.by_epoch else "best")
    axes.set_title(_wrapped(block.title, 110), fontsize=9, loc="left")


def _lines(bar: d.Bar) -> float:
    return 2 if bar.note else 1.25


def _filled(fill: str, colour: str) -> dict[str, Any]:
    return {
        "facecolor": colour if fill == "full" else "white",
        "edgecolor": colour,
        "hatch": "////" if fill == "striped" else None,
        "linewidth": 1.3,
    }


def _bars(axes: Any, block: d.Bars) -> None:
    heights = [_lines(bar) for bar in block.bars]
    bottom = sum(heights)
    places = [end - height / 2 for end, height in zip(itertools.accumulate(heights), heights)]
    for y, height, bar in zip(places, heights, block.bars):
        filled = _filled(bar.fill, style(bar.model).paper)
        axes.barh(y, bar.value, height=0.75 * height, **filled)
        if bar.span:
            axes.plot(bar.span, [y, y], "k|-", markersize=7, linewidth=1.3)
        # A box, since the limit's line may pass here.
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        _annotate(axes, block.form.format(bar.value), (bar.end, y), (7, 0), va="center", bbox=box)
    if block.limit:
        colour, label = (
            style("limit").paper,
            f"{block.limit_label}: {block.form.format(block.limit)}",
        )
        axes.axvline(block.limit, color=colour, linestyle="--", linewidth=1.3)
        _annotate(
            axes, label, (block.limit, bottom), (-5, 2), ha="right", va="bottom", color=colour
        )
    labels = [_plain(f"{bar.label}\n{bar.note}" if bar.note else bar.label) for bar in block.bars]
    axes.set_yticks(places, labels, fontsize=8)
    axes.set(xlim=(0, 1.15 * block.longest), ylim=(bottom + (0.6 if block.limit else 0), 0))
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda value, _: block.form.format(value))
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    # In inches, a letter of the labels is 0.065 wide, one of the title 0.077.
    widest = max(len(line) for label in labels for line in label.split("\n"))
    width = max(int((8.6 - 0.065 * widest) / 0.077), 30)
    axes.set_title(_wrapped(block.title, width), fontsize=9, loc="left")


def _dots(block: d.Dots) -> Figure:
    from matplotlib.figure import Figure

    fig = Figure(figsize=(9, 1 + 0.85 * len(block.rows)), layout="constrained")
    axes, step = fig.subplots(), 0.075
    for number, row in enumerate(block.rows):
        colour = style(row.model).paper
        for base, values, fill in (
            (number + 0.42, row.hollow, "none"),
            (number + 0.9, row.filled, colour),
        ):
            xs, ys = zip(*stacked(values, block)) if values else ((), ())
            below = [base - step * y for y in ys]
            axes.scatter(xs, below, s=14, edgecolors=colour, facecolors=fill, linewidths=0.9)
            _annotate(axes, beyond(values, block), (1, base), (6, -3))
        if number:
            axes.axhline(number, color="0.85", linewidth=0.8)
    labels = [_plain(f"{row.label}\n{row.note}") for row in block.rows]
    axes.set_yticks([row + 0.45 for row in range(len(labels))], labels, fontsize=8)
    axes.set_xticks(*map(list, zip(*Axis(block.low, block.high, "linear").ticks)))
    axes.set(xlim=(-0.07, 1.07), ylim=(len(labels), -0.05), xlabel=_plain(block.xlabel))
    axes.grid(True, axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(_wrapped(block.title, 80), fontsize=9, loc="left")
    return fig


def _heat_map(block: d.HeatMap) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
    from matplotlib.figure import Figure

    shades, columns = Shades(block), list(map(_plain, block.columns))
    lines = [line for label in columns for line in label.split("\n")]
    longest, across = max(map(len, lines)), block.across or len(block.grids)
    down = math.ceil(len(block.grids) / across)
    # In inches; Matplotlib's own layouts measure every label, which takes seconds.
    if block.has_texts:
        # Where grids are below each other, their rows need not be as high.
        cell, row = max(0.9, 0.085 * longest), 0.32 if down > 1 or not block.legend else 0.6
        below = 0.1 + 0.14 * max(label.count("\n") + 1 for label in columns)
    else:
        cell, row, below = 0.12, 0.17, 0.15 + 0.08 * longest
    left, wide = 0.5 + 0.065 * max(map(len, block.rows)), cell * len(block.columns)
    width = left + across * (wide + 0.3) + (0.8 if block.legend else 0)
    title = _wrapped(block.title, 12 * width)
    above, bottom = 0.4 + 0.15 * (title.count("\n") + 1), 0.3 if block.xlabel else 0
    high = row * len(block.rows)
    height = above + down * (high + below + 0.35) - 0.35 + bottom
    fig = Figure(figsize=(width, height))
    for number, (name, grid) in enumerate(block.grids.items()):
        y, x = divmod(number, across)
        place = left + x * (wide + 0.3), height - above - high - y * (high + below + 0.35)
        axes = fig.add_axes((place[0] / width, place[1] / height, wide / width, high / height))
        _cells(axes, grid, shades)
        axes.set_xticks(range(len(columns)), columns, fontsize=8)
        if not block.has_texts and longest > 1:
            axes.tick_params(axis="x", labelrotation=90)
        axes.set_yticks(range(len(block.rows)), map(_plain, block.rows), fontsize=8)
        axes.tick_params(length=0, labelleft=x == 0)
        axes.set_title(_plain(name), fontsize=9, loc="left")
    fig.supxlabel(_plain(block.xlabel), fontsize=9, y=0.05 / height, va="bottom")
    fig.supylabel(_plain(block.ylabel), fontsize=9, x=0.05 / width, ha="left")
    fig.suptitle(title, fontsize=9, x=0.05 / width, ha="left", y=1 - 0.06 / height, va="top")
    if block.legend:
        ticks = [float(label) for _, label in shades.axis.ticks]
        norm = (Normalize if block.scale == "share" else LogNorm)(*shades.ends)
        colours = ScalarMappable(norm, LinearSegmentedColormap.from_list("", shades.stops))
        top = min(height - above, 4)
        place = (width - 0.8) / width, (height - above - top + below + bottom) / height
        beside = fig.add_axes((*place, 0.15 / width, (top - below - bottom) / height))
        bar = fig.colorbar(colours, cax=beside)
        bar.set_label(_plain(block.legend), fontsize=8)
        bar.set_ticks(ticks, labels=[label for _, label in shades.axis.ticks], fontsize=8)
        bar.set_ticks([], minor=True)
    return fig


def _cells(axes: Any, grid: Sequence[Any], shades: Shades) -> None:
    """Draw the cells of a heat map's grid; one without a value is grey."""
    from matplotlib.colors import to_rgb

    found = [[None if value is None else shades.colour(value) for value, _ in row] for row in grid]
    axes.imshow([[to_rgb(colour or "0.88") for colour in row] for row in found], aspect="auto")
    for y, row in enumerate(grid):
        for x, (value, text) in enumerate(row):
            ink = "black" if value is None else shades.ink(value)
            size = 7 if value is None else 8.5
            if text:
                axes.text(x, y, _plain(text), ha="center", va="center", fontsize=size, color=ink)
