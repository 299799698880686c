"""Gluon's own GRU written out: what ``rnn.GRU`` computes, an equation a line.

The reset gate scales the recurrent product, not the state that goes into it, and the candidate has
a bias inside that product: cuDNN's variant.
"""

from mxnet import np, npx


def gru_reset_after(inputs, state, params, gates=None):
    """Run the GRU whose reset gate acts after the recurrent product; ``(outputs, (H,))``.

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


def reset_after_params(model, layer=0):
    """Return the weights of an `RNNModel` over ``rnn.GRU`` as `gru_reset_after` has them.

    Gluon stacks reset gate, update gate and candidate in one matrix, transposed, and has two biases
    where one would do. Of several layers, ``layer`` (from 0) is the one meant; what the ones above
    the lowest read are the hidden states of the one below.
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
