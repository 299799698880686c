"""A learner on PyTorch, to train the same runs beside this package's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import torch
from torch import nn

from benchmarks.model_torch import LanguageModel, detached
from gluon_gru.engine import native

VERSION = torch.__version__


class TorchLearner:
    """What `gluon_gru.training.learner.learner_from` returns, with the same calls, on PyTorch."""

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
        self._model = LanguageModel(params, config["cell"], config["num_layers"], config["dropout"])
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
        self._optimizer = kind(self._model.parameters(), 1.0, fused=True)
        # Training and scoring have a hidden state each.
        self._clip_norm, self._states = clip_norm, {}

    def _loss(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool) -> torch.Tensor:
        training = self._model.training
        X, Y = (torch.from_numpy(numpy.asarray(tokens, numpy.int64)) for tokens in (X, Y))
        logits, state = self._model(X, None if from_zeros else self._states.get(training))
        self._states[training] = detached(state)
        return nn.functional.cross_entropy(logits, Y.flatten())

    def minibatches(self, train_iter: Any) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
        """Start an epoch; return its minibatches."""
        return train_iter.in_numpy()

    def finish(self) -> None:
        """Do nothing: every step waits."""

    def step(
        self, X: numpy.ndarray, Y: numpy.ndarray, lr: float, from_zeros: bool = False
    ) -> float:
        """Train on a minibatch; return its mean loss in nats per token, before the update."""
        self._model.train()
        self._optimizer.param_groups[0]["lr"] = lr
        loss = self._loss(X, Y, from_zeros)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm, foreach=False)
        self._optimizer.step()
        return loss.item()

    @torch.no_grad()
    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        """Return the mean loss of a minibatch in nats per token, without training or dropout."""
        self._model.eval()
        return self._loss(X, Y, from_zeros).item()

    def params(self) -> dict[str, numpy.ndarray]:
        """Return name -> the parameter's numbers, a copy."""
        return {name: one.detach().numpy().copy() for name, one in self._model.by_name().items()}

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
