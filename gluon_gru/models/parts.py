"""Parts of a GRU, from scratch: one with only a reset gate, one with only an update gate.

They answer the chapter's exercise "What happens if you implement only parts of a GRU?". Functions,
shapes and initialisation are those of `gluon_gru.models.scratch`, and so are the names.
"""

from mxnet import np, npx

from gluon_gru.models.scratch import _gate, _with_output_layer, init_rnn_state


def get_reset_only_params(vocab_size, num_hiddens, ctx):
    """Return ``[W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]``: reset gate, candidate, output."""
    reset, candidate = (_gate(vocab_size, num_hiddens, ctx) for _ in range(2))
    return _with_output_layer(reset + candidate, vocab_size, num_hiddens, ctx)


init_reset_only_state = init_rnn_state


def reset_only(inputs, state, params):
    """Run a GRU without update gate, which always takes the candidate; ``(outputs, (H,))``.

    With R_t = sigmoid(X_t . W_xr + H_{t-1} . W_hr + b_r),
    H_t = tanh(X_t . W_xh + (R_t * H_{t-1}) . W_hh + b_h): the GRU with Z_t = 0. Nothing is ever
    copied on, so no memory outlives the products with W_hh.
    """
    W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
        H = np.tanh(np.dot(X, W_xh) + np.dot(R * H, W_hh) + b_h)
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def get_update_only_params(vocab_size, num_hiddens, ctx):
    """Return ``[W_xz, W_hz, b_z, W_xh, W_hh, b_h, W_hq, b_q]``: update gate, candidate, output."""
    update, candidate = (_gate(vocab_size, num_hiddens, ctx) for _ in range(2))
    return _with_output_layer(update + candidate, vocab_size, num_hiddens, ctx)


init_update_only_state = init_rnn_state


def update_only(inputs, state, params):
    """Run a GRU without reset gate, whose candidate sees the whole state; ``(outputs, (H,))``.

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
