"""The report of settings beside each other: how soon each of them reaches which loss."""

from __future__ import annotations

import statistics
from typing import Any, Mapping, Sequence

from gluon_gru.published.judging import spread
from gluon_gru.report.document import (
    Code,
    Curve,
    Curves,
    Document,
    Heading,
    Paragraph,
    Point,
    Table,
    code,
    plain,
)
from gluon_gru.studies.provenance import environments


def minutes_to(run: Mapping[str, Any], loss: float) -> float | None:
    """Return after how many minutes a run's loss was so low at the end of a round; None if never."""
    pairs = zip(run["minutes"], run["losses"])
    return next((after for after, value in pairs if value <= loss), None)


# What tells settings apart, in this order.
_SHOWN = (
    ("cell", "{}"),
    ("num_layers", "{} x"),
    ("num_hiddens", "{}"),
    ("dropout", "dropout {:g}"),
    ("batch_size", "batch {}"),
    ("num_steps", "x {}"),
    ("lr", "lr {:g}"),
    ("decay", "to {:g}"),
    ("epochs", "{:g} epochs"),
)


def _label(run: Mapping[str, Any], names: Sequence[str]) -> str:
    return " ".join(form.format(run["settings"][name]) for name, form in _SHOWN if name in names)


def _varied(results: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that tell the candidates apart, the model's size among them."""
    size = ["cell", "num_layers", "num_hiddens"]
    some = [run["settings"] for run in results["runs"]]
    return size + [name for name, _ in _SHOWN if len({one[name] for one in some}) > 1]


def _by_candidate(results: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    numbers = sorted({run["candidate"] for run in results["runs"]})
    return [[run for run in results["runs"] if run["candidate"] == number] for number in numbers]


def _soon(runs: Sequence[Mapping[str, Any]], loss: float) -> str:
    reached = [minutes for run in runs if (minutes := minutes_to(run, loss)) is not None]
    if not reached:
        return "not reached"
    text = spread(reached, "{:.2f}".format)
    return text if len(reached) == len(runs) else f"{text}; {len(reached)} of {len(runs)}"


def table(results: Mapping[str, Any]) -> Table:
    """Return what each candidate reached, and how soon.

    Args:
        results: what ``record.json`` holds.
    """
    losses, windows = results["settings"]["losses"], results["settings"]["windows"]
    rows = [
        [
            _label(runs[0], list(dict(_SHOWN))),
            spread([run["tokens_per_sec"] for run in runs], "{:,.0f}".format),
            *(_soon(runs, loss) for loss in losses),
            spread([min(run["losses"]) for run in runs], "{:.4f}".format),
            *(
                spread([run["windows"][str(window)] for run in runs], "{:.4f}".format)
                for window in windows
            ),
        ]
        for runs in _by_candidate(results)
    ]
    for one in results["settings"]["beside"]:
        soon = ["not reached" if one["loss"] > loss else f"{one['minutes']:.2f}" for loss in losses]
        rows.append([one["name"], "", *soon, f"{one['loss']:.4f}", *[""] * len(windows)])
    return Table(
        [
            "settings",
            "tokens/sec",
            *(f"minutes to {loss:g}" for loss in losses),
            "best loss",
            *(f"in windows of {window}" for window in windows),
        ],
        rows,
        "Losses in nats per token on the held-out part: the median of the seeds (and the range)",
    )


def _curves(results: Mapping[str, Any]) -> Curves:
    varied = _varied(results)

    def curve(runs: Sequence[Mapping[str, Any]]) -> Curve:
        # Seeds have the same rounds, unless one has stopped early.
        length = min(len(run["losses"]) for run in runs)
        minutes = [statistics.median(each) for each in zip(*(run["minutes"] for run in runs))]
        return Curve(
            _label(runs[0], varied), [run["losses"][:length] for run in runs], x=minutes[:length]
        )

    return Curves(
        "The loss on the held-out part by the time that the training took",
        "loss.png",
        list(map(curve, _by_candidate(results))),
        [
            Point(one["minutes"], one["loss"], one["name"], across=False)
            for one in results["settings"]["beside"]
        ],
        xlabel="minutes, scoring included",
        ylabel="nats per token",
        xscale="log",
        yscale="linear",
    )


def document(results: Mapping[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what ``record.json`` holds.
    """
    (made,) = results["invocations"]
    command, env = code(made["command"]), made["environment"]
    settings, text, varied = results["settings"], results["text"], _varied(results)
    left_out = (
        ", of which the last tenth was left out, to be read when the choice is made"
        if settings["choosing"]
        else ""
    )
    return Document(
        "How soon a text is learnt, by the settings",
        [
            Paragraph(
                f"Made by {command} on {env['processor']}, {env['cores']} cores, of "
                f"{plain(text['name'])} ({text['num_characters']:,} characters){left_out}."
            ),
            Heading("Results"),
            Paragraph(
                "The end of what is read, a tenth, is held out and scored after every round, with the "
                "hidden state carried on. A training's minutes are those of its rounds; its learning "
                "rate falls to the end of the epochs that were planned."
            ),
            _curves(results),
            table(results),
            Heading("What they write"),
            Paragraph("At temperature 0.8 from the start of a line, the first seed's models:"),
            *(
                block
                for runs in _by_candidate(results)
                for block in (Paragraph(_label(runs[0], varied) + ":"), Code(runs[0]["sample"]))
            ),
            *environments([(command, env)]),
        ],
    )
