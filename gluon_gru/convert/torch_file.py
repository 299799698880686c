"""Weights under PyTorch's names and in its layout, in a safetensors file.

The names are those of a module with ``rnn = nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` over one-hot
vectors and ``linear = nn.Linear``. Source: the documentation of ``torch.nn``.
"""

from __future__ import annotations

from typing import Mapping

import numpy
import safetensors.numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.weights import Weights
from gluon_gru.errors import InputError

_NAMES = {"weight_ih": "W_x", "weight_hh": "W_h", "bias_ih": "b_x", "bias_hh": "b_h"}


def state_dict(weights: Weights) -> dict[str, numpy.ndarray]:
    """Return weights as PyTorch's ``state_dict``: name -> array.

    Raises:
        InputError: for the book's GRU, which is not PyTorch's function.
    """
    cell = CELLS[weights.cell]
    if not cell.torch:
        raise InputError(
            "the book's GRU has no PyTorch layout: its reset gate acts before the recurrent "
            "product, nn.GRU's after it, another function; export to .onnx, which has both, or "
            "train Gluon's GRU (rnn.GRU, fused.GRU; gluon-gru train --cell gru-after)"
        )
    order, arrays = list(cell.order("torch")), {}
    for i, layer in enumerate(weights.layers):
        for theirs, ours in _NAMES.items():
            for gates, suffix in zip(getattr(layer, ours)[:, order], ("", "_reverse")):
                arrays[f"rnn.{theirs}_l{i}{suffix}"] = gates.reshape(-1, *gates.shape[2:])
    arrays.update({"linear.weight": weights.W_q, "linear.bias": weights.b_q})
    return {name: numpy.ascontiguousarray(array) for name, array in arrays.items()}


def to_bytes(weights: Weights, facts: Mapping[str, str]) -> bytes:
    """Return the file's bytes, with ``facts`` in its header.

    Raises:
        InputError: see `state_dict`.
    """
    return safetensors.numpy.save(state_dict(weights), {"format": "pt", **facts})
