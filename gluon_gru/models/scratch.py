"""The readable cells, from scratch over ``mxnet.np``: one line of code per equation.

The book's RNN, GRU and LSTM, Gluon's GRU (`gru_reset_after`), and parts of a GRU (`reset_only`,
`update_only`) for the chapter's exercise "What happens if you implement only parts of a GRU?".

A model is three functions, as in the book: ``get_*_params`` makes the parameters (with
``attach_grad``), ``init_*_state`` makes the first state, and the forward function runs the cell
over a sequence; `gluon_gru.models.RNNModelScratch` puts them together. Weights are drawn from a
Gaussian of standard deviation 0.01, biases are 0. Shapes: ``inputs`` (num_steps, batch_size,
vocab_size), one-hot; outputs (num_steps * batch_size, vocab_size), time step by time step; each
state (batch_size, num_hiddens). ``*`` is the elementwise product, ``.`` the matrix product.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Tuple

import mxnet as mx
from mxnet import np, npx

__all__ = [
    "get_gru_params",
    "get_lstm_params",
    "get_reset_only_params",
    "get_rnn_params",
    "get_update_only_params",
    "gru",
    "gru_reset_after",
    "init_gru_state",
    "init_lstm_state",
    "init_reset_only_state",
    "init_rnn_state",
    "init_update_only_state",
    "lstm",
    "reset_after_params",
    "reset_only",
    "rnn",
    "update_only",
]

Arrays = Sequence[np.ndarray]
States = Tuple[np.ndarray, ...]
Gates = Optional[Callable[[int, np.ndarray, np.ndarray], Arrays]]


def _params(num_gates: int, vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return W_x, W_h and b of each gate, then W_hq and b_q, all with ``attach_grad``."""

    def matrix(*shape: int) -> np.ndarray:
        return np.random.normal(scale=0.01, size=shape, ctx=ctx)

    params = []
    for _ in range(num_gates):
        params += [matrix(vocab_size, num_hiddens), matrix(num_hiddens, num_hiddens)]
        params.append(np.zeros(num_hiddens, ctx=ctx))
    params += [matrix(num_hiddens, vocab_size), np.zeros(vocab_size, ctx=ctx)]
    for param in params:
        param.attach_grad()
    return params


def get_rnn_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return ``[W_xh, W_hh, b_h, W_hq, b_q]`` of an RNN."""
    return _params(1, vocab_size, num_hiddens, ctx)


def init_rnn_state(batch_size: int, num_hiddens: int, ctx: mx.Context) -> States:
    """Return ``(H,)``: zeros (batch_size, num_hiddens)."""
    return (np.zeros((batch_size, num_hiddens), ctx=ctx),)


def rnn(inputs: np.ndarray, state: Arrays, params: Arrays) -> tuple[np.ndarray, States]:
    """Run an RNN with tanh; ``(outputs, (H,))``.

    H_t = tanh(X_t . W_xh + H_{t-1} . W_hh + b_h). Source: the book's section "Recurrent Neural
    Networks".
    """
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def get_gru_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return the parameters of the book's GRU, in the book's order.

    ``[W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]``: update gate, reset gate,
    candidate hidden state, output layer.
    """
    return _params(3, vocab_size, num_hiddens, ctx)


init_gru_state = init_rnn_state


def gru(
    inputs: np.ndarray, state: Arrays, params: Arrays, gates: Gates = None
) -> tuple[np.ndarray, States]:
    """Run the book's GRU; ``(outputs, (H,))``.

    With the update gate Z_t and the reset gate R_t, both
    sigmoid(X_t . W_x + H_{t-1} . W_h + b), the candidate hidden state is
    tanh(X_t . W_xh + (R_t * H_{t-1}) . W_hh + b_h), and
    H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate. Source: the book's section "Gated Recurrent Units
    (GRU)"; Cho et al., 2014. Gluon's ``rnn.GRU`` is another function: see `gluon_gru.models`.

    In every time step t (from 0) both gates, (batch_size, num_hiddens) each, pass through
    ``gates(t, Z, R)``, if given, which may record them, and returns those to use.
    """
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for t, X in enumerate(inputs):
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
        R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
        if gates:
            Z, R = gates(t, Z, R)
        candidate = np.tanh(np.dot(X, W_xh) + np.dot(R * H, W_hh) + b_h)
        H = Z * H + (1 - Z) * candidate
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def gru_reset_after(
    inputs: np.ndarray, state: Arrays, params: Arrays, gates: Gates = None
) -> tuple[np.ndarray, States]:
    """Run Gluon's GRU, ``rnn.GRU``, written out as equations; ``(outputs, (H,))``.

    With both gates as in `gru`, the candidate hidden state is
    tanh(X_t . W_xh + b_xh + R_t * (H_{t-1} . W_hh + b_hh)), and
    H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate.

    Args:
        inputs, state, gates: see `gru`.
        params: ``[W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_xh, b_hh, W_hq, b_q]``; see
            `reset_after_params`.
    """
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_xh, b_hh, W_hq, b_q = params
    (H,) = state
    outputs = []
    for t, X in enumerate(inputs):
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
        R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
        if gates:
            Z, R = gates(t, Z, R)
        candidate = np.tanh(np.dot(X, W_xh) + b_xh + R * (np.dot(H, W_hh) + b_hh))
        H = Z * H + (1 - Z) * candidate
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def book_params(W_x: np.ndarray, W_h: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Return a Gluon GRU's stacked weights as the book has them, ``[W_xz, W_hz, b_z, W_xr, ...]``.

    Gluon stacks reset gate, update gate and candidate, and transposes the matrices.
    """
    reset, update, candidate = zip(*(np.split(array, 3, axis=-1) for array in (W_x.T, W_h.T, b)))
    return [*update, *reset, *candidate]


def stacked(weights: Arrays) -> list[np.ndarray]:
    """Return the weights of `gru_reset_after`, without the output layer's, as a Gluon GRU has them.

    Returns:
        ``[i2h_weight, h2h_weight, i2h_bias, h2h_bias]``, each with reset gate, update gate and
        candidate; both gates have their whole bias in the first.
    """
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_xh, b_hh = weights
    none = np.zeros_like(b_hh)
    return [
        np.concatenate([W_xr.T, W_xz.T, W_xh.T]),
        np.concatenate([W_hr.T, W_hz.T, W_hh.T]),
        np.concatenate([b_r, b_z, b_xh]),
        np.concatenate([none, none, b_hh]),
    ]


def reset_after_params(model: Any, layer: int = 0) -> list[np.ndarray]:
    """Return the weights of an `RNNModel` over ``rnn.GRU`` as `gru_reset_after` takes them.

    Args:
        model: the model; its layer has two biases where one would do, except for the candidate.
        layer: which layer, from 0; each but the lowest reads the hidden states of the layer below.
    """
    W_x, W_h, b_x, b_h = (
        getattr(model.rnn, f"l{layer}_{part}").data()
        for part in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
    )
    reset, update, candidate = np.split(b_h, 3)
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_xh = book_params(W_x, W_h, b_x)
    params = [W_xz, W_hz, b_z + update, W_xr, W_hr, b_r + reset, W_xh, W_hh, b_xh, candidate]
    return [*params, model.dense.weight.data().T, model.dense.bias.data()]


def get_reset_only_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return ``[W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]``: reset gate, candidate, output."""
    return _params(2, vocab_size, num_hiddens, ctx)


init_reset_only_state = init_rnn_state


def reset_only(inputs: np.ndarray, state: Arrays, params: Arrays) -> tuple[np.ndarray, States]:
    """Run a GRU without an update gate, whose new state is the candidate; ``(outputs, (H,))``.

    With R_t = sigmoid(X_t . W_xr + H_{t-1} . W_hr + b_r),
    H_t = tanh(X_t . W_xh + (R_t * H_{t-1}) . W_hh + b_h): the GRU with Z_t = 0. The state is never
    copied, so all memory passes through the products with W_hh.
    """
    W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
        H = np.tanh(np.dot(X, W_xh) + np.dot(R * H, W_hh) + b_h)
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def get_update_only_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return ``[W_xz, W_hz, b_z, W_xh, W_hh, b_h, W_hq, b_q]``: update gate, candidate, output."""
    return _params(2, vocab_size, num_hiddens, ctx)


init_update_only_state = init_rnn_state


def update_only(inputs: np.ndarray, state: Arrays, params: Arrays) -> tuple[np.ndarray, States]:
    """Run a GRU without a reset gate: all of the state enters the candidate; ``(outputs, (H,))``.

    With Z_t = sigmoid(X_t . W_xz + H_{t-1} . W_hz + b_z) and the candidate
    tanh(X_t . W_xh + H_{t-1} . W_hh + b_h), H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate: the GRU
    with R_t = 1.
    """
    W_xz, W_hz, b_z, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
        candidate = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
        H = Z * H + (1 - Z) * candidate
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def get_lstm_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return the parameters of an LSTM, in the book's order.

    Three each (as in `get_gru_params`) for the input gate, forget gate, output gate and candidate
    memory cell, then W_hq and b_q.
    """
    return _params(4, vocab_size, num_hiddens, ctx)


def init_lstm_state(batch_size: int, num_hiddens: int, ctx: mx.Context) -> States:
    """Return ``(H, C)``, hidden state and memory cell: zeros (batch_size, num_hiddens) each."""
    return tuple(np.zeros((batch_size, num_hiddens), ctx=ctx) for _ in range(2))


def lstm(inputs: np.ndarray, state: Arrays, params: Arrays) -> tuple[np.ndarray, States]:
    """Run an LSTM; ``(outputs, (H, C))``.

    With the gates I_t, F_t, O_t, each sigmoid(X_t . W_x + H_{t-1} . W_h + b), and the candidate
    tanh(X_t . W_xc + H_{t-1} . W_hc + b_c), the memory cell is
    C_t = F_t * C_{t-1} + I_t * candidate, and H_t = O_t * tanh(C_t). Source: the book's section
    "Long Short-Term Memory (LSTM)"; Hochreiter and Schmidhuber, 1997.
    """
    (W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q) = params
    H, C = state
    outputs = []
    for X in inputs:
        I = npx.sigmoid(np.dot(X, W_xi) + np.dot(H, W_hi) + b_i)
        F = npx.sigmoid(np.dot(X, W_xf) + np.dot(H, W_hf) + b_f)
        O = npx.sigmoid(np.dot(X, W_xo) + np.dot(H, W_ho) + b_o)
        candidate = np.tanh(np.dot(X, W_xc) + np.dot(H, W_hc) + b_c)
        C = F * C + I * candidate
        H = O * np.tanh(C)
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H, C)
