"""Measure speed beside other libraries and the processor's limit."""

from __future__ import annotations

import argparse
import importlib
import pathlib
import sys
from types import ModuleType

from gluon_gru.cli import options
from gluon_gru.errors import InputError


def _benchmarks(name: str) -> ModuleType:
    """Return a module of the folder ``benchmarks`` of the checkout that this package is in.

    Raises:
        InputError: if it is in none.
    """
    checkout = pathlib.Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks" / "__init__.py").is_file():
        raise InputError(
            "the benchmark is not part of the installed package: run  python scripts/benchmark.py  "
            "in a checkout of gluon_gru's repository"
        )
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    return importlib.import_module(name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what this subcommand takes."""
    try:
        catalogue = _benchmarks("benchmarks.catalogue")
    except InputError as error:
        measures = f"Here, {error}."
    else:
        rows = [f"  {name:11} {what}" for name, what in catalogue.MEASURES.items()]
        measures = "\n".join([f"measures (by default {', '.join(catalogue.DEFAULT)}):", *rows])
    parser.epilog = (
        f"{measures}\n\n"
        "Every contestant gets OMP_NUM_THREADS threads, by default one per core.\n"
        "Exit codes: 0 done, 1 contestants don't compute the same, 2 bad input, 130 Ctrl-C."
    )
    parser.add_argument(
        "measures", nargs="*", metavar="MEASURE", help="what to measure, of those below"
    )
    parser.add_argument(
        "--rounds", type=int, default=15, metavar="N", help="how many turns each contestant gets"
    )
    options.add_corpus(parser)
    parser.add_argument(
        "--out",
        default="runs/benchmark",
        metavar="FOLDER",
        help="where record.json, report.html, report.md and the pictures go",
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Measure; print the tables, or what ``record.json`` holds."""
    study, report = _benchmarks("benchmarks.study"), _benchmarks("benchmarks.report")
    measures = args.measures or study.catalogue.DEFAULT
    results = study.benchmark(args.out, measures, args.rounds, args.corpus, options.command())
    options.show_report(args, results, lambda: report.table(results))
