"""Pictures of the exercises: perplexity by epoch, influence and damage by distance."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from gluon_gru.report.document import Curve, Curves
from gluon_gru.report.pictures import pictures, png
from gluon_gru.report.style import style
from gluon_gru.studies.exercises.trained import title


def perplexity(runs: Mapping[str, Sequence[Any]]) -> bytes:
    """Draw perplexity by epoch, the median of the seeds and their range; PNG bytes.

    Args:
        runs: name -> list of `gluon_gru.studies.exercises.trained.TrainedModel`.
    """
    curves = [
        Curve(title(name), [training.history.perplexity for training in trainings], name)
        for name, trainings in runs.items()
    ]
    return _png(Curves("", "curves", curves))


def by_distance(
    curves: Mapping[str, Sequence[Any]], ylabel: str, models: Mapping[str, str] | None = None
) -> bytes:
    """Draw values over the distance in characters, the median of the seeds and range; PNG bytes.

    Args:
        curves: name -> an array for each seed, entry d the value d characters later.
        ylabel: what they are.
        models: name -> the model that it is of, if names are of models.
    """
    drawn = [
        Curve(name, seeds, (models or {}).get(name, ""), range(len(seeds[0])))
        for name, seeds in curves.items()
    ]
    return _png(Curves("", "curves", drawn, (), "distance d, characters", ylabel, "near", "linear"))


def _png(block):
    return pictures([block])[block.file]


def influence(norms: Mapping[str, Sequence[float]], at: int) -> bytes:
    """Draw how much every input counts; what counts exactly nothing is marked; PNG bytes.

    Args:
        norms: name of the gates -> an array of shape ``(num_steps,)``.
        at: the time step t', from 0.
    """
    from matplotlib.figure import Figure

    fig = Figure(figsize=(8.5, 1.3 * len(norms) + 0.6), layout="tight")
    panels = fig.subplots(len(norms), 1, sharex=True, sharey=True)
    steps = range(max(map(len, norms.values())))
    for axes, (name, values) in zip(panels, norms.items()):
        axes.bar(steps, values, color=style("gru_before").paper)
        for t in steps:
            if values[t] == 0:
                axes.text(t, 0, "0", ha="center", va="bottom", fontsize=8)
        axes.axvline(at, color=style("limit").paper, linewidth=0.8, linestyle=":")
        axes.set_title(f"gates: {name}", fontsize=9, loc="left")
    panels[-1].set_xticks(steps, ["t'" if t == at else f"{t - at:+}" for t in steps])
    panels[-1].set_xlabel("input at time step, from t'; a 0 is exactly zero")
    fig.supylabel("norm of the derivative of the last state", fontsize=9)
    return png(fig)
