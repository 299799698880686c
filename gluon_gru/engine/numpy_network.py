"""A whole language model in plain NumPy, several times slower than `gluon_gru.engine.network`.

For machines that have neither a compiled engine nor MXNet. It has the same calls, parameters and
digits (to rounding), so that one may go on where the other stopped.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.engine.arrays import check_count, check_sizes, no_memory, own_minibatch, own_text
from gluon_gru.engine.layout import by_gate, check_params, layouts
from gluon_gru.engine.network import ADAM, Parameter, dropout_masks
from gluon_gru.engine.numpy_layer import Layer, cross_entropy


def numpy_layers(
    params: Mapping[str, numpy.ndarray], config: Mapping[str, Any]
) -> tuple[list[list[Layer]], numpy.ndarray, numpy.ndarray]:
    """Return a model's layers, by direction, and its output layer's weight and bias.

    Args:
        params: name, as in checkpoints -> array; the layers have views of them.
        config: the model's facts, as in checkpoints.

    Raises:
        InputError: for the parameters of another model.
    """
    of_layers, shapes = layouts(config)
    check_params(params, shapes)
    arrays = [params[name] for name in shapes]
    W_q, b_q = arrays[-2:]
    layers = []
    for of_layer in of_layers:
        sides = []
        for layout in of_layer:
            own, arrays = arrays[: len(layout.shapes)], arrays[len(layout.shapes) :]
            sides.append(Layer(config["cell"], by_gate(layout, own)))
        layers.append(sides)
    return layers, W_q if config["model"] == "RNNModelScratch" else W_q.T, b_q


def zeros(cell: str, batch_size: int, num_hiddens: int) -> list[numpy.ndarray]:
    """Return the states that a layer of a cell begins with, (batch_size, num_hiddens) each."""
    shape = batch_size, num_hiddens
    return [numpy.zeros(shape, numpy.float32) for _ in range(1 + CELLS[cell].has_memory)]


def adam_change(
    grad: numpy.ndarray, mean: numpy.ndarray, square: numpy.ndarray, step: int, lr: float
) -> numpy.ndarray:
    """Return what a step of Adam takes off a parameter, as the engine's ``update.h`` does.

    Args:
        grad: the gradient, clipped.
        mean, square: the means of it and of its square, which are updated in place.
        step: the step's number, from 1.
        lr: the learning rate.
    """
    beta1, beta2, epsilon = ADAM
    mean += numpy.float32(1 - beta1) * (grad - mean)
    square += numpy.float32(1 - beta2) * (grad * grad - square)
    # Corrects the bias of both means, which start at 0.
    rate = numpy.float32(lr / (1 - beta1**step))
    size = numpy.sqrt(square) / numpy.float32(numpy.sqrt(1 - beta2**step))
    return rate * mean / (size + numpy.float32(epsilon))


def _grad(param: Parameter) -> numpy.ndarray:
    assert param.grad is not None, "all parameters are trained"
    return param.grad


class NumpyNetwork:
    """A `gluon_gru.engine.network.Network` in plain NumPy: its arguments, attributes and errors.

    Args:
        params: name -> parameter, all of which are trained.
        config, adam, lock: see there.
        seed: a number.
    """

    def __init__(
        self,
        params: Mapping[str, Parameter],
        config: Mapping[str, Any],
        seed: int = 0,
        adam: bool = False,
        lock: native.Lock | None = None,
    ) -> None:
        check_sizes(config)
        self._config, self._seed = config, seed
        self._dropout, self._lock = config.get("dropout") or 0, lock or native.Lock()
        values = self._values = {name: param.value for name, param in params.items()}
        self._grads = {name: _grad(param) for name, param in params.items()}
        self._lr_mults = {name: param.lr_mult for name, param in params.items()}
        sides, self._W_q, self._b_q = numpy_layers(values, config)
        self._layers = [layer for (layer,) in sides]
        self.steps = 0
        self.moments: dict[str, tuple[numpy.ndarray, numpy.ndarray]] = {}
        if adam:
            self.moments = {
                name: (numpy.zeros_like(value), numpy.zeros_like(value))
                for name, value in values.items()
            }
        self._adam = adam
        # By layer; and whether it is `read` that they are of.
        self._states: list[list[numpy.ndarray]] = []
        self._reads = False

    def _start(self, batch_size: int, from_zeros: bool, reads: bool = False) -> None:
        """Have a state of so many rows, the last call's unless it must be zeros."""
        known = bool(self._states) and len(self._states[0][0]) == batch_size
        if from_zeros or not known or reads != self._reads:
            cell, num_hiddens = self._config["cell"], self._config["num_hiddens"]
            self._states = [zeros(cell, batch_size, num_hiddens) for _ in self._layers]
        self._reads = reads

    def _forward(self, X: numpy.ndarray, masks: Sequence[Any]) -> numpy.ndarray:
        """Return the logits of tokens (num_steps, batch_size), one row a token; keep the state."""
        self._hiddens = X
        for i, (layer, mask) in enumerate(zip(self._layers, masks)):
            outputs, self._states[i] = layer.forward(self._hiddens, self._states[i])
            self._hiddens = outputs * mask
        flat = self._hiddens.reshape(-1, self._hiddens.shape[-1])
        return flat @ self._W_q + self._b_q

    def _backward(self, d_logits: numpy.ndarray, masks: Sequence[Any]) -> None:
        """Write the gradients into the parameters' ``grad``."""
        of_layers, dW_q, db_q = numpy_layers(self._grads, self._config)
        dW_q[...] = self._hiddens.reshape(-1, self._hiddens.shape[-1]).T @ d_logits
        db_q[...] = d_logits.sum(0)
        d = (d_logits @ self._W_q.T).reshape(self._hiddens.shape)
        for layer, (grad,), mask in reversed([*zip(self._layers, of_layers, masks)]):
            zero = zeros(self._config["cell"], d.shape[1], d.shape[2])
            computed, d, _ = layer.backward(d * mask, zero)
            for name, gates in grad.weights.items():
                for gate, by_weight in zip(gates, computed[name]):
                    gate[...] = by_weight

    def _update(self, clip_norm: float, lr: float) -> None:
        squares = (numpy.square(g, dtype=numpy.float64).sum() for g in self._grads.values())
        norm = numpy.sqrt(sum(squares))
        scale = numpy.float32(clip_norm / norm if norm > clip_norm else 1)
        for name, value in self._values.items():
            grad, rate = scale * self._grads[name], lr * self._lr_mults[name]
            if self._adam:
                value -= adam_change(grad, *self.moments[name], self.steps, rate)
            else:
                value -= numpy.float32(rate) * grad

    def train_step(
        self,
        X: numpy.ndarray,
        Y: numpy.ndarray,
        clip_norm: float,
        lr: float,
        from_zeros: bool = False,
    ) -> float:
        """See `gluon_gru.engine.network.Network.train_step`."""
        X, Y = own_minibatch(X, Y, self._config["vocab_size"])
        with self._lock, no_memory(X), numpy.errstate(all="ignore"):
            self._start(X.shape[1], from_zeros)
            masks: list[Any] = [1] * len(self._layers)
            if self._dropout:
                upper = len(masks) - 1
                shape = (upper, *X.shape, self._config["num_hiddens"])
                masks[:upper] = dropout_masks(self._dropout, [self._seed, self.steps], shape)
            loss, d_logits = cross_entropy(self._forward(X, masks), Y.ravel())
            self._backward(d_logits, masks)
            self.steps += 1
            self._update(clip_norm, lr)
        return loss

    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        """See `gluon_gru.engine.network.Network.score`."""
        X, Y = own_minibatch(X, Y, self._config["vocab_size"])
        with self._lock, no_memory(X), numpy.errstate(all="ignore"):
            self._start(X.shape[1], from_zeros)
            return cross_entropy(self._forward(X, [1] * len(self._layers)), Y.ravel())[0]

    def generate(self, prefix: Sequence[int], num_predicts: int) -> numpy.ndarray:
        """See `gluon_gru.engine.network.Network.generate`."""
        tokens = own_text(prefix, self._config["vocab_size"])
        check_count(num_predicts)
        added: list[int] = []
        with self._lock:
            self.close()
            for _ in range(num_predicts):
                added.append(int(self.read(added[-1:] or tokens.tolist()).argmax()))
            self.close()
        return numpy.array(added, numpy.int32)

    def read(self, tokens: Sequence[int]) -> numpy.ndarray:
        """See `gluon_gru.engine.network.Network.read`."""
        text = own_text(tokens, self._config["vocab_size"])
        with self._lock, numpy.errstate(all="ignore"):
            self._start(1, from_zeros=False, reads=True)
            return self._forward(text[:, None], [1] * len(self._layers))[-1]

    def close(self) -> None:
        """Forget the state; the next call starts from zeros."""
        with self._lock:
            self._states = []
            for layer in self._layers:
                layer.steps = []

    def __enter__(self) -> NumpyNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
