"""The recurrent layers among the arrays of a file, by the names that Gluon and PyTorch give them."""

from __future__ import annotations

import math
import re
from typing import Dict

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.params_file import Arrays
from gluon_gru.engine.layout import model_shapes, plain_name
from gluon_gru.errors import InputError

#: The parameters of a layer: side, ``l`` or ``r`` -> ``i2h_weight`` and so on -> array.
Layer = Dict[str, Arrays]

# A block, maybe a side and a layer's number (the end of a word, as in cell0_, is none), a part.
_RECURRENT = re.compile(r"(.*?)(?:(?<![a-zA-Z])([lr])(?:(\d+)_|_cell\.))?([ih]2h_(?:weight|bias))")
_TORCH = re.compile(r"(.*)(weight|bias)_([ih])h_l(\d+)(_reverse)?")
_FLAT = re.compile(r".*rnn_param")

# Parts of names that tell what a model is, if it isn't one of those above.
_STRANGERS = {
    "h2r_weight": "an LSTM with a projection",
    "base_cell": "a cell within another (ResidualCell, ZoneoutCell, VariationalDropoutCell)",
    "gamma": "a normalization layer",
    "running_mean": "a normalization layer",
    "moving_mean": "a normalization layer",
}

_MAX_LAYERS = 100


def sorted_out(arrays: Arrays) -> tuple[list[Layer], Arrays, Arrays]:
    """Return the layers in the order of their names, vectors of MXNet 2's, and everything else.

    Raises:
        InputError: for parts of other models than the package has.
    """
    layers: dict[tuple[str, str], Layer] = {}
    flat: Arrays = {}
    others: Arrays = {}
    for name in sorted(arrays, key=_natural):
        for part, what in _STRANGERS.items():
            if part in name:
                raise InputError(f"{name!r} is of {what}, which this package's models lack")
        if arrays[name].ndim > 2:
            raise InputError(
                f"{name!r} is {arrays[name].shape}, of a convolution or the like: no recurrent "
                "language model"
            )
        match = _RECURRENT.fullmatch(_gluon_name(name))
        if match and arrays[name].ndim == (2 if match[4].endswith("weight") else 1):
            block, side, i, part = match.groups()
            layers.setdefault((block, i), {}).setdefault(side or "l", {})[part] = arrays[name]
        elif _FLAT.fullmatch(name) and arrays[name].ndim == 1:
            flat[name] = arrays[name]
        else:
            others[name] = arrays[name]
    blocks = [block for block, _ in layers]
    if len({re.sub("[0-9]+", "", block) for block in blocks}) > 1:
        raise InputError(
            f"which of its layers {', '.join(map(repr, blocks[:5]))} is the lowest, no numbers in "
            "their names tell: it is no stack of layers, or save it with numbered names"
        )
    return list(layers.values()), flat, others


def _natural(name: str) -> list[str | int]:
    """Return what names are to be sorted by: ``gru10_`` is behind ``gru9_``."""
    parts = re.split(r"([0-9]{1,9})", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _gluon_name(name: str) -> str:
    match = _TORCH.fullmatch(name)
    if not match:
        return plain_name(name)
    block, kind, inputs, i, reverse = match.groups()
    return f"{block}{'r' if reverse else 'l'}{i}_{inputs}2h_{kind}"


def taken_apart(
    vector: numpy.ndarray, num_inputs: int, width: int, num_layers: int | None
) -> list[Layer]:
    """Return the layers whose parameters are all in one vector: all weights, then all biases.

    Source: ``_RNNLayer.infer_shape`` and ``RNNFused`` of MXNet 2.0.

    Args:
        vector: the parameters.
        num_inputs: of the lowest layer.
        width: how many numbers the output layer reads.
        num_layers: tells those apart that have as many parameters; None if it isn't known.

    Raises:
        InputError: unless exactly one kind of layers fits.
    """
    fitting = []
    for directions in (1, 2):
        num_hiddens = width // directions
        for cell in ("rnn_tanh", "gru_after", "lstm"):
            rows = len(CELLS[cell].gates) * num_hiddens * directions
            lowest, upper = rows * (num_inputs + num_hiddens + 2), rows * (width + num_hiddens + 2)
            more, rest = divmod(vector.size - lowest, upper) if upper else (-1, 0)
            if 0 <= more < _MAX_LAYERS and not rest and num_layers in (None, more + 1):
                fitting.append((cell, directions, more + 1))
    if len(fitting) != 1:
        kinds = " or ".join(
            f"{layers}-layer {'bidirectional ' * (directions - 1)}{CELLS[cell].layer}"
            for cell, directions, layers in fitting
        )
        raise InputError(
            f"its {vector.size:,} recurrent parameters may be those of a {kinds}: give --layers"
            if fitting
            else f"its {vector.size:,} recurrent parameters are not as many as "
            f"{num_layers or 'any'} layers have that read {num_inputs} numbers and return {width}"
        )
    ((cell, directions, count),) = fitting
    shapes = model_shapes(cell, num_inputs, width // directions, count, directions)
    names = [name for name in shapes if name.startswith("rnn.")]
    layers: list[Layer] = [{side: {} for side in "lr"[:directions]} for _ in range(count)]
    start = 0
    # A stable sort: the biases go behind.
    for name in sorted(names, key=lambda name: name.endswith("bias")):
        side, i, part = name[4], *name[5:].split("_", 1)
        end = start + math.prod(shapes[name])
        layers[int(i)][side][part] = vector[start:end].reshape(shapes[name])
        start = end
    return layers
