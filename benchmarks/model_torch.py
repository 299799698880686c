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

    With the parameter ``embedding.weight``, the inputs are rows of it instead.

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
        num_inputs = params["rnn.l0_i2h_weight"].shape[1]
        self.rnn = _LAYERS[cell](
            num_inputs, num_hiddens, num_layers, batch_first=True, dropout=dropout
        )
        self.dense = nn.Linear(num_hiddens, vocab_size)
        self.embedding = None
        if "embedding.weight" in params:
            self.embedding = nn.Embedding(vocab_size, num_inputs)
        else:
            self.register_buffer("one_hot", torch.eye(vocab_size))
        with torch.no_grad():
            for name, param in self.by_name().items():
                param.copy_(torch.from_numpy(params[name]))

    def by_name(self) -> dict[str, nn.Parameter]:
        """Return the parameters by their names in checkpoints."""
        embedding = {"embedding.weight": self.embedding.weight} if self.embedding else {}
        return {
            **embedding,
            **{
                f"rnn.l{i}_{ours}": getattr(self.rnn, f"{theirs}_l{i}")
                for i in range(self.rnn.num_layers)
                for ours, theirs in _PARTS.items()
            },
            "dense.weight": self.dense.weight,
            "dense.bias": self.dense.bias,
        }

    def inputs(self, X: torch.Tensor) -> torch.Tensor:
        """Return what the layer reads of tokens: another axis, of num_inputs."""
        return self.embedding(X) if self.embedding else self.one_hot[X]

    def forward(self, X: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Run over tokens (batch_size, num_steps); logits (batch_size * num_steps, vocab_size)."""
        hiddens, state = self.rnn(self.inputs(X), state)
        return self.dense(hiddens.flatten(0, 1)), state


def detached(state: Any) -> Any:
    """Return a layer's state without what gradients would flow through."""
    return tuple(map(torch.detach, state)) if isinstance(state, tuple) else state.detach()
