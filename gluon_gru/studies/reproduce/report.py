"""The report of a reproduction: each claim with what was measured, curves, rates, texts."""

from __future__ import annotations

import pathlib
import statistics
from typing import Any, Container, Iterator

from gluon_gru.published.claims import CLAIMS, SCRATCH, SCRATCH_SHORT, Claim, fused, on_engine
from gluon_gru.published.sources import CHAPTER
from gluon_gru.published.two_samples import LEVEL, POWER
from gluon_gru.published.verbatim import VERBATIM_RUN
from gluon_gru.report import terminal
from gluon_gru.report.document import (
    Bar,
    Bars,
    Bullets,
    Continuation,
    Curve,
    Curves,
    Document,
    DotRow,
    Dots,
    Heading,
    Judged,
    Link,
    Paragraph,
    Point,
    Table,
    Texts,
    Verdicts,
    code,
)
from gluon_gru.runs.files import exists
from gluon_gru.studies.provenance import environments, trained_on
from gluon_gru.studies.reproduce.learning import PAGE
from gluon_gru.text.editions import EDITIONS, UNNAMED

#: More than so many curves in one chart are not told apart.
_MOST_CURVES = 6

_CLAIMS = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}


def document(results: dict[str, Any], folder: pathlib.Path | None = None) -> Document:
    """Return the report.

    Args:
        results: what ``record.json`` holds.
        folder: where the report goes. If the page of `gluon_gru.studies.reproduce.learning` is
            there, the report links it; records are passed on without that page.
    """
    ids = [verdict["claim"] for verdict in results["verdicts"]]
    return Document(
        "What the book reports of its recurrent models, measured again",
        [
            Heading("Verdicts"),
            Verdicts([Judged(v["claim"], v["claim"], v["verdict"]) for v in results["verdicts"]]),
            Paragraph(_made(results)),
            Heading("Each claim, reported and measured", "claims", short="Claims"),
            _claims(results, ids),
            Paragraph(_how_judged(results)),
            *_distributions(results),
            Heading("Perplexity by epoch", "curves", short="Curves"),
            *([_curves(results)] if results["runs"] else ()),
            Heading("Throughput"),
            *([_rates(results)] if results["runs"] else ()),
            *_page(folder),
            Heading("Continuations"),
            Paragraph(_how_marked(results)),
            Texts("claim", list(_texts(results))),
            Heading("Tolerances"),
            Bullets(_tolerances(results)),
            Heading("What differs in the sources", "sources", short="Sources"),
            Bullets(_discrepancies(results)),
            *environments(
                [(code(made["command"]), made["environment"]) for made in results["invocations"]]
            ),
        ],
    )


def table(results: dict[str, Any]) -> str:
    """Return the verdicts as a table for the terminal."""
    return terminal.text([_claims(results)])


def lines(results: dict[str, Any], ids: Container[str]) -> str:
    """Return the verdicts on some claims in a line each, for a terminal.

    Args:
        results: what ``record.json`` holds.
        ids: of the claims.
    """
    told = []
    for verdict in results["verdicts"]:
        if verdict["claim"] in ids:
            line = f"  {verdict['verdict']:<20} {verdict['claim']}: {verdict['evidence']}"
            told.append(line if len(line) <= 80 else f"{line[:77]}...")
    return "\n".join(told)


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
    seeds = f"seed{'s' * (len(results['seeds']) > 1)} {', '.join(map(str, results['seeds']))}"
    minutes = sum(sum(run["seconds"]) for run in runs) / 60
    return (
        f"Made by {code(invocations[0]['command'])}"
        + (f" and {len(invocations) - 1} more (the environments, below)" if invocations[1:] else "")
        + f": {len(runs)} training runs ({seeds}), "
        f"{minutes:.1f} minutes of training, on {env['device']} ({env['processor']}, "
        f"{env['cores']} cores).\nTrained on "
        + trained_on(results["text"], "nothing here is comparable with the published numbers")
        + " "
        + _edition(results)
    )


def _edition(results):
    """Return which editions of the text were trained on, a sentence or two."""
    editions = sorted({run.get("edition", UNNAMED) for run in results["runs"]})
    of_claims = {_claim(v).protocol.edition for v in results["verdicts"]}
    said = f"Edition{'s' * (len(editions) > 1)} of the text: {', '.join(editions)}."
    if set(editions) <= of_claims or not results["text"]["is_books"]:
        return said
    return (
        f"{said} **The claims are about {', '.join(sorted(of_claims))}**: these trainings are of a "
        "version that knew one edition only."
    )


def _how_judged(results):
    claims = list(map(_claim, results["verdicts"]))
    sentences = [
        "Measured is the median over the seeds (and the range). A single published perplexity holds "
        "if the median is within the tolerance. A rate is judged on a GPU only; elsewhere it is "
        "other hardware, shown with the ratio. Of a speedup the direction is judged. Texts are never "
        "compared letter by letter: another random start gives another text."
    ]
    if any(claim.many for claim in claims):
        sentences.append(
            "What many builds printed is a sample, and so is ours, printed with one decimal as the "
            "book prints it: `p` is that of the two-sided rank-sum test (Wilcoxon, Mann and Whitney; "
            "exact, with midranks), and `power` how often that test would have seen a difference of "
            f"0.1 with as many runs. A distribution holds if p is at least {LEVEL:g} and power at "
            f"least {POWER:.0%}, and does not hold if p is less. Of published rates and speedups the "
            "least, the median and the most are shown."
        )
    if any("fused" in run["model"] for run in results["runs"]):
        sentences.append(
            "Rows of `-fused` hold the same models on this package's native engine against what was "
            "reported of the others."
        )
    return " ".join(sentences)


# Perplexities beyond are at the edge, and written out.
_SHOWN = 1.0, 1.6


def _distributions(results):
    """Return the section that has published and measured perplexities as dots, if there are any."""
    rows = [
        (_claim(verdict), verdict)
        for verdict in results["verdicts"]
        if _claim(verdict).many
        and _claim(verdict).quantity == "perplexity"
        and verdict["figures"]["measured"]
    ]
    if not rows:
        return []
    title = (
        "Perplexity at the end. Hollow: as printed by each build of the book. Filled: measured here, "
        "one dot for each seed"
    )
    return [
        Heading("Published and measured", "distributions", short="Distributions"),
        Dots(
            title,
            "distributions.png",
            [
                DotRow(
                    claim.group,
                    f"p = {verdict['figures']['p']:.2g}, {verdict['verdict']}",
                    claim.says,
                    verdict["figures"]["measured"],
                    claim.protocol.model,
                )
                for claim, verdict in rows
            ],
            "perplexity",
            *_SHOWN,
        ),
    ]


def _judged(results: dict[str, Any], quantity: str) -> list[Claim]:
    """Return the claims of a quantity that the results judge, on the engine or not."""
    ids = {verdict["claim"] for verdict in results["verdicts"]}
    return [
        claim
        for claim in CLAIMS
        if claim.quantity == quantity
        and not ids.isdisjoint({claim.id, *(c.id for c in on_engine([claim]))})
    ]


def _trainings(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of each model and edition, by what to call them."""
    editions = {run.get("edition") for run in results["runs"]}
    trainings: dict[str, list[dict[str, Any]]] = {}
    for run in results["runs"]:
        name = results["models"][run["model"]]
        if len(editions) > 1:
            name += f", text of {run.get('edition', UNNAMED)}"
        trainings.setdefault(name, []).append(run)
    return trainings


def _curves(results):
    claims = _judged(results, "perplexity")
    groups: dict[Any, list[str]] = {}
    for claim in claims:
        if not claim.many:
            groups.setdefault((claim.protocol.num_epochs, claim.says), []).append(claim.group)
    trainings = _trainings(results)
    number, shown = len(trainings), ""
    if number > _MOST_CURVES:
        # Those of single claims, or of the first ones.
        single = {claim.protocol.model for claim in claims if not claim.many}
        single |= set(map(fused, single))
        some = {name: runs for name, runs in trainings.items() if runs[0]["model"] in single}
        trainings = dict(list((some or trainings).items())[:_MOST_CURVES])
        shown = f" ({len(trainings)} of {number} trainings)"
    return Curves(
        f"Perplexity by epoch on {results['text']['name']}: measured{shown}, and (lines across) "
        "reported",
        "perplexity.png",
        [
            Curve(_seeds(name, runs), [run["perplexity"] for run in runs], runs[0]["model"])
            for name, runs in trainings.items()
        ],
        [
            Point(epochs, value, f"{value:g} reported", ", ".join(some))
            for (epochs, value), some in groups.items()
        ],
    )


def _seeds(name, runs):
    return f"{name} ({len(runs)} seeds)" if len(runs) > 1 else name


def _rates(results):
    """Return the rates, reported and measured (the median over all epochs), as bars."""
    models, env = results["models"], results["invocations"][-1]["environment"]
    bars = []
    for claim in _judged(results, "tokens/sec"):
        model = claim.protocol.model
        if model in models or fused(model) in models:
            note, value, span = f"reported, {claim.device}", claim.says, None
            if claim.many:
                note = f"reported by {len(value)} builds, {claim.device}"
                value, span = statistics.median(claim.says), (min(claim.says), max(claim.says))
            bars.append(Bar(claim.group, note, value, span, model, "hollow"))
    for name, runs in _trainings(results).items():
        epochs = sorted(rate for run in runs for rate in run["tokens_per_sec"])
        middle = epochs[len(epochs) // 20], epochs[-1 - len(epochs) // 20]
        bars.append(Bar(name, "measured here", statistics.median(epochs), middle, runs[0]["model"]))
    return Bars(
        f"Tokens/sec. Filled: the median epoch, measured on {env['device']}, {env['processor']}, "
        f"{env['cores']} cores{_threads(env)}, and where 90% of the epochs are. Hollow: as reported, "
        "on other hardware",
        "throughput.png",
        bars,
    )


def _threads(env):
    """Return how many threads trained, where that is fewer than there are cores."""
    threads = env["OMP_NUM_THREADS"]
    return "" if threads == "not set" else f" (threads: {threads})"


def _page(folder):
    """Return the section that links the page of the model, if that is in the folder."""
    if folder is None or not exists(folder / PAGE):
        return []
    return [
        Heading("The model while it learned", "learning", short="Learning"),
        Link(
            "The GRU from scratch, in your browser",
            PAGE,
            ": type a text, and switch between the model after its first epoch, on its way and at "
            "the end, to see how well each expects what you type, and what each writes.",
        ),
    ]


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


def _texts(results: dict[str, Any]) -> Iterator[Continuation]:
    """Yield every text, published and measured."""
    for verdict in results["verdicts"]:
        claim, figures = _claim(verdict), verdict["figures"]
        if claim.quantity == "continuation" and figures["measured"] and not claim.many:
            made = "reported", f"measured (epoch {figures['epochs']})"
            # Older results have no spans.
            spans = figures.get("spans") or [[[], []]] * len(figures["texts"])
            pairs = zip(zip(claim.says, figures["texts"]), figures["shares"], spans)
            for texts, shares, places in pairs:
                for how, text, share, place in zip(made, texts, shares, places):
                    shown = "" if share is None else f"{share:.0%}"
                    yield Continuation(claim.id, how, text, shown, place)


def _tolerances(results: dict[str, Any]) -> list[str]:
    """Return the reasons for tolerances, each with the claims that have it."""
    reasons: dict[Any, list[str]] = {}
    for claim in map(_claim, results["verdicts"]):
        reasons.setdefault((claim.source, claim.reason), []).append(f"`{claim.id}`")
    return [f"{', '.join(ids)} ({source}): {reason}." for (source, reason), ids in reasons.items()]


def _discrepancies(results: dict[str, Any]) -> list[str]:
    """Return what the sources say in two ways, and which one is followed here."""
    first = [run["perplexity"][0] for run in results["runs"]]
    after_one = f" After one epoch it is {statistics.median(first):.1f} here." if first else ""
    rates = {
        claim.group: claim.says
        for claim in CLAIMS
        if claim.quantity == "tokens/sec" and not claim.many
    }
    return [
        f"{CHAPTER.section}: the prose draws the weights with a variance of 0.01, the code with "
        "a standard deviation of 0.01 (`scale=0.01`). The code made the numbers, so the code "
        "counts.",
        "The chapter says that it prints the perplexity after training for one epoch; the code "
        f"above trains for {SCRATCH.num_epochs}.{after_one}",
        "The text has two editions. Until August 2020 the book stripped each line before it "
        "replaced what is no letter, so that a line that ends in punctuation ends in a space "
        f"({EDITIONS['2019'].num_characters:,} characters); since 1 September 2020 it strips after "
        f"that ({EDITIONS['2020-09'].num_characters:,}). Each claim is held against trainings on the "
        "text that it was made from.",
        "What the book calls random sampling is sequential partitioning with a state of zeros in "
        "each minibatch: the loop was told of random sampling, the loader was not. Until April 2021 "
        "(and once more in the build of 12 December 2021) that training went on with the model that "
        "had been trained sequentially just before; then it began with a new one, and the printed "
        "perplexity rose from 1.3 to 1.4 and 1.5. Neither the text nor the sampler did it.",
        f"The slides stop the model from scratch at epoch {SCRATCH_SHORT.num_epochs}, the "
        f"chapter at {SCRATCH.num_epochs}; everything else is the same, so one run serves both.",
        f"For one and the same concise model the chapter reports "
        f"{rates['chapter-concise']:,.0f} tokens/sec and the slides "
        f"{rates['slides-concise']:,.0f}, both on gpu(0). Neither names the GPU or the software; in "
        "notebooks of the chapter's build nvidia-smi prints Tesla V100-SXM2.",
        "From scratch, the reset gate acts before the recurrent matrix product; in `rnn.GRU` it "
        "acts after it, and there are second biases. The two models that are compared are "
        "different functions.",
        "The book's loop calls `detach()` on the state and drops the result. It trains the same "
        "model all the same, since MXNet forgets the graph of a minibatch after its backward "
        "pass; here the detached state is used.",
    ]
