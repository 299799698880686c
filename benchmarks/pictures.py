"""Pictures of a benchmark: rates as bars and the limit as a line; ratios by shape as a heat map."""

import statistics

import numpy
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from benchmarks import report
from benchmarks.contest import ratio
from gluon_gru.report.pictures import COLOURS, png

_COLOURS = {"engine": COLOURS[0], "package": COLOURS[5], "peer": "0.65"}
_LEGEND = {
    "engine": "this package's engine",
    "package": "MXNet's operators, this package's loops",
    "peer": "others",
}


def where(results):
    """Return the hardware that a benchmark ran on, in a line."""
    env = results["environment"]
    return f"{env['processor']}, {env['cores']} cores, {results['threads']} threads each"


def bars(results, contests):
    """Draw every contestant's median rate, the rates of all rounds and the limit; PNG bytes.

    Args:
        results: what ``benchmark.json`` holds.
        contests: those of its contests that are to be drawn.
    """
    counts = [len(contest["contestants"]) for contest in contests]
    fig = Figure(figsize=(9, 1.1 + sum(0.7 + 0.36 * n for n in counts)), layout="constrained")
    panels = fig.subplots(
        len(contests), squeeze=False, gridspec_kw={"height_ratios": [n + 1 for n in counts]}
    )[:, 0]
    fig.get_layout_engine().set(hspace=0.04)
    for axes, contest in zip(panels, contests):
        _bars_of(axes, contest)
    handles = [
        panels[0].barh(0, 0, color=colour, label=_LEGEND[kind]) for kind, colour in _COLOURS.items()
    ]
    handles += panels[0].plot([], [], "k|", label="a round")
    fig.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    fig.suptitle(f"{where(results)}, medians of {results['rounds']} rounds", fontsize=10)
    return png(fig)


def _bars_of(axes, contest):
    found = contest["contestants"]
    for y, one in enumerate(found.values()):
        median = statistics.median(one["rates"])
        axes.barh(y, median, color=_COLOURS[one["kind"]], height=0.7)
        axes.plot(one["rates"], [y] * len(one["rates"]), "k|", alpha=0.5, markersize=7)
        axes.annotate(
            f"{median:,.0f}",
            (max(one["rates"]), y),
            xytext=(6, 0),
            va="center",
            textcoords="offset points",
            fontsize=8,
            # The limit's line may pass here.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    widest = max(max(one["rates"]) for one in found.values())
    if contest.get("roofline"):
        limit = statistics.median(report.limits(contest))
        widest = max(widest, limit)
        axes.axvline(limit, color=COLOURS[1], linestyle="--", linewidth=1.2)
        axes.annotate(
            f"limit, by the best sgemm: {limit:,.0f}",
            (limit, len(found) - 0.5),
            xytext=(-5, 3),
            ha="right",
            va="bottom",
            textcoords="offset points",
            color=COLOURS[1],
            fontsize=8,
        )
    axes.set_yticks(range(len(found)), list(found), fontsize=8)
    axes.set(xlim=(0, 1.15 * widest), ylim=(len(found) - 0.3, -0.6))
    axes.set_title(report.title(contest), fontsize=9, loc="left")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def sides(contest):
    """Return the names of the engine's contestants and of all others, two lists."""
    kinds = {name: one["kind"] for name, one in contest["contestants"].items()}
    return (
        [name for name, kind in kinds.items() if kind == "engine"],
        [name for name, kind in kinds.items() if kind != "engine"],
    )


def heat_map(results, shapes):
    """Draw how many times as fast the engine is at every shape, by model and peer; PNG bytes.

    Args:
        results: what ``benchmark.json`` holds.
        shapes: its contests of the measure ``shapes``.
    """
    ours, peers = sides(shapes[0])
    pairs = [(mine, other) for other in peers for mine in ours]
    ratios = numpy.array(
        [[ratio(shape["contestants"], *pair) for pair in pairs] for shape in shapes]
    )
    fig = Figure(figsize=(2.6 + 1.7 * len(pairs), 1.6 + 0.3 * len(shapes)), layout="constrained")
    axes = fig.subplots()
    # Purple where the engine is faster, orange where it is slower, by the ratio's logarithm.
    bound = max(1.0, abs(numpy.log2(ratios)).max())
    axes.imshow(numpy.log2(ratios), aspect="auto", cmap="PuOr", norm=TwoSlopeNorm(0, -bound, bound))
    for (row, column), value in numpy.ndenumerate(ratios):
        axes.text(
            column,
            row,
            f"{value:.2f}x",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if abs(numpy.log2(value)) > 0.65 * bound else "black",
        )
    axes.set_xticks(
        range(len(pairs)),
        [f"{mine}\nto {other}".replace(", ", ",\n") for mine, other in pairs],
        fontsize=7,
    )
    axes.xaxis.tick_top()
    axes.set_yticks(
        range(len(shapes)),
        [
            f"{shape['num_hiddens']} / {shape['batch_size']} / {shape['num_steps']}"
            for shape in shapes
        ],
        fontsize=8,
    )
    axes.set_ylabel("hidden units / sequences / time steps", fontsize=8)
    axes.tick_params(length=0)
    fig.suptitle(f"Training a GRU: how many times as fast\n{where(results)}", fontsize=9)
    return png(fig)
