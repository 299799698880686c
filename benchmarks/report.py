"""The report of a benchmark: every contest's rates beside each other and the processor's limit."""

from __future__ import annotations

import statistics
from itertools import zip_longest
from typing import Any

from benchmarks import catalogue
from benchmarks.catalogue import IN_FULL, LIMIT, MEASURES, PEERS
from benchmarks.contest import TURN_SECONDS, ratio
from benchmarks.judging import Figure, figures, limits, shape_of, warnings
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
    "Each library is in a process of its own. In each of {rounds} rounds every contestant gets a turn "
    "of {turn:g} seconds, or of one step where that takes longer, in rotating order. Rates are medians "
    "over the rounds, ratios and shares the medians of those within a round.",
    "Contestants that compute the same function start from the same weights and had to reach the "
    "same losses (or texts) before anything counted; with dropout they only had to learn.",
    "The limit is the best rate of a large float32 matrix product, by the fastest here of NumPy, "
    "PyTorch and MXNet, measured in the same rounds, over the operations that a token takes in matrix "
    "products: 2 * (gates * H * H * (2 * layers - 1) + H * V), and in training three times as many.",
    "In tables of goals, the engine computes the book's GRU, or Gluon's LSTM or RNN. A peer that was "
    "slower than the fastest by a quarter in the first round was measured no further, since only the "
    "fastest counts.",
    "A verdict is unsure if the goal is among the ratios that the rounds leave possible (with 90% "
    "confidence).",
    "Words are drawn at random, the same every time, as frequent as Zipf's law has them: the n-th has "
    "1/n of the first's places. PyTorch's and Gluon's layers then read an embedding, as their users "
    "write it, which learns something else.",
)
_HOW_EARLIER = (
    "Every contestant is a process of its own, started once and warmed up; in each of {rounds} "
    "rounds each gets a turn of about half a second, in rotating order. Rates are medians over the "
    "rounds, ratios and shares the medians of those within a round. Contestants that compute the "
    "same function start from the same weights and had to reach the same losses (or texts) before "
    "anything counted. The limit is the best rate of a large float32 matrix product here, by "
    "NumPy, PyTorch or MXNet, measured in the same rounds, over the operations that a token takes "
    "in matrix products: 3 * 2 * (gates * H * H + H * V).",
)


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what ``record.json`` holds.
    """
    (made,) = results["invocations"]
    rounds = results["settings"]["rounds"]
    how = _HOW if any("goals" in each for each in results["contests"]) else _HOW_EARLIER
    return Document(
        "How fast it is, beside others",
        [
            Paragraph(
                f"Made by {code(made['command'])} on {_where(results)}, on "
                f"{plain(results['text']['name'])}{_took(results)}."
            ),
            *_measured(results),
            Heading("How it was measured", "how"),
            *(Paragraph(one.format(rounds=rounds, turn=TURN_SECONDS)) for one in how),
            *(
                Paragraph(f"Left out: {name} ({reason}).")
                for name, reason in results["left_out"].items()
            ),
            *environments([(code(made["command"]), made["environment"])]),
        ],
    )


def _took(results) -> str:
    return f", in {results['seconds']:,.0f} seconds" if "seconds" in results else ""


def table(results: dict[str, Any]) -> str:
    """Return everything that was measured as tables for the terminal."""
    return terminal.text(_measured(results))


def _measured(results) -> list[Any]:
    by_measure: dict[str, list] = {}
    for contest in results["contests"]:
        by_measure.setdefault(contest["measure"], []).append(contest)
    if any("goals" in contest for contest in results["contests"]):
        return [
            *(Paragraph(f"**{warning}**") for warning in warnings(results)),
            _summary(by_measure),
            *(
                block
                for measure, contests in by_measure.items()
                for block in _measure(results, measure, contests)
            ),
        ]
    blocks: list[Any] = []
    for measure, contests in by_measure.items():
        if measure == "shapes":
            blocks += _shapes(results, contests)
        else:
            for contest in contests:
                blocks += [Heading(_title(contest)), _bars(results, contest), rates(contest)]
    return blocks


def _summary(by_measure) -> Table:
    """Return how many goals of each measure are met."""
    judged = {
        measure: [figure for contest in contests for figure in figures(contest)]
        for measure, contests in by_measure.items()
    }
    judged["all"] = [figure for some in judged.values() for figure in some]
    return Table(
        ["measure", "goals", "met", "missed", "of these unsure"],
        [
            [
                measure,
                len(some),
                sum(one.met for one in some),
                sum(not one.met for one in some),
                sum(not one.sure for one in some),
            ]
            for measure, some in judged.items()
        ],
    )


def _measure(results, measure, contests) -> list[Any]:
    """Return a measure's section: charts of the chapter's models, and a table of the goals."""
    what = MEASURES[measure]
    blocks = [
        Heading(measure.capitalize(), measure),
        Paragraph(f"{what[0].upper()}{what[1:]}."),
        goals(contests),
    ]
    if measure in IN_FULL:
        for contest in contests:
            blocks += [Heading(_title(contest), level=3), _bars(results, contest), rates(contest)]
    return blocks


def goals(contests: list[dict[str, Any]]) -> Table:
    """Return the table of a measure's goals: a row for each shape."""
    columns = list(zip_longest(*(contest["goals"] for contest in contests)))
    rows = []
    for contest in contests:
        found = {figure.over: figure for figure in figures(contest)}
        first = next(iter(contest["contestants"].values()))
        cells = [shape_of(contest), f"{statistics.median(first['rates']):,.0f}"]
        for place, column in enumerate(columns):
            goal = contest["goals"][place] if place < len(contest["goals"]) else None
            figure = found.get(goal["over"]) if goal else None
            cells.append(_judged(figure, _is_same(column)) if figure else "")
        rows.append(cells)
    return Table(["shape", _unit(contests[0]), *map(_header, columns)], rows)


def _is_same(column) -> bool:
    """Return whether all contests that have a goal want as much of it."""
    return len({goal["least"] for goal in column if goal}) == 1


def _least(over: str, least: float) -> str:
    return f"{least:.0%}" if over == LIMIT else f"{least:g}x"


def _header(column) -> str:
    """Return the header of a column of goals, each of which is another contest's."""
    wanted = [goal for goal in column if goal]
    overs = " or ".join(dict.fromkeys(goal["over"] for goal in wanted))
    what = f"share of {overs}" if overs == LIMIT else f"over {overs}"
    return f"{what}, at least {_least(**wanted[0])}" if _is_same(column) else what


def _judged(figure: Figure, in_header: bool) -> str:
    """Return a cell: the figure, what was wanted unless the header has it, and the verdict."""
    value = f"{figure.value:.0%}" if figure.over == LIMIT else f"{figure.value:.2f}x"
    name = f" {figure.other}" * (figure.over == PEERS)
    wanted = "" if in_header else f", at least {_least(figure.over, figure.least)}"
    return f"{value}{name}{wanted}: {figure.verdict}"


def _title(contest):
    cell = _NAMES[contest["cell"]]
    if contest["task"] == "generation":
        return f"Greedy generation, {cell}, {contest['num_hiddens']} hidden, characters/sec"
    return (
        f"Training, {cell}, {contest['num_hiddens']} hidden, {contest['batch_size']} sequences "
        f"of {contest['num_steps']}, tokens/sec"
    )


def _unit(contest) -> str:
    return "characters/sec" if contest["task"] == "generation" else "tokens/sec"


def _where(results):
    env = results["invocations"][0]["environment"]
    return (
        f"{env['processor']}, {env['cores']} cores, {results['settings']['threads']} threads each"
    )


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
        for measure in MEASURES
        for known in catalogue.contests(measure)
        if known.cell == contest["cell"]
        for one in known.contestants
    }
    return contest["contestants"][name].get("cell", rows.get(name, ""))


def rates(contest: dict[str, Any]) -> Table:
    """Return a contest's table: rates, shares of the limit, and how far each is behind."""
    contestants = contest["contestants"]
    engine = next(name for name, one in contestants.items() if one["kind"] == "engine")
    headers = [_unit(contest), "median (range)", f"{engine}: times as fast"]
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
