"""Exercise "which gates let only the input at t' count?", and what gates at 0 or 1 make of a GRU.

Gates are forced on the cell through its ``gates`` argument. How much an input counts is the norm
of the derivative of the state by it.
"""

from __future__ import annotations

import functools
from typing import Callable, Sequence

import numpy

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import CHAPTER, QUESTION, SOLUTION, SUMMARY
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise, judged
from gluon_gru.studies.exercises.influence import influence

ANSWER = Claim(
    "forced-gates/answer",
    QUESTION,
    "Which gates let only the input at t' count for the outputs at t > t'?",
    quantity="question",
)
PUBLISHED_GATES = Claim(
    "forced-gates/published-gates",
    SOLUTION,
    "Z = 0 and R = 0 before t', Z = 0 and R = 1 at t', Z = 1 and R = 0 afterwards let only the "
    "input at t' count.",
)
PUBLISHED_READING = Claim(
    "forced-gates/published-reading",
    SOLUTION,
    "The same gates in the sense of the solution's explanations, in which z = 1 takes the "
    "candidate and z = 0 keeps the state.",
)
PUBLISHED_FORMULA = Claim(
    "forced-gates/published-formula",
    SOLUTION,
    "With these gates the state at t' is M^t' x_0, divided by its norm.",
)
CONTAINS_RNN = Claim(
    "forced-gates/contains-rnn", CHAPTER, "GRUs contain basic RNNs as an extreme case."
)
RESET_ALONE = Claim(
    "forced-gates/reset-alone", SUMMARY, "That case is the one of the reset gate switched on."
)
SKIPS = Claim(
    "forced-gates/skips", SUMMARY, "A GRU skips subsequences by switching on the update gate."
)
RESETS = Claim(
    "forced-gates/resets",
    CHAPTER,
    "With a reset gate of 0 the candidate is a multilayer perceptron of the input alone; the state "
    "before is gone.",
)

_STEPS, _HIDDENS, _INPUTS, _AT = 12, 32, 28, 5

#: Gates (update, reset) before t', at t' and afterwards; None leaves a gate to the cell.
SCHEDULES = {
    "ours": ((None, None), (0, 0), (1, None)),
    "published": ((0, 0), (0, 1), (1, 0)),
    # The published gates, with their update gate read as their explanation reads it, z = 1 - Z.
    "published, as explained": ((1, 0), (1, 1), (0, 0)),
    "not forced": ((None, None), (None, None), (None, None)),
}

_BOOK, _GLUON = "the book's GRU", "Gluon's GRU"


@Exercise(
    "forced-gates",
    "Only the input at time step t' should be used to predict the output at t > t'. What are the "
    "best values of the reset and update gates?",
    "With H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate: at t' the old state must go, from the sum "
    "(Z = 0) and from the candidate (R = 0); what is left is a function of X_t' alone. Afterwards "
    "nothing may be added: Z = 1 copies the state on, and since the candidate then has the factor "
    "0, R doesn't matter. Before t' anything goes: it is overwritten. With R = 1 at t', as a "
    "published solution has it, the candidate still sees H_{t'-1}, and so the input before. Its "
    "gates before t' (Z = 0) don't hold the state at its start, as it says, but replace it in each "
    "step.",
)
def forced_gates(context: Context) -> Answer:
    """Force gates on GRUs with random weights; nothing is trained."""
    from mxnet import np

    from gluon_gru import models

    inputs = np.random.normal(size=(_STEPS, _INPUTS))
    cells = {_BOOK: models.gru, _GLUON: models.gru_reset_after}
    weights = {name: _weights(1 + (name == _GLUON)) for name in cells}

    def of(name, schedule, inputs):
        forward = functools.partial(cells[name], gates=forced(SCHEDULES[schedule], _AT))
        sizes, start = (_INPUTS, _HIDDENS, inputs.ctx), models.init_gru_state
        model = models.RNNModelScratch(*sizes, lambda *_: weights[name], start, forward)
        return influence(model, inputs)

    norms = {
        name: {schedule: of(name, schedule, inputs)[0] for schedule in SCHEDULES} for name in cells
    }
    moved = inputs.copy()
    moved[_AT] = -moved[_AT]
    state, after = (of(_BOOK, "published", some)[1] for some in (inputs, moved))
    norm, change = (float(numpy.linalg.norm(vector)) for vector in (state, after - state))
    book, ours = norms[_BOOK], {name: norms[name]["ours"] for name in cells}
    counts = ", ".join(f"{values[_AT]:.3g} ({name})" for name, values in ours.items())
    most = max(numpy.delete(values, _AT).max() for values in ours.values())
    return Answer(
        "Z = 0 and R = 0 at t', Z = 1 afterwards, and anything before: of the inputs "
        f"{numpy.count_nonzero(book['ours'])} then counts; with the published solution's gates "
        f"{numpy.count_nonzero(book['published'])} do.",
        [
            judged(
                ANSWER,
                f"{_RAN}, for both GRUs.",
                "Z = 0 and R = 0 at t', Z = 1 afterwards, anything before: the input at t' then "
                f"counts {counts}, every other one at most {most:g}.",
                [],
                {name: values.tolist() for name, values in ours.items()},
            ),
            _published(
                PUBLISHED_GATES, f"{_RAN}.", book["published"], _AT - 1, "the one before it"
            ),
            _published(
                PUBLISHED_READING,
                f"{_RAN}, the update gate turned round.",
                book["published, as explained"],
                _STEPS - 1,
                "the last one",
            ),
            judged(
                PUBLISHED_FORMULA,
                "The state that the published gates give, its norm, and how far it moves when the "
                "input at t' changes its sign.",
                f"Its norm is {norm:.3f} (the formula's is 1), and it moves by {change:.3f} with "
                "X_t', which the formula does not contain. It is "
                "tanh(X_t' W_xh + H_{t'-1} W_hh + b_h).",
                [abs(norm - 1) < 1e-3 and change < 1e-3],
                {"norm": norm, "change": change},
            ),
            *_held(weights[_BOOK]),
        ],
        [
            Table(
                ["cell", "gates", *(f"t'{t - _AT:+}" if t != _AT else "t'" for t in range(_STEPS))],
                [
                    [name, gates, *(f"{value:.3g}" for value in values)]
                    for name in cells
                    for gates, values in norms[name].items()
                ],
                "How much the last state depends on each input (norm of the derivative)",
            )
        ],
        [
            plots.influence(
                "influence.png",
                "How much the last state depends on each input, by the gates forced on the book's "
                "GRU",
                book,
                _AT,
            )
        ],
    )


def forced(schedule: Sequence[tuple], at: int) -> Callable:
    """Return what the ``gates`` argument of `gluon_gru.gru` takes.

    Args:
        schedule: pairs (update, reset) for before, at, and after the time step ``at``; a number
            holds a gate there, None leaves it as the cell computes it.
        at: the time step t', from 0.
    """

    def gates(t, *computed):
        held = schedule[(t > at) + (t >= at)]
        return [gate if value is None else value for gate, value in zip(computed, held)]

    return gates


def _weights(num_biases):
    """Return a GRU's parameters that are not small, so that nothing vanishes by itself."""
    from mxnet import np

    gate = (_INPUTS, _HIDDENS), (_HIDDENS, _HIDDENS), (_HIDDENS,)
    shapes = [*3 * gate, *(num_biases - 1) * [(_HIDDENS,)], (_HIDDENS, _INPUTS), (_INPUTS,)]
    return [np.random.normal(scale=0.4, size=shape) for shape in shapes]


_RAN = (
    f"The derivative of the last of {_STEPS} states by every input: {_HIDDENS} units, random "
    f"weights, t' = {_AT}, gates forced"
)


def _only_at(norms):
    """Return whether of all inputs only the one at t' has any influence."""
    return norms[_AT] > 0 and not numpy.delete(norms, _AT).any()


def _published(claim: Claim, ran: str, norms: numpy.ndarray, other: int, what: str) -> Verdict:
    """Return the verdict, with evidence that names, beside the input at t', the one at ``other``."""
    rest = numpy.delete(norms, [_AT, other]).max()
    return judged(
        claim,
        ran,
        f"The input at t' counts {norms[_AT]:.3g}, {what} {norms[other]:.3g}, every other one "
        f"at most {rest:g}.",
        [_only_at(norms)],
        {"norms": norms.tolist()},
    )


def _held(params: list) -> list[Verdict]:
    """Return the verdicts on gates that are held at 0 or 1 over a whole text."""
    from mxnet import np

    from gluon_gru import models

    def random_state():
        return (np.random.normal(scale=0.5, size=(4, _HIDDENS)),)

    def run(state, *held):
        return models.gru(X, state, params, forced(3 * [held], 0))

    def apart(one, other):
        return float(np.abs(one - other).max())

    X, state = np.random.normal(size=(35, 4, _INPUTS)), random_state()
    W_xh, _, b_h, W_hq, b_q = params[6:]
    rnn, _ = models.rnn(X, state, params[6:])
    same, alone = (apart(rnn, run(state, update, 1)[0]) for update in (0, None))
    _, (copied,) = run(state, 1, None)
    kept = apart(copied, state[0])
    one, other = (run(random_state(), 0, 0)[0] for _ in range(2))
    perceptron = np.dot(np.tanh(np.dot(X, W_xh) + b_h), W_hq) + b_q
    states, layer = apart(one, other), apart(one, perceptron.reshape(one.shape))
    ran = "Outputs of the RNN from scratch, and of the GRU with the same weights and R = 1,"
    differ = [
        (CONTAINS_RNN, f"{ran} Z = 0.", f"They differ by {same:g}.", same),
        (
            RESET_ALONE,
            f"{ran} with Z left to the cell.",
            f"They differ by up to {alone:.3g}.",
            alone,
        ),
        (
            SKIPS,
            f"The state after {len(X)} steps with Z = 1.",
            f"It differs from the state before by {kept:g}.",
            kept,
        ),
    ]
    return [
        *(
            judged(claim, ran, shows, [difference == 0], {"difference": difference})
            for claim, ran, shows, difference in differ
        ),
        judged(
            RESETS,
            "Outputs with R = 0 (and Z = 0, so that the candidate is the state) from two "
            "different states, and those of tanh(X W_xh + b_h) with the output layer.",
            f"From two states they differ by {states:g}; from the perceptron by {layer:.2g}.",
            [states == 0 and layer < 1e-4],
            {"states": states, "perceptron": layer},
        ),
    ]
