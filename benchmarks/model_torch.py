"""A language model on PyTorch, with the parameters of one over Gluon's layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import torch
from torch import nn

_LAYERS = {"rnn_tanh": nn.RNN, "gru_after": nn.GRU, "lstm": nn.LSTM}
_PARTS = {
    "i2h_weight": "weight_ih",
    "h2h_weight": "weight_hh",
    "i2h_bias": "bias_ih",
    "h2h_bias": "bias_hh",
}


class LanguageModel(nn.Module):
    """One of PyTorch's recurrent layers over one-hot inputs, then a linear layer to logits.

    PyTorch stacks the gates in the order in which Gluon does.

    Args:
        params: what it starts from, by the names in checkpoints.
        cell: ``rnn_tanh``, ``gru_after`` or ``lstm``.
        num_layers, dropout: see ``nn.GRU``.
    """

    def __init__(
        self,
        params: Mapping[str, numpy.ndarray],
        cell: str,
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        vocab_size, num_hiddens = params["dense.weight"].shape
        self.rnn = _LAYERS[cell](
            vocab_size, num_hiddens, num_layers, batch_first=True, dropout=dropout
        )
        self.dense = nn.Linear(num_hiddens, vocab_size)
        self.register_buffer("one_hot", torch.eye(vocab_size))
        with torch.no_grad():
            for name, param in self.by_name().items():
                param.copy_(torch.from_numpy(params[name]))

    def by_name(self) -> dict[str, nn.Parameter]:
        """Return the parameters by their names in checkpoints."""
        return {
            **{
                f"rnn.l{i}_{ours}": getattr(self.rnn, f"{theirs}_l{i}")
                for i in range(self.rnn.num_layers)
                for ours, theirs in _PARTS.items()
            },
            "dense.weight": self.dense.weight,
            "dense.bias": self.dense.bias,
        }

    def forward(self, X: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Run over tokens (batch_size, num_steps); logits (batch_size * num_steps, vocab_size)."""
        hiddens, state = self.rnn(self.one_hot[X], state)
        return self.dense(hiddens.flatten(0, 1)), state


def detached(state: Any) -> Any:
    """Return a layer's state without what gradients would flow through."""
    return tuple(map(torch.detach, state)) if isinstance(state, tuple) else state.detach()
