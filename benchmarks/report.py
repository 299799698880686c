"""The report of a benchmark: every contest's rates beside each other and the processor's limit."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.catalogue import contests
from benchmarks.contest import ratio
from gluon_gru.published.judging import spread
from gluon_gru.report import terminal
from gluon_gru.report.document import (
    Bar,
    Bars,
    Document,
    Heading,
    HeatMap,
    Paragraph,
    Table,
    code,
    plain,
)
from gluon_gru.studies.provenance import environments

_NAMES = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN with tanh"}

#: How bars are filled, by a contestant's kind, and what that means.
_FILLS = {
    "engine": ("full", "this package's engine"),
    "package": ("striped", "MXNet's operators, this package's loops"),
    "peer": ("hollow", "others"),
}


_HOW = (
    "Every contestant is a process of its own, started once and warmed up; in each of {rounds} "
    "rounds each gets a turn of about half a second, in rotating order. Rates are medians over the "
    "rounds, ratios and shares the medians of those within a round. Contestants that compute the "
    "same function start from the same weights and had to reach the same losses (or texts) before "
    "anything counted. The limit is the best rate of a large float32 matrix product here, by "
    "NumPy, PyTorch or MXNet, measured in the same rounds, over the operations that a token takes "
    "in matrix products: 3 * 2 * (gates * H * H + H * V)."
)


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what ``record.json`` holds.
    """
    (made,) = results["invocations"]
    return Document(
        "How fast it is, beside others",
        [
            Paragraph(
                f"Made by {code(made['command'])} on {_where(results)}, on {plain(results['text']['name'])}."
            ),
            *_measured(results),
            Heading("How it was measured", "how"),
            Paragraph(_HOW.format(rounds=results["settings"]["rounds"])),
            *(
                Paragraph(f"Left out: {name} ({reason}).")
                for name, reason in results["left_out"].items()
            ),
            *environments([(code(made["command"]), made["environment"])]),
        ],
    )


def table(results: dict[str, Any]) -> str:
    """Return everything that was measured as tables for the terminal."""
    return terminal.text(_measured(results))


def _measured(results) -> list[Any]:
    blocks: list[Any] = []
    shapes = []
    for contest in results["contests"]:
        if contest["measure"] == "shapes":
            shapes.append(contest)
        else:
            blocks += [Heading(_title(contest)), _bars(results, contest), rates(contest)]
    return [*blocks, *(_shapes(results, shapes) if shapes else ())]


def _title(contest):
    cell = _NAMES[contest["cell"]]
    if contest["task"] == "generation":
        return f"Greedy generation, {cell}, {contest['num_hiddens']} hidden, characters/sec"
    return (
        f"Training, {cell}, {contest['num_hiddens']} hidden, {contest['batch_size']} sequences "
        f"of {contest['num_steps']}, tokens/sec"
    )


def _where(results):
    env = results["invocations"][0]["environment"]
    return (
        f"{env['processor']}, {env['cores']} cores, {results['settings']['threads']} threads each"
    )


def limits(contest: dict[str, Any]) -> list[float]:
    """Return what bounds a contest's rates in each round: the best sgemm, in tokens/sec."""
    return [
        max(rates) / contest["flop_per_token"]
        for rates in zip(*(one["rates"] for one in contest["roofline"].values()))
    ]


def _bars(results, contest):
    return Bars(
        _title(contest),
        "benchmark.png",
        [
            Bar(
                name,
                "",
                statistics.median(one["rates"]),
                (min(one["rates"]), max(one["rates"])),
                _cell(contest, name),
                _FILLS[one["kind"]][0],
            )
            for name, one in contest["contestants"].items()
        ],
        limit=statistics.median(limits(contest)) if contest.get("roofline") else None,
        limit_label="the limit, by the best sgemm",
        note=f"{_where(results)}; medians of {results['settings']['rounds']} rounds, and from the "
        "slowest round to the fastest",
        key=dict(_FILLS.values()),
    )


def _cell(contest, name):
    """Return the cell that a contestant computes; version 0.1.0 did not record it."""
    rows = {
        one.name: one.cell
        for known in contests(contest["measure"])
        if known.cell == contest["cell"]
        for one in known.contestants
    }
    return contest["contestants"][name].get("cell", rows.get(name, ""))


def rates(contest: dict[str, Any]) -> Table:
    """Return a contest's table: rates, shares of the limit, and how far each is behind."""
    contestants = contest["contestants"]
    engine = next(name for name, one in contestants.items() if one["kind"] == "engine")
    unit = "characters/sec" if contest["task"] == "generation" else "tokens/sec"
    headers = [unit, "median (range)", f"{engine}: times as fast"]
    rows = [
        [name, spread(one["rates"], "{:,.0f}".format), f"{ratio(contestants, engine, name):.2f}x"]
        for name, one in contestants.items()
    ]
    if contest.get("roofline"):
        headers.insert(2, "share of the limit")
        bounds = limits(contest)
        for row, one in zip(rows, contestants.values()):
            share = statistics.median(rate / limit for rate, limit in zip(one["rates"], bounds))
            row.insert(2, f"{share:.0%}")
        rows.append(["the limit (sgemm)", spread(bounds, "{:,.0f}".format), "100%", ""])
    return Table(headers, rows)


def _shapes(results, shapes):
    """Return the section on shapes: in how many the engine is slower, and all ratios, twice."""
    kinds = {name: one["kind"] for name, one in shapes[0]["contestants"].items()}
    ours = [name for name, kind in kinds.items() if kind == "engine"]
    pairs = [(mine, other) for mine in ours for other in kinds if other not in ours]
    ratios = [{pair: ratio(shape["contestants"], *pair) for pair in pairs} for shape in shapes]
    slower = {
        mine: sum(any(one[pair] < 1 for pair in pairs if pair[0] == mine) for one in ratios)
        for mine in ours
    }
    found = "; ".join(f"{mine} in {count}" for mine, count in slower.items())
    sizes = [
        [shape[name] for name in ("num_hiddens", "batch_size", "num_steps")] for shape in shapes
    ]
    first = [statistics.median(shape["contestants"][ours[0]]["rates"]) for shape in shapes]
    by_other = sorted(pairs, key=lambda pair: pair[1])
    return [
        Heading("Training, GRU, other sizes: how many times as fast", "shapes"),
        Paragraph(f"Slower than a peer, of {len(shapes)} shapes: {found}."),
        HeatMap(
            "Training a GRU: how many times as fast, purple where the engine is the faster one, orange "
            f"where it is the slower one; {_where(results)}",
            "shapes.png",
            [" / ".join(map(str, some)) for some in sizes],
            [f"{mine}\nto {other}".replace(", ", ",\n") for mine, other in by_other],
            {"": [[(one[pair], f"{one[pair]:.2f}x") for pair in by_other] for one in ratios]},
            ylabel="hidden units / sequences / time steps",
        ),
        Table(
            [
                "hidden",
                "sequences",
                "time steps",
                f"{ours[0]}, tokens/sec",
                *(f"{mine} / {other}" for mine, other in pairs),
            ],
            [
                [*some, f"{rate:,.0f}", *(f"{value:.2f}x" for value in one.values())]
                for some, rate, one in zip(sizes, first, ratios)
            ],
        ),
    ]
