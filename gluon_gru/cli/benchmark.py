"""Measure how fast models train and generate, beside other libraries and the processor's limit."""

import importlib
import json
import pathlib
import sys

from gluon_gru.cli import options as cli
from gluon_gru.errors import InputError


def _benchmarks():
    """Return the package ``benchmarks`` of the checkout that this package is in.

    Raises:
        InputError: if it is in none.
    """
    checkout = pathlib.Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks" / "__init__.py").is_file():
        raise InputError(
            "the benchmark is not part of the installed package: run  python "
            "scripts/benchmark.py  in a checkout of gluon_gru's repository"
        )
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    return importlib.import_module("benchmarks")


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    benchmark = _benchmarks()
    measures = benchmark.catalogue.MEASURES
    parser.epilog = (
        "measures:\n"
        + "\n".join(f"  {name:11} {what}" for name, what in measures.items())
        + "\n\nEvery contestant gets the threads that OMP_NUM_THREADS says, by default one a core."
        "\nExit codes: 0 done, 1 contestants don't compute the same, 2 bad input, 130 Ctrl-C."
    )
    parser.add_argument(
        "measures",
        nargs="*",
        metavar="MEASURE",
        default=list(benchmark.catalogue.DEFAULT),
        help="what to measure, of those below",
    )
    parser.add_argument(
        "--rounds", type=int, default=15, metavar="N", help="how many turns each contestant gets"
    )
    cli.add_corpus(parser)
    parser.add_argument(
        "--out",
        default="runs/benchmark",
        metavar="FOLDER",
        help="where benchmark.json, report.html, report.md and the pictures go",
    )
    cli.add_json(parser)


def run(args):
    """Measure; print the tables, or what ``benchmark.json`` holds."""
    benchmark = _benchmarks()
    results = benchmark.benchmark(args.out, args.measures, args.rounds, args.corpus, cli.command())
    print(
        json.dumps(results, indent=1)
        if args.json
        else f"{benchmark.report.table(results)}\n\n"
        f"every round, the report and the pictures: {args.out}/"
    )
