"""The weights that all contestants start from, as Gluon's layers and as the book's models have them.

Drawn once; both have the same numbers, with zeros for the layers' second bias, which the book's
equations don't have.
"""

from __future__ import annotations

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import model_shapes


def draw(cell: str, vocab_size: int, num_hiddens: int, scale: float) -> dict[str, numpy.ndarray]:
    """Return the parameters of an `RNNModel` over a layer, by their names in checkpoints, float32.

    Args:
        cell: ``gru_after``, ``lstm`` or ``rnn_tanh``, see `gluon_gru.cells`.
        vocab_size, num_hiddens: sizes.
        scale: the standard deviation of the weights; biases are 0.
    """
    rng, params = numpy.random.default_rng(1), {}
    for name, shape in model_shapes(cell, vocab_size, num_hiddens).items():
        values = rng.normal(0, scale, shape) if len(shape) == 2 else numpy.zeros(shape)
        params[name] = values.astype(numpy.float32)
    return params


def as_books(cell: str, params: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """Return what `draw` returned as the parameters of an `RNNModelScratch`, by their names."""
    order = CELLS[cell].order("gluon")
    parts = [
        numpy.split(params[f"rnn.l0_{part}"], len(order))
        for part in ("i2h_weight", "h2h_weight", "i2h_bias")
    ]
    gates = [part[order.index(gate)].T for gate in range(len(order)) for part in parts]
    values = [*gates, params["dense.weight"].T, params["dense.bias"]]
    return {f"params.{i:02}": numpy.ascontiguousarray(value) for i, value in enumerate(values)}
