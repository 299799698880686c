"""A recurrent layer in plain NumPy, forward and backward: slow, and short enough to be read.

It is written from the equations, independently of the kernels. The tests hold it against central
differences, and the kernels against it in float64; `gluon_gru.engine.numpy_network` computes with
it where there is neither an engine nor MXNet. It has the precision of the weights that it is given.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy

#: name -> gate by gate, in the order of `gluon_gru.cells`: ``W_x`` (num_inputs, num_hiddens),
#: ``W_h`` (num_hiddens, num_hiddens), ``b_x`` and, where there is a second bias, ``b_h``
#: (num_hiddens,).
ByGate = Mapping[str, Sequence[numpy.ndarray]]

# An RNN's activation, and its derivative by what comes out of it.
_ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "rnn_tanh": (numpy.tanh, lambda H: 1 - H * H),
    "rnn_relu": (lambda a: numpy.maximum(a, 0), lambda H: (H > 0).astype(H.dtype)),
}


def _sigmoid(x: numpy.ndarray) -> numpy.ndarray:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + numpy.tanh(0.5 * x))


def _flat(array: numpy.ndarray) -> numpy.ndarray:
    """Return (num_steps, batch_size, n) as one row per token."""
    return array.reshape(-1, array.shape[-1])


class Layer:
    """A layer over a sequence: `forward`, then `backward`.

    Args:
        cell: a key of `gluon_gru.cells.CELLS` that has a number, that is, one of the engine's.
        weights: see `ByGate`.

    Attributes:
        weights: as given.
        steps: of the last `forward`, a dict for every time step: the state that it began with
            (``H``, of an LSTM also ``C``) and its gates: ``Z``, ``R`` and the candidate ``c`` of a
            GRU; ``i``, ``f``, ``o`` and ``c`` of an LSTM; (batch_size, num_hiddens) each.
    """

    def __init__(self, cell: str, weights: ByGate) -> None:
        self._cell, self.weights = cell, weights
        self.steps: list[dict[str, Any]] = []

    def _biases(self) -> Sequence[Any]:
        """Return the second biases; zeros if there are none."""
        return self.weights.get("b_h", [0] * len(self.weights["W_h"]))

    def forward(
        self, X: numpy.ndarray, start: Sequence[numpy.ndarray]
    ) -> tuple[numpy.ndarray, list[numpy.ndarray]]:
        """Return the outputs (num_steps, batch_size, num_hiddens) and the final states.

        Args:
            X: numbers (num_steps, batch_size, num_inputs); or tokens, integers (num_steps,
                batch_size), which stand for their one-hot vectors.
            start: the states at the beginning, (batch_size, num_hiddens): H, and C of an LSTM.
        """
        W_h, b_h, cell = self.weights["W_h"], self._biases(), self._cell
        # Looking a row up is multiplying a one-hot vector.
        inputs = [
            (W[X] if X.ndim == 2 else X @ W) + b
            for W, b in zip(self.weights["W_x"], self.weights["b_x"])
        ]
        # The candidate of the book's GRU is multiplied later, when the reset gate is known.
        early = 2 if cell == "gru_before" else len(W_h)
        self._X, self.steps = X, []
        H, C, outputs = start[0], start[-1], []
        for t in range(len(X)):
            x = [part[t] for part in inputs]
            h = [H @ W + b for W, b in zip(W_h[:early], b_h)]
            step = {"H": H}
            if cell in _ACTIVATIONS:
                H = _ACTIVATIONS[cell][0](x[0] + h[0])
            elif cell == "lstm":
                i, f, o = (_sigmoid(x[gate] + h[gate]) for gate in range(3))
                c = numpy.tanh(x[3] + h[3])
                step.update(C=C, i=i, f=f, o=o, c=c)
                C = f * C + i * c
                H = o * numpy.tanh(C)
                step.update(C_out=C)
            else:
                Z, R = _sigmoid(x[0] + h[0]), _sigmoid(x[1] + h[1])
                if cell == "gru_before":
                    c = numpy.tanh(x[2] + (R * H) @ W_h[2] + b_h[2])
                else:
                    c = numpy.tanh(x[2] + R * h[2])
                    step.update(product=h[2])
                step.update(Z=Z, R=R, c=c)
                H = Z * H + (1 - Z) * c
            outputs.append(H)
            self.steps.append({**step, "out": H})
        return numpy.array(outputs), [H, C] if cell == "lstm" else [H]

    def backward(
        self, d_out: numpy.ndarray, d_end: Sequence[numpy.ndarray]
    ) -> tuple[dict[str, list[numpy.ndarray]], numpy.ndarray | None, list[numpy.ndarray]]:
        """Return the gradients by the weights, by X (None for tokens) and by the first states.

        Args:
            d_out, d_end: the gradients by what `forward` returned.
        """
        W_h, cell = self.weights["W_h"], self._cell
        dH, dC = d_end[0], d_end[-1]
        # Of every step, last first, by gate: the gradients by what is in the gate's sigmoid or tanh
        # and by its product with W_h, and what W_h is multiplied with.
        in_gates, in_products, multiplied = [], [], []
        for step, d in zip(reversed(self.steps), d_out[::-1]):
            H, dH = step["H"], d + dH
            if cell in _ACTIVATIONS:
                da = [dH * _ACTIVATIONS[cell][1](step["out"])]
                dp, dH = da, da[0] @ W_h[0].T
                factors = [H]
            elif cell == "lstm":
                i, f, o, c, squashed = (*(step[k] for k in "ifoc"), numpy.tanh(step["C_out"]))
                dC = dC + dH * o * (1 - squashed**2)
                da = [
                    dC * c * i * (1 - i),
                    dC * step["C"] * f * (1 - f),
                    dH * squashed * o * (1 - o),
                    dC * i * (1 - c**2),
                ]
                dC = dC * f
                dp, dH = da, sum(a @ W.T for a, W in zip(da, W_h))
                factors = [H] * 4
            else:
                Z, R, c = (step[k] for k in "ZRc")
                dc = dH * (1 - Z) * (1 - c**2)
                dz = dH * (H - c) * Z * (1 - Z)
                if cell == "gru_before":
                    dRH = dc @ W_h[2].T
                    da = [dz, dRH * H * R * (1 - R), dc]
                    dp, factors = da, [H, H, R * H]
                    dH = dH * Z + dRH * R
                else:
                    da = [dz, dc * step["product"] * R * (1 - R), dc]
                    dp, factors = [*da[:2], dc * R], [H] * 3
                    dH = dH * Z + dp[2] @ W_h[2].T
                dH = dH + dp[0] @ W_h[0].T + dp[1] @ W_h[1].T
            in_gates.append(da)
            in_products.append(dp)
            multiplied.append(factors)
        return (
            *self._gradients(*map(_in_order, (in_gates, in_products, multiplied))),
            [dH, dC] if cell == "lstm" else [dH],
        )

    def _gradients(
        self,
        in_gates: list[numpy.ndarray],
        in_products: list[numpy.ndarray],
        multiplied: list[numpy.ndarray],
    ) -> tuple[dict[str, list[numpy.ndarray]], numpy.ndarray | None]:
        """Return the gradients by the weights and by X, from those of all steps, gate by gate."""
        W_x, X = self.weights["W_x"], self._X
        grads = {
            "W_x": [numpy.zeros_like(W) for W in W_x],
            "W_h": [_flat(h).T @ _flat(dp) for h, dp in zip(multiplied, in_products)],
            "b_x": [_flat(da).sum(0) for da in in_gates],
        }
        if "b_h" in self.weights:
            grads["b_h"] = [_flat(dp).sum(0) for dp in in_products]
        for dW, da in zip(grads["W_x"], in_gates):
            if X.ndim == 2:
                numpy.add.at(dW, X.ravel(), _flat(da))
            else:
                dW[...] = _flat(X).T @ _flat(da)
        if X.ndim == 2:
            return grads, None
        return grads, numpy.sum([da @ W.T for da, W in zip(in_gates, W_x)], axis=0)


def _in_order(steps: list[list[numpy.ndarray]]) -> list[numpy.ndarray]:
    """Return, gate by gate, (num_steps, batch_size, num_hiddens) of steps that are last first."""
    return [numpy.array(of_gate[::-1]) for of_gate in zip(*steps)]


def cross_entropy(logits: numpy.ndarray, labels: numpy.ndarray) -> tuple[float, numpy.ndarray]:
    """Return the mean loss in nats of rows of logits, (num_tokens, vocab_size), and its gradient."""
    rows = numpy.arange(len(labels))
    shifted = logits - logits.max(1, keepdims=True)
    p = numpy.exp(shifted)
    sums = p.sum(1, keepdims=True)
    loss = (numpy.log(sums[:, 0]) - shifted[rows, labels]).mean(dtype=numpy.float64)
    p /= sums
    p[rows, labels] -= 1
    return float(loss), p / len(labels)
