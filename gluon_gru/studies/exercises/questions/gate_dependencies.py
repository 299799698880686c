"""The statements on what the two gates are for, measured by holding gates of trained models."""

from __future__ import annotations

import statistics
from typing import Mapping, Sequence, Tuple

from gluon_gru.gates.holding import (
    Held,
    damage_by_distance,
    half_distance,
    hold,
    perplexity_when_held,
)
from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict, spread
from gluon_gru.published.sources import CHAPTER
from gluon_gru.report.document import Table
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import influence, plots
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise
from gluon_gru.studies.exercises.trained import protocol, title, trained

RESET_SHORT = Claim(
    "dependencies/reset-short", CHAPTER, "Reset gates capture short-term dependencies."
)
UPDATE_LONG = Claim(
    "dependencies/update-long", CHAPTER, "Update gates capture long-term dependencies."
)

#: (model, what is held) -> a number for each seed.
Numbers = Mapping[Tuple[str, str], Sequence[float]]

_MODELS = ("gru-scratch", "gru-concise")
_HELD: dict[str, Held] = {
    "nothing": {},
    "R at its mean": {"reset": "mean"},
    "R = 1": {"reset": 1},
    "R = 0": {"reset": 0},
    "Z at its mean": {"update": "mean"},
    "Z = 0": {"update": 0},
    "Z = 1": {"update": 1},
}
# What takes the decisions of R, and of Z, away and leaves the rest of it.
_UNDECIDED = "R at its mean", "Z at its mean"


@Exercise(
    "dependencies",
    "Do reset gates capture short-term dependencies, and update gates long-term ones?",
    "If a gate matters for what comes soon, taking its decision away for one step hurts the "
    "next predictions and little else; if it matters for what comes late, the damage lasts. "
    "A gate held at its own mean still lets as much through as before, but no longer decides. "
    "The models know their training text almost by heart, so the damage also shows how fast "
    "they find their place again.",
)
def gate_dependencies(context: Context) -> Answer:
    """Hold the gates of both GRUs, trained with every seed."""
    tokens, vocab = context.source
    tokens = tokens[: protocol(_MODELS[0]).max_tokens]
    # A text without spaces is one word.
    word = len(tokens) / max(int((tokens == vocab[" "]).sum()), 1)
    perplexities, reaches, curves = {}, {}, {}
    for name, seeds in trained(_MODELS, context).items():
        models = [restore(seed.checkpoint, context.ctx)[0] for seed in seeds]
        for how, held in _HELD.items():
            key = name, how
            perplexities[key] = [perplexity_when_held(model, tokens, held) for model in models]
            far = [
                influence.influence_by_distance(hold(model, tokens, held), context)
                for model in models
            ]
            reaches[key] = list(map(influence.reach, far))
            if held:
                curves[key] = [
                    damage_by_distance(model, tokens, held, influence.DISTANCES) for model in models
                ]
    halves = {key: list(map(half_distance, seeds)) for key, seeds in curves.items()}
    return Answer(
        _verdicts(context, halves, word, perplexities, reaches),
        [_table(perplexities, curves, halves, reaches)],
        [
            plots.by_distance(
                f"damage-{name}.png",
                f"{title(name)}: the loss in nats that holding a gate for one step adds to the "
                "prediction d steps later (the median of the seeds, and their range)",
                "added loss, nats",
                {how: curves[name, how] for how, held in _HELD.items() if held},
            )
            for name in _MODELS
        ],
    )


def _verdicts(
    context: Context, halves: Numbers, word: float, perplexities: Numbers, reaches: Numbers
) -> list[Verdict]:
    reset, update = ({name: halves[name, how] for name in _MODELS} for how in _UNDECIDED)
    pairs = [pair for name in _MODELS for pair in zip(reset[name], update[name])]
    after_reset, after_update = (
        "; ".join(
            f"{title(name)}: {spread(values, '{:.0f}'.format)}" for name, values in of.items()
        )
        for of in (reset, update)
    )
    held = "; ".join(
        f"{title(name)}: perplexity {statistics.median(perplexities[name, how]):.3g}, reach "
        f"{_reaches(reaches[name, how])} with {how}"
        for name in _MODELS
        for how in _UNDECIDED
    )
    ran = (
        "In the trained GRUs each gate is held at its mean for one step, at 500 places of the "
        f"training text, and the rise of the loss is measured 0 to {influence.DISTANCES} steps "
        "later."
    )
    return [
        context.judge(
            RESET_SHORT,
            f"{ran} Short-term: half of it falls within a word, which "
            f"is {word:.1f} characters with its space, and earlier than with the update gate.",
            f"Half of the damage of a held R has happened after so many steps: {after_reset}; "
            f"of a held Z: {after_update}.",
            [all(r <= word for r, _ in pairs), all(r < z for r, z in pairs)],
            reset,
        ),
        context.judge(
            UPDATE_LONG,
            f"{ran} Long-term: half of it falls beyond a word, and later "
            "than with the reset gate. Not part of the verdict: with a gate held throughout, "
            "perplexity, and reach, the number of steps from which on the state depends on a "
            "character less than a tenth as much as on the last.",
            f"Half of the damage of a held Z has happened after so many steps: {after_update}; "
            f"of a held R: {after_reset}. Held throughout, {held}.",
            [all(z > word for _, z in pairs), all(z > r for r, z in pairs)],
            {
                "half": update,
                "reach": {f"{name}, {how}": values for (name, how), values in reaches.items()},
            },
        ),
    ]


def _reaches(values):
    """Return reaches as reports show them: one that is not seen to end has a plus."""
    return spread(values, lambda value: f"{value:.0f}" + "+" * (value >= influence.DISTANCES))


def _table(perplexities, curves, halves, reaches):
    rows = []
    for key, values in perplexities.items():
        name, how = key
        row = [title(name), how, spread(values, "{:.3g}".format), _reaches(reaches[key]), "", ""]
        if key in curves:
            damage = [float(curve.sum()) for curve in curves[key]]
            row[4:] = spread(damage, "{:.2f}".format), spread(halves[key], "{:.0f}".format)
        rows.append(row)
    return Table(
        ["model", "held", "perplexity", "reach", "loss added", "half within"],
        rows,
        "A gate held throughout: perplexity on the training text, and reach, in steps. Held for "
        "one step: loss added in all, in nats, and the distance within which half of it falls",
    )
