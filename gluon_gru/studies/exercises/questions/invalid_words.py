"""A reader's question: does an invalid word such as "ahh" reset the state?"""

from __future__ import annotations

import statistics
from typing import Any

import numpy

from gluon_gru.gates.holding import with_gates
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import NOTES
from gluon_gru.report.document import Curve, Curves, Table
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import protocol, title, trained

RESETS = Claim(
    "invalid-words/reset",
    NOTES,
    "Does an invalid word such as “ahh” reset the hidden state?",
    quantity="question",
)

_MODELS = ("gru-scratch", "gru-concise")

# Words of so many letters, all replaced by others of as many; and what is read around them.
_LETTERS, _BEFORE, _AFTER = 5, 40, 10

#: At most so many words are looked at.
_WORDS = 300


def places(text: str) -> list[int]:
    """Return where words of five letters begin that have enough text around them."""
    starts, at = [], 0
    for word in text.split(" "):
        if len(word) == _LETTERS and _BEFORE <= at <= len(text) - _LETTERS - _AFTER:
            starts.append(at)
        at += len(word) + 1
    return starts[:: max(1, len(starts) // _WORDS)][:_WORDS]


def without_meaning(text: str, number: int) -> list[str]:
    """Return words of five letters that the text hasn't, its letters drawn as often as it has them."""
    rng = numpy.random.RandomState(1)
    letters = [letter for letter in text if letter != " "]
    known = set(text.split(" "))
    words: list[str] = []
    while len(words) < number:
        word = "".join(rng.choice(letters, _LETTERS))
        if word not in known:
            words.append(word)
    return words


def _check(source: tuple[Any, Any]) -> None:
    """Raise InputError for a text that has no such words."""
    from gluon_gru.errors import InputError

    tokens, vocab = source
    if not places("".join(vocab.to_tokens(tokens[: protocol(_MODELS[0]).max_tokens]))):
        raise InputError(
            f"the text has no word of {_LETTERS} letters between spaces, which the exercise "
            "invalid-words takes: give another text, or name the other exercises"
        )


@Exercise(
    "invalid-words",
    "Does an invalid word such as “ahh” reset the hidden state?",
    "A reset gate of 0 hides the state from the candidate, and an update gate of 0 replaces the "
    "state by the candidate. If a word that the text doesn't have made the network start anew, the "
    "gates would close in it, compared with the word that stands there. So words of the training "
    "text are replaced by letters without meaning, and both are read after the same characters.",
    _MODELS,
    _check,
)
def invalid_words(context: Context) -> Answer:
    """Read words and what is none in their place, with both GRUs, trained with every seed."""
    text = context.text(protocol(_MODELS[0]).max_tokens)
    models = trained(_MODELS, context)
    keys = [(name, model.checkpoint) for name in _MODELS for model in models[name]]
    found = iter(context.each(gates_over, [(path, text, str(context.ctx)) for _, path in keys]))
    gates: dict[str, list] = {name: [next(found) for _ in models[name]] for name in _MODELS}
    verdict = _resets(context, gates)
    return Answer(
        verdict.evidence.split(". ")[0] + ".",
        [verdict],
        [_table(gates)],
        [
            Curves(
                f"{title(name)}: the mean of the gates over a word of five letters, where it is one "
                "of the text and where letters without meaning stand in its place",
                f"invalid-words-{name}.png",
                [
                    Curve(
                        f"{gate}, {what}",
                        [seed[gate][what] for seed in gates[name]],
                        gate,
                        range(-_SHOWN, _LETTERS + _AFTER),
                        dashed=what == "no word",
                    )
                    for gate in ("R", "Z")
                    for what in ("word", "no word")
                ],
                (),
                "characters from the beginning of the word",
                "mean of the gate",
                "linear",
                "linear",
            )
            for name in _MODELS
        ],
    )


# Of what is read before.
_SHOWN = 3


def gates_over(checkpoint: str, text: str, device: str) -> dict[str, dict[str, numpy.ndarray]]:
    """Return the mean gates over words and over what is none, from 3 characters before them on.

    Args:
        checkpoint: of a GRU.
        text: what it was trained on.
        device: ``cpu(0)``, ...

    Returns:
        ``Z`` and ``R`` -> ``word`` and ``no word`` -> (3 + 5 + 10,).
    """
    from mxnet import np

    from gluon_gru.training.device import context

    ctx = context(device)
    model, vocab = restore(checkpoint, ctx)
    starts = places(text)
    others = without_meaning(text, len(starts))
    windows = {
        "word": [text[at - _BEFORE : at + _LETTERS + _AFTER] for at in starts],
        "no word": [
            text[at - _BEFORE : at] + other + text[at + _LETTERS : at + _LETTERS + _AFTER]
            for at, other in zip(starts, others)
        ],
    }
    means: dict[str, dict[str, numpy.ndarray]] = {"Z": {}, "R": {}}
    for what, some in windows.items():
        steps: dict[str, list[float]] = {"Z": [], "R": []}

        def look(t, Z, R, steps=steps):
            steps["Z"].append(float(Z.mean()))
            steps["R"].append(float(R.mean()))
            return Z, R

        X = np.array([vocab[list(window)] for window in some], dtype="int32", ctx=ctx)
        written = with_gates(model, look)
        written(X, written.begin_state(len(X), ctx))
        for gate, values in steps.items():
            means[gate][what] = numpy.array(values[_BEFORE - _SHOWN :])
    return means


def _differences(gates: dict[str, list], name: str, gate: str, where: slice) -> list[float]:
    """Return, for each seed, how much higher a gate is in what is no word."""
    return [
        float((seed[gate]["no word"] - seed[gate]["word"])[where].mean()) for seed in gates[name]
    ]


_IN = slice(_SHOWN + 1, _SHOWN + _LETTERS)
_AT_END = slice(_SHOWN + _LETTERS, _SHOWN + _LETTERS + 1)


def _resets(context: Context, gates: dict[str, list]) -> Verdict:
    shown, figures = [], {}
    for name in _MODELS:
        parts = []
        for gate in ("R", "Z"):
            inside, after = (_differences(gates, name, gate, where) for where in (_IN, _AT_END))
            figures[f"{name} {gate}"] = {"inside": inside, "after": after}
            level = statistics.median(float(seed[gate]["word"][_IN].mean()) for seed in gates[name])
            parts.append(
                f"{gate} {spread(inside, '{:+.3f}'.format)} in the letters after the first "
                f"(from {level:.3f} in words), {spread(after, '{:+.3f}'.format)} at the space after"
            )
        shown.append(f"{title(name)}: {'; '.join(parts)}")
    closes = all(
        statistics.median(values["inside"]) < -_CLOSES
        for key, values in figures.items()
        if key.endswith("R")
    )
    answer = (
        "Yes, in part: the reset gates close in it."
        if closes
        else "No: the reset gates hardly move, let alone close."
    )
    return context.judge(
        RESETS,
        f"{len(gates)} GRUs with every seed read {_WORDS} words of five letters in their places in "
        "the training text, and letters without meaning there instead; how much higher the mean of a "
        f"gate then is. It closes if R falls by more than {_CLOSES:g} in both.",
        f"{answer} {'. '.join(shown)}.",
        [],
        figures,
    )


_CLOSES = 0.1


def _table(gates: dict[str, list]) -> Table:
    places_shown = range(-_SHOWN, _LETTERS + _AFTER)
    rows = []
    for name in _MODELS:
        for gate in ("R", "Z"):
            for what in ("word", "no word"):
                values = numpy.median([seed[gate][what] for seed in gates[name]], axis=0)
                rows.append([title(name), gate, what, *(f"{value:.2f}" for value in values)])
    return Table(
        ["model", "gate", "read", *map(str, places_shown)],
        rows,
        "The mean of the gates over all units and words, by the character's place from the "
        "beginning of the word (median of the seeds)",
    )
