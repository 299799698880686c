"""A model's weights as plain arrays, by layer, direction and gate: one form for all cells."""

from __future__ import annotations

import dataclasses
import json
from importlib import metadata
from typing import Any, Iterable, Mapping, Sequence

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import Layout, book_layout, gluon_layout, gluon_parts, model_shapes
from gluon_gru.errors import InputError


@dataclasses.dataclass
class Layer:
    """The weights of one layer in one direction, float32, one matrix or vector per gate.

    The gates are in the book's order: update, reset, candidate; or input, forget, output,
    candidate; or the only one. A bias that the model lacks is zero.

    Attributes:
        W_x: (gates, num_hiddens, num_inputs).
        W_h: (gates, num_hiddens, num_hiddens).
        b_x, b_h: (gates, num_hiddens), beside the product with the inputs and that with the state.
    """

    W_x: numpy.ndarray
    W_h: numpy.ndarray
    b_x: numpy.ndarray
    b_h: numpy.ndarray


@dataclasses.dataclass
class Weights:
    """The weights of a language model.

    Attributes:
        cell: a key of `gluon_gru.cells.CELLS`.
        layers: from the lowest up, a list of `Layer` each: forwards, then maybe backwards.
        W_q, b_q: of the output layer, (vocab_size, num_hiddens * directions) and (vocab_size,).
    """

    cell: str
    layers: list[list[Layer]]
    W_q: numpy.ndarray
    b_q: numpy.ndarray

    @property
    def num_hiddens(self) -> int:
        """Return the number of hidden units of a layer in one direction."""
        return self.layers[0][0].W_h.shape[2]

    @property
    def directions(self) -> int:
        """Return 1 or 2."""
        return len(self.layers[0])

    @property
    def vocab_size(self) -> int:
        """Return how many tokens there are."""
        return len(self.b_q)

    def __str__(self) -> str:
        many = f"{len(self.layers)} layer{'s' * (len(self.layers) > 1)}"
        return (
            f"{CELLS[self.cell].title}, {many}{', bidirectional' * (self.directions == 2)}, "
            f"{self.num_hiddens} hidden units, {self.vocab_size} tokens"
        )


def of(model: Any) -> Weights:
    """Return the `Weights` of an MXNet model.

    Args:
        model: an `RNNModelScratch` of the book's RNN, GRU or LSTM, or an `RNNModel` over Gluon's
            layers, either kind on the engine or not, its sizes known (as `restore` leaves it).

    Raises:
        InputError: see `from_params`.
    """
    from gluon_gru.models.parameters import params_of

    if not hasattr(model, "config"):
        raise InputError(
            f"a {type(model).__name__} can't be exported: an RNNModel or RNNModelScratch can"
        )
    config = model.config()
    _check(config)
    return from_params(params_of(model), config)


def from_params(params: Mapping[str, numpy.ndarray], config: Mapping[str, Any]) -> Weights:
    """Return the `Weights` of a model by its parameters.

    Args:
        params, config: a `gluon_gru.runs.checkpoint.Checkpoint`'s.

    Raises:
        InputError: for another cell, a reader's own or part of a GRU, and for a layer with a
            projection or clipped states.
    """
    _check(config)
    cell, num_hiddens = config["cell"], config["num_hiddens"]
    if config["model"] == "RNNModelScratch":
        _check_names(params, [f"params.{i:02}" for i in range(3 * len(CELLS[cell].gates) + 2)])
        *own, W_q, b_q = [params[name] for name in sorted(params)]
        layout = book_layout(cell, config["vocab_size"], num_hiddens)
        return Weights(cell, [[_layer(layout, own)]], W_q.T, b_q)
    sizes = (config[name] for name in ("vocab_size", "num_hiddens", "num_layers", "directions"))
    _check_names(params, model_shapes(cell, *sizes))
    layers = []
    for i in range(config["num_layers"]):
        sides = []
        for side in "lr"[: config["directions"]]:
            own = [params[f"rnn.{side}{i}_{part}"] for part in gluon_parts(cell)]
            sides.append(_layer(gluon_layout(cell, own[0].shape[1], num_hiddens), own))
        layers.append(sides)
    return Weights(cell, layers, params["dense.weight"], params["dense.bias"])


def _check(config: Mapping[str, Any]) -> None:
    """Raise InputError unless other programs have the cell that a config names."""
    cell = CELLS.get(config.get("cell") or "")
    if cell is None or not cell.onnx:
        what = next((name for name in ("forward_fn", "layer") if name in config), "model")
        reason = (
            "no other program has that cell"
            if cell
            else "it is your own, or has a projection or clipped states, and no other program has it"
        )
        raise InputError(
            f"a model whose {what} is {config.get(what)!r} can't be exported: {reason}; this "
            "package's rnn, gru and lstm and Gluon's layers can, without projection"
        )


def _check_names(params: Iterable[str], expected: Iterable[str]) -> None:
    if set(params) != set(expected):
        raise InputError(
            f"its parameters are {', '.join(sorted(params)[:2])}, ..., not those of a model alone: "
            "give the run's folder, or the model.safetensors in it"
        )


def _layer(layout: Layout, params: Sequence[numpy.ndarray]) -> Layer:
    """Return the `Layer` of parameters that are laid out so."""
    arrays = {
        part: numpy.stack([_gate(params[i], start, layout) for i, start in places])
        for part, places in layout.places.items()
    }
    arrays.setdefault("b_h", numpy.zeros_like(arrays["b_x"]))
    return Layer(**arrays)


def _gate(param: numpy.ndarray, start: int, layout: Layout) -> numpy.ndarray:
    """Return a gate's bias, or its matrix (num_hiddens, inputs), that begins at an element."""
    if param.ndim == 2 and not layout.transposed:
        return param.T
    row = start // param[0].size
    return param[row : row + layout.num_hiddens]


def facts(tokens: Sequence[str], config: Mapping[str, Any]) -> dict[str, str]:
    """Return what a file should say about a model beside its weights, a dict of strings.

    ``vocab`` is the list of tokens by index, ``config`` the checkpoint's facts, and ``text`` how a
    text becomes tokens, all as JSON; ``made_by`` names this package and its version.

    Args:
        tokens: by index.
        config: the checkpoint's.
    """
    text = config.get("text") or {
        "tokens": "characters",
        "case": "fold",
        "lines": "all but the letters a to z is one space, none at a line's start and end",
    }
    return {
        "vocab": json.dumps(list(tokens)),
        "text": json.dumps(text),
        "config": json.dumps(dict(config)),
        "made_by": f"gluon_gru {metadata.version('gluon_gru')}",
    }
