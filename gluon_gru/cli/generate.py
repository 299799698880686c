"""Have a trained model continue a text."""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
from collections.abc import Iterator

from gluon_gru.cli import options
from gluon_gru.errors import InputError, check_positive
from gluon_gru.report.terminal import harmless


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.epilog = (
        'example:\n  gluon-gru generate runs/mine "Once upon" --length 500 '
        "--temperature 0.8 --top-k 5 --seed 1"
    )
    options.add_run(parser)
    parser.add_argument(
        "prefix",
        metavar="PREFIX",
        nargs="?",
        help="the text to continue; by default the model starts a new line",
    )
    parser.add_argument(
        "--prompt-file",
        metavar="PATH",
        help=f"continue {options.TEXT}, without the end of line at its end",
    )
    options.add_encoding(parser)
    parser.add_argument(
        "--length", type=int, default=500, metavar="N", help="how many tokens to add"
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.8,
        metavar="T",
        help="0 takes the likeliest token each time, as in the book; above 1 is wilder than the "
        "model's own predictions",
    )
    parser.add_argument(
        "--top-k",
        type=int,
        metavar="K",
        help="draw from the K likeliest tokens only (default: all)",
    )
    parser.add_argument(
        "--top-p",
        type=float,
        metavar="P",
        help="draw from as few of the likeliest tokens as have the probability P together, after "
        "--temperature and --top-k (default: all)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="the same seed writes the same text (default: a new one each time)",
    )
    parser.add_argument(
        "--num",
        type=int,
        default=1,
        metavar="N",
        help="how many texts to write; the first has the seed, the others those after it",
    )


def run(args: argparse.Namespace) -> None:
    """Print each token as soon as it is drawn."""
    from gluon_gru import own_texts

    check_positive("num", args.num)
    seed = random.SystemRandom().randrange(2**31) if args.seed is None else args.seed
    prefix = _prefix(args)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal may lack characters that the text has.
        sys.stdout.reconfigure(errors="replace")
    for number in range(args.num):
        pieces = own_texts.generate(
            args.run, prefix, args.length, args.temperature, args.top_k, seed + number, args.top_p
        )
        if args.num > 1:
            line = "\n" if number else ""
            print(f"{line}--- {number + 1} of {args.num} (--seed {seed + number}) ---")
        elif args.seed is None and args.temperature and sys.stderr.isatty():
            print(f"(again: --seed {seed})", file=sys.stderr)
        _print(pieces)


def _print(pieces: Iterator[str]) -> None:
    try:
        for piece in pieces:
            print(harmless(piece, sys.stdout), end="", flush=True)
    except KeyboardInterrupt:
        # The terminal may be what has ended.
        with contextlib.suppress(OSError):
            print(flush=True)
        raise
    print()


def _prefix(args: argparse.Namespace) -> str:
    if args.prompt_file is None:
        return args.prefix or ""
    if args.prefix is not None:
        raise InputError("generate continues one text: give either PREFIX or --prompt-file PATH")
    from gluon_gru.text.textfile import TextFile

    text = "".join(TextFile(args.prompt_file, args.encoding).blocks())
    # Editors end every line.
    text = text[:-1] if text.endswith("\n") else text
    if not text:
        raise InputError(
            f"text {args.prompt_file!r} is empty: give one to continue, or none to start a new line"
        )
    return text
