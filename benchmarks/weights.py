"""The weights that all contestants start from, as Gluon's layers and as the book's models have them.

Drawn once; both have the same numbers, with zeros for the layers' second bias, which the book's
equations don't have.
"""

from __future__ import annotations

from typing import Dict

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import model_shapes

#: Name, as in checkpoints -> array.
Params = Dict[str, numpy.ndarray]

_EMBEDDING, _FIRST = "embedding.weight", "rnn.l0_i2h_weight"


def draw(
    cell: str,
    vocab_size: int,
    num_hiddens: int,
    num_layers: int,
    scale: float,
    embedding: bool = False,
) -> Params:
    """Return the parameters of an `RNNModel` over layers, by their names in checkpoints, float32.

    Args:
        cell: ``gru_after``, ``lstm`` or ``rnn_tanh``, see `gluon_gru.cells`.
        vocab_size, num_hiddens, num_layers: sizes.
        scale: the standard deviation of the weights; biases are 0.
        embedding: whether the first layer reads an embedding, ``embedding.weight`` (vocab_size,
            num_hiddens), instead of the tokens.
    """
    shapes = model_shapes(cell, vocab_size, num_hiddens, num_layers)
    if embedding:
        shapes[_FIRST] = (shapes[_FIRST][0], num_hiddens)
        shapes[_EMBEDDING] = (vocab_size, num_hiddens)
    rng, params = numpy.random.default_rng(1), {}
    for name, shape in shapes.items():
        params[name] = numpy.zeros(shape, numpy.float32)
        if len(shape) == 2:
            rng.standard_normal(out=params[name], dtype=numpy.float32)
            params[name] *= numpy.float32(scale)
    # Tokens that differ as much as one-hot ones do.
    if embedding:
        params[_EMBEDDING] /= numpy.float32(scale * num_hiddens**0.5)
    return params


def without_embedding(params: Params) -> Params:
    """Return parameters of the same function whose first layer reads tokens."""
    if _EMBEDDING not in params:
        return params
    first = params[_FIRST] @ params[_EMBEDDING].T
    return {**{name: one for name, one in params.items() if name != _EMBEDDING}, _FIRST: first}


def without_second_bias(params: Params) -> Params:
    """Return the parameters of layers whose cell is the book's, which has one bias."""
    return {name: one for name, one in params.items() if not name.endswith("h2h_bias")}


def as_books(cell: str, params: Params) -> Params:
    """Return what `draw` returned for one layer as the parameters of an `RNNModelScratch`."""
    order = CELLS[cell].order("gluon")
    parts = [
        numpy.split(params[f"rnn.l0_{part}"], len(order))
        for part in ("i2h_weight", "h2h_weight", "i2h_bias")
    ]
    gates = [part[order.index(gate)].T for gate in range(len(order)) for part in parts]
    values = [*gates, params["dense.weight"].T, params["dense.bias"]]
    return {f"params.{i:02}": numpy.ascontiguousarray(value) for i, value in enumerate(values)}
