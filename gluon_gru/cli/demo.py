"""Train a model on the bundled story for a minute at most, and show what it learns to write."""

from __future__ import annotations

import argparse
import itertools
import pathlib
import shlex
import sys
import warnings

from gluon_gru.cli import options, page, train
from gluon_gru.errors import InputError
from gluon_gru.report import terminal
from gluon_gru.runs.files import exists
from gluon_gru.training.interrupt import Ended

# With what comes before it (imports, a probe of the speed) and after it, a minute on a slow machine.
_SECONDS = 50

# A sample every few seconds, as soon as the model is better than at the last one.
_SAMPLE_SECONDS = 2

_PAGE = "model.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.epilog = (
        "It is gluon-gru train with the defaults for a text of this size. Ctrl-C ends it with what\n"
        "the model has learned by then."
    )
    parser.add_argument(
        "--out",
        default="runs/demo",
        metavar="FOLDER",
        help="a folder for the run; if there is one of that name, with the next free number",
    )


def run(args: argparse.Namespace) -> None:
    """Train, and print what came of it and what to try next."""
    from gluon_gru import own_texts
    from gluon_gru.text.corpus import SAMPLE

    out = _free(args.out)
    if pathlib.Path(out) != pathlib.Path(args.out):
        options.note(f"{args.out!r} is there already: this run goes into {out!r}")
    interrupted = None
    with warnings.catch_warnings():
        # The story is short, which what is printed at the end tells in figures.
        warnings.filterwarnings("ignore", "the text is short")
        try:
            record = own_texts.train(
                SAMPLE,
                out,
                command=options.command(),
                on_plan=train.tell_plan,
                seconds=_SECONDS,
                sample_seconds=_SAMPLE_SECONDS,
            )
        except Ended:
            raise
        except KeyboardInterrupt as error:
            if not exists(pathlib.Path(out) / "model.safetensors"):
                options.note("\nstopped before the first round: nothing is learned yet")
                raise
            interrupted = error
            # Without another round: only the end, with the figures of what is done.
            record = own_texts.train(SAMPLE, out, command=options.command(), resume=True, seconds=0)
    model = pathlib.Path(out) / _PAGE
    page.write(out, model)
    print(terminal.harmless(f"{train.result(record)}\n\n{_next(out, model)}", sys.stdout))
    if interrupted:
        raise interrupted


def _free(out: str) -> str:
    """Return a folder, or, if something is there, it with the first number that nothing has."""
    path = pathlib.Path(out)
    if not path.name or path.name == "..":
        raise InputError(f"{out!r} names no new folder: give the name of one, such as runs/demo")
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return str(next(each for each in itertools.chain([path], numbered) if not exists(each)))


def _next(out: str, model: pathlib.Path) -> str:
    """Return what to open and the commands to try next."""
    commands = {
        "More of what it writes": ["generate", out],
        "A text of your own": ["train", "my.txt", "--out", "runs/mine"],
    }
    lines = [f"{what}:\n  {shlex.join(['gluon-gru', *words])}" for what, words in commands.items()]
    return "\n".join([f"The model in a page, for a browser:\n  {model}", *lines])
