"""Exercise "which gates let only the input at t' count?", and what gates at 0 or 1 make of a GRU.

Gates are forced on the cell through its ``gates`` argument. How much an input counts is the norm
of the derivative of the state by it.
"""

import functools

import numpy
from mxnet import np

from gluon_gru import models
from gluon_gru.studies.exercises import plots
from gluon_gru.studies.exercises.answers import Answer, Finding, Table, verdict
from gluon_gru.studies.exercises.distances import influence

_STEPS, _HIDDENS, _INPUTS, _AT = 12, 32, 28, 5

#: Gates (update, reset) before t', at t' and afterwards; None leaves a gate to the cell.
OURS = ((None, None), (0, 0), (1, None))
PUBLISHED = ((0, 0), (0, 1), (1, 0))
#: The published gates, with their update gate read as their explanation reads it, z = 1 - Z.
PUBLISHED_READING = ((1, 0), (1, 1), (0, 0))
FREE = ((None, None), (None, None), (None, None))


def forced(schedule, at):
    """Return what the ``gates`` argument of `gluon_gru.gru` takes.

    Args:
        schedule: pairs (update, reset) for before, at, and after the time step ``at``; a number
            holds a gate there, None leaves it as the cell computes it.
        at: the time step t', from 0.
    """

    def gates(t, Z, R):
        return [
            gate if value is None else np.full_like(gate, value)
            for gate, value in zip((Z, R), schedule[(t > at) + (t >= at)])
        ]

    return gates


def _weights(cell):
    """Return parameters for a cell that are not small, so that nothing vanishes by itself."""

    def random(*shape):
        return np.random.normal(scale=0.4, size=shape)

    biases = 2 if cell is models.gru_reset_after else 1
    gates = [
        [random(_INPUTS, _HIDDENS), random(_HIDDENS, _HIDDENS), random(_HIDDENS)] for _ in range(3)
    ]
    return [
        *sum(gates, []),
        *(random(_HIDDENS) for _ in range(biases - 1)),
        random(_HIDDENS, _INPUTS),
        random(_INPUTS),
    ]


def _only_at(norms):
    """Return whether of all inputs only the one at t' has any influence."""
    return norms[_AT] > 0 and not _others(norms).any()


def _shown(norms):
    return [f"{norm:.3g}" if norm else "0" for norm in norms]


def answer(setting):
    """Return the `Answer`; nothing is trained for it, so ``setting`` is not looked at."""
    inputs = np.random.normal(size=(_STEPS, _INPUTS))
    cells = {"the book's GRU": models.gru, "Gluon's GRU": models.gru_reset_after}
    schedules = {
        "ours": OURS,
        "published": PUBLISHED,
        "published, as explained": PUBLISHED_READING,
        "not forced": FREE,
    }
    norms, states = {}, {}
    params = {name: _weights(cell) for name, cell in cells.items()}
    for name, cell in cells.items():
        for label, schedule in schedules.items():
            norms[name, label], states[name, label] = influence(
                functools.partial(cell, gates=forced(schedule, _AT)), params[name], inputs
            )
    book, params = (
        {label: norms["the book's GRU", label] for label in schedules},
        params["the book's GRU"],
    )
    return Answer(
        [
            _ours({name: norms[name, "ours"] for name in cells}),
            _published(
                "published-gates", f"{_RAN}.", book["published"], _AT - 1, "the one before it"
            ),
            _published(
                "published-reading",
                f"{_RAN}, the update gate turned round.",
                book["published, as explained"],
                _STEPS - 1,
                "the last one",
            ),
            _formula(params, inputs, states["the book's GRU", "published"]),
            *_contains_rnn(params),
            _skips(params),
            _resets(params),
        ],
        [
            Table(
                "How much the last state depends on each input (norm of the derivative)",
                ["cell", "gates", *(f"t'{t - _AT:+}" if t != _AT else "t'" for t in range(_STEPS))],
                [[*key, *_shown(values)] for key, values in norms.items()],
            )
        ],
        {
            "influence.png": (
                "How much the last state depends on each input, by the gates forced on "
                "the book's GRU",
                plots.influence(book, _AT),
            )
        },
    )


_RAN = (
    f"The derivative of the last of {_STEPS} states by every input: {_HIDDENS} units, random "
    f"weights, t' = {_AT}, gates forced"
)


def _others(norms):
    return numpy.delete(norms, _AT)


def _ours(norms):
    return Finding(
        "forced-gates/answer",
        f"{_RAN}, for both GRUs.",
        "The input at t' counts "
        + ", ".join(f"{values[_AT]:.3g} ({name})" for name, values in norms.items())
        + f"; every other one at most {max(_others(values).max() for values in norms.values()):g}.",
        verdict([all(map(_only_at, norms.values()))]),
        {name: values.tolist() for name, values in norms.items()},
    )


def _published(name, ran, norms, other, what):
    """Return a finding that names, beside the input at t', the one at ``other``."""
    rest = numpy.delete(norms, [_AT, other]).max()
    return Finding(
        f"forced-gates/{name}",
        ran,
        f"The input at t' counts {norms[_AT]:.3g}, {what} {norms[other]:.3g}, every other one at "
        f"most {rest:g}.",
        verdict([_only_at(norms)]),
        {"norms": norms.tolist()},
    )


def _formula(params, inputs, state):
    """Hold the published state against what any vector divided by its norm must be."""
    norm = float(numpy.linalg.norm(state))
    other = inputs.copy()
    other[_AT] = -other[_AT]
    _, moved = influence(functools.partial(models.gru, gates=forced(PUBLISHED, _AT)), params, other)
    change = float(numpy.linalg.norm(moved - state))
    return Finding(
        "forced-gates/published-formula",
        "The state that the published gates give, its norm, and how far it moves when the input "
        "at t' changes its sign.",
        f"Its norm is {norm:.3f} (the formula's is 1), and it moves by {change:.3f} with X_t', "
        "which the formula does not contain. It is tanh(X_t' W_xh + H_{t'-1} W_hh + b_h).",
        verdict([abs(norm - 1) < 1e-3 and change < 1e-3]),
        {"norm": norm, "change": change},
    )


def _random_text(params, num_steps=35, batch_size=4):
    return np.random.normal(size=(num_steps, batch_size, params[0].shape[0]))


def _state(params, batch_size=4):
    return (np.random.normal(scale=0.5, size=(batch_size, params[1].shape[0])),)


def _difference(a, b):
    return float(np.abs(a - b).max())


def _contains_rnn(params):
    """Return the findings for R = 1 with Z = 0, and for R = 1 alone."""
    X, state = _random_text(params), _state(params)
    rnn, _ = models.rnn(X, state, params[6:])
    both, _ = models.gru(X, state, params, lambda t, Z, R: (np.zeros_like(Z), np.ones_like(R)))
    reset, _ = models.gru(X, state, params, lambda t, Z, R: (Z, np.ones_like(R)))
    same, alone = _difference(rnn, both), _difference(rnn, reset)
    ran = "Outputs of the RNN from scratch, and of the GRU with the same weights"
    return [
        Finding(
            "forced-gates/contains-rnn",
            f"{ran} and R = 1, Z = 0.",
            f"They differ by {same:g}.",
            verdict([same == 0]),
            {"difference": same},
        ),
        Finding(
            "forced-gates/reset-alone",
            f"{ran} and R = 1, with Z left to the cell.",
            f"They differ by up to {alone:.3g}.",
            verdict([alone == 0]),
            {"difference": alone},
        ),
    ]


def _skips(params):
    X, state = _random_text(params), _state(params)
    _, (H,) = models.gru(X, state, params, lambda t, Z, R: (np.ones_like(Z), R))
    same = _difference(H, state[0])
    return Finding(
        "forced-gates/skips",
        f"The state after {len(X)} steps with Z = 1.",
        f"It differs from the state before by {same:g}.",
        verdict([same == 0]),
        {"difference": same},
    )


def _resets(params):
    X = _random_text(params)
    one, other = (
        models.gru(X, _state(params), params, lambda t, Z, R: (np.zeros_like(Z), np.zeros_like(R)))[
            0
        ]
        for _ in range(2)
    )
    same = _difference(one, other)
    W_xh, _, b_h, W_hq, b_q = params[6:]
    perceptron = np.dot(np.tanh(np.dot(X, W_xh) + b_h), W_hq) + b_q
    layer = _difference(one, perceptron.reshape(one.shape))
    return Finding(
        "forced-gates/resets",
        "Outputs with R = 0 (and Z = 0, so that the candidate is the state) from two different "
        "states, and those of tanh(X W_xh + b_h) with the output layer.",
        f"From two states they differ by {same:g}; from the perceptron by {layer:.2g}.",
        verdict([same == 0 and layer < 1e-4]),
        {"states": same, "perceptron": layer},
    )
