"""A reproduction as a table for the terminal, as ``report.md`` with its pictures, and as a page."""

from tabulate import tabulate

from gluon_gru.published.claims import CLAIMS, on_engine
from gluon_gru.published.sources import CHAPTER
from gluon_gru.published.verbatim import VERBATIM_RUN
from gluon_gru.report import charts, render
from gluon_gru.report import pictures as plots
from gluon_gru.runs.checkpoint import write_whole

_CLAIMS = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}


def write(results, folder):
    """Write ``report.md``, ``report.html`` and the pictures of the first into a folder.

    Args:
        results: what ``record.json`` holds.
        folder: a `pathlib.Path`.

    Raises:
        InputError: if it can't be written.
    """
    write_whole(folder / "perplexity.png", plots.perplexity_by_epoch(results))
    write_whole(folder / "throughput.png", plots.throughput(results))
    write_whole(folder / "report.md", markdown(results).encode())
    write_whole(folder / "report.html", html(results))


def _row(verdict):
    claim = _claim(verdict)
    at = f"{verdict['figures']['epochs']} of {claim.protocol.num_epochs}"
    return [claim.id, claim.reported, verdict["evidence"], at, verdict["verdict"]]


_HEADERS = ["claim", "reported", "measured", "epochs", "verdict"]


def table(results):
    """Return the verdicts as a table for the terminal."""
    return tabulate(
        [_row(verdict) for verdict in results["verdicts"]],
        _HEADERS,
        maxcolwidths=[None, 24, 44, None, 16],
        disable_numparse=True,
    )


_TITLE = "What the GRU chapter reports, measured again"


def _made(results):
    """Return what was run, on what, and on which text, in two sentences."""
    corpus, runs, invocations = results["text"], results["runs"], results["invocations"]
    env = invocations[-1]["environment"]
    comparable = (
        "byte for byte the book's corpus"
        if corpus["is_books"]
        else "**NOT the book's corpus: nothing here is comparable with the published numbers**"
    )
    seeds = ", ".join(map(str, results["seeds"]))
    minutes = sum(sum(run["seconds"]) for run in runs) / 60
    return (
        f"Made by `{invocations[0]['command']}`"
        + (f" and {len(invocations) - 1} more (the environments, below)" if invocations[1:] else "")
        + f": {len(runs)} training runs (seeds {seeds}), "
        f"{minutes:.0f} minutes of training, on {env['device']} ({env['processor']}, "
        f"{env['cores']} cores).\n"
        f"Trained on {corpus['name']} (SHA-1 `{corpus['sha1']}`), {comparable}. "
        f"{corpus['note']}".rstrip()
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


_HOW_MARKED = (
    "The first seed's. Verbatim is the share of the generated characters that lie in "
    f"runs of {VERBATIM_RUN} or more copied from the training text."
)


def markdown(results):
    """Return the report: verdicts, pictures, texts, what differs in the sources, environment."""
    return (
        "\n\n".join(
            [
                f"# {_TITLE}",
                _made(results),
                "## Verdicts",
                tabulate(
                    [_row(verdict) for verdict in results["verdicts"]],
                    _HEADERS,
                    tablefmt="github",
                    disable_numparse=True,
                ),
                _how_judged(results),
                "![Perplexity by epoch](perplexity.png)",
                "![Tokens/sec, reported and measured](throughput.png)",
                "## Continuations",
                _HOW_MARKED,
                tabulate(
                    [
                        [
                            "" if text["made"] != "reported" else text["claim"],
                            text["made"],
                            f"`{text['text']}`",
                            text["share"],
                        ]
                        for text in _texts(results)
                    ],
                    ["claim", "", "text", "verbatim"],
                    tablefmt="github",
                    disable_numparse=True,
                ),
                "## Tolerances",
                "\n".join(f"- {line}" for line in _tolerances(results)),
                "## What differs in the sources",
                "\n".join(f"- {line}" for line in _discrepancies()),
                "## Environment",
                "\n\n".join(
                    f"`{invocation['command']}`\n\n"
                    + tabulate(
                        invocation["environment"].items(),
                        ["", ""],
                        tablefmt="github",
                        disable_numparse=True,
                    )
                    for invocation in results["invocations"]
                ),
            ]
        )
        + "\n"
    )


def html(results):
    """Return the same as a page, ``report.html``, with curves and bars of its own."""
    verdicts, texts = {}, {}
    for verdict in results["verdicts"]:
        verdicts.setdefault(verdict["verdict"], []).append((verdict["claim"], verdict["claim"]))
    for text in _texts(results):
        texts.setdefault(text["claim"], []).append(text)
    runs, env = results["runs"], results["invocations"][-1]["environment"]
    return render.render(
        "reproduce.html",
        title=_TITLE,
        made=_made(results),
        verdicts=verdicts,
        headers=_HEADERS,
        rows=[_row(verdict) for verdict in results["verdicts"]],
        anchors=[verdict["claim"] for verdict in results["verdicts"]],
        how_judged=_how_judged(results),
        how_marked=_HOW_MARKED,
        curves=runs
        and charts.curves(
            [
                charts.Curve(name, [run["perplexity"] for run in runs if run["model"] == model])
                for model, name in results["models"].items()
            ],
            [
                charts.Reported(value, epochs, ", ".join(groups))
                for (value, epochs), groups in plots.reported(results).items()
            ],
        ),
        bars=runs
        and charts.bars(
            [
                charts.Bar(*label.split("\n"), value, middle, "engine" if middle else "peer")
                for label, value, middle, _ in plots.rates(results)
            ]
        ),
        hardware=f"Tokens/sec. Filled: the median epoch, measured on {env['device']}, "
        f"{env['processor']}, {env['cores']} cores, and where 90% of the epochs are. "
        "Hollow: as reported, on other hardware.",
        marked=any(verdict["figures"].get("spans") for verdict in results["verdicts"]),
        continuations=texts.items(),
        tolerances=_tolerances(results),
        discrepancies=_discrepancies(),
        environments=[
            ([f"`{made['command']}`"], made["environment"]) for made in results["invocations"]
        ],
    )


def _claim(verdict):
    return _CLAIMS[verdict["claim"]]


def _tolerances(results):
    """Return the reasons for tolerances, each with the claims that have it, a list of lines."""
    reasons = {}
    for claim in map(_claim, results["verdicts"]):
        reasons.setdefault((claim.source, claim.reason), []).append(f"`{claim.id}`")
    return [f"{', '.join(ids)} ({source}): {reason}." for (source, reason), ids in reasons.items()]


def _share(value):
    return "" if value is None else f"{value:.0%}"


def _texts(results):
    """Yield every text, published and measured: its claim, how it was made, share and spans."""
    for verdict in results["verdicts"]:
        claim, figures = _claim(verdict), verdict["figures"]
        if claim.quantity == "continuation" and figures["measured"]:
            # Older results have no spans.
            spans = figures.get("spans") or [[[], []]] * len(figures["texts"])
            for texts, shares, places in zip(
                zip(claim.says, figures["texts"]), figures["shares"], spans
            ):
                for made, text, share, span in zip(
                    ("reported", f"measured (epoch {figures['epochs']})"), texts, shares, places
                ):
                    yield {
                        "claim": claim.id,
                        "made": made,
                        "text": text,
                        "share": _share(share),
                        "spans": span,
                    }


def _discrepancies():
    """Return what the sources say in two ways, and which one is followed here, a list of lines."""
    rates = {claim.group: claim.says for claim in CLAIMS if claim.quantity == "tokens/sec"}
    epochs = {claim.group: claim.protocol.num_epochs for claim in CLAIMS}
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
