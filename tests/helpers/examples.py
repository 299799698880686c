"""Records as they are: a small one of each kind, and how to change a part of it."""

import pathlib

from gluon_gru.report import document
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


CHARTS = [
    document.Curves(
        "a",
        "a.png",
        [document.Curve("b", [[0.5, 2, 1], [1, 2, 3]], "gru-scratch", [0, 5, 59])],
        [document.Point(1, 2, "c")],
        xscale="near",
    ),
    document.Curves("a", "b.png", [document.Curve("b", [[20.5, 2]])]),
    document.Bars("a", "c.png", [document.Bar("b", "c", 0.25, (0.1, 0.5))], "{:.2f}"),
    document.HeatMap(
        "a", "d.png", ["r"], ["c", "d"], {"": [[(2.5, "2.5"), (None, "0")]]}, legend="b"
    ),
]


def example(kind):
    """Return a record of a kind."""
    if kind == "exercises":
        answer = record.read(FILES["exercise"])
        return Record(kind, answer.settings, answer.text, answer.invocations, {})
    if kind == "settings":
        environment = [{"command": "c", "environment": ENVIRONMENT}]
        return Record(kind, {"seeds": 1}, {"name": "d"}, environment, {"runs": []})
    found = record.read(FILES[kind])
    if kind == "exercise":
        found.results["charts"] = list(map(document.as_json, CHARTS))
    return found
