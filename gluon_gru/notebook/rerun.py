"""Running one of the book's notebooks again, beside what it printed when it was published."""

from __future__ import annotations

import copy
import dataclasses
import json
import pathlib
import shutil
import tempfile
from typing import Any, Callable, Iterable, Sequence

import gluon_gru
from gluon_gru.errors import check_positive
from gluon_gru.notebook import dating, reading
from gluon_gru.notebook.results import Judged, Training, judged, printed
from gluon_gru.runs.files import StrPath, write_whole
from gluon_gru.text.corpus import Corpus, find, load_corpus
from gluon_gru.text.editions import EDITIONS, edition_of

# The loaders take so many tokens unless they are told otherwise.
_TRAINED_ON = 10_000


@dataclasses.dataclass
class Cell:
    """A cell of code, and what became of it.

    Attributes:
        number: from 1, among the cells of code.
        source: its first line that is no comment.
        status, error, seconds: see `gluon_gru.notebook.running.Ran`.
        skipped: commands in it that would have installed something.
        trainings: how long its trainings were.
    """

    number: int
    source: str
    status: str = "not run"
    error: str = ""
    seconds: float = 0.0
    skipped: list[str] = dataclasses.field(default_factory=list)
    trainings: list[Training] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Rerun:
    """A notebook that was run again.

    Attributes:
        out: the notebook as it was written, with its outputs of today.
        edition, why: of the text, and how that was told.
        corpus: what was read as the text.
        cells: all cells of code, in order.
        results: what it had printed of its trainings, judged.
        folder: where its cells ran; None unless they wrote something there.
    """

    out: pathlib.Path
    edition: str
    why: str
    corpus: Corpus
    cells: list[Cell]
    results: list[Judged] = dataclasses.field(default_factory=list)
    folder: pathlib.Path | None = None

    def data(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        facts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        facts["corpus"] = self.corpus.facts
        for name in ("cells", "results"):
            facts[name] = list(map(dataclasses.asdict, facts[name]))
        # A perplexity that isn't finite is null, and a path its name.
        return json.loads(json.dumps(facts, default=str), parse_constant=lambda _: None)


def rerun(
    notebook: StrPath,
    out: StrPath,
    edition: str | None = None,
    epochs: int | None = None,
    on_engine: bool = False,
    timeout: int | None = None,
    corpus: StrPath | None = None,
    on_start: Callable[[Rerun, Cell], None] = lambda run, cell: None,
    on_end: Callable[[Rerun, Cell], None] = lambda run, cell: None,
) -> Rerun:
    """Run a notebook unchanged, write it to ``out`` after each cell, and judge what it prints.

    Args:
        notebook: the file, which stays as it is.
        out: the file to write, which is replaced.
        edition: of the text, a key of `gluon_gru.text.editions.EDITIONS`; by default the
            notebook's, as far as it can be told (`gluon_gru.notebook.dating`).
        epochs: the most that a training may have.
        on_engine: whether ``rnn.RNN``, ``rnn.GRU`` and ``rnn.LSTM`` are to run on the engine.
        timeout: how many seconds a cell may take.
        corpus: the text, see `gluon_gru.text.corpus.find`.
        on_start, on_end: called with the run and a cell before it runs and after.

    Raises:
        InputError: for a notebook or a corpus that can't be used, an edition that isn't known, and
            numbers that aren't above 0.
        InstallError: if what runs notebooks, or MXNet, is not installed.
    """
    for name, value in (("epochs", epochs), ("timeout", timeout)):
        if value is not None:
            check_positive(name, value)
    original, text = reading.read(pathlib.Path(notebook)), find(corpus)
    why = "as asked"
    if edition is None:
        edition, why = dating.date(original, _texts(text, EDITIONS) if text.is_books else {})
    cells = [
        Cell(number, _first_line(cell)) for number, cell in enumerate(reading.code(original), 1)
    ]
    run = Rerun(pathlib.Path(out), edition_of(edition).name, why, text, cells)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gluon-gru-rerun-"))
    try:
        _run(run, original, folder, epochs, on_engine, timeout, on_start, on_end)
    finally:
        if any((folder / "work").iterdir()):
            run.folder = folder / "work"
        else:
            shutil.rmtree(folder)
    return run


def _run(run, original, folder, epochs, on_engine, timeout, on_start, on_end):
    """Run all cells, and fill in what is known of each as it is done."""
    from nbformat import v4

    from gluon_gru.notebook.running import run_cells

    # The cells of 2019 read ../data/timemachine.txt.
    for name in ("work", "data"):
        (folder / name).mkdir()
    shutil.copyfile(run.corpus.path, folder / "data" / "timemachine.txt")
    log = folder / "log"
    log.touch()
    again = copy.deepcopy(original)
    for cell in again.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    before, now = reading.code(original), reading.code(again)
    trained_on = _texts(run.corpus, [run.edition])[run.edition][:_TRAINED_ON]

    def write():
        again.metadata["rerun"] = {**run.data(), "out": run.out.name, "folder": None}
        write_whole(run.out, v4.writes(again).encode())

    started = iter(run.cells)
    ran = run_cells(
        again,
        folder / "work",
        _preparation(run, log, epochs, on_engine),
        timeout,
        lambda _: on_start(run, next(started)),
    )
    try:
        # It is asked before the cells are, so that it comes to its end, where the kernel does.
        for done, cell in zip(ran, run.cells):
            cell.status, cell.error, cell.seconds = done.status, _plain(done.error), done.seconds
            _read(log, cell)
            if done.status != "not run":
                run.results += _judge(run, cell, before, now, trained_on)
                on_end(run, cell)
            write()
    except KeyboardInterrupt:
        # With what the cell wrote until then.
        write()
        raise
    finally:
        ran.close()


def _preparation(run, log, epochs, on_engine):
    """Return the code that the kernel runs before the first cell."""
    package = str(pathlib.Path(gluon_gru.__file__).parent.parent)
    return (
        "import os, sys\n"
        f"sys.path.append({package!r})\n"
        f"os.environ['GLUON_GRU_CORPUS'] = {str(run.corpus.path.resolve())!r}\n"
        "from gluon_gru.notebook import kernel\n"
        f"kernel.prepare({str(log)!r}, {run.edition!r}, {epochs!r}, {on_engine!r})"
    )


def _first_line(cell: Any) -> str:
    lines = [line.strip() for line in cell.source.strip().splitlines()]
    return _plain(next((line for line in lines if line and not line.startswith("#")), lines[0]))


def _plain(text: str) -> str:
    """Return a text that a terminal shows and doesn't obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _texts(corpus: Corpus, editions: Iterable[str]) -> dict[str, str]:
    texts = {}
    for edition in editions:
        tokens, vocab = load_corpus(corpus, edition=edition)
        texts[edition] = "".join(vocab.to_tokens(tokens))
    return texts


def _read(log: pathlib.Path, cell: Cell) -> None:
    """Take from the log what the kernel noted about a cell."""
    notes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    log.write_text("", encoding="utf-8")
    cell.skipped = [note["skipped"] for note in notes if "skipped" in note]
    cell.trainings = [Training(**note) for note in notes if "asked" in note]


def _judge(
    run: Rerun, cell: Cell, before: Sequence[Any], now: Sequence[Any], trained_on: str
) -> list[Judged]:
    """Return the verdicts on what a cell had printed: the first result beside the first, and on."""
    stored, today = printed(before[cell.number - 1]), printed(now[cell.number - 1])
    trainings: Sequence[Training | None] = cell.trainings
    if len(trainings) != len(stored):
        # It isn't known which was which: the shortest one stands for all.
        trainings = [min(cell.trainings, key=lambda one: one.ran, default=None)] * len(stored)
    return [
        judged(cell.number, *three, trained_on, run.corpus.is_books)
        for three in zip(stored, [*today, *[None] * len(stored)], trainings)
    ]
