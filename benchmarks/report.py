"""A benchmark as tables for the terminal, as ``report.md`` with its pictures, and as a page."""

import statistics

from tabulate import tabulate

from benchmarks import pictures
from benchmarks.contest import ratio
from gluon_gru.published.judging import spread
from gluon_gru.report import charts, render
from gluon_gru.runs.checkpoint import write_whole

_NAMES = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN with tanh"}


def write(results, folder):
    """Write ``report.md``, ``report.html``, and ``benchmark.png``, ``shapes.png`` where measured.

    Args:
        results: what ``benchmark.json`` holds.
        folder: a `pathlib.Path`.

    Raises:
        InputError: if it can't be written.
    """
    if _contests(results):
        write_whole(folder / "benchmark.png", pictures.bars(results, _contests(results)))
    if _shapes(results):
        write_whole(folder / "shapes.png", pictures.heat_map(results, _shapes(results)))
    write_whole(folder / "report.md", markdown(results).encode())
    write_whole(folder / "report.html", html(results))


def _contests(results):
    return [one for one in results["contests"] if one["measure"] != "shapes"]


def _shapes(results):
    return [one for one in results["contests"] if one["measure"] == "shapes"]


def limits(contest):
    """Return what bounds a contest's rates in each round: the best sgemm, in tokens/sec."""
    return [
        max(rates) / contest["flop_per_token"]
        for rates in zip(*(one["rates"] for one in contest["roofline"].values()))
    ]


def title(contest):
    """Return what a contest compares, in a line."""
    cell = _NAMES[contest["cell"]]
    if contest["task"] == "generation":
        return f"Greedy generation, {cell}, {contest['num_hiddens']} hidden, characters/sec"
    return (
        f"Training, {cell}, {contest['num_hiddens']} hidden, {contest['batch_size']} sequences "
        f"of {contest['num_steps']}, tokens/sec"
    )


def _columns(contest):
    """Return headers and rows of a contest: rates, shares of the limit, and what each is behind."""
    found = contest["contestants"]
    engine = next(name for name, one in found.items() if one["kind"] == "engine")
    unit = "characters/sec" if contest["task"] == "generation" else "tokens/sec"
    headers, rows = [unit, "median (range)", f"{engine}: times as fast"], []
    for name, one in found.items():
        rows.append(
            [name, spread(one["rates"], "{:,.0f}".format), f"{ratio(found, engine, name):.2f}x"]
        )
    if contest.get("roofline"):
        headers.insert(2, "share of the limit")
        bounds = limits(contest)
        for row, one in zip(rows, found.values()):
            share = statistics.median(rate / limit for rate, limit in zip(one["rates"], bounds))
            row.insert(2, f"{share:.0%}")
        rows.append(["the limit (sgemm)", spread(bounds, "{:,.0f}".format), "100%", ""])
    return headers, rows


def _shape_columns(shapes):
    """Return headers and rows of the shapes: the ratios to each peer."""
    ours, peers = pictures.sides(shapes[0])
    pairs = [(mine, other) for mine in ours for other in peers]
    headers = [
        "hidden",
        "sequences",
        "time steps",
        f"{ours[0]}, tokens/sec",
        *(f"{mine} / {other}" for mine, other in pairs),
    ]
    return headers, [
        [
            shape["num_hiddens"],
            shape["batch_size"],
            shape["num_steps"],
            f"{statistics.median(shape['contestants'][ours[0]]['rates']):,.0f}",
            *(f"{ratio(shape['contestants'], mine, other):.2f}x" for mine, other in pairs),
        ]
        for shape in shapes
    ]


def _slower(shapes):
    """Return in a sentence how many shapes each of the engine's models is slower in."""
    ours, peers = pictures.sides(shapes[0])
    counts = {
        mine: sum(
            any(ratio(shape["contestants"], mine, other) < 1 for other in peers) for shape in shapes
        )
        for mine in ours
    }
    return (
        f"Slower than a peer, of {len(shapes)} shapes: "
        + "; ".join(f"{mine} in {count}" for mine, count in counts.items())
        + "."
    )


_SHAPES = "Training, GRU, other sizes: how many times as fast"


def _tables(results, form):
    """Return the headings, tables and remarks, a list of strings."""
    parts = []
    for contest in _contests(results):
        headers, rows = _columns(contest)
        parts += [title(contest), tabulate(rows, headers, tablefmt=form, disable_numparse=True)]
    if _shapes(results):
        headers, rows = _shape_columns(_shapes(results))
        parts += [
            _SHAPES,
            tabulate(
                rows,
                headers,
                tablefmt=form,
                disable_numparse=True,
                maxheadercolwidths=None if form == "github" else 14,
            ),
            _slower(_shapes(results)),
        ]
    return parts


def table(results):
    """Return everything that was measured as tables for the terminal."""
    return "\n\n".join(_tables(results, "simple"))


_TITLE = "How fast it is, beside others"


def _made(results):
    env = results["environment"]
    return (
        f"Made by `{results['command']}` on {env['processor']}, {env['cores']} cores, with "
        f"{results['threads']} threads each, on {results['corpus']}."
    )


def _how_measured(results):
    """Return how it was measured, and who was left out, a list of lines."""
    return [
        f"Every contestant is a process of its own, started once and warmed up; in each of "
        f"{results['rounds']} rounds each gets a turn of about half a second, in rotating order. "
        "Rates are medians over the rounds, ratios and shares the medians of those within a round. "
        "Contestants that compute the same function start from the same weights and had to reach "
        "the same losses (or texts) before anything counted. The limit is the best rate of a large "
        "float32 matrix product here, by NumPy, PyTorch or MXNet, measured in the same rounds, "
        "over the operations that a token takes in matrix products: 3 * 2 * (gates * H * H + "
        "H * V).",
        *(f"Left out: {name} ({reason})." for name, reason in results["left_out"].items()),
    ]


def markdown(results):
    """Return the report: how it was measured, tables, pictures, environment."""
    parts = [f"# {_TITLE}", _made(results), *_how_measured(results)]
    if _contests(results):
        parts.append("![Rates](benchmark.png)")
    if _shapes(results):
        parts.append("![Ratios by shape](shapes.png)")
    tables = _tables(results, "github")
    parts += [
        part if part.startswith("|") or part.startswith("Slower") else f"## {part}"
        for part in tables
    ]
    parts += [
        "## Environment",
        tabulate(
            results["environment"].items(), ["", ""], tablefmt="github", disable_numparse=True
        ),
    ]
    return "\n\n".join(parts) + "\n"


def html(results):
    """Return the same as a page, ``report.html``, with bars of its own."""
    contests, shapes = [], None
    for contest in _contests(results):
        headers, rows = _columns(contest)
        contests.append(
            {"title": title(contest), "headers": headers, "rows": rows, "bars": _bars(contest)}
        )
    if _shapes(results):
        headers, rows = _shape_columns(_shapes(results))
        shapes = {
            "title": _SHAPES,
            "headers": headers,
            "rows": rows,
            "slower": _slower(_shapes(results)),
            "picture": pictures.heat_map(results, _shapes(results)),
        }
    return render.render(
        "benchmark.html",
        title=_TITLE,
        made=_made(results),
        contests=contests,
        shapes=shapes,
        hardware=f"{pictures.where(results)}, medians of {results['rounds']} rounds",
        how_measured=_how_measured(results),
        environments=[([f"`{results['command']}`"], results["environment"])],
    )


def _bars(contest):
    return charts.bars(
        [
            charts.Bar(
                name,
                "",
                statistics.median(one["rates"]),
                (min(one["rates"]), max(one["rates"])),
                one["kind"],
            )
            for name, one in contest["contestants"].items()
        ],
        statistics.median(limits(contest)) if contest.get("roofline") else None,
    )
