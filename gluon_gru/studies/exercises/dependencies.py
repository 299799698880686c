"""The statements on what the two gates are for, measured by holding gates of trained models."""

import functools
import statistics

from gluon_gru.gates.holding import damage_by_distance, half_distance, hook, perplexity_when_held
from gluon_gru.gates.inspection import written_out
from gluon_gru.models import init_gru_state
from gluon_gru.published.judging import spread
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import distances, plots
from gluon_gru.studies.exercises.answers import Answer, Finding, Table
from gluon_gru.studies.exercises.trainings import PROTOCOLS, title

_MODELS = ("gru-scratch", "gru-concise")
_CLAMPS = {
    "nothing": {},
    "R at its mean": {"reset": "mean"},
    "R = 1": {"reset": 1},
    "R = 0": {"reset": 0},
    "Z at its mean": {"update": "mean"},
    "Z = 0": {"update": 0},
    "Z = 1": {"update": 1},
}
#: The clamp that takes a gate's decisions away and leaves the rest of it, by gate.
_UNDECIDED = {"reset": "R at its mean", "update": "Z at its mean"}


def answer(setting):
    """Return the `Answer`; trains both GRUs with every seed."""
    runs = setting.trainings.get(_MODELS)
    tokens, vocab = setting.source
    tokens = tokens[: PROTOCOLS["gru-scratch"].max_tokens]
    spaces = int((tokens == vocab[" "]).sum())
    # A text without spaces is one word.
    word = len(tokens) / max(spaces, 1)
    perplexities, curves, reaches = {}, {}, {}
    for name, trainings in runs.items():
        for training in trainings:
            model, _ = restore(training.checkpoint, setting.ctx)
            for clamp, held in _CLAMPS.items():
                perplexities.setdefault((name, clamp), []).append(
                    perplexity_when_held(model, tokens, held)
                )
                reaches.setdefault((name, clamp), []).append(
                    _reach_when(model, tokens, held, setting)
                )
                if held:
                    curves.setdefault((name, clamp), []).append(
                        damage_by_distance(model, tokens, held, distances.DISTANCES)
                    )
    halves = {key: [half_distance(curve) for curve in found] for key, found in curves.items()}
    return Answer(
        [_short(setting, halves, word), _long(setting, halves, word, perplexities, reaches)],
        [_table(runs, perplexities, curves, halves, reaches)],
        {
            f"damage-{name}.png": (
                f"{title(name)}: the loss in nats that holding a gate for one step adds to the "
                "prediction d steps later (each seed a line)",
                plots.by_distance(
                    {clamp: curves[name, clamp] for clamp in _CLAMPS if _CLAMPS[clamp]},
                    "added loss, nats",
                ),
            )
            for name in runs
        },
    )


def _both(halves, gate):
    return {name: halves[name, _UNDECIDED[gate]] for name in _MODELS}


def _distances(halves):
    return "; ".join(
        f"{title(name)}: {spread(values, '{:.0f}'.format)}" for name, values in halves.items()
    )


_RAN = (
    f"In the trained GRUs each gate is held at its mean for one step, at 500 places of the "
    "training text, and the rise of the loss is measured 0 to "
    f"{distances.DISTANCES} steps later"
)


def _short(setting, halves, word):
    reset, update = _both(halves, "reset"), _both(halves, "update")
    within = [r <= word for name in _MODELS for r in reset[name]]
    earlier = [r < z for name in _MODELS for r, z in zip(reset[name], update[name])]
    return Finding(
        "dependencies/reset-short",
        f"{_RAN}. Short-term: half of it falls within a word, which "
        f"is {word:.1f} characters with its space, and earlier than with the update gate.",
        f"Half of the damage of a held R has happened after so many steps: {_distances(reset)}; "
        f"of a held Z: {_distances(update)}.",
        setting.verdict([all(within), all(earlier)]),
        reset,
    )


def _long(setting, halves, word, perplexities, reaches):
    reset, update = _both(halves, "reset"), _both(halves, "update")
    beyond = [z > word for name in _MODELS for z in update[name]]
    later = [z > r for name in _MODELS for z, r in zip(update[name], reset[name])]
    held = "; ".join(
        f"{title(name)}: perplexity {statistics.median(perplexities[name, clamp]):.3g}, reach "
        f"{_reaches(reaches[name, clamp])} with {clamp}"
        for name in _MODELS
        for clamp in (_UNDECIDED["reset"], _UNDECIDED["update"])
    )
    return Finding(
        "dependencies/update-long",
        f"{_RAN}. Long-term: half of it falls beyond a word, and later "
        "than with the reset gate. Not part of the verdict: with a gate held throughout, "
        "perplexity, and reach, the number of steps from which on the state depends on a character "
        "less than a tenth as much as on the last.",
        f"Half of the damage of a held Z has happened after so many steps: {_distances(update)}; "
        f"of a held R: {_distances(reset)}. Held throughout, {held}.",
        setting.verdict([all(beyond), all(later)]),
        {
            "half": update,
            "reach": {f"{name}, {clamp}": values for (name, clamp), values in reaches.items()},
        },
    )


def _reaches(values):
    """Return reaches as reports show them: one that is not seen to end has a plus."""
    return spread(values, lambda value: f"{value:.0f}" + "+" * (value >= distances.DISTANCES))


def _reach_when(model, tokens, clamp, setting):
    """Return how far back the state depends on the text while gates are held."""
    forward, (params,) = written_out(model)
    cell = functools.partial(forward, gates=hook(model, tokens, clamp))
    return distances.reach(distances.influence_by_distance(cell, params, init_gru_state, setting))


def _table(runs, perplexities, curves, halves, reaches):
    return Table(
        "A gate held throughout: perplexity on the training text, and reach, in steps. Held for "
        "one step: loss added in all, in nats, and the distance within which half of it falls",
        ["model", "held", "perplexity", "reach", "loss added", "half within"],
        [
            [
                title(name),
                clamp,
                spread(perplexities[name, clamp], "{:.3g}".format),
                _reaches(reaches[name, clamp]),
                *(
                    (
                        spread(
                            [float(curve.sum()) for curve in curves[name, clamp]], "{:.2f}".format
                        ),
                        spread(halves[name, clamp], "{:.0f}".format),
                    )
                    if held
                    else ("", "")
                ),
            ]
            for name in runs
            for clamp, held in _CLAMPS.items()
        ],
    )
