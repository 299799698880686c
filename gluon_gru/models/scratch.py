"""The readable cells, from scratch over ``mxnet.np``: one line of code per equation.

The book's RNN, GRU and LSTM, Gluon's GRU (`gru_reset_after`), and parts of a GRU (`reset_only`,
`update_only`) for the chapter's exercise "What happens if you implement only parts of a GRU?".

A model is three functions, as in the book: ``get_*_params`` makes the parameters (with
``attach_grad``), ``init_*_state`` makes the first state, and the forward function runs the cell
over a sequence; `RNNModelScratch` puts them together. Weights are drawn from a Gaussian of standard
deviation 0.01, biases are 0. Shapes: ``inputs`` (num_steps, batch_size, vocab_size), one-hot;
outputs (num_steps * batch_size, vocab_size), time step by time step; each state (batch_size,
num_hiddens). ``*`` is the elementwise product, ``.`` the matrix product.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Tuple

import mxnet as mx
from mxnet import np, npx

from gluon_gru.errors import check_positive
from gluon_gru.models import registry

States = Tuple[np.ndarray, ...]
Gates = Optional[Callable[[int, np.ndarray, np.ndarray], Sequence[np.ndarray]]]


def _weights(shape: tuple[int, ...], ctx: mx.Context) -> np.ndarray:
    return np.random.normal(scale=0.01, size=shape, ctx=ctx)


def _gate(num_inputs: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return a gate's three parameters: for the input, for the hidden state, and the bias."""
    return [
        _weights((num_inputs, num_hiddens), ctx),
        _weights((num_hiddens, num_hiddens), ctx),
        np.zeros(num_hiddens, ctx=ctx),
    ]


def _with_output_layer(
    params: list[np.ndarray], vocab_size: int, num_hiddens: int, ctx: mx.Context
) -> list[np.ndarray]:
    """Return ``params``, then W_hq and b_q, all with ``attach_grad``."""
    params = [*params, _weights((num_hiddens, vocab_size), ctx), np.zeros(vocab_size, ctx=ctx)]
    for param in params:
        param.attach_grad()
    return params


def get_rnn_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return ``[W_xh, W_hh, b_h, W_hq, b_q]`` of an RNN."""
    return _with_output_layer(_gate(vocab_size, num_hiddens, ctx), vocab_size, num_hiddens, ctx)


def init_rnn_state(batch_size: int, num_hiddens: int, ctx: mx.Context) -> States:
    """Return ``(H,)``: zeros (batch_size, num_hiddens)."""
    return (np.zeros((batch_size, num_hiddens), ctx=ctx),)


def rnn(
    inputs: np.ndarray, state: Sequence[np.ndarray], params: Sequence[np.ndarray]
) -> tuple[np.ndarray, States]:
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
    update, reset, candidate = (_gate(vocab_size, num_hiddens, ctx) for _ in range(3))
    return _with_output_layer(update + reset + candidate, vocab_size, num_hiddens, ctx)


init_gru_state = init_rnn_state


def gru(
    inputs: np.ndarray,
    state: Sequence[np.ndarray],
    params: Sequence[np.ndarray],
    gates: Gates = None,
) -> tuple[np.ndarray, States]:
    """Run the book's GRU; ``(outputs, (H,))``.

    With the update gate Z_t and the reset gate R_t, both
    sigmoid(X_t . W_x + H_{t-1} . W_h + b), the candidate hidden state is
    tanh(X_t . W_xh + (R_t * H_{t-1}) . W_hh + b_h), and
    H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate. Source: the book's section "Gated Recurrent Units
    (GRU)"; Cho et al., 2014. Gluon's ``rnn.GRU`` is another function: see `gluon_gru.models`.

    With ``gates``, a function ``(t, Z, R) -> (Z, R)``, both gates, (batch_size, num_hiddens) each,
    pass through it in every time step t (from 0): it may record them, or return others to use
    instead.
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
    inputs: np.ndarray,
    state: Sequence[np.ndarray],
    params: Sequence[np.ndarray],
    gates: Gates = None,
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


def reset_after_params(model: Any, layer: int = 0) -> list[np.ndarray]:
    """Return the weights of an `RNNModel` over ``rnn.GRU`` as `gru_reset_after` has them.

    Gluon stacks reset gate, update gate and candidate in one matrix, transposed, and has two biases
    where one would do. ``layer`` (from 0) chooses one of several layers; each but the lowest reads
    the hidden states of the layer below.
    """
    W_x, W_h, b_x, b_h = (
        getattr(model.rnn, f"l{layer}_{part}").data()
        for part in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
    )
    W_x, W_h = W_x.T, W_h.T
    reset, update, candidate = (slice(i * W_h.shape[0], (i + 1) * W_h.shape[0]) for i in range(3))
    return [
        W_x[:, update],
        W_h[:, update],
        b_x[update] + b_h[update],
        W_x[:, reset],
        W_h[:, reset],
        b_x[reset] + b_h[reset],
        W_x[:, candidate],
        W_h[:, candidate],
        b_x[candidate],
        b_h[candidate],
        model.dense.weight.data().T,
        model.dense.bias.data(),
    ]


def get_reset_only_params(vocab_size: int, num_hiddens: int, ctx: mx.Context) -> list[np.ndarray]:
    """Return ``[W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]``: reset gate, candidate, output."""
    reset, candidate = (_gate(vocab_size, num_hiddens, ctx) for _ in range(2))
    return _with_output_layer(reset + candidate, vocab_size, num_hiddens, ctx)


init_reset_only_state = init_rnn_state


def reset_only(
    inputs: np.ndarray, state: Sequence[np.ndarray], params: Sequence[np.ndarray]
) -> tuple[np.ndarray, States]:
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
    update, candidate = (_gate(vocab_size, num_hiddens, ctx) for _ in range(2))
    return _with_output_layer(update + candidate, vocab_size, num_hiddens, ctx)


init_update_only_state = init_rnn_state


def update_only(
    inputs: np.ndarray, state: Sequence[np.ndarray], params: Sequence[np.ndarray]
) -> tuple[np.ndarray, States]:
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
    gates = [_gate(vocab_size, num_hiddens, ctx) for _ in range(4)]
    return _with_output_layer(sum(gates, []), vocab_size, num_hiddens, ctx)


def init_lstm_state(batch_size: int, num_hiddens: int, ctx: mx.Context) -> States:
    """Return ``(H, C)``, hidden state and memory cell: zeros (batch_size, num_hiddens) each."""
    return (
        np.zeros((batch_size, num_hiddens), ctx=ctx),
        np.zeros((batch_size, num_hiddens), ctx=ctx),
    )


def lstm(
    inputs: np.ndarray, state: Sequence[np.ndarray], params: Sequence[np.ndarray]
) -> tuple[np.ndarray, States]:
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


registry.register_function(rnn, init_rnn_state, "rnn_tanh")
registry.register_function(gru, init_gru_state, "gru_before")
registry.register_function(lstm, init_lstm_state, "lstm")
registry.register_function(reset_only, init_reset_only_state, "reset_only")
registry.register_function(update_only, init_update_only_state, "update_only")


class RNNModelScratch:
    """A language model from three functions such as `get_gru_params`, `init_gru_state`, `gru`.

    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch".

    Args:
        vocab_size, num_hiddens: sizes.
        ctx: the ``mxnet.Context`` that the parameters are made on.
        get_params: ``(vocab_size, num_hiddens, ctx)`` -> list of parameters with ``attach_grad``.
        init_state: ``(batch_size, num_hiddens, ctx)`` -> the first state.
        forward_fn: ``(inputs, state, params)`` -> ``(outputs, state)``; with an attribute
            ``reads_tokens`` that is true, ``inputs`` are tokens, (num_steps, batch_size).

    Raises:
        InputError: for sizes that aren't positive whole numbers.
    """

    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        ctx: mx.Context,
        get_params: Callable[[int, int, mx.Context], list[np.ndarray]],
        init_state: Callable[[int, int, mx.Context], Sequence[np.ndarray]],
        forward_fn: Callable,
    ) -> None:
        check_positive("vocab_size", vocab_size)
        check_positive("num_hiddens", num_hiddens)
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, ctx)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(
        self, X: np.ndarray, state: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, Sequence[np.ndarray]]:
        """Run over tokens X (batch_size, num_steps) from ``state``; ``(outputs, state)``.

        The outputs are logits (num_steps * batch_size, vocab_size), time step by time step.
        """
        fused = getattr(self.forward_fn, "reads_tokens", False)
        inputs = X.T if fused else npx.one_hot(X.T, self.vocab_size)
        return self.forward_fn(inputs, state, self.params)

    def config(self) -> dict[str, Any]:
        """Return what a checkpoint needs to describe this model, as JSON holds it.

        ``cell`` is None for a forward function or state of the reader's own.
        """
        known = registry.of_functions(self.forward_fn, self.init_state)
        known = known if type(self) is RNNModelScratch else None
        return {
            "model": "RNNModelScratch",
            "forward_fn": getattr(self.forward_fn, "__name__", "unnamed"),
            "cell": known and known.cell.name,
            "on_engine": bool(known and known.on_engine),
            "num_hiddens": self.num_hiddens,
            "vocab_size": self.vocab_size,
        }

    def begin_state(self, batch_size: int, ctx: mx.Context) -> Sequence[np.ndarray]:
        """Return the first state."""
        return self.init_state(batch_size, self.num_hiddens, ctx)
