"""The gates of a trained GRU over a text as a heat map."""

from __future__ import annotations

from typing import Any, Sequence

from gluon_gru.errors import InputError
from gluon_gru.gates.inspection import Gates, memory
from gluon_gru.gates.walk import walk
from gluon_gru.report.document import HeatMap, shown
from gluon_gru.report.pictures import pictures

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
    order, taus = memory(gates)
    units = list(order[:_NUM_UNITS] if units is None else units)
    if not units or not set(units) <= set(range(len(taus))):
        raise InputError(f"units are {units!r}: give some of those from 0 to {len(taus) - 1}")
    return pictures([_heat_map(walk("", gates, units), len(units), "some units", "")])[""]


def heat_maps(walks: Sequence[dict[str, Any]]) -> list[HeatMap]:
    """Return the gates of the units that remember longest, and their means over all units.

    Args:
        walks: of the layers of a report: see `gluon_gru.gates.walk.walk`.
    """
    return [
        _heat_map(walk, _NUM_UNITS, "the units that remember longest", f"gates-{number}.png")
        for number, walk in enumerate(walks, 1)
    ]


def _heat_map(walk: dict[str, Any], number: int, of: str, file: str) -> HeatMap:
    tokens, length = walk["tokens"][:_MAX_TOKENS], walk["num_tokens"]
    layer = f"{walk['name']}, layer" if walk["name"] else "Layer"
    title = f"{layer} {walk['layer']}: the gates of {of}, and the mean of all"
    if length > len(tokens):
        title += f", over the first {len(tokens)} of {length:,} tokens"

    def rows(gate):
        every = [walk[f"mean_{gate}"], *walk[gate][:number]]
        return [[(value, "") for value in values[:_MAX_TOKENS]] for values in every]

    taus = ("\N{INFINITY}" if tau is None else f"{tau:.1f}" for tau in walk["taus"])
    return HeatMap(
        title,
        file,
        [
            f"mean of all {walk['num_units']}",
            *(f"{unit} ({tau})" for unit, tau in zip(walk["units"][:number], taus)),
        ],
        [
            shown(token).replace("\n", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}")
            for token in tokens
        ],
        {
            "Z, update gate (1: keeps the state)": rows("update"),
            "R, reset gate (0: shuts the state out of the candidate)": rows("reset"),
        },
        "the text, token by token",
        "unit (its memory in tokens)",
        "value of the gate",
        across=1,
        scale="share",
    )
