"""Pictures of the exercises: perplexity by epoch, influence and damage by distance."""

from __future__ import annotations

import numpy

from gluon_gru.studies.exercises.trained import title

_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))
_MARKERS = "os^Dv*xP"


def perplexity(models: dict) -> bytes:
    """Draw perplexity by epoch, the median of the seeds and their range; PNG bytes.

    Args:
        models: name of a protocol -> list of `gluon_gru.studies.exercises.trained.TrainedModel`.
    """
    from matplotlib.figure import Figure

    from gluon_gru.report.pictures import COLOURS, png

    fig = Figure(figsize=(8.5, 5.2), layout="tight")
    axes = fig.subplots()
    for i, (name, seeds) in enumerate(models.items()):
        values = numpy.array([seed.history.perplexity for seed in seeds])
        epochs = numpy.arange(1, values.shape[1] + 1)
        colour = COLOURS[i % len(COLOURS)]
        axes.plot(
            epochs,
            numpy.median(values, axis=0),
            color=colour,
            linestyle=_STYLES[i],
            linewidth=1.4,
            marker=_MARKERS[i],
            markersize=4,
            label=title(name),
            markevery=(int(epochs[-1] * (i + 1) / 80), max(int(epochs[-1] / 10), 1)),
        )
        axes.fill_between(
            epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0
        )
    axes.set(xlabel="epoch", ylabel="perplexity", yscale="log", ylim=(0.95, None))
    ticks = [1, 1.1, 1.5, 2, 3, 5, 7, 10, 15, 20, 25]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.set_yticks([], minor=True)
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
    return png(fig)


def influence(norms: dict, at: int) -> bytes:
    """Draw how much every input counts; what counts exactly nothing is marked; PNG bytes.

    Args:
        norms: name of the gates -> (num_steps,).
        at: the time step t', from 0.
    """
    from matplotlib.figure import Figure

    from gluon_gru.report.pictures import COLOURS, png

    fig = Figure(figsize=(8.5, 1.3 * len(norms) + 0.6), layout="tight")
    panels = fig.subplots(len(norms), 1, sharex=True, sharey=True)
    for axes, (name, values) in zip(panels, norms.items()):
        axes.bar(range(len(values)), values, color=COLOURS[0])
        for t in numpy.flatnonzero(values == 0):
            axes.annotate(
                "0", (t, 0), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
            )
        axes.axvline(at, color="0.5", linewidth=0.8, linestyle=":")
        axes.set_title(f"gates: {name}", fontsize=9, loc="left")
    panels[-1].set_xticks(
        range(len(values)), ["t'" if t == at else f"{t - at:+}" for t in range(len(values))]
    )
    panels[-1].set_xlabel("input at time step, from t'; a 0 is exactly zero")
    fig.supylabel("norm of the derivative of the last state", fontsize=9)
    return png(fig)


def by_distance(curves: dict, ylabel: str, models: dict | None = None) -> bytes:
    """Draw curves over the distance in characters, a line a seed; PNG bytes.

    Args:
        curves: name -> list of arrays, entry d the value d characters later.
        ylabel: what they are.
        models: name -> the model that a curve is of.
    """
    from matplotlib.figure import Figure

    from gluon_gru.report.pictures import COLOURS, png

    fig = Figure(figsize=(8.5, 4.5), layout="tight")
    axes = fig.subplots()
    for i, (name, seeds) in enumerate(curves.items()):
        for seed, curve in enumerate(seeds):
            axes.plot(
                curve,
                color=COLOURS[i % len(COLOURS)],
                linestyle=_STYLES[i],
                marker=_MARKERS[i],
                markersize=3.5,
                linewidth=1.1,
                markevery=(i, len(curves)),
                label=None if seed else name,
            )
    # Most of it happens near: there the scale is linear.
    axes.set_xscale("symlog", linthresh=10)
    ticks = [0, 2, 4, 6, 8, 10, 20, 40, 60]
    axes.set_xticks(ticks, map(str, ticks))
    axes.set(xlabel="distance d, characters", ylabel=ylabel, xlim=(0, None))
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
    return png(fig)
