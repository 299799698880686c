"""A model's weights as plain arrays, gate by gate: one form for all cells."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any, Mapping, NamedTuple, Sequence

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import check_model, gluon_parts, model_shapes
from gluon_gru.errors import InputError


class Layer(NamedTuple):
    """The weights of a layer, float32: a matrix or vector for each direction and gate.

    The gates are in the book's order, see `gluon_gru.cells`. A bias that the model lacks is zero.

    Attributes:
        W_x: (directions, gates, num_hiddens, num_inputs).
        W_h: (directions, gates, num_hiddens, num_hiddens).
        b_x, b_h: (directions, gates, num_hiddens), added to the products with inputs and state.
    """

    W_x: numpy.ndarray
    W_h: numpy.ndarray
    b_x: numpy.ndarray
    b_h: numpy.ndarray


class Weights(NamedTuple):
    """The weights of a language model.

    Attributes:
        cell: a key of `gluon_gru.cells.CELLS`.
        layers: from the lowest up.
        W_q, b_q: of the output layer, (vocab_size, num_hiddens * directions) and (vocab_size,).
    """

    cell: str
    layers: list[Layer]
    W_q: numpy.ndarray
    b_q: numpy.ndarray

    @property
    def num_hiddens(self) -> int:
        """The number of hidden units of a layer in one direction."""
        return self.layers[0].W_h.shape[3]

    @property
    def directions(self) -> int:
        """1 or 2."""
        return len(self.layers[0].W_h)

    @property
    def vocab_size(self) -> int:
        """The number of distinct tokens."""
        return len(self.b_q)

    def __str__(self) -> str:
        many = f"{len(self.layers)} layer{'s' * (len(self.layers) > 1)}"
        return (
            f"{CELLS[self.cell].title}, {many}{', bidirectional' * (self.directions == 2)}, "
            f"{self.num_hiddens} hidden units, {self.vocab_size} tokens"
        )


def from_params(params: Mapping[str, numpy.ndarray], config: Mapping[str, Any]) -> Weights:
    """Return the `Weights` of a model for another program, by its parameters.

    Args:
        params, config: a `gluon_gru.runs.checkpoint.Checkpoint`'s.

    Raises:
        InputError: for a cell that other programs lack: a reader's own, a part of a GRU, a layer
            with a projection or clipped states; and see `taken_apart`.
    """
    _check(config)
    return taken_apart(params, config)


def taken_apart(params: Mapping[str, numpy.ndarray], config: Mapping[str, Any]) -> Weights:
    """Return the `Weights` of a model of any cell in `gluon_gru.cells.CELLS`, by its parameters.

    Raises:
        InputError: for parameters that aren't finite, or not those of the config's model.
    """
    for name, array in params.items():
        if not numpy.isfinite(array).all():
            raise InputError(
                f"the parameters {name} are infinite or no numbers: give a file that was saved "
                "before the training diverged"
            )
    cell = CELLS[config["cell"]]
    gates = len(cell.gates)
    check_model(params, config)
    if config["model"] == "RNNModelScratch":
        *own, W_q, b_q = (params[name].T for name in sorted(params))
        # Three parameters for each gate.
        return Weights(cell.name, [_layer([[own[i::3] for i in range(3)]])], W_q, b_q)
    vocab_size, num_hiddens, num_layers, directions = (
        config[name] for name in ("vocab_size", "num_hiddens", "num_layers", "directions")
    )
    shapes = model_shapes(cell.name, vocab_size, num_hiddens, num_layers, directions)
    ranks = numpy.argsort(cell.order("gluon"))

    def by_gate(name: str) -> numpy.ndarray:
        # Gluon stacks the gates in one matrix or vector.
        return params[name].reshape(gates, -1, *shapes[name][1:])[ranks]

    parts = gluon_parts(cell.name)
    layers = [
        _layer([[by_gate(f"rnn.{side}{i}_{part}") for part in parts] for side in "lr"[:directions]])
        for i in range(num_layers)
    ]
    return Weights(cell.name, layers, params["dense.weight"], params["dense.bias"])


def _layer(sides: Sequence[Sequence[Any]]) -> Layer:
    """Return a layer of the arrays (gates, ...) of each direction: W_x, W_h, b_x, and maybe b_h."""
    W_x, W_h, b_x, *b_h = (numpy.array(arrays) for arrays in zip(*sides))
    return Layer(W_x, W_h, b_x, b_h[0] if b_h else numpy.zeros_like(b_x))


def _check(config: Mapping[str, Any]) -> None:
    """Raise InputError unless other programs have the model's cell."""
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


def doubts(config: Mapping[str, Any]) -> list[str]:
    """Return a note, to be printed, where the cell of a checkpoint's config is not certain."""
    # Runs of gluon-gru train, which have a text, are all of this package's layers.
    if not config.get("cell_by_name") or "text" in config:
        return []
    return [
        "note: an older version wrote this checkpoint and recorded only the name of its cell: if "
        "that was a function or layer of your own by the same name, this is not your model"
    ]


def facts(tokens: Sequence[str], config: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of a file: ``vocab``, ``text``, ``config``, all JSON, and ``made_by``.

    Args:
        tokens: by index.
        config: of the checkpoint.
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
