"""Backpropagation through time in float64 NumPy: what the engine's kernels are held against.

Written from the equations, independently of the kernels; `test_bptt.py` holds it against central
differences of the cells in `reference.py`. Weights are a dict: ``W_x`` (gates, inputs, hiddens),
``W_h`` (gates, hiddens, hiddens), ``b_x`` and ``b_h`` (gates, hiddens); gates in the engine's
order: update, reset, candidate; input, forget, output, candidate.
"""

import numpy

ACTIVATIONS = {
    "rnn_tanh": (numpy.tanh, lambda h: 1 - h * h),
    "rnn_relu": (lambda a: numpy.maximum(a, 0), lambda h: (h > 0) * 1.0),
}
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru_before": 3, "gru_after": 3, "lstm": 4}


def sigmoid(x):
    """Return 1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + numpy.tanh(0.5 * x))


class Layer:
    """A layer over X (num_steps, batch_size, inputs); `forward`, then `backward`."""

    def __init__(self, cell, weights):
        self.cell, self.w = cell, weights

    def forward(self, X, start):
        """Return outputs (num_steps, batch_size, hiddens) and the final states, a list."""
        self.X, self.steps = X, []
        W_x, W_h, b_x, b_h = (self.w[name] for name in ("W_x", "W_h", "b_x", "b_h"))
        H, C = start[0], start[-1]
        for x in X:
            p = [x @ W_x[g] + b_x[g] for g in range(len(W_x))]
            r = [H @ W_h[g] + b_h[g] for g in range(len(W_x))]
            step = {"H": H, "C": C, "r": r}
            if self.cell in ACTIVATIONS:
                H = ACTIVATIONS[self.cell][0](p[0] + r[0])
            elif self.cell == "lstm":
                i, f, o = (sigmoid(p[g] + r[g]) for g in range(3))
                g = numpy.tanh(p[3] + r[3])
                C = f * C + i * g
                H = o * numpy.tanh(C)
                step.update(i=i, f=f, o=o, g=g)
            else:
                Z, R = sigmoid(p[0] + r[0]), sigmoid(p[1] + r[1])
                within = (R * H) @ W_h[2] + b_h[2] if self.cell == "gru_before" else R * r[2]
                c = numpy.tanh(p[2] + within)
                step.update(Z=Z, R=R, c=c)
                H = Z * H + (1 - Z) * c
            self.steps.append({**step, "out": H, "C_out": C})
        return (
            numpy.array([step["out"] for step in self.steps]),
            [H, C] if self.cell == "lstm" else [H],
        )

    def backward(self, d_out, d_end):
        """Return the gradients by the weights (a dict), by X, and by the starting states."""
        W_x, W_h = self.w["W_x"], self.w["W_h"]
        grads = {name: numpy.zeros_like(value) for name, value in self.w.items()}
        dX, dH, dC = numpy.zeros_like(self.X), d_end[0], d_end[-1]
        for t in reversed(range(len(self.X))):
            s, d = self.steps[t], d_out[t] + dH
            if self.cell in ACTIVATIONS:
                da = [d * ACTIVATIONS[self.cell][1](s["out"])]
                dH = da[0] @ W_h[0].T
                inner, dr = [s["H"]], da
            elif self.cell == "lstm":
                squashed = numpy.tanh(s["C_out"])
                dC = dC + d * s["o"] * (1 - squashed**2)
                da = [
                    dC * s["g"] * s["i"] * (1 - s["i"]),
                    dC * s["C"] * s["f"] * (1 - s["f"]),
                    d * squashed * s["o"] * (1 - s["o"]),
                    dC * s["i"] * (1 - s["g"] ** 2),
                ]
                dC = dC * s["f"]
                dH = sum(a @ W_h[g].T for g, a in enumerate(da))
                inner, dr = [s["H"]] * 4, da
            else:
                Z, R, c, H = s["Z"], s["R"], s["c"], s["H"]
                dc = d * (1 - Z) * (1 - c**2)
                dz = d * (H - c) * Z * (1 - Z)
                if self.cell == "gru_before":
                    dRH = dc @ W_h[2].T
                    dr_gate, dH = dRH * H * R * (1 - R), d * Z + dRH * R
                    inner, dr_candidate = [H, H, R * H], dc
                else:
                    dr_gate = dc * s["r"][2] * R * (1 - R)
                    inner, dr_candidate = [H] * 3, dc * R
                    dH = d * Z + dr_candidate @ W_h[2].T
                dH = dH + dz @ W_h[0].T + dr_gate @ W_h[1].T
                da, dr = [dz, dr_gate, dc], [dz, dr_gate, dr_candidate]
            for g, (a, r, h) in enumerate(zip(da, dr, inner)):
                grads["W_x"][g] += self.X[t].T @ a
                grads["b_x"][g] += a.sum(0)
                grads["W_h"][g] += h.T @ r
                grads["b_h"][g] += r.sum(0)
                dX[t] += a @ W_x[g].T
        return grads, dX, [dH, dC] if self.cell == "lstm" else [dH]


def cross_entropy(logits, labels):
    """Return the mean in nats over rows of logits, and its gradient by them."""
    rows = numpy.arange(len(labels))
    shifted = logits - logits.max(1, keepdims=True)
    p = numpy.exp(shifted)
    sums = p.sum(1, keepdims=True)
    loss = (numpy.log(sums[:, 0]) - shifted[rows, labels]).mean()
    p /= sums
    p[rows, labels] -= 1
    return loss, p / len(labels)


def weights(cell, num_inputs, num_hiddens, rng, scale):
    """Return random weights; without a second bias (zeros) for the book's GRU."""

    def draw(*shape):
        return rng.normal(scale=scale, size=(GATES[cell], *shape)).astype("float32")

    both = cell != "gru_before"
    return {
        "W_x": draw(num_inputs, num_hiddens),
        "W_h": draw(num_hiddens, num_hiddens),
        "b_x": draw(num_hiddens),
        "b_h": draw(num_hiddens) * numpy.float32(both),
    }
