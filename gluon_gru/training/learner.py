"""A model and its optimiser: minibatches in, losses out; on the engine where that can be."""

import mxnet as mx
import numpy
from mxnet import autograd, gluon, np

from gluon_gru.errors import InputError
from gluon_gru.models.fused_network import ADAM, fused_network
from gluon_gru.training.updates import grad_clipping

OPTIMIZERS = ("sgd", "adam")


class Learner:
    """Trains a model minibatch by minibatch, with truncated backpropagation through time.

    Adam is that of Kingma and Ba (2015), with the rates they recommend, after the clipping of the
    gradients. A ``with`` block gives back the engine's memory at its end.

    Args:
        model: an initialised `RNNModel`, whose parameters are of known shapes.
        optimizer: ``sgd`` or ``adam``.
        clip_norm: gradients, as one vector, are scaled down to this norm.
        seed: of what dropout drops.

    Attributes:
        engine: ``native`` or ``mxnet``: what computes.

    Raises:
        InputError: for another optimizer.
    """

    def __init__(self, model, optimizer, clip_norm, seed):
        if optimizer not in OPTIMIZERS:
            raise InputError(
                f"optimizer {optimizer!r} is unknown: choose from {', '.join(OPTIMIZERS)}"
            )
        self._model, self._adam, self._clip_norm = model, optimizer == "adam", clip_norm
        self._seed, self._steps = seed, 0
        self._params = model._collect_params_with_prefix()
        self._moments = (
            {
                param: tuple(numpy.zeros(param.shape, numpy.float32) for _ in range(2))
                for param in self._params.values()
            }
            if self._adam
            else {}
        )
        # Two, since each has a hidden state of its own.
        self._trained = fused_network(model, seed, self._moments)
        self._scored = fused_network(model)
        self.engine = "native" if self._trained else "mxnet"
        self._state = self._scored_state = None
        self._loss = gluon.loss.SoftmaxCrossEntropyLoss()

    def step(self, X, Y, lr, from_zeros=False):
        """Train on a minibatch; return its mean loss in nats a token, before the update.

        Args:
            X, Y: tokens, and those that follow them, NumPy integer arrays (batch_size, num_steps).
            lr: the learning rate.
            from_zeros: start from a state of zeros, not from that of the last step's end.

        Raises:
            InputError: for tokens out of range.
        """
        self._steps += 1
        if self._trained:
            self._trained.steps = self._steps - 1
            return self._trained.train_step(X, Y, self._clip_norm, lr, from_zeros, self._adam)
        if from_zeros:
            self._state = None
        # What dropout drops depends on the seed and the step alone, so that a run can be resumed.
        mx.random.seed(hash((self._seed, self._steps)) % 2**31)
        with autograd.record():
            loss, self._state = self._loss_of(X, Y, self._state)
        loss.backward()
        grad_clipping(self._model, self._clip_norm)
        for param in self._params.values():
            self._update(param, lr)
        return float(loss)

    def losses(self, X, Y, from_zeros=False):
        """Return the mean loss of a minibatch in nats a token, without training or dropout.

        The hidden state is carried over from the last call of this method; see `step`.
        """
        if self._scored:
            return self._scored.score(X, Y, from_zeros)
        loss, self._scored_state = self._loss_of(X, Y, None if from_zeros else self._scored_state)
        return float(loss)

    def _loss_of(self, X, Y, state):
        if state is None or state[0].shape[1] != len(X):
            state = self._model.begin_state(batch_size=len(X), ctx=mx.cpu())
        logits, state = self._model(np.array(X, dtype="int32"), [s.detach() for s in state])
        return self._loss(logits, np.array(Y.T.reshape(-1), dtype="int32")).mean(), state

    def _update(self, param, lr):
        """Do what the engine's update.h does."""
        data, grad = param.data(), param.grad()
        if not self._adam:
            data[:] = data - lr * grad
            return
        beta1, beta2, epsilon = ADAM
        mean, square = self._moments[param]
        grad = grad.asnumpy()
        mean += numpy.float32(1 - beta1) * (grad - mean)
        square += numpy.float32(1 - beta2) * (grad * grad - square)
        rate = lr / (1 - beta1**self._steps)
        size = numpy.sqrt(square) / numpy.float32(numpy.sqrt(1 - beta2**self._steps))
        data[:] = data - np.array(numpy.float32(rate) * mean / (size + numpy.float32(epsilon)))

    def state(self):
        """Return what a resumed run needs beside the parameters, name -> NumPy array.

        The hidden states are not in it.
        """
        arrays = {"steps": numpy.array([self._steps], numpy.int64)}
        for name, param in self._params.items():
            for kind, array in zip(("mean", "square"), self._moments.get(param, ())):
                arrays[f"{kind} {name}"] = array.copy()
        return arrays

    def load_state(self, arrays):
        """Go on from what `state` returned; hidden states start at zeros.

        Raises:
            InputError: if it is that of another model or optimiser.
        """
        expected = self.state()
        if {name: array.shape for name, array in arrays.items()} != {
            name: array.shape for name, array in expected.items()
        }:
            raise InputError("the optimiser's state is that of another model or optimiser")
        self._steps = int(arrays["steps"][0])
        for name, param in self._params.items():
            for kind, array in zip(("mean", "square"), self._moments.get(param, ())):
                array[...] = arrays[f"{kind} {name}"]
        self.close()

    def close(self):
        """Give back the engine's memory, and forget the hidden states."""
        for network in filter(None, (self._trained, self._scored)):
            network.close()
        self._state = self._scored_state = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
