"""Records as they are: a small one of each kind, and how to change a part of it."""

import pathlib

from gluon_gru.runs import record
from gluon_gru.runs.record import Record

ROOT = pathlib.Path(__file__).parents[2]
OLDER = ROOT / "tests" / "data" / "written_by_0.1.0"

FILES = {
    "train": OLDER / "own_texts" / "gru" / "run.json",
    "reproduce": OLDER / "reproduce" / "results.json",
    "exercise": OLDER / "exercises" / "gates.json",
    "training": OLDER / "exercises" / "runs" / "gru-scratch-seed1.json",
    "sweep": OLDER / "sweep" / "sweep.json",
    "benchmark": ROOT / "results" / "benchmark-cpu" / "benchmark.json",
    "own_texts": ROOT / "results" / "own-texts" / "own_texts.json",
}

ENVIRONMENT = {
    "processor": "a",
    "cores": 2,
    "device": "cpu(0)",
    "OMP_NUM_THREADS": "not set",
    "commit": "b",
}


def example(kind):
    """Return a record of a kind."""
    if kind == "exercises":
        answer = record.read(FILES["exercise"])
        return Record(kind, answer.settings, answer.text, answer.invocations, {})
    return record.read(FILES[kind])
