"""The picture of distributions: published perplexities as dots, beside those measured here."""

from __future__ import annotations

import collections
import math
from typing import Any, Sequence

from gluon_gru.published.claims import Claim
from gluon_gru.report.pictures import png
from gluon_gru.report.style import style

#: The values that are shown; those beyond are at the edge, and written out.
_LOW, _HIGH = 1.0, 1.6
#: Dots on one another, the step between them in a row's height, and between columns of them.
_COLUMN, _STEP, _WIDTH = 5, 0.075, 0.008


def picture(title: str, rows: Sequence[tuple[Claim, dict[str, Any]]]) -> bytes:
    """Return the picture as the bytes of a PNG file.

    Args:
        title: says what dots are.
        rows: claims of ``many`` builds on perplexities, each with its verdict, a dict.
    """
    from matplotlib.figure import Figure

    fig = Figure(figsize=(9, 1 + 0.85 * len(rows)), layout="constrained")
    axes = fig.subplots()
    labels = []
    for row, (claim, verdict) in enumerate(rows):
        assert claim.protocol is not None
        measured = verdict["figures"]["measured"]
        colour = style(claim.protocol.model).paper
        for base, values, fill in ((row, claim.says, "none"), (row + 0.48, measured, colour)):
            _stack(axes, base, values, colour, fill)
        labels.append(f"{claim.group}\np = {verdict['figures']['p']:.2g}, {verdict['verdict']}")
    axes.set_yticks([row + 0.45 for row in range(len(rows))], labels, fontsize=8)
    axes.set(xlim=(_LOW - 0.06, _HIGH + 0.04), ylim=(len(rows), -0.05), xlabel="perplexity")
    axes.grid(True, axis="x", alpha=0.3)
    for row in range(1, len(rows)):
        axes.axhline(row, color="0.85", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=9, loc="left", wrap=True)
    return png(fig)


def _stack(axes: Any, base: float, values: Sequence[float], colour: str, fill: str) -> None:
    """Draw values as dots; equal ones in columns side by side, around their place."""
    for place, number in collections.Counter(round(min(v, _HIGH), 2) for v in values).items():
        columns = math.ceil(number / _COLUMN)
        xs = [place + _WIDTH * (i // _COLUMN - (columns - 1) / 2) for i in range(number)]
        ys = [base + 0.42 - _STEP * (i % _COLUMN) for i in range(number)]
        axes.scatter(xs, ys, s=14, edgecolors=colour, facecolors=fill, linewidths=0.9)
    for value in sorted(value for value in values if value > _HIGH):
        axes.annotate(
            f"{value:.2f}",
            (_HIGH, base + 0.42),
            xytext=(6, -3),
            textcoords="offset points",
            fontsize=7,
        )
