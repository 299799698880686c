"""Pictures of the hyperparameter study: perplexity over the grid, time and quality, importance."""

import math

from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from gluon_gru.report.pictures import COLOURS, png

_MARKERS = "osD^vP*"


def complete(results):
    """Return the trials that trained to the end, a list."""
    return [trial for trial in results["trials"] if trial["state"] == "complete"]


def heatmap(results):
    """Draw the validation perplexity over num_steps and num_hiddens, a map for each lr; PNG bytes.

    Args:
        results: what `gluon_gru.studies.sweep.report.results` returns.
    """
    asked, cells = results["asked"], {}
    for trial in results["trials"]:
        # A point drawn twice had the same result; a lost trial has none.
        if trial["state"] != "lost":
            cells[trial["lr"], trial["num_steps"], trial["num_hiddens"]] = trial
    values = [trial["perplexity"] for trial in complete(results)] or [1, 2]
    # A tenth more, so that a study of one trial has a scale too.
    norm = LogNorm(min(values), 1.1 * max(values))
    rows, columns = sorted(asked["num_steps"]), sorted(asked["num_hiddens"])
    fig = Figure(
        figsize=(2 + (0.6 + 0.9 * len(columns)) * len(asked["lr"]), 2 + 0.7 * len(rows)),
        layout="constrained",
    )
    all_axes = fig.subplots(1, len(asked["lr"]), squeeze=False, sharey=True)[0]
    for axes, lr in zip(all_axes, sorted(asked["lr"])):
        grid = [[cells.get((lr, row, column)) for column in columns] for row in rows]
        image = axes.imshow(
            [
                [
                    trial["perplexity"] if trial and trial["perplexity"] else math.nan
                    for trial in line
                ]
                for line in grid
            ],
            norm=norm,
            cmap="cividis_r",
            aspect="auto",
        )
        axes.set_facecolor("0.88")
        for y, line in enumerate(grid):
            for x, trial in enumerate(line):
                value = trial and trial["perplexity"]
                dark = value and norm(value) > 0.5
                axes.text(
                    x,
                    y,
                    f"{value:.2f}" if value else trial["state"] if trial else "–",
                    ha="center",
                    va="center",
                    fontsize=9 if value else 7,
                    color="white" if dark else "black",
                )
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set(title=f"lr {lr:g}", xlabel="num_hiddens")
    all_axes[0].set_ylabel("num_steps")
    ticks = [
        tick
        for tick in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 50, 100)
        if norm.vmin <= tick <= norm.vmax
    ]
    bar = fig.colorbar(image, ax=all_axes, label="validation perplexity (less is better)")
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.set_ticks([], minor=True)
    return png(fig)


def time_quality(results):
    """Draw seconds against validation perplexity, and name the trials nobody beats; PNG bytes.

    Args:
        results: what `gluon_gru.studies.sweep.report.results` returns.
    """
    fig = Figure(figsize=(8, 5), layout="tight")
    axes = fig.subplots()
    trials = sorted(complete(results), key=lambda trial: trial["seconds"])
    for i, lr in enumerate(sorted({trial["lr"] for trial in trials})):
        some = [trial for trial in trials if trial["lr"] == lr]
        axes.plot(
            [trial["seconds"] for trial in some],
            [trial["perplexity"] for trial in some],
            _MARKERS[i % len(_MARKERS)],
            color=COLOURS[i % len(COLOURS)],
            markersize=7,
            alpha=0.85,
            label=f"lr {lr:g}",
        )
    front = [
        trial
        for i, trial in enumerate(trials)
        if all(trial["perplexity"] < faster["perplexity"] for faster in trials[:i])
    ]
    axes.plot(
        [trial["seconds"] for trial in front],
        [trial["perplexity"] for trial in front],
        color="0.5",
        linewidth=0.8,
        linestyle="--",
        zorder=1,
        label="no faster trial is as good",
    )
    for i, trial in enumerate(front):
        # Neighbours can be close together: one's name below, the next one's above.
        axes.annotate(
            f"{trial['num_steps']} steps, {trial['num_hiddens']} hiddens",
            (trial["seconds"], trial["perplexity"]),
            xytext=(5, 6 if i % 2 else -11),
            textcoords="offset points",
            fontsize=7,
        )
    axes.set(
        xlabel="seconds of training and validation",
        xscale="log",
        yscale="log",
        ylabel="validation perplexity",
        title=f"{len(trials)} trials of {results['asked']['epochs']} epochs",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.tick_params(which="minor", labelsize=7)
    axes.grid(True, which="both", alpha=0.25)
    if trials:
        axes.legend()
    return png(fig)


def importance(results):
    """Draw the importance of each hyperparameter; PNG bytes.

    Args:
        results: what `gluon_gru.studies.sweep.report.results` returns, with an importance.
    """
    found = results["importance"]
    names = sorted(found["values"], key=found["values"].get)
    kinds = [
        ("values", f"for being among the best {found['quantile']:.0%} (PED-ANOVA)", None),
        ("variance", "share of the variance of log perplexity", "///"),
    ]
    kinds = [kind for kind in kinds if kind[0] in found]
    fig = Figure(figsize=(7, 1.8 + 0.6 * len(names)), layout="tight")
    axes = fig.subplots()
    for i, (kind, label, hatch) in enumerate(kinds):
        places = [y + 0.2 - 0.4 * i for y in range(len(names))]
        shares = [found[kind][name] for name in names]
        axes.barh(
            places,
            shares,
            height=0.36,
            label=label,
            hatch=hatch,
            edgecolor=COLOURS[i],
            color="white" if hatch else COLOURS[i],
        )
        for y, share in zip(places, shares):
            axes.annotate(
                f"{share:.2f}",
                (share, y),
                xytext=(4, 0),
                va="center",
                textcoords="offset points",
                fontsize=8,
            )
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 1.12), xlabel=f"importance, of {found['trials']} trials")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncol=2, fontsize=8, frameon=False)
    return png(fig)
