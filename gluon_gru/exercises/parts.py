"""Exercise "implement only parts of a GRU": one with only a reset gate, one with an update gate."""
import statistics

from mxnet import autograd, np, npx

from .. import models
from ..report import spread
from . import plots
from .answers import Answer, Finding, verdict
from .comparing import figures, final, side_by_side
from .timing import in_turns
from .trainings import PARTS, title


def answer(setting):
    """Return the `Answer`; trains the parts, the whole GRU and the RNN with every seed."""
    runs = setting.trainings.get(PARTS)
    speeds = in_turns(PARTS, setting)
    return Answer(
        [_both_needed(setting, runs, speeds), _published_reset_only(), _published_update_only()],
        side_by_side(runs, speeds),
        {"parts.png": ("Perplexity by epoch of the parts, the whole GRU, and the RNN",
                       plots.perplexity({title(name): trainings
                                         for name, trainings in runs.items()}))})


def _both_needed(setting, runs, speeds):
    medians = {name: statistics.median(final(trainings)) for name, trainings in runs.items()}
    whole = [medians["gru-scratch"] < medians[part]
             for part in ("reset-only-scratch", "update-only-scratch")]
    found = "; ".join(f"{title(name)}: {spread(final(trainings), '{:.3f}'.format)}"
                      for name, trainings in runs.items())
    return Finding(
        "parts/both-needed", "The chapter's protocol with each; perplexity at the end.",
        f"{found}.", setting.verdict(all(whole), "depends" if any(whole) else "does not hold"),
        figures(runs, speeds))


def _published_reset_only():
    """Run the line of the published class that makes its state, with the names it has made."""
    state = "Z * H + (1 - Z) * candidate"
    computed = {name: np.ones((1, 1)) for name in ("H", "R", "candidate")}
    try:
        eval(state, {}, computed)  # noqa: S307
        failure = None
    except NameError as error:
        failure = str(error)
    return Finding(
        "parts/published-reset-only",
        "The line that makes its state, with the reset gate, the candidate and the state before, "
        "which are all that it has computed.",
        f"{failure[0].upper()}{failure[1:]}: it stops in the first step." if failure
        else "It runs.", verdict(failure is None), {"failure": failure})


def published_update_only(inputs, state, params):
    """Run what the published class with only an update gate computes; see `update_only`.

    The gated state is made and then replaced by the candidate.
    """
    W_xz, W_hz, b_z, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
        candidate = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
        H = Z * H + (1 - Z) * candidate
        H = candidate
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def _published_update_only():
    vocab_size, num_hiddens = 28, 32
    params = [np.random.normal(scale=0.4, size=param.shape) for param in
              models.get_update_only_params(vocab_size, num_hiddens, np.zeros(1).ctx)]
    for param in params:
        param.attach_grad()
    X = np.random.normal(size=(35, 4, vocab_size))
    state = models.init_update_only_state(4, num_hiddens, X.ctx)
    with autograd.record():
        outputs, _ = published_update_only(X, state, params)
        loss = (outputs ** 2).sum()
    loss.backward()
    rnn, ours = (cell(X, state, weights)[0] for cell, weights in
                 ((models.rnn, params[3:]), (models.update_only, params)))
    from_rnn, from_ours = (float(np.abs(outputs - other).max()) for other in (rnn, ours))
    gate = float(max(np.abs(param.grad).max() for param in params[:3]))
    return Finding(
        "parts/published-update-only",
        "Its outputs beside those of the RNN from scratch and of a GRU with only an update gate "
        "with the same weights; the gradient of its gate's weights.",
        f"It differs from the RNN by {from_rnn:g}, from a GRU with only an update gate by "
        f"{from_ours:.3g}; the gradient of its gate's weights is {gate:g}: it is an RNN.",
        verdict(from_ours < 1e-5),
        {"from_rnn": from_rnn, "from_update_only": from_ours, "gate_gradient": gate})
