"""What a learner is, whatever computes it; `gluon_gru.training.learner` chooses one."""

from __future__ import annotations

import abc
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

import numpy

from gluon_gru.engine.choosing import Choosing, choose
from gluon_gru.errors import InputError

OPTIMIZERS = ("sgd", "adam")


class Learner(abc.ABC):
    """Trains a model by truncated backpropagation through time, scores texts, and continues them.

    Training and scoring each have a hidden state, which is carried over from call to call. A
    ``with`` block calls `close` at its end.

    Args:
        clip_norm, optimizer: see `gluon_gru.training.learner.learner_of`.

    Attributes:
        engine: what computes: ``native``, ``mxnet`` or ``numpy``.

    Raises:
        InputError: for another optimizer.
    """

    engine: str

    def __init__(self, clip_norm: float, optimizer: str) -> None:
        if optimizer not in OPTIMIZERS:
            raise InputError(
                f"optimizer {optimizer!r} is unknown: choose from {', '.join(OPTIMIZERS)}"
            )
        self._clip_norm, self._adam = clip_norm, optimizer == "adam"

    def minibatches(self, train_iter: Iterable) -> Iterator[tuple[Any, Any]]:
        """Start an epoch; return its minibatches, of the type that `step` takes fastest."""
        return iter(train_iter)

    @abc.abstractmethod
    def step(self, X: Any, Y: Any, lr: float, from_zeros: bool = False) -> Any:
        """Train on a minibatch; return its mean loss in nats per token, before the update.

        The gradients are clipped to the learner's norm. The loss is a number, or an MXNet array of
        one that may still be computed: ``float()`` of it waits.

        Args:
            X, Y: tokens, and those that follow them, integers (batch_size, num_steps).
            lr: the learning rate.
            from_zeros: start from a state of zeros instead of the last step's final state.

        Raises:
            InputError: for tokens out of range.
        """

    @abc.abstractmethod
    def score(self, X: Any, Y: Any, from_zeros: bool = False) -> float:
        """Return the mean loss of a minibatch in nats per token, without training or dropout.

        Args and errors: see `step`.
        """

    @abc.abstractmethod
    def reader(self) -> Callable[[Sequence[int]], numpy.ndarray]:
        """Return ``read(tokens)``, which returns the logits of the next token, (vocab_size,).

        Its state starts from zeros, and is carried over from call to call.
        """

    def writer(self, how: Choosing) -> Callable[[Sequence[int], numpy.ndarray], Sequence[int]]:
        """Return ``write(tokens, places)``, which reads tokens and returns those that it adds.

        Its state starts from zeros, and is carried over from call to call: the next call's tokens
        begin with the last one that was added. ``places`` has a random number, at least 0 and below
        1, for each token to add: see `gluon_gru.engine.choosing.choose`.
        """
        read = self.reader()

        def write(tokens: Sequence[int], places: numpy.ndarray) -> Sequence[int]:
            added: list[int] = []
            for place in places:
                added.append(choose(read(added[-1:] or tokens), how, place))
            return added

        return write

    @abc.abstractmethod
    def generate(self, prefix: Sequence[int], num_predicts: int) -> list[int]:
        """Return ``num_predicts`` tokens after a prefix, each time the likeliest."""

    @abc.abstractmethod
    def params(self) -> dict[str, numpy.ndarray]:
        """Return name -> the parameter's numbers, a copy."""

    @abc.abstractmethod
    def set_params(self, values: Mapping[str, numpy.ndarray]) -> None:
        """Set the parameters to what `params` returned.

        Raises:
            InputError: for the parameters of another model.
        """

    @abc.abstractmethod
    def _optimizer(self) -> Any:
        """Return what has ``steps``, and Adam's ``moments``: see `gluon_gru.engine.network`."""

    def state(self) -> dict[str, numpy.ndarray]:
        """Return what a resumed training needs besides the parameters, without hidden states."""
        optimizer = self._optimizer()
        arrays = {"steps": numpy.array([optimizer.steps], numpy.int64)}
        for name, (mean, square) in optimizer.moments.items():
            arrays[f"mean {name}"], arrays[f"square {name}"] = mean.copy(), square.copy()
        return arrays

    def load_state(self, arrays: Mapping[str, numpy.ndarray]) -> None:
        """Continue from what `state` returned; hidden states start from zeros.

        Raises:
            InputError: if it is that of another model or optimizer.
        """
        expected = {name: array.shape for name, array in self.state().items()}
        if {name: array.shape for name, array in arrays.items()} != expected:
            raise InputError("the optimizer's state is that of another model or optimizer")
        steps = arrays["steps"][0]
        if not (arrays["steps"].dtype.kind in "iu" and 0 <= steps < 2**62):
            raise InputError(f"the optimizer has made {steps} steps: it must be a whole number")
        optimizer = self._optimizer()
        optimizer.steps = int(steps)
        for name, (mean, square) in optimizer.moments.items():
            mean[...], square[...] = arrays[f"mean {name}"], arrays[f"square {name}"]
        self.close()

    @abc.abstractmethod
    def finish(self) -> None:
        """Wait until all steps are computed."""

    @abc.abstractmethod
    def close(self) -> None:
        """Free memory, and forget the hidden states."""

    def __enter__(self) -> Learner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
