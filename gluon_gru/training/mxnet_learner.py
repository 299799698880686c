"""The learner on MXNet's own operators: `gluon_gru.training.learner` chooses it."""

from __future__ import annotations

import collections
from typing import Any, Callable, Mapping, Sequence

import mxnet as mx
import numpy
from mxnet import autograd, gluon, np

from gluon_gru.engine.numpy_network import adam_change
from gluon_gru.models.parameters import arrays_of, lr_mults_of, named_params, params_of, set_params
from gluon_gru.training.base_learner import Learner
from gluon_gru.training.updates import clipped_sgd, grad_clipping

# Minibatches that Python may run ahead of MXNet: enough to keep it busy, few enough that what waits
# to be computed fits into memory on a long text.
_AHEAD = 16


def is_plain(loss: Any) -> bool:
    """Return whether it is the cross-entropy of the book, which the engine computes itself."""
    return loss is None or (
        type(loss) is gluon.loss.SoftmaxCrossEntropyLoss
        and loss._sparse_label
        and not loss._from_logits
        and loss._axis == -1
        and loss._weight is None
    )


class MXNetLearner(Learner):
    """A `Learner` on MXNet's operators; the arguments are those of `learner_of`.

    Nothing is read back from the device in a step, so that Python runs ahead of it.
    """

    engine = "mxnet"

    def __init__(
        self,
        model: Any,
        ctx: mx.Context | None,
        loss: Any,
        clip_norm: float,
        optimizer: str,
        seed: int | None,
        update: Callable[[], None] | None,
    ) -> None:
        super().__init__(clip_norm, optimizer)
        self._model, self._ctx = model, ctx or mx.cpu()
        self._loss = loss or gluon.loss.SoftmaxCrossEntropyLoss()
        self._seed, self._own_update = seed, update
        self.steps = 0
        self.moments: dict[str, tuple[numpy.ndarray, numpy.ndarray]] = {}
        if self._adam:
            params = named_params(model)
            for name in lr_mults_of(model):
                mean, square = (numpy.zeros(params[name].shape, numpy.float32) for _ in range(2))
                self.moments[name] = mean, square
        self._states: dict[str, Any] = {}
        self._waiting: collections.deque = collections.deque()

    def _tokens(self, array: Any) -> np.ndarray:
        if isinstance(array, numpy.ndarray):
            return np.array(numpy.ascontiguousarray(array, numpy.int32), ctx=self._ctx)
        return array.as_in_ctx(self._ctx)

    def _loss_of(self, use: str, X: Any, Y: Any, from_zeros: bool) -> np.ndarray:
        """Return the mean loss, an array of one; each use has a hidden state of its own."""
        state = self._states.get(use)
        if state is None or from_zeros or state[0].shape[-2] != len(X):
            state = self._model.begin_state(batch_size=len(X), ctx=self._ctx)
        logits, self._states[use] = self._model(X, [s.detach() for s in state])
        return self._loss(logits, Y.T.reshape(-1)).mean()

    def step(self, X: Any, Y: Any, lr: float, from_zeros: bool = False) -> np.ndarray:
        self.steps += 1
        X, Y = self._tokens(X), self._tokens(Y)
        if self._seed is not None:
            # What dropout drops depends on the seed and the step alone, so that a run can be resumed.
            mx.random.seed(hash((self._seed, self.steps)) % 2**31)
        with autograd.record():
            loss = self._loss_of("training", X, Y, from_zeros)
        loss.backward()
        self._update(lr)
        self._waiting.append(loss)
        if len(self._waiting) > _AHEAD:
            self._waiting.popleft().wait_to_read()
        return loss

    def _update(self, lr: float) -> None:
        if self._own_update is not None:
            self._own_update()
        elif self._adam:
            grad_clipping(self._model, self._clip_norm)
            params = arrays_of(self._model)
            for name, lr_mult in lr_mults_of(self._model).items():
                grad, rate = params[name].grad.asnumpy(), lr * lr_mult
                change = adam_change(grad, *self.moments[name], self.steps, rate)
                params[name][:] = params[name] - np.array(change)
        else:
            clipped_sgd(self._model, self._clip_norm, lr)

    def score(self, X: Any, Y: Any, from_zeros: bool = False) -> float:
        return float(self._loss_of("scoring", self._tokens(X), self._tokens(Y), from_zeros))

    def reader(self) -> Callable[[Sequence[int]], numpy.ndarray]:
        state = self._model.begin_state(batch_size=1, ctx=self._ctx)

        def read(tokens: Sequence[int]) -> numpy.ndarray:
            nonlocal state
            inputs = np.array([list(tokens)], dtype="int32", ctx=self._ctx)
            logits, state = self._model(inputs, state)
            return logits[-1].asnumpy()

        return read

    def generate(self, prefix: Sequence[int], num_predicts: int) -> list[int]:
        inputs = np.array([list(prefix)], dtype="int32", ctx=self._ctx)
        state = self._model.begin_state(batch_size=1, ctx=self._ctx)
        predicted = []
        for _ in range(num_predicts):
            logits, state = self._model(inputs, state)
            # The next input stays on the device: reading it here would wait for every step.
            inputs = logits[-1:].argmax(axis=1).reshape(1, 1)
            predicted.append(inputs)
        return [int(token) for token in predicted]

    def params(self) -> dict[str, numpy.ndarray]:
        return params_of(self._model)

    def set_params(self, values: Mapping[str, numpy.ndarray]) -> None:
        set_params(self._model, values)

    def _optimizer(self) -> MXNetLearner:
        return self

    def finish(self) -> None:
        self._waiting.clear()
        mx.nd.waitall()

    def close(self) -> None:
        self._states.clear()
