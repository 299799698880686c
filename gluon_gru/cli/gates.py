"""Show what the gates of a trained GRU do over a text: tables, pictures, a page to walk through.

For every layer: which units keep their state and for how long, which characters reset them, and on
the page, report.html, R and Z of a chosen unit at the character that one hovers over or tabs to.
"""

import json
import pathlib

from tabulate import tabulate

from gluon_gru.cli import options as cli
from gluon_gru.errors import InputError
from gluon_gru.runs.restore import checkpoint_of
from gluon_gru.studies.exercises.answering import look_at
from gluon_gru.training.device import context


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    parser.add_argument(
        "run", metavar="RUN", help="a trained GRU: the folder of a run, or a .safetensors file"
    )
    parser.add_argument("text", metavar="TEXT", nargs="?", help="what to read, in quotes")
    parser.add_argument("--file", metavar="PATH", help="read this text file (UTF-8) instead")
    parser.add_argument(
        "--out",
        default="runs/gates",
        metavar="FOLDER",
        help="where the report, the page and the pictures go",
    )
    parser.add_argument("--device", default="auto", help="cpu, gpu(0), or auto: a GPU if any")
    cli.add_json(parser)


def run(args):
    """Look at the gates; print the tables, or Z and R as JSON."""
    text, folder = _text(args), pathlib.Path(args.out)
    name = pathlib.Path(args.run).name or args.run
    found = look_at(
        folder, {name: checkpoint_of(args.run)}, text, context(args.device), cli.command()
    )
    page = str(folder / "report.html")
    if args.json:
        print(json.dumps({"page": page, "gates": found.walks}))
        return
    for table in found.tables:
        print(f"{table.title}:\n{tabulate(table.rows, table.headers, disable_numparse=True)}\n")
    print(f"report, pictures and a page to walk through: {page}")


def _text(args):
    if (args.text is None) == (args.file is None):
        raise InputError(
            "gates takes one text: give TEXT, or --file PATH"
            if args.text is None
            else "TEXT and --file are two texts: give one of them"
        )
    if args.file is None:
        return args.text
    try:
        return pathlib.Path(args.file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(
            f"text {args.file!r} can't be read ({error}): give a text file in UTF-8"
        ) from error
