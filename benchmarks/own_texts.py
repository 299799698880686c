"""Train on texts of one's own with this package and with PyTorch, and compare.

``python -m benchmarks.own_texts TEXT ...`` in a checkout, with the package's extra ``peers``.

The same loop, minibatches, initial weights, optimiser and schedule; only what computes differs, and
in the first column the cell: the book's GRU, which PyTorch hasn't got.
"""

from __future__ import annotations

import json
import pathlib
import shlex
import sys
from typing import Any

from gluon_gru.cli import options
from gluon_gru.own_texts import train
from gluon_gru.report import terminal, write
from gluon_gru.report.document import Document, Heading, Paragraph, Table
from gluon_gru.runs.files import make_folder, write_whole
from gluon_gru.studies.provenance import environments
from gluon_gru.training.learner import learner_from

# Name -> the cell, and whether PyTorch computes.
_RUNS = {
    "the book's GRU": ("gru", False),
    "GRU as cuDNN's": ("gru-after", False),
    "the same on PyTorch": ("gru-after", True),
}


def compare(texts, out, command="", **settings):
    """Train on each text three times; write ``own_texts.json`` and ``report.md`` after each.

    Args:
        texts: paths.
        out: the folder to write to; each run has one in ``runs``, which can be thrown away.
        command: the command line, for the record.
        settings: see `gluon_gru.own_texts.train`; by default those that a text's size gives.

    Returns:
        What ``own_texts.json`` holds: for each text and run its record, without the folder's
        ``rounds`` but the best.

    Raises:
        InputError: see `gluon_gru.own_texts.train`.
    """
    # Here, since it is an optional dependency.
    from benchmarks.learner_torch import VERSION, TorchLearner

    out, found = pathlib.Path(out), {"command": command, "texts": []}
    make_folder(out)
    for path in map(pathlib.Path, texts):
        entry = {"runs": {}}
        found["texts"].append(entry)
        for number, (name, (cell, on_torch)) in enumerate(_RUNS.items()):
            record = train(
                path,
                out / "runs" / f"{path.name}-{number}",
                cell=cell,
                make_learner=TorchLearner if on_torch else learner_from,
                **settings,
            )
            entry.update(
                text=record["text"],
                settings={**record["settings"], "cell": "see above"},
                environment={**record["invocations"][0]["environment"], "torch": VERSION},
            )
            rounds = record["rounds"]
            entry["runs"][name] = {
                "cell": cell,
                "engine": record["engine"],
                "best": record["best"],
                "epochs": rounds[-1]["epoch"],
                "seconds": sum(one["seconds"] for one in rounds),
            }
            write_whole(out / "own_texts.json", json.dumps(found, indent=1).encode())
            write(document(found), out)
    return found


def _cell(run):
    best = run["best"]
    return (
        f"{best['validation_perplexity']:.3f}, {best['bits_per_character']:.3f}; "
        f"{run['seconds']:,.0f} s"
    )


def _rows(found):
    for entry in found["texts"]:
        text, settings = entry["text"], entry["settings"]
        yield [
            text["name"],
            f"{text['size']:,}",
            f"{text['num_tokens']:,}",
            text["vocab_size"],
            f"{settings['num_layers']} x {settings['num_hiddens']}, dropout "
            f"{settings['dropout']:g}, {settings['batch_size']} x {settings['num_steps']}, lr "
            f"{settings['lr']:g}, at most {settings['epochs']:g} epochs",
            *(_cell(entry["runs"][name]) if name in entry["runs"] else "" for name in _RUNS),
        ]


def document(found: dict[str, Any]) -> Document:
    """Return the report.

    Args:
        found: what ``own_texts.json`` holds.
    """
    env = found["texts"][0]["environment"]
    return Document(
        "Texts of one's own, beside PyTorch",
        [
            Paragraph(
                f"Made by `{found['command']}` on {env['processor']}, {env['cores']} cores "
                f"({env['engine']})."
            ),
            Heading("Results"),
            Paragraph(
                "Of each run: perplexity and bits per character on the held-out part, of the best "
                "round; and the time of all rounds until it stopped by itself, scoring included. "
                "Where a run stopped earlier it also took less time."
            ),
            Table(
                ["text", "bytes", "characters", "vocabulary", "settings", *_RUNS],
                list(_rows(found)),
            ),
            *environments([(f"`{found['command']}`", env)]),
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
        help="where own_texts.json and report.md go",
    )
    args = parser.parse_args()
    command = shlex.join([*parser.prog.split(), *sys.argv[1:]])
    settings = {} if args.epochs is None else {"epochs": args.epochs}
    found = compare(args.texts, args.out, command, **settings)
    print(terminal.text(document(found).blocks))


if __name__ == "__main__":
    options.run(main)
