"""How models are drawn: with the same colour, line and marker in every picture.

A colour stands for the cell (the book's GRU, Gluon's, an LSTM, ...), a line for the way it runs: from
scratch solid, concise dashed, on this package's engine dash-dotted, sampled at random dotted.
"""

from __future__ import annotations

from typing import NamedTuple

#: Name -> the colour on paper, and on a dark page; chosen for colour-blind readers too.
COLOURS = {
    "blue": ("#0072b2", "#56b4e9"),
    "orange": ("#c04d00", "#f0a13a"),
    "green": ("#00805d", "#35c79b"),
    "pink": ("#a8467f", "#e39ac4"),
    "amber": ("#b98500", "#e6c84f"),
    "sky": ("#3a97cc", "#9ad8ff"),
    "ink": ("#1b1b1b", "#ececec"),
    "grey": ("#6b6b6b", "#a8a8a8"),
    # Of what is no model: these come in no model's style.
    "violet": ("#4b2e83", "#c3aeff"),
    "red": ("#d1495b", "#ff9aa5"),
    "teal": ("#00838f", "#5fd7e5"),
    "sand": ("#997a4a", "#d8c39a"),
}

#: Of values in a heat map, from the lowest to the highest, and for those below and above a middle.
#: Both are Matplotlib's (cividis turned round, and PuOr), and the same on paper and on a dark page.
SHADES = (
    *("#fee838", "#ddc858", "#bbad6d", "#9a9376", "#7c7b78"),
    *("#60646f", "#424e6c", "#18376f", "#00224e"),
)
TWO_SIDED = (
    *("#7f3b08", "#be630a", "#ef9e3c", "#fed7a2", "#f6f6f7"),
    *("#cecde4", "#988dbe", "#5d3790", "#2d004b"),
)

SOLID: tuple[float, ...] = ()
DASHED, DOTTED, DASH_DOTTED, _DENSE = (8, 4), (2, 3), (9, 3, 2, 3), (5, 1)


class Style(NamedTuple):
    """A colour's name, the lengths of dashes and gaps (none: solid), and Matplotlib's marker."""

    colour: str
    dashes: tuple[float, ...] = SOLID
    marker: str = ""

    @property
    def paper(self) -> str:
        """Return the colour on paper."""
        return COLOURS[self.colour][0]


#: By cell, as `gluon_gru.cells` names them, and by model, as the studies name them.
STYLES = {
    "gru_before": Style("blue", SOLID, "o"),
    "gru_after": Style("orange", SOLID, "s"),
    "lstm": Style("green", SOLID, "^"),
    "rnn_tanh": Style("pink", SOLID, "D"),
    "rnn_relu": Style("amber", SOLID, "v"),
    "reset_only": Style("sky", SOLID, "P"),
    "update_only": Style("ink", SOLID, "X"),
    # What models are compared with.
    "limit": Style("grey", DASHED),
    # Gates.
    "R": Style("red"),
    "Z": Style("violet"),
    "gru-scratch": Style("blue", SOLID, "o"),
    "gru-concise": Style("orange", DASHED, "s"),
    "gru-concise-random": Style("orange", DOTTED, "s"),
    "lstm-scratch": Style("green", SOLID, "^"),
    "lstm-concise": Style("green", DASHED, "^"),
    "lstm-deep": Style("green", DOTTED, "P"),
    "lstm-bidirectional": Style("green", _DENSE, "X"),
    "rnn-scratch": Style("pink", SOLID, "D"),
    "rnn-scratch-random": Style("pink", DOTTED, "P"),
    "rnn-scratch-random-continued": Style("pink", _DENSE, "X"),
    "rnn-tanh-concise": Style("pink", DASHED, "D"),
    "rnn-concise": Style("amber", DASHED, "v"),
    "reset-only-scratch": Style("sky", SOLID, "P"),
    "update-only-scratch": Style("ink", SOLID, "X"),
}
# The same on the engine: a long dash before what the line has anyway.
STYLES.update(
    {
        "gru-fused" if name == "gru-scratch" else f"{name}-fused": some._replace(
            dashes=(9, 3, *(some.dashes or (2, 3)))
        )
        for name, some in STYLES.items()
        if "-" in name
    }
)

_LINES = SOLID, DASHED, DOTTED, DASH_DOTTED, _DENSE, (3, 1, 1, 1), (1, 1)
_OTHERS = list(map(Style, 2 * ("violet", "red", "teal", "sand"), _LINES, "os^DvPX"))


def style(model: str, place: int = 0, dashed: bool = False) -> Style:
    """Return the style of a key of `STYLES`; of another name, one by its place, from 0.

    If ``dashed``, its line is dashed in any case.
    """
    found = STYLES.get(model) or _OTHERS[place % len(_OTHERS)]
    return found._replace(dashes=DASHED) if dashed else found
