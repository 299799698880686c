"""The statements on what the two gates are for, measured by holding gates of trained models."""

from __future__ import annotations

import statistics
from typing import Any, Mapping, NamedTuple, Tuple

import numpy

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
from gluon_gru.published.two_samples import shift
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
_RESET, _UPDATE = "R at its mean", "Z at its mean"


class WhenHeld(NamedTuple):
    """What a trained GRU does with a gate held.

    Attributes:
        perplexity: on the training text, with the gate held throughout.
        reach: likewise: see `gluon_gru.studies.exercises.influence.reach`.
        damage: what holding it for one step costs, by the distance; empty if nothing is held.
    """

    perplexity: float
    reach: int
    damage: numpy.ndarray

    @property
    def half(self) -> float:
        """Return the distance within which half of the damage falls."""
        return half_distance(self.damage)


#: (model, what is held) -> a `WhenHeld` for each seed.
Found = Mapping[Tuple[str, str], "list[WhenHeld]"]


@Exercise(
    "dependencies",
    "Do reset gates capture short-term dependencies, and update gates long-term ones?",
    "If a gate matters for what comes soon, taking its decision away for one step hurts the "
    "next predictions and little else; if it matters for what comes late, the damage lasts. "
    "A gate held at its own mean still lets as much through as before, but no longer decides. "
    "The models know their training text almost by heart, so the damage also shows how fast "
    "they find their place again.",
    _MODELS,
)
def gate_dependencies(context: Context) -> Answer:
    """Hold the gates of both GRUs, trained with every seed."""
    tokens, vocab = context.source
    tokens = tokens[: protocol(_MODELS[0]).max_tokens]
    # A text without spaces is one word.
    word = len(tokens) / max(int((tokens == vocab[" "]).sum()), 1)
    models = trained(_MODELS, context)
    keys = [(name, how) for name in _MODELS for how in _HELD]
    measured = iter(
        context.each(
            when_held,
            [
                (model.checkpoint, _HELD[how], tokens, str(context.ctx))
                for name, how in keys
                for model in models[name]
            ],
            "gate held",
        )
    )
    found: Found = {key: [next(measured) for _ in models[key[0]]] for key in keys}
    return Answer(
        f"Half of the damage that a held reset gate does has happened after "
        f"{_shown_halves(found, _RESET)} steps, of a held update gate after "
        f"{_shown_halves(found, _UPDATE)}; a word has {word:.1f} characters.",
        [_reset_short(context, found, word), _update_long(context, found, word)],
        [_table(found)],
        [
            plots.by_distance(
                f"damage-{name}-{gate}.png",
                f"{title(name)}: the loss that holding the {gate} gate for one step adds to the "
                "prediction d characters later",
                "added loss, nats",
                {
                    how: [one.damage for one in found[name, how]]
                    for how in _HELD
                    if gate in _HELD[how]
                },
                xscale="near",
            )
            for name in _MODELS
            for gate in ("reset", "update")
        ],
    )


def when_held(checkpoint: str, held: Held, tokens: numpy.ndarray, device: str) -> WhenHeld:
    """Return what the trained GRU of a checkpoint does with a gate held.

    Args:
        checkpoint: a file.
        held: see `gluon_gru.gates.holding`.
        tokens: the training text's, integers (num_tokens,).
        device: ``cpu(0)``, ...
    """
    from gluon_gru.training.device import context

    ctx = context(device)
    model, _ = restore(checkpoint, ctx)
    far = influence.influence_by_distance(hold(model, tokens, held), tokens, ctx)
    damage: Any = ()
    if held:
        damage = damage_by_distance(model, tokens, held, influence.DISTANCES)
    return WhenHeld(perplexity_when_held(model, tokens, held), influence.reach(far), damage)


_RAN = (
    "In the trained GRUs each gate is held at its mean for one step, at 500 places of the training "
    "text, and the rise of the loss is measured 0 to {} steps later, until half of it has happened."
)


def _halves(found: Found, name: str, how: str) -> list[float]:
    return [one.half for one in found[name, how]]


def _shown_halves(found: Found, how: str) -> str:
    return "; ".join(
        f"{spread(_halves(found, name, how), '{:.1f}'.format)} ({title(name)})" for name in _MODELS
    )


def _reset_short(context: Context, found: Found, word: float) -> Verdict:
    earlier = {
        name: shift(_halves(found, name, _UPDATE), _halves(found, name, _RESET)) for name in _MODELS
    }
    return context.judge(
        RESET_SHORT,
        f"{_RAN.format(influence.DISTANCES)} Short-term: half of it falls within a word, which is "
        f"{word:.1f} characters with its space, and, with the whole interval over the seeds, earlier "
        "than with the update gate.",
        f"Half of the damage of a held R has happened after {_shown_halves(found, _RESET)} steps, "
        f"of a held Z after {_shown_halves(found, _UPDATE)}: later by "
        f"{'; '.join(one.show('{:+.1f}') for one in earlier.values())}.",
        [
            *(statistics.median(_halves(found, name, _RESET)) <= word for name in _MODELS),
            *(one.low > 0 for one in earlier.values()),
        ],
        {name: _halves(found, name, _RESET) for name in _MODELS},
    )


def _update_long(context: Context, found: Found, word: float) -> Verdict:
    later, reaches = {}, {}
    for name in _MODELS:
        later[name] = shift(_halves(found, name, _UPDATE), _halves(found, name, _RESET))
        reaches[name] = [
            statistics.median(one.reach for one in found[name, how])
            for how in ("nothing", _RESET, _UPDATE)
        ]
    shown = "; ".join(
        f"{free:.0f} steps, with R held {reset:.0f}, with Z held {update:.0f} ({title(name)})"
        for name, (free, reset, update) in reaches.items()
    )
    return context.judge(
        UPDATE_LONG,
        f"{_RAN.format(influence.DISTANCES)} Long-term: half of it falls beyond a word, which is "
        f"{word:.1f} characters, and, with the whole interval over the seeds, later than with the "
        "reset gate. And, with the gate held throughout: the state reaches less far back without Z's "
        "decisions than without R's (up to where it depends on a character a tenth as much as on "
        "the last).",
        f"Half of the damage of a held Z has happened after {_shown_halves(found, _UPDATE)} steps, "
        f"later than with R by {'; '.join(one.show('{:+.1f}') for one in later.values())}. Held "
        f"throughout, the state reaches back {shown}.",
        [
            *(statistics.median(_halves(found, name, _UPDATE)) > word for name in _MODELS),
            *(one.low > 0 for one in later.values()),
            *(update < reset for _, reset, update in reaches.values()),
        ],
        {"half": {name: _halves(found, name, _UPDATE) for name in _MODELS}, "reach": reaches},
    )


def _reaches(values: list[int]) -> str:
    """Return reaches as reports show them: one that is not seen to end has a plus."""
    return spread(values, lambda value: f"{value:.0f}" + "+" * (value >= influence.DISTANCES))


def _table(found: Found) -> Table:
    rows = []
    for (name, how), seeds in found.items():
        row = [title(name), how, spread([one.perplexity for one in seeds], "{:.3g}".format)]
        row += [_reaches([one.reach for one in seeds]), "", ""]
        if _HELD[how]:
            damage = [float(one.damage.sum()) for one in seeds]
            halves = _halves(found, name, how)
            row[4:] = spread(damage, "{:.2f}".format), spread(halves, "{:.1f}".format)
        rows.append(row)
    return Table(
        ["model", "held", "perplexity", "reach", "loss added", "half within"],
        rows,
        "A gate held throughout: perplexity on the training text, and reach, in steps. Held for "
        "one step: loss added in all, in nats, and the distance within which half of it falls",
    )
