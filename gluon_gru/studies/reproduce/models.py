"""The models that protocols name."""

from __future__ import annotations

import typing
from typing import Any

from gluon_gru.cells import CELLS
from gluon_gru.published.claims import Protocol, fused
from gluon_gru.runs.restore import build


class Model(typing.NamedTuple):
    """A model that protocols name.

    Attributes:
        name: in reports.
        cell: a key of `gluon_gru.cells.CELLS`.
        from_scratch: whether it is the book's, from scratch, rather than over a layer of Gluon's.
        on_engine: whether this package's engine computes it rather than MXNet's operators.
        held: of a part of a GRU, the gate that it lacks and the bias that holds the whole GRU's at
            0 or 1.
    """

    name: str
    cell: str
    from_scratch: bool
    on_engine: bool = False
    held: tuple[str, float] | None = None

    def make(self, protocol: Protocol, vocab_size: int, ctx: Any) -> Any:
        """Return a new model, of a protocol's size, on an ``mxnet.Context``."""
        config = {
            "model": "RNNModelScratch" if self.from_scratch else "RNNModel",
            "cell": self.cell,
            "on_engine": self.on_engine,
            "vocab_size": vocab_size,
            "num_hiddens": protocol.num_hiddens,
            "num_layers": protocol.num_layers,
            "directions": protocol.directions,
            "dropout": 0,
        }
        model = build(config, ctx)
        if self.held:
            # At such a bias the gate is 0 or 1 to the last digit, so its gradients are zeros, and
            # training leaves it there.
            gate, bias = self.held
            place = 3 * CELLS[self.cell].gates.index(gate)
            for param, value in zip(model.params[place : place + 3], (0, 0, bias)):
                param[:] = value
        return model


_IN_MXNET = {
    "gru-scratch": Model("GRU from scratch", "gru_before", True),
    "gru-concise": Model("GRU concise (rnn.GRU)", "gru_after", False),
    "rnn-scratch": Model("RNN from scratch", "rnn_tanh", True),
    "rnn-scratch-random": Model("RNN from scratch, cold state", "rnn_tanh", True),
    "rnn-scratch-random-continued": Model(
        "RNN from scratch, going on with a cold state", "rnn_tanh", True
    ),
    # rnn.RNN's own default, which the book uses, is ReLU; its RNN from scratch has tanh.
    "rnn-concise": Model("RNN concise (rnn.RNN)", "rnn_relu", False),
    "rnn-tanh-concise": Model('RNN concise (rnn.RNN, "tanh")', "rnn_tanh", False),
    "lstm-scratch": Model("LSTM from scratch", "lstm", True),
    "lstm-concise": Model("LSTM concise (rnn.LSTM)", "lstm", False),
    "lstm-deep": Model("LSTM of two layers (rnn.LSTM)", "lstm", False),
    "lstm-bidirectional": Model("LSTM of two layers, bidirectional (rnn.LSTM)", "lstm", False),
    "reset-only-scratch": Model("GRU with only a reset gate, from scratch", "reset_only", True),
    "update-only-scratch": Model("GRU with only an update gate, from scratch", "update_only", True),
}

# The engine has no kernels for the parts: it trains the whole GRU with the other gate held.
_PARTS: dict[str, dict[str, Any]] = {
    "reset-only-scratch": {"cell": "gru_before", "held": ("update", -100)},
    "update-only-scratch": {"cell": "gru_before", "held": ("reset", 100)},
}

#: By the name that `gluon_gru.published.claims.Protocol.model` holds.
MODELS = {
    **_IN_MXNET,
    **{
        fused(name): model._replace(
            name=f"{model.name}, on the engine", on_engine=True, **_PARTS.get(name, {})
        )
        for name, model in _IN_MXNET.items()
    },
}
