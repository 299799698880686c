"""Have a trained model continue a text."""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys

from gluon_gru.cli import options
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
        "--seed",
        type=int,
        metavar="N",
        help="the same seed writes the same text (default: a new one each time)",
    )


def run(args: argparse.Namespace) -> None:
    """Print each token as soon as it is drawn."""
    from gluon_gru import own_texts

    seed = random.SystemRandom().randrange(2**31) if args.seed is None else args.seed
    pieces = own_texts.generate(
        args.run, args.prefix or "", args.length, args.temperature, args.top_k, seed
    )
    if args.seed is None and args.temperature and sys.stderr.isatty():
        print(f"(again: --seed {seed})", file=sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal may lack characters that the text has.
        sys.stdout.reconfigure(errors="replace")
    try:
        for piece in pieces:
            print(harmless(piece, sys.stdout), end="", flush=True)
    except KeyboardInterrupt:
        # The terminal may be what has ended.
        with contextlib.suppress(OSError):
            print(flush=True)
        raise
    print()
