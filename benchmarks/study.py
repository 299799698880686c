"""Measures the contests of `benchmarks.catalogue`, and records the rates."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from typing import Any, Iterator, Sequence

import numpy
from tqdm import tqdm

from benchmarks import catalogue, contest, report
from benchmarks.catalogue import Contest, Contestant
from benchmarks.contest import Worker, compete
from benchmarks.jobs import agreeing, jobs, operations
from benchmarks.judging import shape_of, warnings
from gluon_gru.engine.native import cores
from gluon_gru.errors import InputError, check_positive
from gluon_gru.report import write
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import StrPath, make_folder
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.text.corpus import find, load_corpus
from gluon_gru.training.interrupt import CtrlC

#: Of the corpus, the first so many tokens are trained on, as in the book.
_MAX_TOKENS = 10000

# In how many rounds the fastest product is looked for.
_ROOFLINE_ROUNDS = 5

# What the time left is estimated with: the operations per second of a contestant that is neither
# fast nor slow.
_USUAL_RATE = 5e10


def benchmark(
    out: StrPath,
    measures: Sequence[str] = catalogue.DEFAULT,
    rounds: int = 15,
    corpus: StrPath | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure; write ``record.json`` after every measure, and ``report.md`` and pictures at the end.

    An older benchmark in the folder is replaced. Warnings, of a machine that was not quiet and of
    too few rounds, go to stderr.

    Args:
        out: the folder to write to.
        measures: names in `benchmarks.catalogue.MEASURES`.
        rounds: how many turns each contestant gets.
        corpus, command: see `gluon_gru.studies.reproduce.study.reproduce`.

    Returns:
        What ``record.json`` holds: ``contests``, each with its sizes and goals and, for every
        contestant, the work done per second in every round; and the ``seconds`` that all took.

    Raises:
        InputError: for arguments that can't be used, and for a contestant that ends early.
        ArithmeticError: if contestants don't compute the same, which voids the result.
    """
    check_positive("rounds", rounds)
    unknown = [name for name in measures if name not in catalogue.MEASURES]
    if unknown:
        raise InputError(
            f"measures {', '.join(unknown)}: choose from {', '.join(catalogue.MEASURES)}"
        )
    threads, text = _threads(), find(corpus)
    tokens, vocab = load_corpus(text, max_tokens=_MAX_TOKENS)
    folder = Folder(out, "benchmark", resume=True)
    make_folder(folder.path)
    folder.record = record = Record(
        "benchmark",
        {"threads": threads, "rounds": rounds},
        text.facts,
        [{"command": command, "environment": environment("cpu(0)")}],
        {"left_out": {}, "contests": [], "seconds": 0},
    )
    start = time.monotonic()
    found = list(_present(measures, record))
    with _Progress(found, rounds, len(vocab)) as progress, _Workers(threads) as workers:
        roofline = None
        for measure in measures:
            for each in (one for one in found if one.measure == measure):
                if roofline is None and each.is_limited:
                    roofline = _fastest_product(workers, record)
                measured = _measure(each, roofline, tokens, len(vocab), workers, rounds, progress)
                record.results["contests"].append(measured)
                versions = record.invocations[0]["environment"]
                for one in measured["contestants"].values():
                    for name in {"torch", "jax", "jaxlib"} & set(one["facts"]):
                        versions[name] = one["facts"][name]
            record.results["seconds"] = round(time.monotonic() - start, 1)
            folder.write()
    write(report.document(record.as_json()), folder.path)
    for warning in warnings(record.as_json()):
        print(f"note: {warning}", file=sys.stderr)
    return record.as_json()


def _threads() -> int:
    """Return how many threads contestants get."""
    given = os.environ.get("OMP_NUM_THREADS") or str(cores())
    if not given.isdecimal() or int(given) < 1:
        raise InputError(f"OMP_NUM_THREADS is {given!r}: it must be a whole number above 0")
    return int(given)


class _Workers(contextlib.AbstractContextManager):
    """The processes, each started when it is first needed; all end with the ``with`` block."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._running: dict[tuple[Any, ...], Worker] = {}

    def of(self, one: Contestant) -> Worker:
        """Return the process that a contestant is in."""
        # The libraries' products are each alone, as the libraries are.
        alone = one.needs if one.module == "roofline" else ""
        key = one.module, one.threads or self._threads, alone
        if key not in self._running:
            # Ctrl-C while a process starts would leave it behind.
            with CtrlC():
                self._running[key] = Worker(*key[:2])
        return self._running[key]

    def forget(self) -> None:
        """Let all of them forget their jobs."""
        for worker in self._running.values():
            worker.ask(None)

    def __exit__(self, *_: object) -> None:
        for worker in self._running.values():
            worker.close()


class _Progress(contextlib.AbstractContextManager):
    """A line in a terminal, with what is being measured and the time left."""

    def __init__(self, contests: Sequence[Contest], rounds: int, num_characters: int) -> None:
        self._rounds, self._num_characters = rounds, num_characters
        self._bar = tqdm(
            total=sum(map(self._total, contests)),
            bar_format="{desc:<36.36} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left",
            smoothing=0.1,
            disable=None,
            dynamic_ncols=True,
        )

    def _turn(self, each: Contest) -> float:
        """Return about how many seconds a turn takes."""
        if each.task not in ("training", "scoring"):
            return contest.TURN_SECONDS
        work = each.batch_size * each.num_steps * operations(each, self._num_characters)
        return max(contest.TURN_SECONDS, work / _USUAL_RATE)

    def _total(self, each: Contest) -> float:
        return self._turn(each) * (len(each.contestants) + each.is_limited) * (1 + self._rounds)

    def begin(self, each: Contest) -> None:
        """Say what is measured from now on."""
        self._bar.set_description_str(f"{each.measure}: {shape_of(each._asdict())}")
        self._seconds = self._turn(each)

    def turns(self, count: int) -> None:
        """Note that so many turns have been taken or left out."""
        self._bar.update(self._seconds * count)

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _fastest_product(workers: _Workers, record: Record) -> Contestant:
    """Return who multiplies large matrices the fastest, with the fastest size as its option."""
    here = _those_present(catalogue.ROOFLINE, record)
    told = {"sizes": catalogue.ROOFLINE_SIZES, "check_steps": 2}
    found = compete(
        {one.name: workers.of(one) for one in here},
        {one.name: {**told, **one._asdict()} for one in here},
        {one.name: one.name for one in here},
        _ROOFLINE_ROUNDS,
    )
    best = max(here, key=lambda one: statistics.median(found[one.name]["rates"]))
    return best._replace(options=(found[best.name]["facts"]["size"],))


def _measure(
    each: Contest,
    roofline: Contestant | None,
    tokens: numpy.ndarray,
    num_characters: int,
    workers: _Workers,
    rounds: int,
    progress: _Progress,
) -> dict[str, Any]:
    """Measure a contest; return what the record holds of it."""
    progress.begin(each)
    limited = each.is_limited
    entries = {one.name: one for one in (*each.contestants, *[roofline] * limited)}
    told = jobs(each, tokens, num_characters)
    if limited:
        told[roofline.name] = {**roofline._asdict(), "sizes": roofline.options, "check_steps": 2}
    # Of the others only the fastest counts.
    counted = {goal.over for goal in each.goals}
    rivals = [one.name for one in each.contestants if one.is_peer and one.name not in counted]
    found = compete(
        {name: workers.of(one) for name, one in entries.items()},
        told,
        {name: agreeing(each, one) for name, one in entries.items()},
        rounds,
        rivals=() if each.measure in catalogue.IN_FULL else rivals,
        learning=each.task == "training",
        progress=progress.turns,
    )
    workers.forget()
    recorded = {
        **each._asdict(),
        "vocab_size": each.vocab_size or num_characters,
        "words": bool(each.vocab_size),
        "goals": [goal._asdict() for goal in each.goals],
        "contestants": {
            one.name: {"kind": one.kind, "cell": one.cell, **found[one.name]}
            for one in each.contestants
        },
        "roofline": {roofline.name: found[roofline.name]} if limited else {},
    }
    if each.task in ("training", "scoring"):
        recorded["flop_per_token"] = operations(each, num_characters)
    return recorded


def _present(measures: Sequence[str], record: Record) -> Iterator[Contest]:
    """Yield contests without those who can't be measured here, if the first of them can."""
    for each in (one for name in measures for one in catalogue.contests(name)):
        here = _those_present(each.contestants, record)
        if here[:1] == list(each.contestants[:1]):
            yield each._replace(contestants=here)


def _those_present(contestants: Sequence[Contestant], record: Record) -> list[Contestant]:
    """Return those who can be measured here; say once who can't, and why."""
    left_out, here = record.results["left_out"], []
    for one in contestants:
        reason = catalogue.missing(one)
        if reason is None:
            here.append(one)
        elif one.name not in left_out:
            left_out[one.name] = reason
            print(f"left out: {one.name} ({reason})", file=sys.stderr)
    return here
