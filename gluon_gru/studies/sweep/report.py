"""The report of a hyperparameter study: the best trials, each axis's effect, importance, trials."""

from __future__ import annotations

import math
import statistics
from typing import Any

from gluon_gru.report import terminal
from gluon_gru.report.document import Document, Heading, Paragraph, Table, code
from gluon_gru.studies.provenance import environments, trained_on
from gluon_gru.studies.sweep import charts
from gluon_gru.studies.sweep.space import AXES

#: The report has curves of this many trials, the best ones.
_CURVES = 4

# The columns of the table of trials; the first eight are printed too.
_HEADERS = [
    "trial",
    *AXES,
    "validation perplexity",
    "training perplexity",
    "seconds",
    "tokens/sec",
    "",
    "text",
]
_PRINTED = 8


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what the study's ``record.json`` holds.
    """
    trials = _by_quality(results)
    best = [trial for trial in trials if trial["perplexity"]][:_CURVES]
    return Document(
        "Hyperparameters of the GRU",
        [
            Heading("The best", "best"),
            Paragraph(_best(best[0]) if best else "No trial completed."),
            *([charts.curves(best)] if best else ()),
            charts.heat_map(results),
            *([charts.time_and_quality(results)] if best else ()),
            Paragraph(_protocol(results)),
            Heading("The effect of each hyperparameter", "effects", short="Effects"),
            Paragraph(
                "Over all complete trials with that value. Seconds are of training and "
                "validation, measured while the other workers ran."
            ),
            *(
                block
                for axis in AXES
                for block in (Heading(axis, level=3), _effects(results, axis))
            ),
            Heading("Importance"),
            *charts.importance(results["importance"]),
            Heading("All trials", "trials"),
            Table(_HEADERS, list(map(_row, trials))),
            *_lost(results),
            *environments(
                [(code(made["command"]), made["environment"]) for made in results["invocations"]]
            ),
        ],
    )


def table(results: dict[str, Any]) -> str:
    """Return the finished trials, the best first, as a table for the terminal."""
    rows = [_row(trial)[:_PRINTED] for trial in _by_quality(results)]
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


def _by_quality(results):
    """Return the finished trials, the best first."""
    return sorted(
        (trial for trial in results["trials"] if trial["state"] != "lost"),
        key=lambda trial: (trial["perplexity"] or math.inf, trial["number"]),
    )


def _best(trial):
    return (
        f"Validation perplexity {trial['perplexity']:.3f} with {charts.point(trial)}, in "
        f"{trial['seconds']:,.0f} seconds: `{trial['continuation']}`"
    )


def _protocol(results):
    asked = results["settings"]
    return (
        f"{len(_by_quality(results))} of {results['needed']} trials are finished. Sampler: "
        f"{asked['sampler']}, pruning {'on' if asked['prune'] else 'off'}. num_steps "
        f"{asked['num_steps']}, num_hiddens {asked['num_hiddens']}, lr {asked['lr']}; "
        f"{asked['epochs']} epochs, minibatches of {asked['batch_size']:,}, gradients clipped to "
        f"norm 1, seed {asked['seed']}. The first {asked['train_windows']:,} windows of the text "
        f"train, the next {asked['valid_windows']:,} validate; the state starts at zero in every "
        "minibatch.\nTrained on "
        + trained_on(results["text"], "nothing here is comparable with the book")
    )


def _effects(results, axis):
    """Return a table with a row for each value of an axis, over the other axes."""
    by_value = {}
    for trial in charts.complete(results):
        by_value.setdefault(trial[axis], []).append(trial)

    def row(value, trials):
        best = min(trials, key=lambda trial: trial["perplexity"])
        medians = {
            name: statistics.median(trial[name] for trial in trials)
            for name in ("seconds", "tokens_per_sec", "perplexity")
        }
        return [
            f"{value:g}",
            len(trials),
            f"{medians['seconds']:,.0f}",
            f"{medians['tokens_per_sec']:,.0f}",
            f"{medians['perplexity']:.3f}",
            f"{best['perplexity']:.3f}",
            f"`{best['continuation']}`",
        ]

    return Table(
        [
            axis,
            "complete trials",
            "seconds (median)",
            "tokens/sec (median)",
            "validation perplexity (median)",
            "(best)",
            "text of the best",
        ],
        [row(*pair) for pair in sorted(by_value.items())],
    )


def _row(trial):
    note = f"same as trial {trial['same_as']}" if "same_as" in trial else ""
    if trial.get("retry_of") is not None:
        note = f"again trial {trial['retry_of']}"
    diverged = trial["state"] == "diverged"
    return [
        trial["number"],
        *(f"{trial[axis]:g}" for axis in AXES),
        f"{trial['perplexity']:.3f}"
        if trial["perplexity"]
        else f"{trial['state']} (epoch {trial['epochs'] + diverged})",
        f"{trial['training'][-1]:.3f}" if trial["training"] else "",
        f"{trial['seconds']:,.0f}",
        f"{trial['tokens_per_sec']:,.0f}",
        note,
        f"`{trial['continuation']}`" if trial["continuation"] else "",
    ]


def _lost(results):
    """Return a heading and a table of the trials whose workers died, which version 0.1.0 recorded."""
    again = {trial.get("retry_of"): trial for trial in results["trials"]}
    rows = [
        [
            trial["number"],
            *(trial[axis] for axis in AXES),
            trial["worker"],
            trial["epochs"],
            "trial {number} by {worker}".format(**again[trial["number"]])
            if trial["number"] in again
            else "a new trial",
        ]
        for trial in results["trials"]
        if trial["state"] == "lost"
    ]
    headers = ["lost trial", *AXES, "worker", "at epoch", "taken up as"]
    heading = Heading("Workers that died or were stopped", level=3)
    return [heading, Table(headers, rows)] if rows else []
