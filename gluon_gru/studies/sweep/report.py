"""The report of a hyperparameter study: the best trials, each axis's effect, importance, trials."""

from __future__ import annotations

import math
import statistics
from typing import Any

from gluon_gru.report import terminal
from gluon_gru.report.document import Document, Heading, Paragraph, Table
from gluon_gru.studies.provenance import environments, trained_on
from gluon_gru.studies.sweep import charts
from gluon_gru.studies.sweep.space import AXES

#: Of the best so many trials the report has curves.
_CURVES = 4


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what the study's ``record.json`` holds.
    """
    best = [trial for trial in _by_quality(results) if trial["perplexity"]][:_CURVES]
    return Document(
        "Hyperparameters of the GRU",
        [
            Heading("The best", "best"),
            Paragraph(_best(results)),
            *([charts.curves(best)] if best else ()),
            charts.heat_map(results),
            *([charts.time_and_quality(results)] if best else ()),
            Paragraph(_made(results)),
            Heading("The effect of each hyperparameter", "effects", short="Effects"),
            Paragraph(
                "Over all complete trials with that value. Seconds are of training and "
                "validation, as measured beside the other workers."
            ),
            *(
                block
                for axis in AXES
                for block in (Heading(axis, level=3), _effects(results, axis))
            ),
            Heading("Importance"),
            *charts.importance(results["importance"]),
            Heading("All trials", "trials"),
            _trials(results),
            *_lost(results),
            *environments(
                [(f"`{made['command']}`", made["environment"]) for made in results["invocations"]]
            ),
        ],
    )


def table(results: dict[str, Any]) -> str:
    """Return the finished trials, the best first, as a table for the terminal."""
    trials = _trials(results)
    return terminal.text([Table(trials.headers[:8], [row[:8] for row in trials.rows])])


def budget_table(cost: dict[str, Any]) -> str:
    """Return what `gluon_gru.studies.sweep.study.budget` measured as a table for the terminal."""
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
    headers = ["num_steps", "num_hiddens", "trials", "million tokens", "tokens/sec"]
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
    return sorted(
        (trial for trial in results["trials"] if trial["state"] != "lost"),
        key=lambda trial: (trial["perplexity"] or math.inf, trial["number"]),
    )


def _best(results):
    best = next(iter(_by_quality(results)), {"perplexity": None})
    if not best["perplexity"]:
        return "No trial completed."
    return (
        f"Validation perplexity {best['perplexity']:.3f} with {charts.point(best)}, in "
        f"{best['seconds']:,.0f} seconds: `{best['continuation']}`"
    )


def _made(results):
    asked = results["settings"]
    return (
        f"{len(_by_quality(results))} of {results['needed']} trials are finished. Sampler: "
        f"{asked['sampler']}, "
        f"pruning {'on' if asked['prune'] else 'off'}. num_steps {asked['num_steps']}, "
        f"num_hiddens {asked['num_hiddens']}, lr {asked['lr']}; {asked['epochs']} epochs, "
        f"minibatches of {asked['batch_size']:,}, gradients clipped to norm 1, seed "
        f"{asked['seed']}. The first {asked['train_windows']:,} windows of the text train, the "
        f"next {asked['valid_windows']:,} validate; the state starts at zero in every "
        "minibatch.\nTrained on "
        + trained_on(results["text"], "nothing here is comparable with the book")
    )


def _effects(results, axis):
    """Return a table with a row for each value of an axis, over the other axes."""
    rows = []
    for value in sorted({trial[axis] for trial in charts.complete(results)}):
        trials = [trial for trial in charts.complete(results) if trial[axis] == value]
        best = min(trials, key=lambda trial: trial["perplexity"])
        rows.append(
            [
                f"{value:g}",
                len(trials),
                f"{statistics.median(trial['seconds'] for trial in trials):,.0f}",
                f"{statistics.median(trial['tokens_per_sec'] for trial in trials):,.0f}",
                f"{statistics.median(trial['perplexity'] for trial in trials):.3f}",
                f"{best['perplexity']:.3f}",
                f"`{best['continuation']}`",
            ]
        )
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
        rows,
    )


def _trials(results):
    return Table(
        [
            "trial",
            *AXES,
            "validation perplexity",
            "training perplexity",
            "seconds",
            "tokens/sec",
            "",
            "text",
        ],
        [_row(trial) for trial in _by_quality(results)],
    )


def _row(trial):
    perplexity = trial["perplexity"]
    again = f"same as trial {trial['same_as']}" if "same_as" in trial else ""
    if trial.get("retry_of") is not None:
        again = f"again trial {trial['retry_of']}"
    return [
        trial["number"],
        *(f"{trial[axis]:g}" for axis in AXES),
        f"{trial['state']} (epoch {trial['epochs'] + (trial['state'] == 'diverged')})"
        if perplexity is None
        else f"{perplexity:.3f}",
        *(
            [
                f"{trial['training'][-1]:.3f}" if trial["training"] else "",
                f"{trial['seconds']:,.0f}",
                f"{trial['tokens_per_sec']:,.0f}",
            ]
            if "seconds" in trial
            else ["", "", ""]
        ),
        again,
        f"`{trial['continuation']}`" if trial.get("continuation") else "",
    ]


def _lost(results):
    """Return what version 0.1.0 recorded of trials whose workers died, a heading and a table."""
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
