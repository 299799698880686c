"""Run one of the book's notebooks as it is, beside what it printed when it was published.

Its cells run unchanged, with this package as their d2l; lines that install packages are skipped.
The notebook is written with today's outputs to a file of its own, after each cell. A table shows
each perplexity and rate that was stored in it beside today's, and how much of each generated text is
verbatim; below are those texts.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from gluon_gru.cli import options
from gluon_gru.errors import InputError

if TYPE_CHECKING:
    from gluon_gru.notebook.rerun import Cell, Rerun
    from gluon_gru.notebook.results import Judged

_WIDTH = 79


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.epilog = (
        "Exit codes: 0 all cells ran, whatever the verdicts; 1 some did not, or a library is missing;\n"
        "2 bad input; 130 Ctrl-C."
    )
    parser.add_argument("notebook", metavar="NOTEBOOK", type=pathlib.Path, help="an .ipynb file")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=pathlib.Path,
        help="the notebook to write; by default NOTEBOOK's name with .rerun before .ipynb",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="cut every training short, to N epochs"
    )
    parser.add_argument(
        "--engine",
        action="store_true",
        help="run Gluon's layers rnn.RNN, rnn.GRU and rnn.LSTM on this package's engine",
    )
    parser.add_argument(
        "--edition",
        metavar="NAME",
        help="of the text, 2019 or 2020-09; by default the one that the notebook is of",
    )
    parser.add_argument(
        "--timeout", type=int, metavar="SECONDS", help="interrupt a cell that takes longer"
    )
    options.add_corpus(parser)
    options.add_force(parser, "FILE")
    options.add_json(parser)


def run(args: argparse.Namespace) -> None:
    """Run the notebook; print the table of verdicts, or everything as JSON."""
    out = args.out or args.notebook.with_suffix(".rerun.ipynb")
    if out.resolve() == args.notebook.resolve():
        raise InputError(f"{str(out)!r} is the notebook itself: give --out another name")

    from gluon_gru.notebook import reading

    reading.check_packages()
    options.check_target(out, args.force)

    from gluon_gru.notebook.rerun import rerun

    progress = _Progress()
    try:
        done = rerun(
            args.notebook,
            out,
            args.edition,
            args.epochs,
            args.engine,
            args.timeout,
            args.corpus,
            progress.start,
            progress.end,
        )
    except KeyboardInterrupt:
        progress.stopped()
        raise
    options.show(args, done.data(), lambda: _text(done))
    if any(cell.status != "ran" for cell in done.cells):
        sys.stdout.flush()
        sys.exit(1)


class _Progress:
    """A line on stderr for each cell: its number, its first line of code, how long it took."""

    def __init__(self) -> None:
        self.run: Rerun | None = None

    def start(self, run: Rerun, cell: Cell) -> None:
        if not self.run:
            self.run = run
            self._say(f"text: {run.corpus.name}, edition {run.edition} ({run.why})")
            if run.corpus.note:
                self._say(run.corpus.note)
        number = f"{cell.number:>{len(str(len(run.cells)))}}/{len(run.cells)} "
        room = _WIDTH - len(number) - len(" 12345.6 s")
        code = cell.source if len(cell.source) <= room else f"{cell.source[: room - 3]}..."
        print(f"{number} {code:{room}}", end="", file=sys.stderr, flush=True)

    def end(self, run: Rerun, cell: Cell) -> None:
        print(f"{cell.seconds:7.1f} s", file=sys.stderr)
        for command in cell.skipped:
            self._say(f"skipped: {command}")
        for training in cell.trainings:
            if training.ran < training.asked:
                self._say(f"cut short: {training.ran} of {training.asked} epochs")
        if cell.status != "ran":
            self._say(f"{cell.status}: {cell.error}")

    def stopped(self) -> None:
        """Say what Ctrl-C leaves behind."""
        if self.run:
            done = sum(cell.status != "not run" for cell in self.run.cells)
            print(file=sys.stderr)
            self._say(f"stopped: {done} of {len(self.run.cells)} cells of code are done")
            for line in _left_behind(self.run):
                self._say(line)

    def _say(self, text: str) -> None:
        from gluon_gru.report import terminal
        from gluon_gru.report.document import Paragraph

        print(terminal.text([Paragraph(text)], _WIDTH), file=sys.stderr, flush=True)


def _text(done: Rerun) -> str:
    from gluon_gru.report import terminal
    from gluon_gru.report.document import Paragraph, Table

    blocks: list[Any] = []
    rows = [row for result in done.results for row in _rows(result)]
    if rows:
        blocks.append(Table(("cell", "", "stored", "now", "verdict"), rows))
        blocks += [Paragraph(_beside(result)) for result in done.results if result.stored.texts]
    else:
        blocks.append(Paragraph("The notebook has no stored result of a training to compare."))
    counts = collections.Counter(cell.status for cell in done.cells)
    lines = [f"{counts['ran']} of {len(done.cells)} cells of code ran"]
    lines += [
        f"cell {cell.number} {cell.status}: {cell.error}" for cell in done.cells if cell.error
    ]
    if counts["not run"]:
        lines.append(f"{counts['not run']} not run, since the kernel was gone")
    blocks.append(Paragraph("\n".join(lines)))
    blocks.append(Paragraph("\n".join(_left_behind(done))))
    return terminal.text(blocks, _WIDTH)


def _left_behind(run: Rerun) -> list[str]:
    """Return where the notebook is, and what its cells wrote."""
    files = [f"the files that its cells wrote: {run.folder}"] if run.folder else []
    return [f"the notebook with today's outputs: {run.out}", *files]


def _rows(result: Judged) -> list[tuple[Any, ...]]:
    stored, now = result.stored, result.now
    shown = {
        "perplexity": (f"{stored.perplexity:.1f}", now and f"{now.perplexity:.1f}"),
        "tokens/sec": (_rate(stored), now and _rate(now)),
        "verbatim": tuple(
            ", ".join("-" if share is None else f"{share:.0%}" for share in shares)
            for shares in zip(*result.shares.values())
        ),
    }
    return [
        ("" if number else result.cell, name, then, today or "-", verdict.verdict)
        for number, (verdict, (name, (then, today))) in enumerate(
            zip(result.verdicts, shown.items())
        )
    ]


def _rate(one: Any) -> str:
    return f"{one.rate:,.0f} on {one.device}"


def _beside(result: Judged) -> str:
    """Return the generated texts, the stored ones above today's."""
    now = result.now.texts if result.now else {}
    lines = [f"cell {result.cell}:"]
    for prefix, text in result.stored.texts.items():
        lines += [f"stored  {text!r}", f"now     {now[prefix]!r}" if prefix in now else "now     -"]
    return "\n".join(lines)
