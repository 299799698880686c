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

import re
from typing import NamedTuple

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.gluon_layers import Layer, sorted_out, taken_apart
from gluon_gru.convert.params_file import Arrays
from gluon_gru.engine.layout import book_layout, model_shapes
from gluon_gru.errors import InputError
from gluon_gru.runs.files import JSONObject

# Of the book's names of parameters: what stands for each gate.
_LETTERS = {"rnn_tanh": "h", "gru_before": "zrh", "lstm": "ifoc"}

_NUMBERED = re.compile(r"(\D*)\d")
_END = re.compile(r"(.*?)(weight|bias)")


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
    # As `export` has them.
    arrays = {re.sub("^arg:", "", name): array for name, array in arrays.items()}
    book = _book_order(arrays)
    model = _from_book(book) if book else _from_layers(arrays, activation, num_layers)
    cell, layers = CELLS[model.config["cell"]], model.config.get("num_layers", 1)
    if activation not in (None, cell.activation or "tanh"):
        raise InputError(f"its {cell.title} has tanh: leave --activation out")
    if num_layers not in (None, layers):
        raise InputError(f"its number of layers is {layers}: leave --layers out")
    return model


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


def _from_book(arrays: list[numpy.ndarray]) -> Model:
    counts = {len(book_names(cell)): cell for cell in _LETTERS}
    if len(arrays) not in counts:
        raise InputError(
            f"it is a list of {len(arrays)} arrays: the book's RNN from scratch has 5, its GRU 11, "
            "its LSTM 14"
        )
    cell = counts[len(arrays)]
    found = [array.shape for array in arrays]
    vocab_size, num_hiddens = found[0] if len(found[0]) == 2 else (0, 0)
    expected = [
        *book_layout(cell, vocab_size, num_hiddens).shapes,
        (num_hiddens, vocab_size),
        (vocab_size,),
    ]
    for i, (there, right) in enumerate(zip(found, expected)):
        if there != right:
            raise InputError(
                f"its {len(arrays)} arrays are not those of the book's {CELLS[cell].title} from "
                f"scratch: number {i} is {there}, and should be {right if i else 'a matrix'}"
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
    layers, flat, others = sorted_out(arrays)
    if not layers and not flat:
        raise InputError(f"it has no recurrent layer, only {_some(others)}: no language model")
    embedding, W_q, b_q = _ends(others)
    vocab_size, width = W_q.shape
    if flat:
        if layers or len(flat) > 1:
            raise InputError("it has several recurrent layers apart from each other")
        num_inputs = vocab_size if embedding is None else embedding.shape[1]
        (vector,) = flat.values()
        layers = taken_apart(vector, num_inputs, width, num_layers)
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
            f"it is no {len(layers)}-layer language model of {num_hiddens} hidden units: "
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


def _ends(others: Arrays) -> tuple[numpy.ndarray | None, numpy.ndarray, numpy.ndarray]:
    """Return the embedding, if there is one, and the output layer's weight and bias."""
    matrices: Arrays = {}
    biases: Arrays = {}
    for name, array in others.items():
        match = _END.fullmatch(name)
        if not match or array.ndim != (2 if match[2] == "weight" else 1):
            raise InputError(f"{name!r}, {array.shape}, is no part of a recurrent language model")
        (matrices if match[2] == "weight" else biases)[match[1]] = array
    apart = len(matrices) == 2 and not set(biases) <= set(matrices)
    if not 1 <= len(matrices) <= 2 or len(biases) > 1 or apart:
        raise InputError(
            "a recurrent language model has an output layer, and at most an embedding beside: this "
            f"has {_some(others)}"
        )
    if len(matrices) == 1:
        # One that is tied may have the embedding's name.
        (W_q,) = matrices.values()
        embedding = None
    else:
        if not biases:
            raise InputError(
                f"one of {_some(others)} is the embedding, the other one the output layer: give "
                "the output layer a bias (of zeros), which tells them apart"
            )
        W_q = matrices.pop(next(iter(biases)))
        (embedding,) = matrices.values()
        if len(embedding) != len(W_q):
            raise InputError(
                f"it reads {len(embedding)} distinct tokens and has {len(W_q)} outputs: no "
                "language model, which has as many"
            )
    return embedding, W_q, next(iter(biases.values()), numpy.zeros(len(W_q), numpy.float32))


def _some(arrays: Arrays) -> str:
    return (
        ", ".join(f"{name} {array.shape}" for name, array in list(arrays.items())[:5]) or "nothing"
    )


def _inputs(layer: Layer) -> int:
    """Return how many numbers a layer reads."""
    W_x = layer.get("l", {}).get("i2h_weight")
    return 0 if W_x is None else W_x.shape[-1]


def _fold(layer: Layer, embedding: numpy.ndarray) -> None:
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
