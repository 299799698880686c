"""Where a layer's weights are in its parameters: in the book's layout, and in Gluon's."""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.errors import InputError

#: The models that a checkpoint's config can describe.
MODELS = ("RNNModel", "RNNModelScratch")


class Layout(typing.NamedTuple):
    """Where a layer's weights are in its parameters.

    Attributes:
        num_inputs, num_hiddens: of the layer.
        transposed: whether matrices are (outputs, inputs).
        places: ``W_x``, ``W_h``, ``b_x``, ``b_h`` -> for each gate, in the book's order, a
            parameter's index and the element at which the gate starts in it.
        shapes: of the parameters.
    """

    num_inputs: int
    num_hiddens: int
    transposed: bool
    places: dict[str, list[tuple[int, int]]]
    shapes: list[tuple[int, ...]]


def book_layout(cell: str, num_inputs: int, num_hiddens: int) -> Layout:
    """Return the layout of the book's parameters: three per gate, as in `get_gru_params`."""
    gates = len(CELLS[cell].gates)
    places = {
        name: [(3 * gate + i, 0) for gate in range(gates)]
        for i, name in enumerate(("W_x", "W_h", "b_x"))
    }
    shapes = [(num_inputs, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens,)] * gates
    return Layout(num_inputs, num_hiddens, False, places, shapes)


#: The parameters of a Gluon layer -> the names of the same weights here.
GLUON_PARTS = {"i2h_weight": "W_x", "h2h_weight": "W_h", "i2h_bias": "b_x", "h2h_bias": "b_h"}


def gluon_parts(cell: str) -> list[str]:
    """Return the names of the parameters that a Gluon layer has for a cell, in order."""
    return list(GLUON_PARTS)[: 4 if CELLS[cell].second_bias else 3]


def gluon_layout(cell: str, num_inputs: int, num_hiddens: int) -> Layout:
    """Return the layout of a Gluon layer's parameters, `gluon_parts`, which stack the gates."""
    row = CELLS[cell]
    # Where each of the book's gates is in Gluon's order.
    ranks = [row.gluon.index(gate) for gate in row.gates]
    rows = len(ranks) * num_hiddens
    shapes: list[tuple[int, ...]] = [(rows, num_inputs), (rows, num_hiddens), (rows,), (rows,)]
    shapes = shapes[: len(gluon_parts(cell))]
    places = {
        GLUON_PARTS[part]: [(i, rank * num_hiddens * math.prod(shape[1:])) for rank in ranks]
        for i, (part, shape) in enumerate(zip(gluon_parts(cell), shapes))
    }
    return Layout(num_inputs, num_hiddens, True, places, shapes)


_UNFUSED = re.compile(r"_unfused\.(\d+)\.(?:([lr])_cell\.)?")


def plain_name(name: str) -> str:
    """Return a parameter's name as `model_shapes` has it.

    In files of MXNet 1.9.1 and checkpoints of version 0.1.0, ``rnn.l0_i2h_weight`` is
    ``rnn._unfused.0.i2h_weight`` (with two directions, ``rnn._unfused.0.l_cell.i2h_weight``).
    """
    return _UNFUSED.sub(lambda match: f"{match[2] or 'l'}{match[1]}_", name)


def model_shapes(
    cell: str, vocab_size: int, num_hiddens: int, num_layers: int = 1, directions: int = 1
) -> dict[str, tuple[int, ...]]:
    """Return the parameters of an `RNNModel` over Gluon layers: name -> shape.

    The names are those of checkpoints: ``rnn.l0_i2h_weight`` and so on (``rnn.r0_...`` of the
    second direction), then ``dense.weight`` and ``dense.bias``.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(num_layers):
        num_inputs = num_hiddens * directions if i else vocab_size
        layout = gluon_layout(cell, num_inputs, num_hiddens)
        for side in "lr"[:directions]:
            for part, shape in zip(gluon_parts(cell), layout.shapes):
                shapes[f"rnn.{side}{i}_{part}"] = shape
    shapes["dense.weight"] = (vocab_size, num_hiddens * directions)
    shapes["dense.bias"] = (vocab_size,)
    return shapes


def scratch_shapes(cell: str, vocab_size: int, num_hiddens: int) -> dict[str, tuple[int, ...]]:
    """Return the parameters of an `RNNModelScratch`: name, as in checkpoints -> shape."""
    layout = book_layout(cell, vocab_size, num_hiddens)
    shapes = [*layout.shapes, (num_hiddens, vocab_size), (vocab_size,)]
    return {f"params.{i:02}": shape for i, shape in enumerate(shapes)}


def layouts(config: Mapping[str, Any]) -> tuple[list[list[Layout]], dict[str, tuple[int, ...]]]:
    """Return the layouts of a model's layers, by direction, and its parameters: name -> shape.

    The shapes are in the order of the layouts; the output layer's two are the last.

    Args:
        config: the model's facts, as in checkpoints.
    """
    cell, vocab_size, num_hiddens = (config[k] for k in ("cell", "vocab_size", "num_hiddens"))
    if config["model"] == "RNNModelScratch":
        layout = book_layout(cell, vocab_size, num_hiddens)
        return [[layout]], scratch_shapes(cell, vocab_size, num_hiddens)
    num_layers, directions = config["num_layers"], config.get("directions", 1)
    inputs = [vocab_size, *[num_hiddens * directions] * (num_layers - 1)]
    return (
        [[gluon_layout(cell, size, num_hiddens)] * directions for size in inputs],
        model_shapes(cell, vocab_size, num_hiddens, num_layers, directions),
    )


def by_gate(layout: Layout, arrays: Sequence[numpy.ndarray]) -> dict[str, list[numpy.ndarray]]:
    """Return views of a layer's parameters, gate by gate, with matrices as (inputs, outputs).

    Args:
        layout: of the parameters.
        arrays: the parameters, or their gradients, in C order.
    """
    shapes = {"W_x": (layout.num_inputs, layout.num_hiddens), "W_h": (layout.num_hiddens,) * 2}

    def view(name: str, i: int, start: int) -> numpy.ndarray:
        shape = shapes.get(name, (layout.num_hiddens,))
        gate = arrays[i].reshape(-1)[start : start + math.prod(shape)]
        return gate.reshape(shape[::-1]).T if layout.transposed else gate.reshape(shape)

    return {name: [view(name, *place) for place in at] for name, at in layout.places.items()}


def check_model(params: Mapping[str, numpy.ndarray], config: Mapping[str, Any]) -> None:
    """Check that arrays are the parameters of the model that a checkpoint's config describes.

    Nothing is allocated, whatever sizes the config claims.

    Raises:
        InputError: if they are not.
    """
    if any(name.startswith("learner ") for name in params):
        raise InputError(
            "it is where a training continues, not a model alone: give the run's folder, or the "
            "model.safetensors in it"
        )
    if config["model"] not in MODELS:
        raise InputError(f"its model is {config['model']!r}, and not one of {', '.join(MODELS)}")
    num_layers = config.get("num_layers", 1)
    if num_layers > len(params):
        raise InputError(f"it has {num_layers} layers, but only {len(params)} parameters")
    check_params(params, layouts(config)[1])


def check_params(
    values: Mapping[str, numpy.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise InputError unless there is exactly one array of the right shape for each name.

    Gluon has -1 (or 0, in old code) for sizes that it only learns from the first minibatch.
    """

    found = {name: numpy.shape(value) for name, value in values.items()}
    for name in sorted({*found, *shapes}):
        ours, theirs = shapes.get(name), found.get(name)
        if (
            ours is None
            or theirs is None
            or len(ours) != len(theirs)
            or any(a not in (-1, 0, b) for a, b in zip(ours, theirs))
        ):
            raise InputError(
                f"these are the parameters of another model: {name} is "
                f"{found.get(name, 'missing')}, and the model needs {shapes.get(name, 'none')}"
            )


def set_weights(
    layer: native.Layer, layout: Layout, addresses: Sequence[int | None], prefix: str = ""
) -> None:
    """Enter weights into a `native.Layer`; with the prefix ``d``, gradients.

    Args:
        layer, layout: the layer, and the layout of its parameters.
        addresses: of the parameters' arrays; None for a gradient that isn't needed.
        prefix: empty or ``d``.
    """
    for name, places in layout.places.items():
        field = getattr(layer, prefix + name)
        for gate, (i, start) in enumerate(places):
            address = addresses[i]
            field[gate] = address and address + 4 * start
