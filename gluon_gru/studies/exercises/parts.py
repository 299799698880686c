"""Exercise "implement only parts of a GRU": one with only a reset gate, one with an update gate."""

import mxnet as mx
from mxnet import autograd, np, npx

from gluon_gru import models
from gluon_gru.published.judging import spread
from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.answers import Answer, Finding, verdict
from gluon_gru.studies.exercises.comparing import figures, final, side_by_side
from gluon_gru.studies.exercises.timing import in_turns
from gluon_gru.studies.exercises.trainings import PARTS, title


def answer(setting):
    """Return the `Answer`; trains the parts, the whole GRU and the RNN with every seed."""
    runs = setting.trainings.get(PARTS)
    speeds = in_turns(PARTS, setting)
    return Answer(
        [_both_needed(setting, runs, speeds), _published_reset_only(), _published_update_only()],
        side_by_side(runs, speeds),
        {
            "parts.png": (
                "Perplexity by epoch of the parts, the whole GRU, and the RNN",
                plots.perplexity({title(name): trainings for name, trainings in runs.items()}),
            )
        },
    )


def _both_needed(setting, runs, speeds):
    whole = max(final(runs["gru-scratch"]))
    found = "; ".join(
        f"{title(name)}: {spread(final(trainings), '{:.3f}'.format)}"
        for name, trainings in runs.items()
    )
    return Finding(
        "parts/both-needed",
        "The chapter's protocol with each; perplexity at the end.",
        f"{found}.",
        setting.verdict(
            whole < min(final(runs[part])) for part in ("reset-only-scratch", "update-only-scratch")
        ),
        figures(runs, speeds),
    )


def published_reset_only(X, H, params):
    """Return the next state as the published class with only a reset gate makes it.

    Raises:
        NameError: always; the update gate that it uses was never computed.
    """
    W_xr, W_hr, b_r, W_xh, W_hh, b_h = params
    R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
    candidate = np.tanh(np.dot(X, W_xh) + np.dot(R * H, W_hh) + b_h)
    H = Z * H + (1 - Z) * candidate  # noqa: F821
    return candidate


def published_update_only(X, H, params):
    """Return the next state as the published class with only an update gate makes it.

    The gated state is made and then replaced by the candidate.
    """
    W_xz, W_hz, b_z, W_xh, W_hh, b_h = params
    Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
    candidate = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
    H = Z * H + (1 - Z) * candidate
    H = candidate
    return H


def _last_state(step, inputs, state, params):
    (H,) = state
    for X in inputs:
        H = step(X, H, params[:-2])
    return H


def _random_params(get_params):
    """Return parameters that are not small, for a vocabulary of 28 and 32 hidden units."""
    return [np.random.normal(scale=0.4, size=param.shape) for param in get_params(28, 32, mx.cpu())]


def _random_text():
    return np.random.normal(size=(35, 4, 28)), (np.zeros((4, 32)),)


def _published_reset_only():
    params, (X, state) = _random_params(models.get_reset_only_params), _random_text()
    _, (expected,) = models.reset_only(X, state, params)
    try:
        H = _last_state(published_reset_only, X, state, params)
        difference = float(np.abs(H - expected).max())
        found = f"They differ by {difference:g}."
    except NameError as error:
        difference, found = float("inf"), f"It stops in the first step: {error}."
    return Finding(
        "parts/published-reset-only",
        "Its last state beside that of a GRU with only a reset gate with the same weights.",
        found,
        verdict([difference < 1e-5]),
        {"found": found},
    )


def _published_update_only():
    params, (X, state) = _random_params(models.get_update_only_params), _random_text()
    for param in params:
        param.attach_grad()
    with autograd.record():
        H = _last_state(published_update_only, X, state, params)
        loss = (H**2).sum()
    loss.backward()
    rnn, ours = (
        cell(X, state, weights)[1][0]
        for cell, weights in ((models.rnn, params[3:]), (models.update_only, params))
    )
    from_rnn, from_ours = (float(np.abs(H - other).max()) for other in (rnn, ours))
    gate = float(max(np.abs(param.grad).max() for param in params[:3]))
    return Finding(
        "parts/published-update-only",
        "Its last state beside those of the RNN from scratch and of a GRU with only an update gate "
        "with the same weights; the gradient of its gate's weights.",
        f"It differs from the RNN by {from_rnn:g}, from a GRU with only an update gate by "
        f"{from_ours:.3g}; the largest gradient of its gate's weights is {gate:g}.",
        verdict([from_ours < 1e-5]),
        {"from_rnn": from_rnn, "from_update_only": from_ours, "gate_gradient": gate},
    )
