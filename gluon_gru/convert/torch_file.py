"""Weights under PyTorch's names and in its layout, in a safetensors file.

The names are those of a module with ``rnn = nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` over one-hot
vectors and ``linear = nn.Linear``. Source: the documentation of ``torch.nn``.
"""

import numpy
import safetensors.numpy

from gluon_gru.errors import InputError

#: The book's gates in the order in which PyTorch stacks them: reset, update, new; input, forget,
#: cell, output.
_ORDER = {"rnn_tanh": (0,), "rnn_relu": (0,), "gru_after": (1, 0, 2), "lstm": (0, 1, 3, 2)}
_NAMES = {"weight_ih": "W_x", "weight_hh": "W_h", "bias_ih": "b_x", "bias_hh": "b_h"}


def state_dict(weights):
    """Return a `gluon_gru.convert.weights.Weights` as PyTorch's ``state_dict``: name -> array.

    Raises:
        InputError: for the book's GRU, which is not PyTorch's function.
    """
    if weights.cell not in _ORDER:
        raise InputError(
            "the book's GRU has no PyTorch layout: its reset gate acts before the recurrent "
            "product, nn.GRU's after it, another function; export to .onnx, which has both, or "
            "train Gluon's GRU (rnn.GRU, fused.GRU; gluon-gru train --cell gru-after)"
        )
    order, found = list(_ORDER[weights.cell]), {}
    for i, sides in enumerate(weights.layers):
        for layer, suffix in zip(sides, ("", "_reverse")):
            for theirs, ours in _NAMES.items():
                gates = getattr(layer, ours)[order]
                found[f"rnn.{theirs}_l{i}{suffix}"] = gates.reshape(-1, *gates.shape[2:])
    found.update({"linear.weight": weights.W_q, "linear.bias": weights.b_q})
    return {name: numpy.ascontiguousarray(array) for name, array in found.items()}


def to_bytes(weights, facts):
    """Return the file's bytes, with ``facts`` (name -> string) in its header.

    Raises:
        InputError: see `state_dict`.
    """
    return safetensors.numpy.save(state_dict(weights), {"format": "pt", **facts})
