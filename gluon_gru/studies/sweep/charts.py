"""The charts of a hyperparameter study: curves, the grid, time and quality, importance."""

from __future__ import annotations

from typing import Any, Sequence

from gluon_gru.report.document import Bar, Bars, Curve, Curves, HeatMap, Paragraph, Point, Table
from gluon_gru.studies.sweep.space import AXES


def complete(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the trials that trained to the end."""
    return [trial for trial in results["trials"] if trial["state"] == "complete"]


def point(trial: dict[str, Any]) -> str:
    """Return a trial's hyperparameters in words."""
    return ", ".join(f"{axis} {trial[axis]:g}" for axis in AXES)


def curves(best: Sequence[dict[str, Any]]) -> Curves:
    """Return the validation perplexities of some trials by epoch."""
    return Curves(
        "Validation perplexity by epoch, the best trials",
        "curves.png",
        [Curve(f"trial {one['number']}: {point(one)}", [one["validation"]]) for one in best],
        ylabel="validation perplexity",
    )


def heat_map(results: dict[str, Any]) -> HeatMap:
    """Return the validation perplexity over num_steps and num_hiddens, a grid for each lr."""
    rows, columns, lrs = (
        sorted(results["settings"][axis]) for axis in ("num_steps", "num_hiddens", "lr")
    )
    # A point drawn twice had the same result; a trial that version 0.1.0 lost has none.
    trials = {
        tuple(trial[axis] for axis in AXES): trial
        for trial in results["trials"]
        if trial["state"] != "lost"
    }

    def cell(*point):
        if point not in trials:
            return None, "–"
        value = trials[point]["perplexity"]
        return value, f"{value:.2f}" if value else trials[point]["state"]

    return HeatMap(
        "Validation perplexity over the grid",
        "heatmap.png",
        list(map(str, rows)),
        list(map(str, columns)),
        {
            f"lr {lr:g}": [[cell(row, column, lr) for column in columns] for row in rows]
            for lr in lrs
        },
        "num_hiddens",
        "num_steps",
        "validation perplexity (less is better)",
    )


def time_and_quality(results: dict[str, Any]) -> Curves:
    """Return perplexity by seconds; trials are named that no other is both faster and better than."""
    trials = sorted(complete(results), key=lambda trial: trial["seconds"])
    front = [
        trial
        for i, trial in enumerate(trials)
        if all(trial["perplexity"] < faster["perplexity"] for faster in trials[:i])
    ]
    by_lr: dict[str, list[dict[str, Any]]] = {}
    for trial in sorted(trials, key=lambda trial: trial["lr"]):
        by_lr.setdefault(f"lr {trial['lr']:g}", []).append(trial)

    def curve(label, some, **how):
        quality = [trial["perplexity"] for trial in some]
        return Curve(label, [quality], x=[trial["seconds"] for trial in some], **how)

    return Curves(
        "Running time and validation perplexity",
        "time_quality.png",
        [
            *(curve(label, some, joined=False) for label, some in by_lr.items()),
            curve("no faster trial is as good", front, model="limit"),
        ],
        [
            Point(
                trial["seconds"],
                trial["perplexity"],
                f"{trial['num_steps']} steps, {trial['num_hiddens']} hiddens",
                across=False,
            )
            for trial in front
        ],
        "seconds of training and validation",
        "validation perplexity",
        "log",
    )


def importance(found: dict[str, Any]) -> list[Any]:
    """Return the importance of each hyperparameter as blocks: bars, a table, what they mean.

    Args:
        found: the record's ``importance``.
    """
    if "reason" in found:
        return [Paragraph(f"Not computed: {found['reason']}.")]
    values, shares = found["values"], found.get("variance", {})
    among_best = f"for being among the best {found['quantile']:.0%} (PED-ANOVA)"
    bars = []
    for axis, value in values.items():
        bars.append(Bar(axis, among_best, value))
        if shares:
            bars.append(
                Bar(axis, "share of the variance of log perplexity", shares[axis], fill="hollow")
            )
    return [
        Bars("Importance of each hyperparameter", "importance.png", bars, "{:.2f}".format),
        Table(
            ["hyperparameter", "importance (PED-ANOVA)", "share of the variance"],
            [
                [axis, f"{value:.2f}", f"{shares[axis]:.2f}" if shares else "the grid has gaps"]
                for axis, value in values.items()
            ],
        ),
        Paragraph(
            f"Of {found['trials']} complete trials; diverged ones are left out. PED-ANOVA, from "
            "Optuna, measures how much a hyperparameter decides whether a trial is among the best "
            f"{found['quantile']:.0%}. It depends on ranks only, so perplexity and its logarithm "
            "give the same values, which add up to 1. The share of the variance of log perplexity "
            "is that of each hyperparameter on its own; the rest up to 1 is due to interactions."
        ),
    ]
