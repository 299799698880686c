"""Study the GRU's hyperparameters, here or on a Dask cluster."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any

from gluon_gru.cli import options
from gluon_gru.errors import InputError
from gluon_gru.studies.sweep.space import AXES, GRIDS, INITS, SAMPLERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what this subcommand takes."""
    parser.epilog = (
        "The same command again continues the study. Exit codes: 0 done, 2 bad input, 130 Ctrl-C."
    )
    parser.add_argument(
        "--grid",
        choices=list(GRIDS),
        default="reduced",
        help="the values to try, and the epochs; the next five options change them",
    )
    parser.add_argument("--num-steps", nargs="+", type=int, metavar="N", help="tokens in a window")
    parser.add_argument("--num-hiddens", nargs="+", type=int, metavar="N", help="hidden units")
    parser.add_argument("--lr", nargs="+", type=float, metavar="X", help="learning rates")
    parser.add_argument(
        "--init", nargs="+", choices=list(INITS), help="how the initial weights are drawn"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="of each trial")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="try every point of the grid with the seeds 1 to N"
    )
    parser.add_argument(
        "--sampler", choices=SAMPLERS, default="grid", help="how points are chosen from the values"
    )
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="how many trials in all, for the samplers random and tpe",
    )
    options.add_workers(parser, "trials", 1)
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="a database for Optuna's trials, like postgresql://user:password@host/name; by "
        "default FOLDER/study.db",
    )
    parser.add_argument(
        "--budget", action="store_true", help="measure what the study will cost here, and end"
    )
    options.add_device(parser)
    options.add_corpus(parser)
    parser.add_argument(
        "--out",
        default="runs/sweep",
        metavar="FOLDER",
        help="where the study, its record, report.html, report.md and the pictures go",
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Run the study and print its trials or its record; or print what it would cost."""
    from gluon_gru.studies.sweep import report, study

    if args.storage:
        from gluon_gru.studies.sweep.storage import without_password

        # The command is recorded and printed, which must not reveal the password.
        shown = without_password(args.storage)
        sys.argv = [word.replace(args.storage, shown) for word in sys.argv]
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(args).items()
        if name in (*AXES, "epochs", "seeds") and value is not None
    }
    space = dataclasses.replace(GRIDS[args.grid], **given)
    if args.budget:
        if args.cluster:
            raise InputError("a budget is measured on this machine: leave out --cluster")
        cost = study.budget(
            space, args.sampler, args.trials, args.workers, args.device, args.corpus
        )
        options.show(args, cost, lambda: report.budget_table(cost))
        return
    hidden = " (with the storage's whole URL)" if args.storage else ""
    with options.resumable(f"finished trials are kept. Go on{hidden} with"):
        results = study.sweep(
            args.out,
            space,
            args.sampler,
            args.trials,
            args.workers,
            args.storage,
            args.device,
            args.corpus,
            options.command(),
            args.cluster,
        )
    options.show_report(args, results, lambda: report.table(results))
