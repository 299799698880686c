"""Which functions and layers are this package's own, and the cell that each of them computes.

A checkpoint may name a cell only if the function or class that computes it IS this package's or
Gluon's: a function ``gru`` of the reader's own, or a subclass of ``rnn.GRU``, may compute something
else.
"""

from __future__ import annotations

import typing
from typing import Any, Callable

from gluon_gru.cells import CELLS, Cell, of_mode


class Known(typing.NamedTuple):
    """What is known of a function or layer: its cell, and whether it runs on the engine."""

    cell: Cell
    on_engine: bool


_functions: list[tuple[Callable, Callable, Known]] = []
_layers: dict[type, tuple[str, bool]] = {}


def register_function(
    forward_fn: Callable, init_state: Callable, cell: str, on_engine: bool = False
) -> None:
    """Register the cell that a forward function computes from the states of ``init_state``."""
    _functions.append((forward_fn, init_state, Known(CELLS[cell], on_engine)))


def register_layer(kind: type, cell: str = "", on_engine: bool = False) -> None:
    """Register the cell that a class of layers computes; by default, its mode tells."""
    _layers[kind] = cell, on_engine


def of_functions(forward_fn: Callable, init_state: Callable) -> Known | None:
    """Return what is known of a forward function with these states; None for a reader's own."""
    return next(
        (
            known
            for ours, states, known in _functions
            if ours is forward_fn and states is init_state
        ),
        None,
    )


def of_layer(layer: Any) -> Known | None:
    """Return what is known of a layer; None for a reader's own.

    A Gluon layer with options that change what it computes (a projection, clipped states, sequence
    lengths, another layout) counts as a reader's own.
    """
    if type(layer) not in _layers or unusual(layer) or layer._layout != "TNC":
        return None
    name, on_engine = _layers[type(layer)]
    cell = CELLS[name] if name else of_mode(layer._mode)
    return Known(cell, on_engine) if cell else None


def unusual(layer: Any) -> bool:
    """Return whether a Gluon layer has options that language models here don't use."""
    return bool(
        layer._use_sequence_length
        or layer._projection_size
        or layer._lstm_state_clip_min is not None
    )
