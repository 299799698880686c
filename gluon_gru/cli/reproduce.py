"""Re-run every number that the GRU chapter and its slides report, and judge each."""

import json

from gluon_gru.cli import options as cli
from gluon_gru.published.claims import GROUPS
from gluon_gru.studies.reproduce import report
from gluon_gru.studies.reproduce import study as experiments


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    parser.epilog = (
        "Exit codes: 0 done (whatever the verdicts), 1 training diverged, 2 bad input, 130 Ctrl-C."
    )
    parser.add_argument(
        "--claims",
        nargs="+",
        default=GROUPS,
        metavar="CLAIM",
        help="which claims to judge, any of these",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="make every run with the seeds 1 to N"
    )
    parser.add_argument(
        "--engine",
        nargs="+",
        default=["mxnet"],
        choices=experiments.ENGINES,
        help="what trains: MXNet's operators, as in the book, or (fused, about ten "
        "times as fast) this package's engine, in rows of its own; or both",
    )
    cli.add_inputs(parser)
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"train for {experiments.QUICK_EPOCHS} epochs only (a minute)",
    )
    parser.add_argument(
        "--out",
        default="runs/reproduce",
        metavar="FOLDER",
        help="where results.json, report.html, report.md and the pictures go",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that FOLDER holds"
    )
    cli.add_json(parser)


def run(args):
    """Reproduce; print the verdicts, or what ``results.json`` holds."""
    with cli.resumable("what was measured is kept. Go on with", "--resume"):
        results = experiments.reproduce(
            args.out,
            args.claims,
            args.seeds,
            args.device,
            args.corpus,
            args.quick,
            args.resume,
            cli.command(),
            args.engine,
        )
    print(
        json.dumps(results, indent=1)
        if args.json
        else f"{report.table(results)}\n\n"
        f"the report, a page: {args.out}/report.html (report.md and pictures beside it)"
    )
