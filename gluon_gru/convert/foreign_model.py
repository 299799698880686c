"""What model the arrays of another program's file are of, and the same model as this package has it.

The names and shapes tell all but the activation of an RNN and the vocabulary. Known are:

- the parameters of the book's models from scratch, ``[W_xz, W_hz, b_z, ...]``, as a list or by name;
- stacks of Gluon's recurrent layers or cells, under an output layer, maybe over an embedding, by
  any names that MXNet gives them: structured (``rnn.l0_i2h_weight``, in MXNet 1.9.1 those of
  `gluon_gru.engine.layout.plain_name`), with prefixes (``rnnmodel0_gru0_l0_i2h_weight``), or in one
  vector (``rnn.rnn_param``, MXNet 2);
- the same of PyTorch (``rnn.weight_ih_l0``), whose gates are in Gluon's order.

An embedding is multiplied into the lowest layer's weights: looking a token up and multiplying is
multiplying its one-hot vector.
"""

from __future__ import annotations

import math
import re
from typing import Dict, NamedTuple

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.params_file import Arrays
from gluon_gru.engine.layout import book_layout, model_shapes, plain_name
from gluon_gru.errors import InputError
from gluon_gru.runs.files import JSONObject

# Of the book's names of parameters: what stands for each gate.
_LETTERS = {"rnn_tanh": "h", "gru_before": "zrh", "lstm": "ifoc"}

_NUMBERED = re.compile(r"(\D*)\d")
_RECURRENT = re.compile(r"(.*?)(?:([lr])(\d+)_|([lr])_cell\.)?([ih]2h_(?:weight|bias))")
_TORCH = re.compile(r"(.*)(weight|bias)_([ih])h_l(\d+)(_reverse)?")
_FLAT = re.compile(r".*rnn_param")
_OTHER = re.compile(r"(.*?)(weight|bias)")

# Parts of names that tell what a model is, if it isn't one of those above.
_STRANGERS = {
    "h2r_weight": "an LSTM with a projection",
    "base_cell": "a cell within another (ResidualCell, ZoneoutCell, VariationalDropoutCell)",
    "gamma": "a normalization layer",
    "running_mean": "a normalization layer",
    "moving_mean": "a normalization layer",
}

_MAX_LAYERS = 100

# Side (l or r) -> part (i2h_weight, ...) -> array.
_Layer = Dict[str, Arrays]


class Model(NamedTuple):
    """A model as checkpoints hold it: see `gluon_gru.runs.checkpoint.Checkpoint`."""

    params: Arrays
    config: JSONObject


def recognise(
    arrays: Arrays, activation: str | None = None, num_layers: int | None = None
) -> Model:
    """Return the model that a file's arrays are of.

    Args:
        arrays: name -> float32 array.
        activation: of an RNN in Gluon's or PyTorch's form, ``relu`` or ``tanh``, which must be
            given for those.
        num_layers: tells apart the models whose parameters are as many numbers, in one vector.

    Raises:
        InputError: if they are not of one of the models above, or if more has to be known. The
            message says what the model is instead, or which option tells.
    """
    arrays = {name.split(":")[-1]: array for name, array in arrays.items()}
    book = _book_order(arrays)
    return _from_book(book, activation) if book else _from_layers(arrays, activation, num_layers)


def book_names(cell: str) -> list[str]:
    """Return the book's names of the parameters of a cell from scratch, in order."""
    names = [f"{kind}{letter}" for letter in _LETTERS[cell] for kind in ("W_x", "W_h", "b_")]
    return [*names, "W_hq", "b_q"]


def _book_order(arrays: Arrays) -> list[numpy.ndarray]:
    """Return the parameters of a model from scratch in the book's order; none if it is another."""
    for cell in _LETTERS:
        names = book_names(cell)
        if set(arrays) == set(names):
            return [arrays[name] for name in names]
    prefix = _NUMBERED.match(next(iter(arrays), ""))
    numbered = [f"{prefix[1] if prefix else ''}{i}" for i in range(len(arrays))]
    return [arrays[name] for name in numbered] if set(arrays) == set(numbered) else []


def _from_book(arrays: list[numpy.ndarray], activation: str | None) -> Model:
    counts = {len(book_names(cell)): cell for cell in _LETTERS}
    if len(arrays) not in counts:
        raise InputError(
            f"it is a list of {len(arrays)} arrays: the book's RNN from scratch has 5, its GRU 11, "
            "its LSTM 14"
        )
    cell = counts[len(arrays)]
    if CELLS[cell].activation and activation not in (None, CELLS[cell].activation):
        raise InputError("the book's RNN from scratch has tanh: leave --activation out")
    found = [array.shape for array in arrays]
    vocab_size, num_hiddens = found[0] if len(found[0]) == 2 else (0, 0)
    expected = [
        *book_layout(cell, vocab_size, num_hiddens).shapes,
        (num_hiddens, vocab_size),
        (vocab_size,),
    ]
    for i, (there, right) in enumerate(zip(found, expected)):
        if there != right or 0 in there:
            raise InputError(
                f"its {len(arrays)} arrays are not those of the book's {CELLS[cell].title} from "
                f"scratch: number {i} is {there}, and should be {right or 'a matrix'}"
            )
    config = {
        "model": "RNNModelScratch",
        "vocab_size": vocab_size,
        "cell": cell,
        "on_engine": True,
        "num_hiddens": num_hiddens,
    }
    return Model({f"params.{i:02}": array for i, array in enumerate(arrays)}, config)


def _from_layers(arrays: Arrays, activation: str | None, num_layers: int | None) -> Model:
    layers, flat, others = _sorted_out(arrays)
    if not layers and not flat:
        raise InputError(f"it has no recurrent layer, only {_some(others)}: no language model")
    embedding, W_q, b_q = _ends(others)
    vocab_size, width = W_q.shape
    if flat:
        if layers or len(flat) > 1:
            raise InputError("it has several recurrent layers apart from each other")
        num_inputs = vocab_size if embedding is None else embedding.shape[1]
        (vector,) = flat.values()
        layers = _taken_apart(vector, num_inputs, width, num_layers)
    elif embedding is None and _inputs(layers[0]) == width != vocab_size:
        # Tied: the embedding is the output layer's weight, saved once.
        embedding = W_q
    params, directions = {}, len(layers[0])
    if embedding is not None:
        _fold(layers[0], embedding)
    for i, layer in enumerate(layers):
        for side, parts in layer.items():
            params.update({f"rnn.{side}{i}_{part}": array for part, array in parts.items()})
    params.update({"dense.weight": W_q, "dense.bias": b_q})
    num_hiddens = width // directions
    cell = _cell(params, num_hiddens, activation)
    expected = model_shapes(cell, vocab_size, num_hiddens, len(layers), directions)
    shapes = {name: array.shape for name, array in params.items()}
    if shapes != expected:
        name = min(name for name, _ in shapes.items() ^ expected.items())
        there, right = (some.get(name, "missing") for some in (shapes, expected))
        raise InputError(
            f"it is no language model of {len(layers)} layers of {num_hiddens} hidden units: "
            f"{name} is {there}, and should be {right}"
        )
    config = {
        "model": "RNNModel",
        "vocab_size": vocab_size,
        "cell": cell,
        "on_engine": True,
        "num_hiddens": num_hiddens,
        "num_layers": len(layers),
        "directions": directions,
        "dropout": 0,
    }
    return Model(params, config)


def _sorted_out(arrays: Arrays) -> tuple[list[_Layer], Arrays, Arrays]:
    """Return the recurrent layers from the lowest up, vectors of whole ones, and everything else."""
    layers: dict[tuple[str, str], _Layer] = {}
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
        if match:
            block, side, i, cell_side, part = match.groups()
            layer = layers.setdefault((block, i), {})
            layer.setdefault(side or cell_side or "l", {})[part] = arrays[name]
        elif _FLAT.fullmatch(name) and arrays[name].ndim == 1:
            flat[name] = arrays[name]
        else:
            others[name] = arrays[name]
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


def _ends(others: Arrays) -> tuple[numpy.ndarray | None, numpy.ndarray, numpy.ndarray]:
    """Return the embedding, if there is one, and the output layer's weight and bias."""
    matrices: Arrays = {}
    biases: Arrays = {}
    for name, array in others.items():
        match = _OTHER.fullmatch(name)
        if not match or array.ndim != (2 if match[2] == "weight" else 1):
            raise InputError(f"{name!r}, {array.shape}, is no part of a recurrent language model")
        (matrices if match[2] == "weight" else biases)[match[1]] = array
    if not 1 <= len(matrices) <= 2 or len(biases) > 1 or not set(biases) <= set(matrices):
        raise InputError(
            "a recurrent language model has an output layer, and at most an embedding beside: this "
            f"has {_some(others)}"
        )
    if len(matrices) == 1:
        ((block, W_q),) = matrices.items()
        embedding = None
    else:
        if not biases:
            raise InputError(
                f"one of {_some(others)} is the embedding, the other one the output layer: give "
                "the output layer a bias (of zeros), which tells them apart"
            )
        (block,) = biases
        W_q = matrices.pop(block)
        (embedding,) = matrices.values()
        if len(embedding) != len(W_q):
            raise InputError(
                f"it reads {len(embedding)} distinct tokens and has {len(W_q)} outputs: no "
                "language model, which has as many"
            )
    return embedding, W_q, biases.get(block, numpy.zeros(len(W_q), numpy.float32))


def _some(arrays: Arrays) -> str:
    return (
        ", ".join(f"{name} {array.shape}" for name, array in list(arrays.items())[:5]) or "nothing"
    )


def _inputs(layer: _Layer) -> int:
    """Return how many numbers a layer reads."""
    W_x = layer.get("l", {}).get("i2h_weight")
    return 0 if W_x is None else W_x.shape[-1]


def _fold(layer: _Layer, embedding: numpy.ndarray) -> None:
    """Have the lowest layer read one-hot vectors instead of the rows of an embedding."""
    for parts in layer.values():
        W = parts.get("i2h_weight")
        if W is not None and W.shape[1:] == embedding.shape[1:]:
            with numpy.errstate(all="ignore"):
                folded = numpy.matmul(W, embedding.T, dtype=numpy.float64)
                parts["i2h_weight"] = folded.astype(numpy.float32)


def _cell(params: Arrays, num_hiddens: int, activation: str | None) -> str:
    """Return the cell by how many gates the lowest layer has."""
    W_h = params.get("rnn.l0_h2h_weight")
    shape = None if W_h is None else W_h.shape
    cells = [
        cell
        for cell in CELLS.values()
        if cell.layer and shape == (len(cell.gates) * num_hiddens, num_hiddens)
    ]
    if not num_hiddens or not cells:
        raise InputError(
            f"its lowest layer's h2h_weight is {shape or 'missing'}, and its output layer reads "
            f"{params['dense.weight'].shape[1]} numbers: that is no RNN, GRU or LSTM of one size"
        )
    if len(cells) > 1 and activation is None:
        raise InputError(
            "the file doesn't say which activation its RNN has: give --activation relu (by default "
            "that of Gluon's rnn.RNN) or tanh (that of rnn.RNNCell and of PyTorch's)"
        )
    return next(cell.name for cell in cells if cell.activation in ("", activation))


def _taken_apart(
    vector: numpy.ndarray, num_inputs: int, width: int, num_layers: int | None
) -> list[_Layer]:
    """Return the layers whose parameters are all in one vector: all weights, then all biases.

    Source: ``_RNNLayer.infer_shape`` and ``RNNFused`` of MXNet 2.0.

    Args:
        vector: the parameters.
        num_inputs: of the lowest layer.
        width: how many numbers the output layer reads.
        num_layers: see `recognise`.
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
    layers: list[_Layer] = [{side: {} for side in "lr"[:directions]} for _ in range(count)]
    start = 0
    # A stable sort: the biases go behind.
    for name in sorted(names, key=lambda name: name.endswith("bias")):
        side, i, part = name[4], *name[5:].split("_", 1)
        end = start + math.prod(shapes[name])
        layers[int(i)][side][part] = vector[start:end].reshape(shapes[name])
        start = end
    return layers
