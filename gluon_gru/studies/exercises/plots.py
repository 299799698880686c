"""Charts that several exercises have, or that take some work: of distances, and of forced gates."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from gluon_gru.report.document import Curve, Curves, HeatMap


def by_distance(
    file: str,
    title: str,
    ylabel: str,
    values: Mapping[str, Sequence[Any]],
    models: Mapping[str, str] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
) -> Curves:
    """Return curves over the distance in characters.

    Args:
        file, title: of the chart.
        ylabel: what the values are.
        values: name -> an array for each seed, entry d the value d characters later.
        models: name -> the model that it is of, if names are of models.
        xscale, yscale: see `gluon_gru.report.document.Curves`.
    """
    drawn = [
        Curve(name, seeds, (models or {}).get(name, ""), range(len(seeds[0])))
        for name, seeds in values.items()
    ]
    return Curves(title, file, drawn, (), "distance d, characters", ylabel, xscale, yscale)


def influence(file: str, title: str, norms: Mapping[str, Any], at: int) -> HeatMap:
    """Return how much every input counts; what counts exactly nothing has no colour.

    Args:
        file, title: of the chart.
        norms: name of the gates -> an array of shape ``(num_steps,)``.
        at: the time step t', from 0.
    """
    steps = range(max(map(len, norms.values())))
    return HeatMap(
        title,
        file,
        list(norms),
        ["t'" if t == at else f"t'{t - at:+}" for t in steps],
        {
            "": [
                [(float(norm), f"{norm:.2g}") if norm else (None, "0") for norm in values]
                for values in norms.values()
            ]
        },
        "the input's time step",
        "gates",
        "norm of the derivative",
    )
