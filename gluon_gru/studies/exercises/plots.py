"""Pictures of the exercises: curves, and how much every input counts."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Sequence

from gluon_gru.report.document import Curve, Curves, Picture
from gluon_gru.report.pictures import pictures, png
from gluon_gru.report.style import style


def curves(block: Curves) -> Picture:
    """Draw curves; their title is the picture's caption, and not drawn."""
    untitled = dataclasses.replace(block, title="")
    return Picture(block.title, block.file, pictures([untitled])[block.file])


def by_distance(
    file: str,
    caption: str,
    ylabel: str,
    values: Mapping[str, Sequence[Any]],
    models: Mapping[str, str] | None = None,
    yscale: str = "linear",
) -> Picture:
    """Draw values over the distance in characters, the median of the seeds and their range.

    Args:
        file, caption: of the picture.
        ylabel: what the values are.
        values: name -> an array for each seed, entry d the value d characters later.
        models: name -> the model that it is of, if names are of models.
        yscale: see `gluon_gru.report.document.Curves`.
    """
    drawn = [
        Curve(name, seeds, (models or {}).get(name, ""), range(len(seeds[0])))
        for name, seeds in values.items()
    ]
    return curves(
        Curves(caption, file, drawn, (), "distance d, characters", ylabel, "near", yscale)
    )


def influence(file: str, caption: str, norms: Mapping[str, Any], at: int) -> Picture:
    """Draw how much every input counts; what counts exactly nothing is marked.

    Args:
        file, caption: of the picture.
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
    return Picture(caption, file, png(fig))
