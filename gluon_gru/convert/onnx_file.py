"""Weights as an ONNX model: tokens and state in, logits and state out.

Opset 14 (2021): the first whose GRU, LSTM and RNN are as today's, so whatever has run ONNX files
since then runs these. Source: the operators' specification,
https://onnx.ai/onnx/operators/onnx__GRU.html.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.weights import Weights
from gluon_gru.errors import InputError

OPSET, IR_VERSION = 14, 7


def package() -> Any:
    """Return the package ``onnx``.

    Raises:
        InputError: if it isn't installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError(
            "an .onnx file takes the package onnx, which is not installed: "
            "pip install 'gluon_gru[export]'"
        ) from error
    return onnx


def state_names(cell: str) -> list[str]:
    """Return the names of the state's inputs; the outputs have ``_out`` added."""
    return ["state_h", "state_c"] if CELLS[cell].has_memory else ["state_h"]


def to_bytes(weights: Weights, facts: Mapping[str, str]) -> bytes:
    """Return a language model as the bytes of an ONNX file, checked by ``onnx.checker``.

    Inputs are ``tokens``, int64 (batch_size, num_steps), and ``state_h``, for an LSTM ``state_c``
    too, float32 (num_layers * directions, batch_size, num_hiddens), zeros to begin with. Outputs
    are ``logits``, float32 (batch_size, num_steps, vocab_size), and ``state_h_out``,
    ``state_c_out``. Batch size and number of steps are free.

    Args:
        weights: a `gluon_gru.convert.weights.Weights`.
        facts: name -> string, for the file's metadata.

    Raises:
        InputError: without the package ``onnx``.
    """
    onnx = package()
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = _Graph(onnx)
    states = state_names(weights.cell)
    shape = [len(weights.layers) * weights.directions, "batch_size", weights.num_hiddens]
    inputs = [
        helper.make_tensor_value_info("tokens", onnx.TensorProto.INT64, ["batch_size", "num_steps"])
    ]
    inputs += [helper.make_tensor_value_info(name, float32, shape) for name in states]
    outputs = [
        helper.make_tensor_value_info(
            "logits", float32, ["batch_size", "num_steps", weights.vocab_size]
        )
    ]
    outputs += [helper.make_tensor_value_info(f"{name}_out", float32, shape) for name in states]
    _network(graph, weights, states)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "language_model", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gluon_gru",
        producer_version=facts["made_by"].split()[-1],
    )
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: numpy.ndarray) -> str:
        """Add an array; return its name."""
        value = numpy.ascontiguousarray(value)
        self.constants.append(self.onnx.numpy_helper.from_array(value, name))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> str:
        """Add a node; return its first output's name."""
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, outputs, **attributes))
        return outputs[0]


def _network(graph: _Graph, weights: Weights, states: list[str]) -> None:
    table, first = _lookup(weights)
    steps_first = graph.node("Transpose", ["tokens"], ["tokens_by_step"], perm=[1, 0])
    hiddens = graph.node(
        "Gather", [graph.constant("table", table), steps_first], ["inputs"], axis=0
    )
    joined = graph.constant("joined", numpy.array([0, 0, -1]))
    starts = {name: _states_by_layer(graph, name, weights) for name in states}
    for i, sides in enumerate(weights.layers):
        ends = [f"{name}_{i}_out" for name in states]
        out = graph.node(
            CELLS[weights.cell].onnx_operator,
            [
                hiddens,
                *_constants(graph, weights, i, first if i == 0 else [s.W_x for s in sides]),
                "",
                *(starts[name][i] for name in states),
            ],
            [f"directions_{i}", *ends],
            name=f"layer_{i}",
            **_attributes(weights),
        )
        # From (num_steps, directions, batch_size, num_hiddens).
        out = graph.node("Transpose", [out], [f"apart_{i}"], perm=[0, 2, 1, 3])
        hiddens = graph.node("Reshape", [out, joined], [f"hiddens_{i}"])
    for name in states:
        graph.node(
            "Concat",
            [f"{name}_{i}_out" for i in range(len(weights.layers))],
            [f"{name}_out"],
            axis=0,
        )
    batch_first = graph.node("Transpose", [hiddens], ["hiddens_by_text"], perm=[1, 0, 2])
    product = graph.node("MatMul", [batch_first, graph.constant("W_q", weights.W_q.T)], ["product"])
    graph.node("Add", [product, graph.constant("b_q", weights.b_q)], ["logits"])


def _lookup(weights: Weights) -> tuple[numpy.ndarray, list[numpy.ndarray]]:
    """Return what tokens are looked up in, and the lowest layer's W_x for what is found there.

    ONNX's operators always multiply their inputs by a matrix. Of one-hot vectors that is as large
    as the vocabulary, for every token. With a vocabulary larger than all gates together, the
    matrix itself is looked up, and multiplied by an identity, which is the smaller one then.
    Either is exact: all other products are with 0 and 1.
    """
    sides = [layer.W_x for layer in weights.layers[0]]
    # (directions, gates, num_hiddens, vocab_size).
    rows = numpy.stack(sides).reshape(-1, weights.vocab_size)
    if len(rows) >= weights.vocab_size:
        return numpy.eye(weights.vocab_size, dtype=numpy.float32), sides
    same = numpy.eye(len(rows), dtype=numpy.float32)
    return rows.T, list(same.reshape(len(sides), *sides[0].shape[:2], -1))


def _states_by_layer(graph: _Graph, name: str, weights: Weights) -> list[str]:
    """Split a state into the layers' parts; return their names."""
    parts = [f"{name}_{i}" for i in range(len(weights.layers))]
    sizes = numpy.full(len(parts), weights.directions, dtype=numpy.int64)
    graph.node("Split", [name, graph.constant(f"{name}_sizes", sizes)], parts, axis=0)
    return parts


def _constants(graph: _Graph, weights: Weights, i: int, W_x: list[numpy.ndarray]) -> list[str]:
    """Add layer i's weights, ``W_x`` apart; return their names: the operator's W, R, B."""
    order, sides = list(CELLS[weights.cell].order("onnx")), weights.layers[i]

    def stacked(arrays: list[numpy.ndarray]) -> numpy.ndarray:
        return numpy.stack([array[order].reshape(-1, *array.shape[2:]) for array in arrays])

    biases = [stacked([getattr(layer, name) for layer in sides]) for name in ("b_x", "b_h")]
    return [
        graph.constant(f"W_{i}", stacked(W_x)),
        graph.constant(f"R_{i}", stacked([layer.W_h for layer in sides])),
        graph.constant(f"B_{i}", numpy.concatenate(biases, axis=1)),
    ]


def _attributes(weights: Weights) -> dict[str, Any]:
    own: dict[str, Any] = dict(CELLS[weights.cell].onnx_attributes)
    if "activations" in own:
        # For each direction anew.
        own["activations"] = own["activations"] * weights.directions
    direction = "bidirectional" if weights.directions == 2 else "forward"
    return {"hidden_size": weights.num_hiddens, "direction": direction, **own}
