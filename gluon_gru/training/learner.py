"""The learner of a model: on the engine where it can run the model, otherwise on MXNet.

`learner_of` takes an MXNet model. `learner_from` takes what a checkpoint holds, and imports MXNet
only if the engine can't run the model; where MXNet isn't installed either, NumPy computes. A learner
does the same whichever computes.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

import numpy

from gluon_gru.engine.choosing import Choosing
from gluon_gru.engine.layout import check_model, check_params
from gluon_gru.engine.native import Lock
from gluon_gru.engine.network import Network, Parameter, has_kernels_for, runs_on_engine
from gluon_gru.engine.numpy_network import NumpyNetwork
from gluon_gru.mxnet_import import installed
from gluon_gru.runs.checkpoint import described
from gluon_gru.runs.restore import build
from gluon_gru.training.base_learner import OPTIMIZERS, Learner

__all__ = ["CLIP_NORM", "OPTIMIZERS", "EngineLearner", "Learner", "learner_from", "learner_of"]

#: The gradients, as one vector, are scaled down to this norm (the book's theta).
CLIP_NORM = 1


class EngineLearner(Learner):
    """A `Learner` on the engine.

    Args:
        params, config, seed: see `gluon_gru.engine.network.Network`; the parameters are trained in
            place.
        clip_norm, optimizer: see `learner_of`.
    """

    engine = "native"
    _Network: Any = Network

    def __init__(
        self,
        params: Mapping[str, Parameter],
        config: Mapping[str, Any],
        clip_norm: float,
        optimizer: str,
        seed: int | Callable[[], int],
    ) -> None:
        super().__init__(clip_norm, optimizer)
        self._params, self._config, self._seed = params, config, seed
        self._networks: dict[str, Network] = {}
        self._lock = Lock()

    def _network(self, use: str) -> Network:
        """Return the network for a use, each of which has its own hidden state."""
        with self._lock:
            if use not in self._networks:
                self._networks[use] = self._new_network(adam=self._adam and use == "training")
            return self._networks[use]

    def _new_network(self, adam: bool = False) -> Network:
        return self._Network(self._params, self._config, self._seed, adam, self._lock)

    def minibatches(self, train_iter: Iterable) -> Iterator[tuple[Any, Any]]:
        return iter(train_iter.in_numpy() if hasattr(train_iter, "in_numpy") else train_iter)

    def step(self, X: Any, Y: Any, lr: float, from_zeros: bool = False) -> float:
        X, Y = _in_numpy(X), _in_numpy(Y)
        return self._network("training").train_step(X, Y, self._clip_norm, lr, from_zeros)

    def score(self, X: Any, Y: Any, from_zeros: bool = False) -> float:
        return self._network("scoring").score(_in_numpy(X), _in_numpy(Y), from_zeros)

    def reader(self) -> Callable[[Sequence[int]], numpy.ndarray]:
        return self._new_network().read

    def writer(self, how: Choosing) -> Callable[[Sequence[int], numpy.ndarray], Sequence[int]]:
        network = self._new_network()
        return lambda tokens, places: network.write(tokens, how, places).tolist()

    def generate(self, prefix: Sequence[int], num_predicts: int) -> list[int]:
        with self._new_network() as network:
            return network.generate(prefix, num_predicts).tolist()

    def params(self) -> dict[str, numpy.ndarray]:
        with self._lock:
            return {name: param.value.copy() for name, param in self._params.items()}

    def set_params(self, values: Mapping[str, numpy.ndarray]) -> None:
        check_params(values, {name: param.value.shape for name, param in self._params.items()})
        with self._lock:
            for name, param in self._params.items():
                param.value[...] = values[name]

    def _optimizer(self) -> Network:
        return self._network("training")

    def finish(self) -> None:
        # Every call waits.
        pass

    def close(self) -> None:
        for network in list(self._networks.values()):
            network.close()


class NumpyLearner(EngineLearner):
    """The same in plain NumPy, several times slower."""

    engine = "numpy"
    _Network = NumpyNetwork
    writer = Learner.writer


def _in_numpy(array: Any) -> Any:
    return array.asnumpy() if hasattr(array, "asnumpy") else array


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
        model: an `RNNModel`, an `RNNModelScratch`, or an object with the same calls.
        ctx: the device that the model is on; by default the CPU.
        loss: a Gluon loss, ``loss(logits, labels)``; by default the book's cross-entropy. The engine
            has no other.
        clip_norm: the gradients, as one vector, are scaled down to this norm.
        optimizer: ``sgd``, or ``adam`` (Kingma and Ba, 2015, with the rates they recommend).
        seed: decides what dropout drops; by default it follows from MXNet's random state.
        update: called after each backward pass to clip and update instead; on MXNet only.

    Raises:
        InputError: for another optimizer.
    """
    from gluon_gru.models.parameters import draw_seed, engine_params
    from gluon_gru.training.mxnet_learner import MXNetLearner, is_plain

    params = engine_params(model) if update is None and is_plain(loss) else None
    if params is None:
        return MXNetLearner(model, ctx, loss, clip_norm, optimizer, seed, update)
    drawn = draw_seed if seed is None else seed
    return EngineLearner(params, model.config(), clip_norm, optimizer, drawn)


def learner_from(
    params: Mapping[str, numpy.ndarray],
    config: Mapping[str, Any],
    clip_norm: float = CLIP_NORM,
    optimizer: str = "sgd",
    seed: int = 0,
) -> Learner:
    """Return the learner of a model as a checkpoint holds it: on the engine, without MXNet, if it can.

    Without an engine it is on MXNet, and without that in NumPy: a warning, once, says so.

    Args:
        params: name -> array; the learner works on a copy.
        config: the model's facts.
        clip_norm, optimizer, seed: see `learner_of`.

    Raises:
        InputError: for another optimizer, for parameters that don't fit the config, and for a
            model that isn't this package's.
    """
    config = described(config)
    kind: type[EngineLearner]
    if runs_on_engine(config):
        kind = EngineLearner
    elif has_kernels_for(config) and not installed():
        kind = NumpyLearner
    else:
        model = build(config, params=params)
        return learner_of(model, None, None, clip_norm, optimizer, seed)
    check_model(params, config)
    own = {}
    for name, array in params.items():
        value = numpy.array(array, numpy.float32, order="C")
        own[name] = Parameter(value, numpy.zeros_like(value))
    return kind(own, config, clip_norm, optimizer, seed)
