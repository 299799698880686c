"""The report of a reproduction: each claim with what was measured, curves, rates, texts."""

from __future__ import annotations

import statistics
from typing import Any, Iterator

from gluon_gru.published.claims import CLAIMS, FUSED, Claim, on_engine
from gluon_gru.published.sources import CHAPTER
from gluon_gru.published.verbatim import VERBATIM_RUN
from gluon_gru.report import terminal
from gluon_gru.report.document import (
    Bar,
    Bars,
    Bullets,
    Curve,
    Curves,
    Document,
    Heading,
    Judged,
    Paragraph,
    Point,
    Table,
    Text,
    Texts,
    Verdicts,
)
from gluon_gru.studies.provenance import environments, trained_on

_CLAIMS = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what ``record.json`` holds.
    """
    ids = [verdict["claim"] for verdict in results["verdicts"]]
    return Document(
        "What the GRU chapter reports, measured again",
        [
            Heading("Verdicts"),
            Verdicts([Judged(v["claim"], v["claim"], v["verdict"]) for v in results["verdicts"]]),
            Paragraph(_made(results)),
            Heading("Each claim, reported and measured", "claims", short="Claims"),
            _claims(results, ids),
            Paragraph(_how_judged(results)),
            Heading("Perplexity by epoch", "curves", short="Curves"),
            *([_curves(results)] if results["runs"] else ()),
            Heading("Throughput"),
            *([_rates(results)] if results["runs"] else ()),
            Heading("Continuations"),
            Paragraph(_how_marked(results)),
            Texts("claim", list(_texts(results))),
            Heading("Tolerances"),
            Bullets(_tolerances(results)),
            Heading("What differs in the sources", "sources", short="Sources"),
            Bullets(_discrepancies()),
            *environments(
                [(f"`{made['command']}`", made["environment"]) for made in results["invocations"]]
            ),
        ],
    )


def table(results: dict[str, Any]) -> str:
    """Return the verdicts as a table for the terminal."""
    return terminal.text([_claims(results)])


def _claims(results, anchors=None):
    return Table(
        ["claim", "reported", "measured", "epochs", "verdict"],
        [_row(verdict) for verdict in results["verdicts"]],
        anchors=anchors,
        verdict_column=4,
    )


def _row(verdict):
    claim = _claim(verdict)
    at = f"{verdict['figures']['epochs']} of {claim.protocol.num_epochs}"
    return [claim.id, claim.reported, verdict["evidence"], at, verdict["verdict"]]


def _claim(verdict: dict[str, Any]) -> Claim:
    return _CLAIMS[verdict["claim"]]


def _made(results):
    """Return what was run, on what, and on which text, in two sentences."""
    runs, invocations = results["runs"], results["invocations"]
    env = invocations[-1]["environment"]
    seeds = ", ".join(map(str, results["seeds"]))
    minutes = sum(sum(run["seconds"]) for run in runs) / 60
    return (
        f"Made by `{invocations[0]['command']}`"
        + (f" and {len(invocations) - 1} more (the environments, below)" if invocations[1:] else "")
        + f": {len(runs)} training runs (seeds {seeds}), "
        f"{minutes:.0f} minutes of training, on {env['device']} ({env['processor']}, "
        f"{env['cores']} cores).\nTrained on "
        + trained_on(results["text"], "nothing here is comparable with the published numbers")
    )


def _how_judged(results):
    return (
        "Measured is the median over the seeds (and the range). A perplexity holds if the "
        "median is within the tolerance. A rate is judged on a GPU only; elsewhere it is other "
        "hardware, shown with the ratio. A speedup holds if the concise model is the faster "
        "one. Texts are never compared letter by letter: another random start gives another "
        "text."
        + (
            " Rows of `-fused` hold the same models on this package's native engine against "
            "what was reported of the others."
            if any("fused" in run["model"] for run in results["runs"])
            else ""
        )
    )


def _judged(results: dict[str, Any], quantity: str) -> list[Claim]:
    """Return the claims of a quantity that the results judge, on the engine or not."""
    ids = {verdict["claim"] for verdict in results["verdicts"]}
    return [
        claim
        for claim in CLAIMS
        if claim.quantity == quantity
        and not ids.isdisjoint({claim.id, *(c.id for c in on_engine([claim]))})
    ]


def _curves(results):
    groups: dict[Any, list[str]] = {}
    for claim in _judged(results, "perplexity"):
        groups.setdefault((claim.protocol.num_epochs, claim.says), []).append(claim.group)
    return Curves(
        f"Perplexity by epoch on {results['text']['name']}: measured, and (lines across) reported",
        "perplexity.png",
        [
            Curve(_seeds(name, runs), [run["perplexity"] for run in runs], model)
            for model, name in results["models"].items()
            for runs in [_runs(results, model)]
        ],
        [
            Point(epochs, value, f"{value:g} reported", ", ".join(some))
            for (epochs, value), some in groups.items()
        ],
    )


def _runs(results, model):
    return [run for run in results["runs"] if run["model"] == model]


def _seeds(name, runs):
    return f"{name} ({len(runs)} seeds)" if len(runs) > 1 else name


def _rates(results):
    """Return the rates, reported and measured (the median over all epochs), as bars."""
    models, env = results["models"], results["invocations"][-1]["environment"]
    bars = []
    for claim in _judged(results, "tokens/sec"):
        model = claim.protocol.model
        if model in models or FUSED.get(model) in models:
            note = f"reported, {claim.device}"
            bars.append(Bar(claim.group, note, claim.says, None, model, "hollow"))
    for model, name in models.items():
        epochs = sorted(rate for run in _runs(results, model) for rate in run["tokens_per_sec"])
        middle = epochs[len(epochs) // 20], epochs[-1 - len(epochs) // 20]
        bars.append(Bar(name, "measured here", statistics.median(epochs), middle, model))
    return Bars(
        f"Tokens/sec. Filled: the median epoch, measured on {env['device']}, {env['processor']}, "
        f"{env['cores']} cores, and where 90% of the epochs are. Hollow: as reported, on other "
        "hardware",
        "throughput.png",
        bars,
    )


def _how_marked(results):
    marked = any(verdict["figures"].get("spans") for verdict in results["verdicts"])
    return (
        "The first seed's. Verbatim is the share of the generated characters that lie in "
        f"runs of {VERBATIM_RUN} or more copied from the training text"
        + (
            "; the page marks such runs."
            if marked
            else ". These results were recorded without the places of such runs, so nothing is marked."
        )
    )


def _texts(results: dict[str, Any]) -> Iterator[Text]:
    """Yield every text, published and measured."""
    for verdict in results["verdicts"]:
        claim, figures = _claim(verdict), verdict["figures"]
        if claim.quantity == "continuation" and figures["measured"]:
            made = "reported", f"measured (epoch {figures['epochs']})"
            # Older results have no spans.
            spans = figures.get("spans") or [[[], []]] * len(figures["texts"])
            pairs = zip(zip(claim.says, figures["texts"]), figures["shares"], spans)
            for texts, shares, places in pairs:
                for how, text, share, place in zip(made, texts, shares, places):
                    shown = "" if share is None else f"{share:.0%}"
                    yield Text(claim.id, how, text, shown, place)


def _tolerances(results: dict[str, Any]) -> list[str]:
    """Return the reasons for tolerances, each with the claims that have it."""
    reasons: dict[Any, list[str]] = {}
    for claim in map(_claim, results["verdicts"]):
        reasons.setdefault((claim.source, claim.reason), []).append(f"`{claim.id}`")
    return [f"{', '.join(ids)} ({source}): {reason}." for (source, reason), ids in reasons.items()]


def _discrepancies() -> list[str]:
    """Return what the sources say in two ways, and which one is followed here."""
    rates = {claim.group: claim.says for claim in CLAIMS if claim.quantity == "tokens/sec"}
    epochs = {one.group: one.protocol.num_epochs for one in CLAIMS if one.protocol}
    return [
        f"{CHAPTER.section}: the prose draws the weights with a variance of 0.01, the code with "
        "a standard deviation of 0.01 (`scale=0.01`). The code made the numbers, so the code "
        "counts.",
        f"The slides stop the model from scratch at epoch {epochs['slides-scratch']}, the "
        f"chapter at {epochs['chapter-scratch']}; everything else is the same, so one run serves "
        "both.",
        f"For one and the same concise model the chapter reports "
        f"{rates['chapter-concise']:,} tokens/sec and the slides {rates['slides-concise']:,}, "
        "both on gpu(0). Neither names the GPU or the software, so the difference stays "
        "unexplained.",
        "From scratch, the reset gate acts before the recurrent matrix product; in `rnn.GRU` it "
        "acts after it, and there are second biases. The two models that are compared are "
        "different functions.",
        "The book's loop calls `detach()` on the state and drops the result. It trains the same "
        "model all the same, since MXNet forgets the graph of a minibatch after its backward "
        "pass; here the detached state is used.",
    ]
