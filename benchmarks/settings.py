"""Train on a text with several settings, and show how soon each of them reaches which loss.

Run ``python -m benchmarks.settings TEXT --set NAME=VALUE,... --set ...`` in a checkout, to choose defaults
for `gluon_gru.own_texts.settings`, or to hold a text of others' benchmarks against their figures.
"""

from __future__ import annotations

import json
import math
import pathlib
import shlex
import shutil
import statistics
import sys
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

import numpy

from benchmarks.settings_report import document, table
from gluon_gru.cli import options
from gluon_gru.errors import InputError, check_positive
from gluon_gru.own_texts import evaluate, generate, train
from gluon_gru.own_texts.settings import checked, num_validation
from gluon_gru.report import terminal, write
from gluon_gru.runs.files import StrPath, make_folder
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.studies import jobs
from gluon_gru.studies.jobs import Job
from gluon_gru.text.textfile import TextFile

#: The share of a text, at its end, that is held out of each training.
_HELD_OUT = 0.1

# How many tokens of each model's own text are kept.
_SAMPLE = 300


class Beside(NamedTuple):
    """A figure of others: what it is, the minutes that it took, and the loss in nats."""

    name: str
    minutes: float
    loss: float


def compare(
    text: StrPath,
    out: StrPath,
    candidates: Sequence[Mapping[str, Any]],
    seeds: int = 1,
    minutes: float = math.inf,
    workers: int = 1,
    choosing: bool = False,
    losses: Sequence[float] = (),
    windows: Sequence[int] = (),
    beside: Sequence[Beside] = (),
    command: str = "",
) -> dict[str, Any]:
    """Train with all settings and seeds; write ``record.json`` and the report after each.

    An older comparison in the folder is replaced, its ``runs`` too.

    Args:
        text: a path.
        out: the folder to write to; each run has one in ``runs``, which can be thrown away.
        candidates: settings of `gluon_gru.own_texts.train`; those that lack are what the text's size
            gives.
        seeds: train with the seeds 1 to this.
        minutes: how long a training may take; the learning rate has fallen by then.
        workers: see `gluon_gru.studies.jobs.run`.
        choosing: leave out the last tenth of the text altogether, so that it can tell afterwards
            what the chosen settings are worth.
        losses: in nats per token; the report says how soon each is reached.
        windows: also score the best model with so many tokens at a time, each time from a state of
            zeros.
        beside: what others reached.
        command: the command line, for the record.

    Returns:
        What ``record.json`` holds: ``runs``, one for each candidate and seed.

    Raises:
        InputError: see `gluon_gru.own_texts.train`.
    """
    check_positive("seeds", seeds)
    jobs.check(workers, None)
    for window in windows:
        check_positive("a window", window)
    if not candidates:
        raise InputError("there are no settings: give at least one set of them")
    for number in (minutes, *losses):
        if not number > 0:
            raise InputError(f"{number!r}: minutes and losses must be numbers above 0")
    given = [checked(one) for one in candidates]
    folder = Folder(out, "settings", resume=True)
    whole = "".join(TextFile(text).blocks())
    read = _cut(whole)[0] if choosing else whole
    if folder.record:
        # The older comparison's.
        shutil.rmtree(folder.path / "runs", ignore_errors=True)
    make_folder(folder.path / "runs")
    # Among what can be thrown away.
    paths = [folder.path.resolve() / "runs" / f"{name}.txt" for name in ("text", "held-out")]
    for path, part in zip(paths, (read, _cut(read)[1])):
        path.write_bytes(part.encode())
    folder.record = record = Record(
        "settings",
        {
            "seeds": seeds,
            "minutes": minutes if minutes < math.inf else None,
            "choosing": choosing,
            "losses": list(losses),
            "windows": list(windows),
            "beside": [one._asdict() for one in beside],
        },
        {"name": pathlib.Path(text).name, "num_characters": len(whole)},
        [{"command": command, "environment": jobs.environment("cpu(0)", workers, None)}],
        {"runs": []},
    )
    folder.write()

    def keep(job: Job, run: dict[str, Any]) -> None:
        record.results["runs"].append({"candidate": job.key, **run})
        folder.write()
        write(document(record.as_json()), folder.path)

    some = [
        Job(
            measured,
            (
                *map(str, paths),
                str(paths[0].parent / f"{number}-{seed}"),
                {"validation": _HELD_OUT, **one, "seed": seed},
                minutes,
                tuple(windows),
            ),
            number,
        )
        for seed in range(1, seeds + 1)
        for number, one in enumerate(given)
    ]
    jobs.run(some, min(workers, len(some)), on_result=keep, total=len(some))
    return record.as_json()


def _cut(text: str) -> tuple[str, str]:
    """Return a text without its end, and the end, as a training holds it out."""
    place = len(text) - num_validation(len(text), _HELD_OUT)
    return text[:place], text[place:]


def measured(
    text: str,
    held_out: str,
    out: str,
    settings: dict[str, Any],
    minutes: float,
    windows: Sequence[int],
) -> dict[str, Any]:
    """Train once; return its settings, minutes and losses by round, those in windows, and a sample.

    Args:
        text, held_out: paths of the text and of its end, which is held out.
        out: the run's folder.
        settings, minutes, windows: see `compare`.
    """
    run = train(text, out, seconds=60 * minutes, **settings)
    rounds = run["rounds"]
    return {
        "settings": run["settings"],
        "engine": run["engine"],
        "num_training": run["text"]["num_training"],
        "minutes": (numpy.cumsum([one["seconds"] for one in rounds]) / 60).tolist(),
        "losses": [math.log(one["validation_perplexity"]) for one in rounds],
        "tokens_per_sec": statistics.median(one["tokens_per_sec"] for one in rounds),
        "windows": {
            str(window): math.log(evaluate(out, held_out, window=window).perplexity)
            for window in windows
        },
        "sample": "".join(generate(out, length=_SAMPLE, seed=1)),
    }


def _settings(pairs: str) -> dict[str, Any]:
    """Return ``num_hiddens=256,lr=0.003`` as a dict."""
    found: dict[str, Any] = {}
    for pair in filter(None, pairs.split(",")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pairs!r} has {pair!r}: give NAME=VALUE,NAME=VALUE")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _beside(of_each: Iterable[Sequence[str]]) -> list[Beside]:
    try:
        return [Beside(name, float(minutes), float(loss)) for name, minutes, loss in of_each]
    except ValueError as error:
        raise InputError(f"--beside: {error}: give a name, minutes, and a loss in nats") from None


def main() -> None:
    """Parse the command line, compare, and print the table."""
    parser = options.Parser(
        prog="python -m benchmarks.settings",
        description="Train on a text with several settings, and show how soon each reaches which loss.",
    )
    parser.add_argument("text", metavar="TEXT", help="a text file, UTF-8")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE,...",
        help="settings of gluon_gru.own_texts.train to try, '' for the defaults; give one for each",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train from the seeds 1 to N"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, metavar="M", help="for each training"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="trainings at a time, of one thread each",
    )
    parser.add_argument(
        "--choosing", action="store_true", help="leave out the last tenth of the text altogether"
    )
    parser.add_argument(
        "--losses",
        type=float,
        nargs="+",
        default=[],
        metavar="NATS",
        help="say how soon they are reached",
    )
    parser.add_argument(
        "--windows",
        type=int,
        nargs="+",
        default=[],
        metavar="TOKENS",
        help="also score so many tokens at a time, each time from a state of zeros",
    )
    parser.add_argument(
        "--beside",
        action="append",
        nargs=3,
        default=[],
        metavar=("NAME", "MINUTES", "NATS"),
        help="show what others reached",
    )
    parser.add_argument(
        "--out",
        default="runs/settings",
        metavar="FOLDER",
        help="where record.json, report.html, report.md and the picture go",
    )
    args = parser.parse_args()
    command = shlex.join([*parser.prog.split(), *sys.argv[1:]])
    results = compare(
        args.text,
        args.out,
        list(map(_settings, args.set)),
        args.seeds,
        args.minutes,
        args.workers,
        args.choosing,
        args.losses,
        args.windows,
        _beside(args.beside),
        command,
    )
    print(terminal.text([table(results)]))


if __name__ == "__main__":
    # Workers find a function by its module's name, and __main__ is another module there.
    from benchmarks import settings

    options.run(settings.main)
