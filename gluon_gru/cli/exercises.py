"""Answer the chapter's exercises, and check its readers' notes."""

from __future__ import annotations

import argparse

from gluon_gru.cli import options
from gluon_gru.errors import InputError
from gluon_gru.report import terminal
from gluon_gru.studies.exercises.catalogue import EXERCISES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what this subcommand takes."""
    width = max(map(len, EXERCISES))
    parser.epilog = (
        "exercises:\n"
        + "\n".join(
            f"  {name:{width}}  {exercise.question}" for name, exercise in EXERCISES.items()
        )
        + "\n\nExit codes: 0 done (whatever the verdicts), 1 training diverged, 2 bad input, 130 Ctrl-C."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="EXERCISE",
        help="which of the exercises below (all, if none is named)",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train every model from the seeds 1 to N"
    )
    options.add_workers(parser, "trainings", None)
    options.add_device(parser)
    options.add_corpus(parser)
    parser.add_argument(
        "--quick", action="store_true", help="cut every training short (some minutes in all)"
    )
    parser.add_argument(
        "--out", default="runs/exercises", metavar="FOLDER", help="where the answers go"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue in a FOLDER that holds answers or trainings"
    )
    parser.add_argument(
        "--text", help="with gates: look at them over this text instead; needs no --resume"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="PATH",
        help="with gates: look at this trained GRU instead of the chapter's two",
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Answer; print the verdicts, or what the exercises' JSON files hold, by name."""
    from gluon_gru.studies.exercises import answering, report

    settings = args.device, args.corpus, args.quick
    with options.resumable("what was measured is kept. Go on with", "--resume"):
        if args.text is not None or args.checkpoint:
            _look(args, *settings)
            return
        answers = answering.answer(
            args.out,
            args.names or tuple(EXERCISES),
            args.seeds,
            *settings,
            args.resume,
            options.command(),
            args.workers,
            args.cluster,
        )
    names = args.names or answers
    asked = {name: answer for name, answer in answers.items() if name in names}
    options.show_report(args, asked, lambda: report.table(asked))


def _look(args, *settings):
    if args.names != ["gates"]:
        raise InputError(
            '--text and --checkpoint are for the exercise gates alone: exercises gates --text "..."'
        )
    from gluon_gru.studies.exercises import answering

    look = answering.look(args.out, args.text, args.checkpoint, *settings, options.command())
    options.show(
        args,
        answering.tables_as_json(look.tables),
        lambda: f"{terminal.text(look.tables)}\n\nthe report: {args.out}/text/report.html",
    )
