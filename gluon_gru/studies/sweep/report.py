"""The hyperparameter study as results, as tables, as ``report.md``, and as a page."""

import math
import statistics

from tabulate import tabulate

from gluon_gru.report import charts, render
from gluon_gru.runs.checkpoint import write_whole
from gluon_gru.studies.sweep.pictures import complete, heatmap, importance, time_quality
from gluon_gru.studies.sweep.space import AXES


def _shown(record):
    return {
        **record.results,
        "invocations": record.invocations,
        "corpus": record.text,
        "asked": record.settings,
    }


def write(record, folder):
    """Write ``report.md`` and ``.html``, ``heatmap.png``, ``time_quality.png``, ``importance.png``.

    Args:
        results: what `results` returns.
        folder: a `pathlib.Path`.

    Raises:
        InputError: if it can't be written.
    """
    results = _shown(record)
    write_whole(folder / "heatmap.png", heatmap(results))
    write_whole(folder / "time_quality.png", time_quality(results))
    if "values" in results["importance"]:
        write_whole(folder / "importance.png", importance(results))
    write_whole(folder / "report.md", markdown(results).encode())
    write_whole(folder / "report.html", html(results))


def _perplexity(trial):
    if trial["perplexity"] is None:
        return f"{trial['state']} (epoch {trial['epochs'] + (trial['state'] == 'diverged')})"
    return f"{trial['perplexity']:.3f}"


def _row(trial):
    again = [f"same as trial {trial['same_as']}"] if "same_as" in trial else []
    return [
        trial["number"],
        *(f"{trial[axis]:g}" for axis in AXES),
        _perplexity(trial),
        *(
            [
                f"{trial['training'][-1]:.3f}" if trial["training"] else "",
                f"{trial['seconds']:,.0f}",
                f"{trial['tokens_per_sec']:,.0f}",
            ]
            if "seconds" in trial
            else ["", "", ""]
        ),
        ", ".join(again),
        f"`{trial['continuation']}`" if trial.get("continuation") else "",
    ]


def table(results):
    """Return the finished trials, the best first, as a table for the terminal."""
    return tabulate(
        [_row(trial)[:8] for trial in _by_quality(results)], _HEADERS[:8], disable_numparse=True
    )


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


def _by_quality(results):
    return sorted(
        (trial for trial in results["trials"] if trial["state"] != "lost"),
        key=lambda trial: (trial["perplexity"] or math.inf, trial["number"]),
    )


def budget_table(cost):
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
    return tabulate(
        rows,
        ["num_steps", "num_hiddens", "trials", "million tokens", "tokens/sec", "hours of a worker"],
        disable_numparse=True,
    ) + (
        f"\n\n{cost['trials']} trials, {cost['tokens'] / 1e6:,.0f} million tokens: "
        f"{cost['hours']:.2f} hours here with --workers {cost['workers']} (measured with as many "
        "at the same time; validation included)"
    )


def _effects(results, axis):
    """Yield a table row for each value of an axis, over the other axes."""
    for value in sorted({trial[axis] for trial in complete(results)}):
        trials = [trial for trial in complete(results) if trial[axis] == value]
        best = min(trials, key=lambda trial: trial["perplexity"])
        perplexities = [trial["perplexity"] for trial in trials]
        yield [
            f"{value:g}",
            len(trials),
            f"{statistics.median(trial['seconds'] for trial in trials):,.0f}",
            f"{statistics.median(trial['tokens_per_sec'] for trial in trials):,.0f}",
            f"{statistics.median(perplexities):.3f}",
            f"{min(perplexities):.3f}",
            f"`{best['continuation']}`",
        ]


def _table(rows, headers):
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


_TITLE = "Hyperparameters of the GRU"
_HOW_MEASURED = (
    "Over all complete trials with that value. Seconds are of training and "
    "validation, as measured beside the other workers."
)

#: Of the best so many trials the page has curves.
_CURVES = 4


def _made(results):
    corpus, asked = results["corpus"], results["asked"]
    comparable = (
        "byte for byte the book's corpus"
        if corpus["is_books"]
        else "**NOT the book's corpus: nothing here is comparable with the book**"
    )
    return (
        f"{len(_by_quality(results))} of {results['needed']} trials are finished. Sampler: "
        f"{asked['sampler']}, "
        f"pruning {'on' if asked['prune'] else 'off'}. num_steps {asked['num_steps']}, "
        f"num_hiddens {asked['num_hiddens']}, lr {asked['lr']}; {asked['epochs']} epochs, "
        f"minibatches of {asked['batch_size']:,}, gradients clipped to norm 1, seed "
        f"{asked['seed']}. The first {asked['train_windows']:,} windows of the text train, the "
        f"next {asked['valid_windows']:,} validate; the state starts at zero in every "
        "minibatch.\n"
        f"Trained on {corpus['name']} (SHA-1 `{corpus['sha1']}`), {comparable}. {corpus['note']}".rstrip()
    )


def _point(trial):
    return ", ".join(f"{axis} {trial[axis]:g}" for axis in AXES)


def _best(results):
    best = _by_quality(results)[0]
    if not best["perplexity"]:
        return "No trial completed."
    return (
        f"Validation perplexity {best['perplexity']:.3f} with {_point(best)}, in "
        f"{best['seconds']:,.0f} seconds: `{best['continuation']}`"
    )


def _effects_by_axis(results):
    """Return the axes, each with its table's headers and rows."""
    return [
        (
            axis,
            [
                axis,
                "complete trials",
                "seconds (median)",
                "tokens/sec (median)",
                "validation perplexity (median)",
                "(best)",
                "text of the best",
            ],
            list(_effects(results, axis)),
        )
        for axis in AXES
    ]


def markdown(results):
    """Return the report: the best, the effect of each axis, importance, all trials, environment."""
    headers, rows, how = _importance_table(results["importance"])
    return (
        "\n\n".join(
            [
                f"# {_TITLE}",
                _made(results),
                "## The best",
                _best(results),
                "![Validation perplexity over the grid](heatmap.png)",
                "![Running time and validation perplexity](time_quality.png)",
                "## The effect of each hyperparameter",
                _HOW_MEASURED,
                *(
                    part
                    for axis, *table in _effects_by_axis(results)
                    for part in (f"### {axis}", _table(*reversed(table)))
                ),
                "## Importance",
                *(["![Importance](importance.png)", _table(rows, headers)] if rows else []),
                how,
                "## All trials",
                _table(map(_row, _by_quality(results)), _HEADERS),
                "## Environment",
                *(
                    f"`{made['command']}`\n\n" + _table(made["environment"].items(), ["", ""])
                    for made in results["invocations"]
                ),
            ]
        )
        + "\n"
    )


def html(results):
    """Return the same as a page, ``report.html``, with the best trials' curves."""
    headers, rows, how = _importance_table(results["importance"])
    best = [trial for trial in _by_quality(results) if trial["perplexity"]][:_CURVES]
    return render.render(
        "sweep.html",
        title=_TITLE,
        made=_made(results),
        best=_best(results),
        curves=best
        and charts.curves(
            [
                charts.Curve(f"trial {trial['number']}: {_point(trial)}", [trial["validation"]])
                for trial in best
            ]
        ),
        pictures=[
            (heatmap(results), "Validation perplexity over the grid"),
            (time_quality(results), "Running time and validation perplexity"),
        ],
        how_measured=_HOW_MEASURED,
        effects=_effects_by_axis(results),
        importance=rows and {"headers": headers, "rows": rows, "picture": importance(results)},
        how_important=how,
        headers=_HEADERS,
        trials=[_row(trial) for trial in _by_quality(results)],
        lost={"rows": []},
        environments=[
            ([f"`{made['command']}`"], made["environment"]) for made in results["invocations"]
        ],
    )


def _importance_table(found):
    """Return the table's headers and rows, no rows if it wasn't computed, and what that means."""
    headers = ["hyperparameter", "importance (PED-ANOVA)", "share of the variance"]
    if "reason" in found:
        return headers, [], f"Not computed: {found['reason']}."
    shares = found.get("variance", {})
    return (
        headers,
        [
            [axis, f"{value:.2f}", f"{shares[axis]:.2f}" if shares else "the grid has gaps"]
            for axis, value in found["values"].items()
        ],
        (
            f"Of {found['trials']} complete trials; diverged ones are left out. PED-ANOVA is "
            "Optuna's: how much a value decides whether a trial is among the best "
            f"{found['quantile']:.0%}; it looks at ranks only, so perplexity and its logarithm give "
            "the same; it adds up to 1. The share of the variance of log perplexity is each "
            "hyperparameter's alone; what is missing to 1 is what they do together."
        ),
    )
