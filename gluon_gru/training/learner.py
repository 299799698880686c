"""One learner: a model is trained, scored and continued, on the engine where that can be.

Whoever has an MXNet model calls `learner_of`; whoever has what a checkpoint holds, `learner_from`,
which imports MXNet only if the engine can't run the model. Both choose what computes; what the
learner does is the same, whichever it is.
"""

from __future__ import annotations

import abc
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

import numpy

from gluon_gru.engine.network import Network, network_from, runs_on_engine
from gluon_gru.errors import InputError
from gluon_gru.runs.checkpoint import described
from gluon_gru.runs.restore import build

#: The gradients, as one vector, are scaled down to this norm (the book's theta).
CLIP_NORM = 1

OPTIMIZERS = ("sgd", "adam")


class Learner(abc.ABC):
    """Trains a model by truncated backpropagation through time, scores texts, and continues them.

    Training and scoring have a hidden state each, which is carried over from call to call. A
    ``with`` block gives back the memory at its end.

    Attributes:
        engine: what computes: ``native`` or ``mxnet``.
    """

    engine: str

    @abc.abstractmethod
    def minibatches(self, train_iter: Iterable) -> Iterator[tuple[Any, Any]]:
        """Start an epoch; yield its minibatches as `step` takes them fastest."""

    @abc.abstractmethod
    def step(self, X: Any, Y: Any, lr: float, from_zeros: bool = False) -> Any:
        """Train on a minibatch; return its mean loss in nats per token, before the update.

        The gradients are clipped to the learner's norm. The loss is a number, or an MXNet array of
        one that may still be computed: ``float()`` of it waits.

        Args:
            X, Y: tokens, and those that follow them, integers (batch_size, num_steps).
            lr: the learning rate.
            from_zeros: start from a state of zeros, not from that of the last step's end.

        Raises:
            InputError: for tokens out of range.
        """

    @abc.abstractmethod
    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        """Return the mean loss of a minibatch in nats per token, without training or dropout.

        Args and errors: see `step`.
        """

    @abc.abstractmethod
    def reader(self) -> Callable[[Sequence[int]], numpy.ndarray]:
        """Return ``read(tokens)``, which returns the logits of what follows, (vocab_size,), float32.

        It starts from a state of zeros, and goes on from where its last call ended.
        """

    @abc.abstractmethod
    def generate(self, prefix: Sequence[int], num_predicts: int) -> list[int]:
        """Return the ``num_predicts`` likeliest tokens after a prefix, each after those before it."""

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
    def state(self) -> dict[str, numpy.ndarray]:
        """Return what a resumed training needs beside the parameters; hidden states are not in it."""

    def load_state(self, arrays: Mapping[str, numpy.ndarray]) -> None:
        """Go on from what `state` returned; hidden states start from zeros.

        Raises:
            InputError: if it is that of another model or optimizer.
        """
        expected = {name: array.shape for name, array in self.state().items()}
        if {name: array.shape for name, array in arrays.items()} != expected:
            raise InputError("the optimizer's state is that of another model or optimizer")
        self._load_state(arrays)
        self.close()

    @abc.abstractmethod
    def _load_state(self, arrays: Mapping[str, numpy.ndarray]) -> None: ...

    @abc.abstractmethod
    def finish(self) -> None:
        """Wait until everything that was asked for is computed."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give back memory, and forget the hidden states."""

    def __enter__(self) -> Learner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _state_arrays(
    steps: int, moments: Mapping[str, tuple[numpy.ndarray, numpy.ndarray]]
) -> dict[str, numpy.ndarray]:
    arrays = {"steps": numpy.array([steps], numpy.int64)}
    for name, pair in moments.items():
        for kind, array in zip(("mean", "square"), pair):
            arrays[f"{kind} {name}"] = array.copy()
    return arrays


def _load_moments(
    arrays: Mapping[str, numpy.ndarray], moments: Mapping[str, tuple[numpy.ndarray, numpy.ndarray]]
) -> None:
    for name, pair in moments.items():
        for kind, array in zip(("mean", "square"), pair):
            array[...] = arrays[f"{kind} {name}"]


class EngineLearner(Learner):
    """A `Learner` on the engine.

    Args:
        network: ``network(trained)`` makes a `Network` over the model's parameters.
        clip_norm: see `learner_of`.
        params: see `Learner.params`, a function.
        set_params: see `Learner.set_params`, a function.
    """

    engine = "native"

    def __init__(
        self,
        network: Callable[[bool], Network],
        clip_norm: float,
        params: Callable[[], dict[str, numpy.ndarray]],
        set_params: Callable[[Mapping[str, numpy.ndarray]], None],
    ) -> None:
        self._make, self._clip_norm = network, clip_norm
        self._params, self._set_params = params, set_params
        self._networks: dict[str, Network] = {}

    def _network(self, use: str) -> Network:
        """Return the network for a use, each of which has a hidden state of its own."""
        if use not in self._networks:
            self._networks[use] = self._make(use == "training")
        return self._networks[use]

    def minibatches(self, train_iter: Iterable) -> Iterator[tuple[Any, Any]]:
        if hasattr(train_iter, "in_numpy"):
            yield from train_iter.in_numpy()
        else:
            for X, Y in train_iter:
                yield _in_numpy(X), _in_numpy(Y)

    def step(self, X: Any, Y: Any, lr: float, from_zeros: bool = False) -> float:
        return self._network("training").train_step(X, Y, self._clip_norm, lr, from_zeros)

    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        return self._network("scoring").score(_in_numpy(X), _in_numpy(Y), from_zeros)

    def reader(self) -> Callable[[Sequence[int]], numpy.ndarray]:
        return self._make(False).read

    def generate(self, prefix: Sequence[int], num_predicts: int) -> list[int]:
        with self._make(False) as network:
            return network.generate(prefix, num_predicts).tolist()

    def params(self) -> dict[str, numpy.ndarray]:
        return self._params()

    def set_params(self, values: Mapping[str, numpy.ndarray]) -> None:
        self._set_params(values)

    def state(self) -> dict[str, numpy.ndarray]:
        network = self._network("training")
        return _state_arrays(network.steps, network.moments)

    def _load_state(self, arrays: Mapping[str, numpy.ndarray]) -> None:
        network = self._network("training")
        network.steps = int(arrays["steps"][0])
        _load_moments(arrays, network.moments)

    def finish(self) -> None:
        # Every call waits.
        pass

    def close(self) -> None:
        for network in self._networks.values():
            network.close()


def _in_numpy(array: Any) -> numpy.ndarray:
    return array if isinstance(array, numpy.ndarray) else array.asnumpy()


def _check_optimizer(optimizer: str) -> None:
    if optimizer not in OPTIMIZERS:
        raise InputError(f"optimizer {optimizer!r} is unknown: choose from {', '.join(OPTIMIZERS)}")


def learner_of(
    model: Any,
    ctx: Any = None,
    loss: Any = None,
    clip_norm: float = CLIP_NORM,
    optimizer: str = "sgd",
    seed: int | None = None,
    update: Callable[[], None] | None = None,
) -> Learner:
    """Return the learner of an MXNet model: on the engine if the model is one of `models.fused`.

    Args:
        model: an `RNNModel`, an `RNNModelScratch`, or what has their calls.
        ctx: the device that the model is on; by default the CPU.
        loss: a Gluon loss, ``loss(logits, labels)``; by default the book's cross-entropy. The engine
            has no other.
        clip_norm: the gradients, as one vector, are scaled down to this norm.
        optimizer: ``sgd``, or ``adam`` (Kingma and Ba, 2015, with the rates they recommend).
        seed: of what dropout drops; by default it follows from MXNet's random state.
        update: what clips and updates instead, called after each backward pass; on MXNet only.

    Raises:
        InputError: for another optimizer.
    """
    from gluon_gru.models.on_engine import network_of
    from gluon_gru.models.parameters import params_of, set_params
    from gluon_gru.training.mxnet_learner import MXNetLearner, is_plain

    _check_optimizer(optimizer)
    adam = optimizer == "adam"
    if update is None and is_plain(loss) and network_of(model, trained=False):

        def network(trained: bool) -> Network:
            made = network_of(model, seed, adam and trained, trained)
            assert made is not None, "the model was changed"
            return made

        return EngineLearner(
            network, clip_norm, lambda: params_of(model), lambda values: set_params(model, values)
        )
    return MXNetLearner(model, ctx, loss, clip_norm, adam, seed, update)


def learner_from(
    params: Mapping[str, numpy.ndarray],
    config: Mapping[str, Any],
    clip_norm: float = CLIP_NORM,
    optimizer: str = "sgd",
    seed: int = 0,
) -> Learner:
    """Return the learner of a model as a checkpoint holds it: on the engine, without MXNet, if it can.

    Args:
        params: name -> array; the learner works on a copy.
        config: what the model is.
        clip_norm, optimizer, seed: see `learner_of`.

    Raises:
        InputError: for another optimizer, for parameters that don't fit the config, and for a
            model that isn't this package's.
    """
    _check_optimizer(optimizer)
    config = described(config)
    if not runs_on_engine(config):
        from gluon_gru.models.parameters import set_params

        model = build(config)
        set_params(model, params)
        return learner_of(model, None, None, clip_norm, optimizer, seed)
    own = {name: numpy.array(array, numpy.float32, order="C") for name, array in params.items()}

    def assign(values: Mapping[str, numpy.ndarray]) -> None:
        if {name: array.shape for name, array in values.items()} != {
            name: array.shape for name, array in own.items()
        }:
            raise InputError(
                "these are the parameters of another model: their names or shapes differ"
            )
        for name, array in own.items():
            array[...] = values[name]

    adam = optimizer == "adam"
    return EngineLearner(
        lambda trained: network_from(own, config, trained, seed, adam and trained),
        clip_norm,
        lambda: {name: array.copy() for name, array in own.items()},
        assign,
    )
