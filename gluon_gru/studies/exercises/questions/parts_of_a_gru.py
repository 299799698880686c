"""Exercise "implement only parts of a GRU": one with only a reset gate, one with an update gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import OURS, QUESTION, SOLUTION
from gluon_gru.studies.exercises.comparing import Comparison, compare
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise, judged
from gluon_gru.studies.exercises.trained import title

if TYPE_CHECKING:
    from mxnet import np

WHAT_HAPPENS = Claim(
    "parts/what-happens",
    QUESTION,
    "What happens with only a reset gate, or only an update gate?",
    quantity="question",
)
BOTH_NEEDED = Claim(
    "parts/both-needed",
    OURS,
    "Both gates are needed: the whole GRU ends with a lower perplexity than either part.",
)
PUBLISHED_RESET_ONLY = Claim(
    "parts/published-reset-only",
    SOLUTION,
    "The published class with only a reset gate is a GRU with only a reset gate.",
)
PUBLISHED_UPDATE_ONLY = Claim(
    "parts/published-update-only",
    SOLUTION,
    "The published class with only an update gate is a GRU with only an update gate.",
)


_PARTS = ("reset-only-scratch", "update-only-scratch")
_MODELS = ("rnn-scratch", *_PARTS, "gru-scratch")

# On the way, before all of them know the text by heart.
_EPOCHS = (100, 250)


@Exercise(
    "parts",
    "What happens if you implement only parts of a GRU, with only a reset gate or only an "
    "update gate?",
    "Without the update gate (Z = 0) the state is the candidate in every step: an RNN that can "
    "shut out its past, but not copy it on. Without the reset gate (R = 1) the state can be "
    "copied on, but a new candidate always sees all of the old one. A published solution's "
    "classes don't show this: the first uses Z without computing it and stops; the second "
    "computes the gated state and overwrites it with the candidate, which leaves an RNN whose "
    "gate has no effect and gets no gradient.",
    _MODELS,
)
def parts_of_a_gru(context: Context) -> Answer:
    """Train the parts, the whole GRU and the RNN with every seed; run the published classes."""
    compared = compare(_MODELS, context)
    ends = [f"{compared.median(name):.3f} ({title(name)})" for name in _MODELS]
    return Answer(
        f"After {len(compared.models['gru-scratch'][0].history)} epochs the perplexity is "
        f"{', '.join(ends)}.",
        [
            _what_happens(context, compared),
            _both_needed(context, compared),
            _published_reset_only(),
            _published_update_only(),
        ],
        compared.tables(),
        [
            compared.curves(
                "parts.png", "Perplexity by epoch of the parts, the whole GRU, and the RNN"
            )
        ],
    )


def _what_happens(context: Context, compared: Comparison) -> Verdict:
    def at(name, epoch):
        histories = [model.history.perplexity for model in compared.models[name]]
        return spread([history[: epoch or None][-1] for history in histories], "{:.2f}".format)

    on_the_way = "; ".join(
        f"after {epoch} epochs "
        + ", ".join(f"{at(name, epoch)} ({title(name)})" for name in _MODELS)
        for epoch in _EPOCHS
    )
    ends = "; ".join(f"{title(name)}: {compared.shown(name)}" for name in _MODELS)
    return context.judge(
        WHAT_HAPPENS,
        "The chapter's protocol with each; the engine trains a part as the whole GRU whose other "
        "gate is held. At the end, the median perplexity of the last ten epochs.",
        f"{ends}. On the way there: {on_the_way}.",
        [],
        compared.figures,
    )


def _both_needed(context: Context, compared: Comparison) -> Verdict:
    shifts = {part: compared.shift(part, "gru-scratch") for part in _PARTS}
    return context.judge(
        BOTH_NEEDED,
        "The same. A part is worse if, by the seeds, its perplexity at the end is higher with the "
        "whole interval.",
        "At the end a part's perplexity differs from that of the whole GRU by "
        + "; ".join(f"{shift.show()} ({title(part)})" for part, shift in shifts.items())
        + ".",
        [shift.low > 0 for shift in shifts.values()],
        {part: shift._asdict() for part, shift in shifts.items()},
    )


def published_reset_only(X: np.ndarray, H: np.ndarray, params: list[np.ndarray]) -> np.ndarray:
    """Return the next state as the published class with only a reset gate makes it.

    Raises:
        NameError: always; the update gate that it uses was never computed.
    """
    from mxnet import np, npx

    W_xr, W_hr, b_r, W_xh, W_hh, b_h = params
    R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
    candidate = np.tanh(np.dot(X, W_xh) + np.dot(R * H, W_hh) + b_h)
    H = Z * H + (1 - Z) * candidate  # type: ignore[name-defined]  # noqa: F821
    return candidate


def published_update_only(X: np.ndarray, H: np.ndarray, params: list[np.ndarray]) -> np.ndarray:
    """Return the next state as the published class with only an update gate makes it.

    The gated state is made and then replaced by the candidate.
    """
    from mxnet import np, npx

    W_xz, W_hz, b_z, W_xh, W_hh, b_h = params
    Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
    candidate = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
    H = Z * H + (1 - Z) * candidate
    H = candidate
    return H


def last_state(
    step: Callable, inputs: np.ndarray, H: np.ndarray, params: list[np.ndarray]
) -> np.ndarray:
    """Return the state that a published class has after all inputs, given that before."""
    for X in inputs:
        H = step(X, H, params[:-2])
    return H


def _random(get_params):
    """Return a text, a state, and parameters that are not small, as `last_state` takes them."""
    import mxnet as mx
    from mxnet import np

    shapes = [param.shape for param in get_params(28, 32, mx.cpu())]
    params = [np.random.normal(scale=0.4, size=shape) for shape in shapes]
    return np.random.normal(size=(35, 4, 28)), np.zeros((4, 32)), params


def _apart(one, other):
    return float(abs(one - other).max())


def _published_reset_only() -> Verdict:
    from gluon_gru import models

    X, H, params = _random(models.get_reset_only_params)
    _, (expected,) = models.reset_only(X, (H,), params)
    try:
        difference = _apart(last_state(published_reset_only, X, H, params), expected)
        shown = f"They differ by {difference:g}."
    except NameError as error:
        difference, shown = float("inf"), f"It stops in the first step: {error}."
    return judged(
        PUBLISHED_RESET_ONLY,
        "Its last state beside that of a GRU with only a reset gate with the same weights.",
        shown,
        [difference < 1e-5],
        {"shown": shown},
    )


def _published_update_only() -> Verdict:
    from mxnet import autograd

    from gluon_gru import models

    X, H, params = _random(models.get_update_only_params)
    for param in params:
        param.attach_grad()
    with autograd.record():
        ended = last_state(published_update_only, X, H, params)
        loss = (ended**2).sum()
    loss.backward()
    _, (of_rnn,) = models.rnn(X, (H,), params[3:])
    _, (of_part,) = models.update_only(X, (H,), params)
    from_rnn, from_part = _apart(ended, of_rnn), _apart(ended, of_part)
    gate = max(float(abs(param.grad).max()) for param in params[:3])
    return judged(
        PUBLISHED_UPDATE_ONLY,
        "Its last state beside those of the RNN from scratch and of a GRU with only an update gate "
        "with the same weights; the gradient of its gate's weights.",
        f"It differs from the RNN by {from_rnn:g}, from a GRU with only an update gate by "
        f"{from_part:.3g}; the largest gradient of its gate's weights is {gate:g}.",
        [from_part < 1e-5],
        {"from_rnn": from_rnn, "from_update_only": from_part, "gate_gradient": gate},
    )
