"""RNN, GRU and LSTM from scratch over ``mxnet.np``: the equations, a line of code each.

A model is three functions, as in the book: ``get_*_params`` makes the parameters (with
``attach_grad``), ``init_*_state`` the state to start from, and the forward function runs the cell
over a sequence; `RNNModelScratch` puts them together. Weights are drawn from a Gaussian of
standard deviation 0.01, biases are 0. Shapes: ``inputs`` (num_steps, batch_size, vocab_size),
one-hot; outputs (num_steps * batch_size, vocab_size), time step by time step; each state
(batch_size, num_hiddens). ``*`` is the product by element, ``.`` the matrix product.
"""

from mxnet import np, npx

from gluon_gru.errors import check_positive


def _weights(shape, ctx):
    return np.random.normal(scale=0.01, size=shape, ctx=ctx)


def _gate(num_inputs, num_hiddens, ctx):
    """Return the three parameters of a gate or cell: for the input, the hidden state, the bias."""
    return [
        _weights((num_inputs, num_hiddens), ctx),
        _weights((num_hiddens, num_hiddens), ctx),
        np.zeros(num_hiddens, ctx=ctx),
    ]


def _with_output_layer(params, vocab_size, num_hiddens, ctx):
    """Return ``params``, then W_hq and b_q, all with ``attach_grad``."""
    params = [*params, _weights((num_hiddens, vocab_size), ctx), np.zeros(vocab_size, ctx=ctx)]
    for param in params:
        param.attach_grad()
    return params


def get_rnn_params(vocab_size, num_hiddens, ctx):
    """Return ``[W_xh, W_hh, b_h, W_hq, b_q]`` of an RNN."""
    return _with_output_layer(_gate(vocab_size, num_hiddens, ctx), vocab_size, num_hiddens, ctx)


def init_rnn_state(batch_size, num_hiddens, ctx):
    """Return ``(H,)``: zeros (batch_size, num_hiddens)."""
    return (np.zeros((batch_size, num_hiddens), ctx=ctx),)


def rnn(inputs, state, params):
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


def get_gru_params(vocab_size, num_hiddens, ctx):
    """Return the parameters of the book's GRU, in the book's order.

    ``[W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]``: update gate, reset gate,
    candidate hidden state, output layer.
    """
    update, reset, candidate = (_gate(vocab_size, num_hiddens, ctx) for _ in range(3))
    return _with_output_layer(update + reset + candidate, vocab_size, num_hiddens, ctx)


init_gru_state = init_rnn_state


def gru(inputs, state, params, gates=None):
    """Run the book's GRU, whose reset gate acts before the recurrent product; ``(outputs, (H,))``.

    With the update gate Z_t and the reset gate R_t, both
    sigmoid(X_t . W_x + H_{t-1} . W_h + b), the candidate hidden state is
    tanh(X_t . W_xh + (R_t * H_{t-1}) . W_hh + b_h), and
    H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate. Source: the book's section "Gated Recurrent Units
    (GRU)"; Cho et al., 2014. Gluon's ``rnn.GRU`` is another function, `gru_reset_after`.

    With ``gates``, a function ``(t, Z, R) -> (Z, R)``, both gates, (batch_size, num_hiddens) each,
    pass through it in every time step t (from 0): it may look at them, or force others on the cell.
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


def get_lstm_params(vocab_size, num_hiddens, ctx):
    """Return the parameters of an LSTM, in the book's order.

    Three each (as in `get_gru_params`) for the input gate, forget gate, output gate and candidate
    memory cell, then W_hq and b_q.
    """
    gates = [_gate(vocab_size, num_hiddens, ctx) for _ in range(4)]
    return _with_output_layer(sum(gates, []), vocab_size, num_hiddens, ctx)


def init_lstm_state(batch_size, num_hiddens, ctx):
    """Return ``(H, C)``, hidden state and memory cell: zeros (batch_size, num_hiddens) each."""
    return (
        np.zeros((batch_size, num_hiddens), ctx=ctx),
        np.zeros((batch_size, num_hiddens), ctx=ctx),
    )


def lstm(inputs, state, params):
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


class RNNModelScratch:
    """A language model from three functions such as `get_gru_params`, `init_gru_state`, `gru`.

    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch".

    Args:
        vocab_size, num_hiddens: sizes.
        ctx: the ``mxnet.Context`` that the parameters are made on.
        get_params: ``(vocab_size, num_hiddens, ctx)`` -> list of parameters with ``attach_grad``.
        init_state: ``(batch_size, num_hiddens, ctx)`` -> the state to start from.
        forward_fn: ``(inputs, state, params)`` -> ``(outputs, state)``; with an attribute
            ``reads_tokens`` that is true, ``inputs`` are tokens, (num_steps, batch_size).

    Raises:
        InputError: for sizes that aren't positive whole numbers.
    """

    def __init__(self, vocab_size, num_hiddens, ctx, get_params, init_state, forward_fn):
        check_positive("vocab_size", vocab_size)
        check_positive("num_hiddens", num_hiddens)
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, ctx)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(self, X, state):
        """Run over tokens X (batch_size, num_steps) from ``state``; ``(outputs, state)``.

        The outputs are logits (num_steps * batch_size, vocab_size), time step by time step.
        """
        fused = getattr(self.forward_fn, "reads_tokens", False)
        inputs = X.T if fused else npx.one_hot(X.T, self.vocab_size)
        return self.forward_fn(inputs, state, self.params)

    def config(self):
        """Return what makes this model this model, as JSON holds it."""
        return {
            "model": "RNNModelScratch",
            "num_hiddens": self.num_hiddens,
            "forward_fn": getattr(self.forward_fn, "__name__", "unnamed"),
            "vocab_size": self.vocab_size,
        }

    def begin_state(self, batch_size, ctx):
        """Return the state to start from."""
        return self.init_state(batch_size, self.num_hiddens, ctx)
