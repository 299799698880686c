"""Pictures of a reproduction: perplexity by epoch, tokens/sec reported and measured."""

import io
import statistics
import warnings

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gluon_gru.published.claims import CLAIMS, FUSED, on_engine

#: Told apart by most who see few colours; pictures tell lines apart by style or label as well.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_STYLES = ("-", "--", "-.", ":")


def png(fig):
    """Return a Matplotlib figure as the bytes of a PNG file."""
    FigureCanvasAgg(fig)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        # Of a script that the font hasn't got, boxes tell as much.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        fig.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


def _models(results):
    return list(dict.fromkeys(run["model"] for run in results["runs"]))


def _judged(results, quantity):
    """Return the claims of a quantity that the results judge, on the engine or not."""
    ids = {verdict["claim"] for verdict in results["verdicts"]}
    return [
        claim
        for claim in CLAIMS
        if claim.quantity == quantity
        and not ids.isdisjoint({claim.id, *(c.id for c in on_engine([claim]))})
    ]


def perplexity_by_epoch(results):
    """Draw the perplexity of every run by epoch, and the reported ones as lines; PNG bytes.

    Args:
        results: what ``record.json`` holds.
    """
    fig = Figure(figsize=(8, 5), layout="tight")
    axes = fig.subplots()
    for i, model in enumerate(_models(results)):
        runs = [run for run in results["runs"] if run["model"] == model]
        for run in runs:
            ppl = run["perplexity"]
            axes.plot(
                range(1, len(ppl) + 1),
                ppl,
                _STYLES[i],
                color=COLOURS[i],
                linewidth=1.2,
                alpha=1 / len(runs) ** 0.5,
            )
        axes.plot(
            [],
            [],
            _STYLES[i],
            color=COLOURS[i],
            label=f"{results['models'][model]}, measured ({len(runs)} seeds)"
            if len(runs) > 1
            else f"{results['models'][model]}, measured",
        )
    for (value, epochs), groups in reported(results).items():
        axes.axhline(value, color="0.45", linewidth=0.8, linestyle=":")
        axes.plot([epochs], [value], "k*", markersize=9, clip_on=False, zorder=3)
        # Where no curve is: right of an early point, at the left edge for a late one.
        axes.annotate(
            f"{value:g} reported ({', '.join(groups)})",
            (epochs if epochs < 250 else 1, value),
            xytext=(0, 7),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set(
        xlabel="epoch",
        ylabel="perplexity",
        yscale="log",
        ylim=(0.95, None),
        title=f"Perplexity on {results['text']['name']}",
    )
    ticks = [1, 1.5, 2, 3, 5, 7, 10, 15, 20, 25]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.set_yticks([], minor=True)
    axes.grid(True, alpha=0.3)
    axes.legend(loc="upper right")
    return png(fig)


def reported(results):
    """Return what was reported: perplexity and its epoch -> the claims' groups, a dict."""
    found = {}
    for claim in _judged(results, "perplexity"):
        found.setdefault((claim.says, claim.protocol.num_epochs), []).append(claim.group)
    return found


def rates(results):
    """Return the rates reported and measured, in tokens/sec, a list.

    An entry is the label, of two lines; the rate, measured ones the median over epochs; where 90%
    of the epochs are, None for what was reported; and which of the results' models it is of.
    """
    models, bars = _models(results), []
    for claim in _judged(results, "tokens/sec"):
        named = [m for m in (claim.protocol.model, FUSED[claim.protocol.model]) if m in models]
        if named:
            bars.append(
                (
                    f"{claim.group}\nreported, {claim.device}",
                    claim.says,
                    None,
                    models.index(named[0]),
                )
            )
    for i, model in enumerate(models):
        epochs = sorted(
            rate
            for run in results["runs"]
            if run["model"] == model
            for rate in run["tokens_per_sec"]
        )
        bars.append(
            (
                f"{results['models'][model]}\nmeasured here",
                statistics.median(epochs),
                (epochs[len(epochs) // 20], epochs[-1 - len(epochs) // 20]),
                i,
            )
        )
    return bars


def throughput(results):
    """Draw the rates, reported and measured (medians, and the range over epochs); PNG bytes.

    Args:
        results: what ``record.json`` holds.
    """
    bars = rates(results)
    fig = Figure(figsize=(8, 1 + 0.62 * len(bars)), layout="tight")
    axes = fig.subplots()
    for y, (_, value, middle, i) in enumerate(bars):
        axes.barh(
            y,
            value,
            color=COLOURS[i] if middle else "white",
            edgecolor=COLOURS[i],
            hatch=None if middle else "///",
        )
        if middle:
            axes.plot(middle, [y, y], color="black", linewidth=1.5)
        end = middle[1] if middle else value
        axes.annotate(
            f"{value:,.0f}",
            (max(end, value), y),
            xytext=(4, 0),
            va="center",
            textcoords="offset points",
        )
    axes.set_yticks(range(len(bars)), [label for label, *_ in bars], fontsize=8)
    axes.invert_yaxis()
    env = results["invocations"][-1]["environment"]
    axes.set(xlabel="tokens/sec", xlim=(0, 1.15 * max(value for _, value, *_ in bars)))
    axes.set_title(
        f"Filled: the median epoch on {env['device']}, {env['processor']}, "
        f"{env['cores']} cores (black: 90% of the epochs)\nHatched: as reported, "
        "on other hardware",
        fontsize=9,
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return png(fig)
