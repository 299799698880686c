"""Measures the contests of `benchmarks.catalogue`, and records the rates."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Sequence

from tqdm import tqdm

from benchmarks import catalogue, report
from benchmarks.contest import Worker, compete
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


def benchmark(
    out: StrPath,
    measures: Sequence[str] = catalogue.DEFAULT,
    rounds: int = 15,
    corpus: StrPath | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure; write ``record.json``, ``report.md`` and pictures after every measure.

    An older benchmark in the folder is replaced.

    Args:
        out: the folder to write to.
        measures: names in `benchmarks.catalogue.MEASURES`.
        rounds: how many turns each contestant gets.
        corpus, command: see `gluon_gru.studies.reproduce.study.reproduce`.

    Returns:
        What ``record.json`` holds: ``contests``, each with its sizes and, for every contestant,
        the work done per second in every round.

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
        {"left_out": {}, "contests": []},
    )
    for measure in measures:
        _measure(catalogue.contests(measure), tokens, vocab, record)
        folder.write()
        write(report.document(record.as_json()), folder.path)
    return record.as_json()


def _threads():
    """Return how many threads every contestant gets."""
    given = os.environ.get("OMP_NUM_THREADS") or str(cores())
    if not given.isdecimal() or int(given) < 1:
        raise InputError(f"OMP_NUM_THREADS is {given!r}: it must be a whole number above 0")
    return int(given)


def _measure(contests, tokens, vocab, record):
    """Measure the contests of a measure, a process a contestant; add them to the record."""
    contests = [_present(contest, record.results["left_out"]) for contest in contests]
    rounds, workers = record.settings["rounds"], {}
    turns = (1 + rounds) * sum(len(each.contestants + each.roofline) for each in contests)
    with tqdm(
        total=turns, desc=contests[0].measure, unit="turn", disable=None, dynamic_ncols=True
    ) as bar, contextlib.ExitStack() as stack:
        stack.callback(lambda: [worker.close() for worker in workers.values()])
        for contest in contests:
            entries = {one.name: one for one in contest.contestants + contest.roofline}
            for name in set(workers) - set(entries):
                workers.pop(name).close()
            for name in entries:
                if name not in workers:
                    # Ctrl-C while a process starts would leave it behind.
                    with CtrlC():
                        workers[name] = Worker(entries[name].module, record.settings["threads"])
            found = compete(
                {name: workers[name] for name in entries},
                catalogue.jobs(contest, tokens, vocab),
                {name: one.function for name, one in entries.items()},
                rounds,
                bar.update,
            )
            record.results["contests"].append(_recorded(contest, found, len(vocab)))
            versions = record.invocations[0]["environment"]
            for one in found.values():
                for name in {"torch", "jax", "jaxlib"} & set(one["facts"]):
                    versions[name] = one["facts"][name]


def _present(contest, left_out):
    """Return a contest without those who can't be measured here; say once who and why."""

    def present(one):
        reason = catalogue.missing(one)
        if reason and one.name not in left_out:
            left_out[one.name] = reason
            print(f"left out: {one.name} ({reason})", file=sys.stderr)
        return not reason

    return contest._replace(
        contestants=list(filter(present, contest.contestants)),
        roofline=list(filter(present, contest.roofline)),
    )


def _recorded(contest, found, vocab_size):
    """Return what the record holds of a contest, a dict."""
    recorded = {
        **contest._asdict(),
        "vocab_size": vocab_size,
        "contestants": {
            one.name: {"kind": one.kind, "cell": one.cell, **found[one.name]}
            for one in contest.contestants
        },
        "roofline": {one.name: found[one.name] for one in contest.roofline},
    }
    if contest.task == "training":
        recorded["flop_per_token"] = catalogue.flop_per_token(contest, vocab_size)
    return recorded
