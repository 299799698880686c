"""The charts of a hyperparameter study: curves, the grid, initial weights, time, importance."""

from __future__ import annotations

import statistics
from typing import Any, Sequence

from gluon_gru.report.document import Bar, Bars, Curve, Curves, HeatMap, Paragraph, Point, Table
from gluon_gru.studies.sweep.results import Outcome
from gluon_gru.studies.sweep.space import INITS

# A point is on the front of time and quality if it is better by this than all faster ones.
_BETTER = 1.01


def curves(best: Sequence[Outcome]) -> Curves:
    """Return the validation perplexities of some points by epoch."""
    return Curves(
        "Validation perplexity by epoch at the best points",
        "curves.png",
        [Curve(one.named, [trial["validation"] for trial in one.complete]) for one in best],
        ylabel="validation perplexity",
    )


def heat_map(outcomes: Sequence[Outcome], settings: dict[str, Any]) -> HeatMap:
    """Return the grid of each lr twice: after the last epoch, and in the best one.

    Args:
        outcomes: of a study with one ``init``.
        settings: the study's.
    """
    rows, columns, lrs = (sorted(settings[axis]) for axis in ("num_steps", "num_hiddens", "lr"))
    at = {tuple(one.point.values())[:3]: one for one in outcomes}

    def cell(which, *point):
        if point not in at:
            return None, "–"
        values = getattr(at[point], which)
        if not values:
            return None, "diverged"
        value = statistics.median(values)
        return value, f"{value:.2f}"

    return HeatMap(
        "Validation perplexity at every point of the grid, the median of its seeds: after the last "
        "epoch (left) and in the best one (right)",
        "heatmap.png",
        list(map(str, rows)),
        list(map(str, columns)),
        {
            f"lr {lr:g}, {name}": [
                [cell(which, row, column, lr) for column in columns] for row in rows
            ]
            for lr in lrs
            for which, name in (("last", "last epoch"), ("best", "best epoch"))
        },
        "num_hiddens (units)",
        "num_steps (characters)",
        "validation perplexity",
        across=2,
    )


def initialisation(outcomes: Sequence[Outcome], baselines: dict[str, Any]) -> Curves:
    """Return perplexity by learning rate, for each way to draw the initial weights.

    Args:
        outcomes: of a study with several.
        baselines: the record's.
    """
    by_model: dict[tuple, list[Outcome]] = {}
    for one in sorted(outcomes, key=lambda one: one.point["lr"]):
        if one.complete:
            num_steps, num_hiddens, _, init = one.point.values()
            by_model.setdefault((num_steps, num_hiddens, init), []).append(one)
    drawn = [
        Curve(
            f"{num_steps} steps, {num_hiddens} units: {INITS[init]}",
            # The line is at the medians, the band over the range.
            [[of(one.last) for one in some] for of in (min, statistics.median, max)],
            x=[one.point["lr"] for one in some],
        )
        for (num_steps, num_hiddens, init), some in sorted(by_model.items())
    ]
    lrs = sorted({x for curve in drawn for x in curve.xs})
    alone = "knowing only how frequent each character is"
    return Curves(
        "Validation perplexity after the last epoch by learning rate, for two ways to draw the "
        "initial weights",
        "initialisation.png",
        [*drawn, Curve(alone, [[baselines["frequencies"]] * len(lrs)], "limit", lrs)],
        (),
        "learning rate",
        "validation perplexity",
        "log",
    )


def time_and_quality(outcomes: Sequence[Outcome]) -> list[Any]:
    """Return perplexity by seconds, and a table of the points that no faster one is as good as.

    Args:
        outcomes: of which several are complete.
    """
    dots = [one for one in outcomes if one.complete]
    dots.sort(key=lambda one: one.of("seconds"))
    front: list[Outcome] = []
    for one in dots:
        if not front or one.of("perplexity") * _BETTER < front[-1].of("perplexity"):
            front.append(one)
    by_lr: dict[float, list[Outcome]] = {}
    for one in dots:
        by_lr.setdefault(one.point["lr"], []).append(one)

    def curve(label, some, **how):
        perplexities = [one.of("perplexity") for one in some]
        return Curve(label, [perplexities], x=[one.of("seconds") for one in some], **how)

    named = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", front))
    return [
        Curves(
            "Running time and validation perplexity after the last epoch: a dot for each point of "
            "the grid, the median of its seeds; letters stand for those in the table",
            "time_quality.png",
            [
                *(curve(f"lr {lr:g}", some, joined=False) for lr, some in sorted(by_lr.items())),
                curve("no faster one comes within 1%", front, model="limit"),
            ],
            [
                Point(one.of("seconds"), one.of("perplexity"), name, across=False)
                for name, one in named.items()
            ],
            "seconds of training and validation",
            "validation perplexity",
            "log",
        ),
        Table(
            ["", "point", "seconds", "perplexity, last epoch"],
            [
                [name, one.named, f"{one.of('seconds'):,.0f}", f"{one.of('perplexity'):.3f}"]
                for name, one in named.items()
            ],
            "The points with letters: no faster one comes within 1% of their perplexity",
        ),
    ]


def importance(found: dict[str, Any]) -> list[Any]:
    """Return the importance of each hyperparameter as blocks: bars, and what they mean.

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
        Bars(
            "Importance of each hyperparameter for the validation perplexity, from 0 to 1",
            "importance.png",
            bars,
            "{:.2f}",
        ),
        Paragraph(
            "The two differ because they ask different questions: PED-ANOVA what decides whether a "
            f"trial is among the best {found['quantile']:.0%}, however bad the others are; the "
            "share of the variance what moves the perplexity over all trials, in which the worst "
            f"ones weigh most. Both are of {found['trials']} complete trials; diverged ones are "
            "left out. PED-ANOVA, from Optuna, depends on ranks only, and its values add up to 1. "
            "The share is of the variance of log perplexity, each hyperparameter on its own; the "
            "rest up to 1 is due to interactions and seeds. It takes a whole grid, without gaps."
        ),
    ]
