"""Re-run every number of the chapter and its slides, and judge it."""

from __future__ import annotations

import argparse

from gluon_gru.cli import options
from gluon_gru.published.claims import DEFAULT_ORIGINS, ORIGINS, PROTOCOLS
from gluon_gru.studies.reproduce import ENGINES, QUICK_EPOCHS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what this subcommand takes."""
    parser.epilog = (
        "Exit codes: 0 done (whatever the verdicts), 1 training diverged, 2 bad input, 130 Ctrl-C."
    )
    parser.add_argument(
        "--claims",
        nargs="+",
        default=DEFAULT_ORIGINS,
        metavar="CLAIM",
        help=f"which claims to judge: sources ({', '.join(ORIGINS)}), "
        f"protocols ({', '.join(PROTOCOLS)}) or groups such as "
        "chapter-scratch",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="make every run with the seeds 1 to N"
    )
    parser.add_argument(
        "--engine",
        nargs="+",
        choices=ENGINES,
        help="what trains: this package's engine (fused, about ten times as fast), in rows of its "
        "own, or MXNet's operators, as in the book; by default both, the engine first",
    )
    options.add_workers(parser, "trainings", None)
    options.add_device(parser)
    options.add_corpus(parser)
    parser.add_argument(
        "--quick", action="store_true", help=f"train for {QUICK_EPOCHS} epochs only (a minute)"
    )
    parser.add_argument(
        "--out",
        default="runs/reproduce",
        metavar="FOLDER",
        help="where record.json, report.html, report.md and the pictures go",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that FOLDER holds"
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Reproduce; print the verdicts, or what ``record.json`` holds."""
    from gluon_gru.studies.reproduce import report, study

    with options.resumable("what was measured is kept. Go on with", "--resume"):
        results = study.reproduce(
            args.out,
            args.claims,
            args.seeds,
            args.device,
            args.corpus,
            args.quick,
            args.resume,
            options.command(),
            args.engine,
            args.workers,
            args.cluster,
        )
    options.show_report(args, results, lambda: report.table(results))
