"""Train on texts of one's own with this package and with PyTorch, and compare.

Run ``python -m benchmarks.own_texts TEXT ...`` in a checkout, with the package's extra ``peers``.

The loop, minibatches, initial weights, optimiser and schedule are the same; only what computes
differs, and in the first column the cell: the book's GRU, which PyTorch doesn't have.
"""

from __future__ import annotations

import pathlib
import shlex
import shutil
import sys
from typing import Any, Iterable, Iterator

from gluon_gru.cli import options
from gluon_gru.own_texts import train
from gluon_gru.report import terminal, write
from gluon_gru.report.document import Document, Heading, Paragraph, Table, code, plain
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import StrPath, make_folder
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.studies.provenance import environments
from gluon_gru.training.learner import learner_from

# Name -> the cell, and whether PyTorch computes.
_RUNS = {
    "the book's GRU": ("gru", False),
    "GRU as cuDNN's": ("gru-after", False),
    "the same on PyTorch": ("gru-after", True),
}


def compare(
    texts: Iterable[StrPath], out: StrPath, command: str = "", **settings: Any
) -> dict[str, Any]:
    """Train on each text three times; write ``record.json`` and the report after each.

    An older comparison in the folder is replaced.

    Args:
        texts: paths.
        out: the folder to write to; each run has one in ``runs``, which can be thrown away.
        command: the command line, for the record.
        settings: see `gluon_gru.own_texts.train`; by default those that a text's size gives.

    Returns:
        What ``record.json`` holds: ``texts``, with the ``text``, ``settings`` and ``runs`` of each.

    Raises:
        InputError: see `gluon_gru.own_texts.train`.
    """
    # Here, since it is an optional dependency.
    from benchmarks.learner_torch import VERSION, TorchLearner

    folder = Folder(out, "own_texts", resume=True)
    make_folder(folder.path)
    if folder.record:
        # The older comparison's.
        shutil.rmtree(folder.path / "runs", ignore_errors=True)
    made = {"command": command, "environment": {**environment("cpu(0)"), "torch": VERSION}}
    folder.record = record = Record("own_texts", settings, {}, [made], {"texts": []})
    folder.write()
    for path in map(pathlib.Path, texts):
        entry: dict[str, Any] = {"runs": {}}
        record.results["texts"].append(entry)
        for number, (name, (cell, on_torch)) in enumerate(_RUNS.items()):
            run = train(
                path,
                folder.path / "runs" / f"{path.name}-{number}",
                cell=cell,
                make_learner=TorchLearner if on_torch else learner_from,
                **settings,
            )
            rounds = run["rounds"]
            entry.update(text=run["text"], settings={**run["settings"], "cell": "see above"})
            entry["runs"][name] = {
                "cell": cell,
                "engine": run["engine"],
                "best": run["best"],
                "epochs": rounds[-1]["epoch"],
                "seconds": sum(one["seconds"] for one in rounds),
            }
            folder.write()
            write(document(record.as_json()), folder.path)
    return record.as_json()


def _cell(run: dict[str, Any]) -> str:
    best = run["best"]
    return (
        f"{best['validation_perplexity']:.3f}, {best['bits_per_character']:.3f}; "
        f"{run['seconds']:,.0f} s"
    )


def _rows(results: dict[str, Any]) -> Iterator[list[Any]]:
    for entry in results["texts"]:
        text, settings = entry["text"], entry["settings"]
        yield [
            plain(text["name"]),
            f"{text['size']:,}",
            f"{text['num_tokens']:,}",
            text["vocab_size"],
            f"{settings['num_layers']} x {settings['num_hiddens']}, dropout "
            f"{settings['dropout']:g}, {settings['batch_size']} x {settings['num_steps']}, lr "
            f"{settings['lr']:g}, at most {settings['epochs']:g} epochs",
            *(_cell(entry["runs"][name]) if name in entry["runs"] else "" for name in _RUNS),
        ]


def document(results: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        results: what ``record.json`` holds.
    """
    (made,) = results["invocations"]
    command, env = code(made["command"]), made["environment"]
    return Document(
        "Texts of one's own, beside PyTorch",
        [
            Paragraph(
                f"Made by {command} on {env['processor']}, {env['cores']} cores ({env['engine']})."
            ),
            Heading("Results"),
            Paragraph(
                "Of each run: perplexity and bits per character on the held-out part, of the best "
                "round; and the time of all rounds until it stopped by itself, scoring included. "
                "A run that stopped earlier also took less time."
            ),
            Table(
                ["text", "bytes", "characters", "vocabulary", "settings", *_RUNS],
                list(_rows(results)),
            ),
            *environments([(command, env)]),
        ],
    )


def main() -> None:
    """Parse the command line, compare, and print the report."""
    parser = options.Parser(
        prog="python -m benchmarks.own_texts",
        description="Train on texts of one's own with this package and with PyTorch, and compare.",
        epilog="PyTorch has to be there: pip install -e '.[peers]'",
    )
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="text files, UTF-8")
    parser.add_argument(
        "--epochs", type=float, metavar="N", help="instead of those that a text's size gives"
    )
    parser.add_argument(
        "--out",
        default="runs/own-texts",
        metavar="FOLDER",
        help="where record.json, report.html and report.md go",
    )
    args = parser.parse_args()
    command = shlex.join([*parser.prog.split(), *sys.argv[1:]])
    settings = {} if args.epochs is None else {"epochs": args.epochs}
    results = compare(args.texts, args.out, command, **settings)
    print(terminal.text(document(results).blocks))


if __name__ == "__main__":
    options.run(main)
