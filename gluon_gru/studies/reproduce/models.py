"""The models that protocols name."""

from __future__ import annotations

import functools
import typing
from typing import Any

from gluon_gru.cells import CELLS
from gluon_gru.published.claims import Protocol


class Model(typing.NamedTuple):
    """A model that protocols name.

    Attributes:
        name: in reports.
        cell: a key of `gluon_gru.cells.CELLS`.
        from_scratch: whether it is the book's, from scratch, rather than over a layer of Gluon's.
        on_engine: whether this package's engine computes it rather than MXNet's operators.
    """

    name: str
    cell: str
    from_scratch: bool
    on_engine: bool = False

    def make(self, protocol: Protocol, vocab_size: int, ctx: Any) -> Any:
        """Return a new model, of a protocol's size, on an ``mxnet.Context``."""
        from mxnet.gluon import rnn

        from gluon_gru import models
        from gluon_gru.models import fused

        cell = CELLS[self.cell]
        if self.from_scratch:
            return models.RNNModelScratch(
                vocab_size,
                protocol.num_hiddens,
                ctx,
                getattr(models, f"get_{cell.scratch}_params"),
                getattr(models, f"init_{cell.scratch}_state"),
                getattr(fused if self.on_engine else models, cell.scratch),
            )
        layer = getattr(fused, cell.fused_layer) if self.on_engine else getattr(rnn, cell.layer)
        if cell.activation:
            layer = functools.partial(layer, activation=cell.activation)
        return models.RNNModel(layer(protocol.num_hiddens), vocab_size)


#: By the name that `gluon_gru.published.claims.Protocol.model` holds.
MODELS = {
    "gru-scratch": Model("GRU from scratch", "gru_before", True),
    "gru-concise": Model("GRU concise (rnn.GRU)", "gru_after", False),
    "rnn-scratch": Model("RNN from scratch", "rnn_tanh", True),
    # rnn.RNN's own default, which the book uses, is ReLU; its RNN from scratch has tanh.
    "rnn-concise": Model("RNN concise (rnn.RNN)", "rnn_relu", False),
    "rnn-tanh-concise": Model('RNN concise (rnn.RNN, "tanh")', "rnn_tanh", False),
    "lstm-scratch": Model("LSTM from scratch", "lstm", True),
    "lstm-concise": Model("LSTM concise (rnn.LSTM)", "lstm", False),
    "reset-only-scratch": Model("GRU with only a reset gate, from scratch", "reset_only", True),
    "update-only-scratch": Model("GRU with only an update gate, from scratch", "update_only", True),
    "gru-fused": Model("GRU from scratch, on the engine (fused.gru)", "gru_before", True, True),
    "gru-concise-fused": Model("GRU concise, on the engine (fused.GRU)", "gru_after", False, True),
}
