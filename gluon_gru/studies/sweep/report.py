"""The report of a hyperparameter study: the best points, each axis's effect, importance, all points."""

from __future__ import annotations

import statistics
from typing import Any, Sequence

from gluon_gru.report import terminal
from gluon_gru.report.document import Document, Heading, Paragraph, Table, code
from gluon_gru.studies.provenance import environments, trained_on
from gluon_gru.studies.sweep import charts
from gluon_gru.studies.sweep.results import Outcome, in_words, outcomes
from gluon_gru.studies.sweep.space import AXES, INITS

#: The report has curves of this many points, the best ones.
_CURVES = 4

# How much of a model's text a table shows.
_SHOWN = 65

# The columns of the table of points; the first ones are printed too.
_HEADERS = [
    *AXES,
    "perplexity, last epoch",
    "best epoch",
    "at",
    "seconds",
    "tokens/sec",
    "training",
    "seeds",
    "varied",
    "verbatim",
    "bits",
    "text",
]
_PRINTED = 9


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what the study's ``record.json`` holds.
    """
    found = outcomes(results["trials"])
    complete = [one for one in found if one.complete]
    several, inits = len(complete) > 1, {one.point["init"] for one in found}
    return Document(
        "Hyperparameters of the GRU",
        [
            Heading("The best", "best"),
            Paragraph(_best(complete) if complete else "No trial completed."),
            *([charts.curves(complete[:_CURVES])] if complete else ()),
            charts.initialisation(found, results["baselines"])
            if len(inits) > 1
            else charts.heat_map(found, results["settings"]),
            *(charts.time_and_quality(found) if several else ()),
            Paragraph(_protocol(results)),
            Heading("The effect of each hyperparameter", "effects", short="Effects"),
            Paragraph(
                "Over all points with that value, each the median of its seeds. Seconds are of "
                "training and validation, measured while the other workers ran; “varied” is explained "
                "below."
            ),
            _effects(complete),
            Heading("Importance"),
            *charts.importance(results["importance"]),
            Heading("All points", "points"),
            Paragraph(_measures(results)),
            Table(_HEADERS, list(map(_row, found))),
            *environments(
                [(code(made["command"]), made["environment"]) for made in results["invocations"]]
            ),
        ],
    )


def table(results: dict[str, Any]) -> str:
    """Return the points, the best first, as a table for the terminal."""
    rows = [_row(one)[:_PRINTED] for one in outcomes(results["trials"])]
    return terminal.text([Table(_HEADERS[:_PRINTED], rows)])


def budget_table(cost: dict[str, Any]) -> str:
    """Return what `gluon_gru.studies.sweep.study.budget` measured as a table for the terminal."""
    headers = ["num_steps", "num_hiddens", "trials", "million tokens", "tokens/sec"]
    rows = [
        [
            cell["num_steps"],
            cell["num_hiddens"],
            f"{cell['trials']:g}",
            f"{cell['tokens'] / 1e6:,.0f}",
            f"{cell['tokens_per_sec']:,.0f}",
            f"{cell['hours']:.2f}",
        ]
        for cell in cost["cells"]
    ]
    return terminal.text(
        [
            Table([*headers, "hours of a worker"], rows),
            Paragraph(
                f"{cost['trials']} trials, {cost['tokens'] / 1e6:,.0f} million tokens: "
                f"{cost['hours']:.2f} hours here with --workers {cost['workers']} (measured with "
                "as many at the same time; validation included)"
            ),
        ]
    )


def _best(complete: Sequence[Outcome]) -> str:
    last, best = complete[0], min(complete, key=lambda one: statistics.median(one.best))
    return (
        f"After the last epoch: {_range(last.last)} with {last.named}, in {last.of('seconds'):,.0f} "
        f"seconds: `{_text(last)}`\nIn the best epoch: {_range(best.best)} with {best.named}, in "
        f"epoch {best.best_epoch:g}"
    )


def _protocol(results):
    asked, trials = results["settings"], results["trials"]
    finished = [trial for trial in trials if trial["state"] != "lost"]
    values = ", ".join(f"{axis} {asked[axis]}" for axis in AXES if axis in asked)
    drawn = "; ".join(f"{name}: {INITS[name]}" for name in asked.get("init", ["normal"]))
    return (
        f"{len(finished)} of {results['needed']} trials are finished{_left_out(results)}. Sampler: "
        f"{asked['sampler']}. {values}; "
        f"{asked['epochs']} epochs, minibatches of {asked['batch_size']:,}, gradients clipped to "
        f"norm 1. Initial weights: {drawn}. The first {asked['train_windows']:,} windows of "
        f"the text train, shuffled, the next {asked['valid_windows']:,} validate; the state starts "
        "at zero in every one. Where a point has several seeds, a figure is their median (with "
        "their range).\nTrained on "
        + trained_on(results["text"], "nothing here is comparable with the book")
    )


def _left_out(results):
    """Return how many points have how many seeds, where they differ."""
    counts = {}
    for one in outcomes(results["trials"]):
        seeds = len(one.complete) + len(one.diverged)
        counts[seeds] = counts.get(seeds, 0) + 1
    if len(results["trials"]) >= results["needed"] or not counts:
        return ""
    said = ", ".join(f"{count} with {seeds}" for seeds, count in sorted(counts.items()))
    return f" (points by their number of seeds: {said}; the rest is left out)"


def _measures(results):
    text = results.get("baselines", {}).get("text")
    if not text:
        return "The best first."
    return (
        "The best first. Of the text that a model writes at the end: “varied” is the share of its "
        "characters that are in words of the book, each counted once; “verbatim” the share of its "
        "runs of ten characters that the training text has too, each counted once; “bits” the bits "
        "a character under an n-gram model of the book's part that was not trained on. Passages of "
        f"the book itself, as long: {text['varied']:.0%}, {text['verbatim']:.0%}, "
        f"{text['bits']:.1f} bits."
    )


def _effects(complete: Sequence[Outcome]) -> Table:
    """Return a table with a row for each value of each axis, over the other axes."""
    rows = []
    for axis in AXES:
        for value in sorted({one.point[axis] for one in complete}):
            some = [one for one in complete if one.point[axis] == value]
            seconds, rate, last = (
                statistics.median(one.of(name) for one in some)
                for name in ("seconds", "tokens_per_sec", "perplexity")
            )
            measured = f"{seconds:,.0f}", f"{rate:,.0f}", f"{last:.3f}"
            best = min(one.of("perplexity") for one in some)
            epoch = min(statistics.median(one.best) for one in some)
            varied = [one.written[0] for one in some if one.written]
            written = f"{statistics.median(varied):.0%}" if varied else ""
            found = f"{best:.3f}", f"{epoch:.3f}", written, f"`{_text(some[0])}`"
            rows.append([f"{axis} {in_words(value)}", len(some), *measured, *found])
    headers = "", "points", "seconds (median)", "tokens/sec (median)"
    quality = "perplexity, last epoch (median)", "(best point)", "best epoch of all", "varied"
    return Table([*headers, *quality, "text of the best point"], rows)


def _range(values: Sequence[float]) -> str:
    spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.3f}{spread}"


def _text(one: Outcome) -> str:
    return one.complete[0]["continuation"][:_SHOWN]


def _row(one: Outcome) -> list[Any]:
    values = [in_words(value) for value in one.point.values()]
    diverged = ", ".join(f"diverged (epoch {trial['epochs'] + 1})" for trial in one.diverged)
    if not one.complete:
        return [*values, diverged, *[""] * (len(_HEADERS) - len(values) - 1)]
    return [
        *values,
        _range(one.last),
        _range(one.best),
        f"{one.best_epoch:g}",
        f"{one.of('seconds'):,.0f}",
        f"{one.of('tokens_per_sec'):,.0f}",
        f"{one.median(lambda trial: trial['training'][-1]):.3f}",
        f"{len(one.complete)}{'; ' + diverged if diverged else ''}",
        *(
            map(str.format, ("{:.0%}", "{:.0%}", "{:.1f}"), one.written)
            if one.written
            else [""] * 3
        ),
        f"`{_text(one)}`",
    ]
