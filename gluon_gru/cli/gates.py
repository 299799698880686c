"""Show what a trained GRU's gates do, character by character.

Of every layer: which units keep their state and for how long, and which characters reset them. The
page, report.html, shows R and Z of a chosen unit at the character under the pointer.
"""

from __future__ import annotations

import argparse
import pathlib

from gluon_gru.cli import options
from gluon_gru.errors import InputError, shown
from gluon_gru.report import terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    options.add_run(parser)
    parser.add_argument("text", metavar="TEXT", nargs="?", help="the text to read, in quotes")
    parser.add_argument("--file", metavar="PATH", help=f"read this instead: {options.TEXT}")
    parser.add_argument(
        "--out",
        default="runs/gates",
        metavar="FOLDER",
        help="where report.html, report.md and the pictures go",
    )
    options.add_encoding(parser)
    parser.add_argument("--device", help="has no effect: the gates are computed in NumPy")
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Inspect the gates; print the tables, or Z and R as JSON."""
    from gluon_gru.gates.look import look
    from gluon_gru.runs.restore import checkpoint_of

    text, folder = _text(args), pathlib.Path(args.out)
    name = shown(pathlib.Path(args.run).name or args.run)
    seen = look(folder, {name: checkpoint_of(args.run)}, text, command=options.command())
    data = {"page": str(folder / "report.html"), "gates": seen.walks}
    options.show_report(args, data, lambda: terminal.text(seen.tables))


def _text(args: argparse.Namespace) -> str:
    if (args.text is None) == (args.file is None):
        raise InputError("gates reads one text: give either TEXT or --file PATH")
    if args.file is None:
        return args.text
    from gluon_gru.text.textfile import TextFile

    return "".join(TextFile(args.file, args.encoding).blocks())
