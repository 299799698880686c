"""A picture of a trained GRU's gates over a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from gluon_gru.errors import InputError
from gluon_gru.gates.inspection import Gates, memory
from gluon_gru.report.document import shown
from gluon_gru.report.fonts import drawable, having
from gluon_gru.report.pictures import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# As many tokens and units as fit into a picture that can still be read.
_MAX_TOKENS = 250
_NUM_UNITS = 16


def picture(gates: Gates, units: Sequence[int] | None = None) -> bytes:
    """Draw Z and R of some units, and their means over all units, along the text; PNG bytes.

    Spaces are open boxes, unknown characters question marks in diamonds. Of a text of more than
    250 tokens only the beginning is drawn, and the title says so.

    Args:
        gates: the gates of a layer.
        units: the units' numbers, from 0; by default of the 16 that remember longest.

    Raises:
        InputError: for units that the layer doesn't have.
    """
    with having("".join(gates.text)):
        return png(_figure(gates, units))


def _figure(gates: Gates, units: Sequence[int] | None) -> Figure:
    from matplotlib.figure import Figure

    order, taus = memory(gates)
    units = list(order[:_NUM_UNITS] if units is None else units)
    if not units or not set(units) <= set(range(len(taus))):
        raise InputError(f"units are {units!r}: give some of those from 0 to {len(taus) - 1}")
    text = [drawable(shown(token)) for token in gates.text[:_MAX_TOKENS]]
    columns, longest = range(len(text)), max(map(len, text))
    # In inches; Matplotlib's own layouts measure every character, which takes seconds.
    across, down = max(4, 0.12 * len(text)), 0.17 * len(units)
    width, height, below = across + 2, 2 * down + 3.5, 0.5 + 0.06 * longest
    fig = Figure(figsize=(width, height))
    panels = fig.subplots(
        3,
        2,
        sharex="col",
        gridspec_kw={
            "width_ratios": [across, 0.15],
            "height_ratios": [down, down, 1],
            "left": 0.9 / width,
            "right": 1 - 0.5 / width,
            "wspace": 0.3 / across,
            "bottom": below / height,
            "top": 1 - 0.7 / height,
            "hspace": 1.5 / (2 * down + 1),
        },
    )
    means, beside = panels[2]
    for (axes, bar), (name, what, line, values) in zip(
        panels,
        [
            ("Z", "update gate (1: keeps the state)", "k-", gates.update[:_MAX_TOKENS]),
            ("R", "reset gate (0: forgets the state)", "k--", gates.reset[:_MAX_TOKENS]),
        ],
    ):
        means.plot(columns, values.mean(axis=1), line, linewidth=1, label=name)
        shades = values[:, units].T
        image = axes.imshow(
            shades, cmap="cividis", vmin=0, vmax=1, aspect="auto", interpolation="nearest"
        )
        labels = [f"{unit} ({taus[unit]:.1f})" for unit in units]
        axes.set_yticks(range(len(units)), labels, fontsize=7)
        axes.set_title(f"{name}, {what}", fontsize=9, loc="left")
        axes.set_ylabel("unit (its memory, tokens)", fontsize=8)
        fig.colorbar(image, cax=bar)
    means.set_title(f"mean over all {len(taus)} units", fontsize=9, loc="left")
    means.set(ylim=(0, 1), xlabel="text, token by token")
    means.grid(True, alpha=0.3)
    beside.set_axis_off()
    beside.legend(handles=means.lines, loc="center", fontsize=8, frameon=False, handlelength=1.5)
    for axes in panels[:, 0]:
        axes.set_xticks(columns, text, fontsize=8, rotation=90 if longest > 1 else 0)
        axes.tick_params(axis="x", length=0, labelbottom=True)
    title = f"Gates of layer {gates.layer}"
    if len(text) < len(gates.text):
        title += f", the first {len(text)} of {len(gates.text):,} tokens"
    fig.suptitle(title, fontsize=10)
    return fig
