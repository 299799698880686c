"""Show what the gates of a trained GRU do over a text: tables, pictures, a page to walk through.

For every layer: which units keep their state and for how long, which characters reset them, and on
the page, report.html, R and Z of a chosen unit at the character that one hovers over or tabs to.
"""

from __future__ import annotations

import argparse
import pathlib

from gluon_gru.cli import options
from gluon_gru.errors import InputError
from gluon_gru.report import terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what this subcommand takes."""
    options.add_run(parser)
    parser.add_argument("text", metavar="TEXT", nargs="?", help="what to read, in quotes")
    parser.add_argument("--file", metavar="PATH", help="read this text file (UTF-8) instead")
    parser.add_argument(
        "--out",
        default="runs/gates",
        metavar="FOLDER",
        help="where the report, the page and the pictures go",
    )
    options.add_device(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Look at the gates; print the tables, or Z and R as JSON."""
    from gluon_gru.gates.look import look
    from gluon_gru.runs.restore import checkpoint_of
    from gluon_gru.training.device import context

    text, folder = _text(args), pathlib.Path(args.out)
    name = pathlib.Path(args.run).name or args.run
    seen = look(
        folder, {name: checkpoint_of(args.run)}, text, context(args.device), options.command()
    )
    page = str(folder / "report.html")
    options.show(
        args,
        {"page": page, "gates": seen.walks},
        lambda: (
            f"{terminal.text(seen.tables)}\n\nreport, pictures and a page to walk through: {page}"
        ),
    )


def _text(args: argparse.Namespace) -> str:
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
