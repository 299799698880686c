"""A learner on PyTorch, to train the same runs on texts of one's own beside this package's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import torch
from torch import nn

from gluon_gru.engine import native

VERSION = torch.__version__

_LAYERS = {"rnn_tanh": nn.RNN, "gru_after": nn.GRU, "lstm": nn.LSTM}
_PARTS = {
    "i2h_weight": "weight_ih",
    "h2h_weight": "weight_hh",
    "i2h_bias": "bias_ih",
    "h2h_bias": "bias_hh",
}


class TorchLearner:
    """What `gluon_gru.training.learner.learner_from` returns, with the same calls, on PyTorch's layers.

    PyTorch stacks the gates in the order in which Gluon does.
    """

    engine = "torch"

    def __init__(
        self,
        params: Mapping[str, numpy.ndarray],
        config: Mapping[str, Any],
        clip_norm: float,
        optimizer: str,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        torch.set_num_threads(native.num_threads())
        self._vocab_size, num_hiddens = config["vocab_size"], config["num_hiddens"]
        num_layers = config["num_layers"]
        self._rnn = _LAYERS[config["cell"]](
            self._vocab_size, num_hiddens, num_layers, dropout=config["dropout"]
        )
        self._dense = nn.Linear(num_hiddens, self._vocab_size)
        self._params = {
            f"rnn.l{i}_{ours}": getattr(self._rnn, f"{theirs}_l{i}")
            for i in range(num_layers)
            for ours, theirs in _PARTS.items()
        }
        self._params["dense.weight"] = self._dense.weight
        self._params["dense.bias"] = self._dense.bias
        with torch.no_grad():
            for name, param in self._params.items():
                param.copy_(torch.from_numpy(params[name]))
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
        self._optimizer = kind(self._params.values(), 1.0, fused=True)
        self._clip_norm, self._states = clip_norm, {}

    def _loss(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool) -> torch.Tensor:
        training = self._rnn.training
        state = None if from_zeros else self._states.get(training)
        one_hot = nn.functional.one_hot(
            torch.from_numpy(X.T.astype(numpy.int64)), self._vocab_size
        ).float()
        hiddens, state = self._rnn(one_hot, state)
        self._states[training] = (
            tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        )
        labels = torch.from_numpy(Y.T.reshape(-1).astype(numpy.int64))
        return nn.functional.cross_entropy(self._dense(hiddens.flatten(0, 1)), labels)

    def step(
        self, X: numpy.ndarray, Y: numpy.ndarray, lr: float, from_zeros: bool = False
    ) -> float:
        """Train on a minibatch; return its mean loss in nats per token, before the update."""
        self._rnn.train()
        self._optimizer.param_groups[0]["lr"] = lr
        loss = self._loss(X, Y, from_zeros)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._params.values(), self._clip_norm, foreach=False)
        self._optimizer.step()
        return loss.item()

    @torch.no_grad()
    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        """Return the mean loss of a minibatch in nats per token, without training or dropout."""
        self._rnn.eval()
        return self._loss(X, Y, from_zeros).item()

    def params(self) -> dict[str, numpy.ndarray]:
        """Return name -> the parameter's numbers, a copy."""
        return {name: param.detach().numpy().copy() for name, param in self._params.items()}

    def state(self) -> dict[str, numpy.ndarray]:
        """Return nothing: such a run can't be resumed."""
        return {}

    def close(self) -> None:
        """Forget the hidden states."""
        self._states.clear()

    def __enter__(self) -> TorchLearner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
