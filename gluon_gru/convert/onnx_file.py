"""Weights as an ONNX model: tokens and state in, logits and state out.

Opset 14 (2021) is the first with today's GRU, LSTM and RNN, so that old runtimes run the files too.
Source: the operators' specification, https://onnx.ai/onnx/operators/onnx__GRU.html.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.weights import Weights
from gluon_gru.errors import not_installed

OPSET, IR_VERSION = 14, 7


def package() -> Any:
    """Return the package ``onnx``.

    Raises:
        InstallError: if it isn't installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise not_installed("an .onnx file", "the package onnx", "export") from error
    return onnx


def state_names(cell: str) -> list[str]:
    """Return the names of the state's inputs; the outputs have ``_out`` added."""
    return ["state_h", "state_c"][: 1 + CELLS[cell].has_memory]


def to_bytes(weights: Weights, facts: Mapping[str, str]) -> bytes:
    """Return a language model as the bytes of an ONNX file, checked by ``onnx.checker``.

    Inputs are ``tokens``, int64 (batch_size, num_steps), and ``state_h``, for an LSTM ``state_c``
    too, float32 (num_layers * directions, batch_size, num_hiddens), zeros to begin with. Outputs
    are ``logits``, float32 (batch_size, num_steps, vocab_size), and ``state_h_out``,
    ``state_c_out``. Batch size and number of steps are free.

    Args:
        weights: of the model.
        facts: the file's metadata, see `gluon_gru.convert.weights.facts`.

    Raises:
        InstallError: without the package ``onnx``.
    """
    onnx = package()
    helper, int64, float32 = onnx.helper, onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    nodes: list[Any] = []
    constants = _network(weights, lambda *what, **how: nodes.append(helper.make_node(*what, **how)))
    state = [len(weights.layers) * weights.directions, "batch_size", weights.num_hiddens]
    tokens, states = ["batch_size", "num_steps"], state_names(weights.cell)
    values = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "language_model",
        [values("tokens", int64, tokens), *(values(name, float32, state) for name in states)],
        [
            values("logits", float32, [*tokens, weights.vocab_size]),
            *(values(f"{name}_out", float32, state) for name in states),
        ],
        [
            onnx.numpy_helper.from_array(numpy.ascontiguousarray(array), name)
            for name, array in constants.items()
        ],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gluon_gru",
        producer_version=facts["made_by"].split()[-1],
    )
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _network(weights: Weights, node: Callable[..., None]) -> dict[str, numpy.ndarray]:
    """Make the nodes, ``node(operator, inputs, outputs, **attributes)``; return the constants."""
    cell, states, numbers = (
        CELLS[weights.cell],
        state_names(weights.cell),
        range(len(weights.layers)),
    )
    table, W_x = _lookup(weights)
    constants = {
        "table": table,
        "sizes": numpy.full(len(numbers), weights.directions, numpy.int64),
        "joined": numpy.array([0, 0, -1]),
        "W_q": weights.W_q.T,
        "b_q": weights.b_q,
    }
    attributes: dict[str, Any] = {
        "hidden_size": weights.num_hiddens,
        "direction": "bidirectional" if weights.directions == 2 else "forward",
        **dict(cell.onnx_attributes),
    }
    if "activations" in attributes:
        # One for each direction.
        attributes["activations"] = attributes["activations"] * weights.directions
    order = list(cell.order("onnx"))

    def stacked(array: numpy.ndarray) -> numpy.ndarray:
        return array[:, order].reshape(len(array), -1, *array.shape[3:])

    node("Transpose", ["tokens"], ["tokens_by_step"], perm=[1, 0])
    node("Gather", ["table", "tokens_by_step"], ["hiddens"], axis=0)
    for name in states:
        node("Split", [name, "sizes"], [f"{name}_{i}" for i in numbers], axis=0)
    below = "hiddens"
    for i, layer in enumerate(weights.layers):
        constants[f"W_{i}"] = stacked(layer.W_x if i else W_x)
        constants[f"R_{i}"] = stacked(layer.W_h)
        constants[f"B_{i}"] = numpy.concatenate([stacked(layer.b_x), stacked(layer.b_h)], axis=1)
        node(
            cell.onnx_operator,
            [below, f"W_{i}", f"R_{i}", f"B_{i}", "", *(f"{name}_{i}" for name in states)],
            [f"directions_{i}", *(f"{name}_{i}_out" for name in states)],
            name=f"layer_{i}",
            **attributes,
        )
        # From (num_steps, directions, batch_size, num_hiddens).
        node("Transpose", [f"directions_{i}"], [f"apart_{i}"], perm=[0, 2, 1, 3])
        node("Reshape", [f"apart_{i}", "joined"], [f"hiddens_{i}"])
        below = f"hiddens_{i}"
    for name in states:
        node("Concat", [f"{name}_{i}_out" for i in numbers], [f"{name}_out"], axis=0)
    node("Transpose", [below], ["hiddens_by_text"], perm=[1, 0, 2])
    node("MatMul", ["hiddens_by_text", "W_q"], ["product"])
    node("Add", ["product", "b_q"], ["logits"])
    return constants


def _lookup(weights: Weights) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the table that tokens are looked up in, and the lowest layer's W_x for its rows.

    ONNX's operators multiply their inputs by a matrix. The rows are one-hot vectors, or, where the
    vocabulary is larger than all gates together, the columns of W_x, to be multiplied by an
    identity, which is then the smaller matrix. Either is exact.
    """
    W_x = weights.layers[0].W_x
    columns = W_x.reshape(-1, weights.vocab_size).T
    width = columns.shape[1]
    if width >= weights.vocab_size:
        return numpy.eye(weights.vocab_size, dtype=numpy.float32), W_x
    return columns, numpy.eye(width, dtype=numpy.float32).reshape(*W_x.shape[:3], width)
