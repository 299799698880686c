"""Records: what is written comes back, and every older file is read as if it were written today."""

import json
import pathlib

import pytest
from examples import example

from gluon_gru.errors import InputError
from gluon_gru.runs import record
from gluon_gru.runs.record import Record

ROOT = pathlib.Path(__file__).parents[2]
OLDER = ROOT / "tests" / "data" / "written_by_0.1.0"

INVOCATION = {"command": "gluon-gru train a.txt", "environment": {"device": "cpu(0)"}}


def make(**changes):
    return Record(
        **{
            "kind": "train",
            "settings": {"lr": 1, "sizes": [1, 2], "cell": "gru"},
            "text": {"name": "a.txt", "sha256": "a" * 64},
            "invocations": [INVOCATION],
            "results": {"rounds": [{"epoch": 1}]},
            **changes,
        }
    )


def test_a_record_comes_back_and_says_its_schema(tmp_path):
    example("train").write(tmp_path / "record.json")
    assert record.read(tmp_path / "record.json") == example("train")
    assert json.loads((tmp_path / "record.json").read_text())["schema"] == record.SCHEMA


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", "{}", '{"schema": 2}', '{"schema": 99}', '{"runs": []}', '{"rounds": 1}'],
)
def test_another_programs_file_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_text(content)
    with pytest.raises(InputError, match="can't be read") as error:
        record.read(path)
    assert repr(str(path)) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_record_is_refused(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        record.read(tmp_path / "record.json")


def test_differences_are_listed_one_by_one():
    assert make().differences({"lr": 1, "sizes": (1, 2)}, {"sha256": "a" * 64}) == []
    assert make().differences({"lr": 2, "cell": "rnn"}, {"name": "b", "sha256": "b" * 64}) == [
        "its lr is 1, not 2",
        "its cell is 'gru', not 'rnn'",
        "its text is 'a.txt' (SHA256 aaaaaaaaaaaa...), not 'b' (SHA256 bbbbbbbbbbbb...)",
    ]


def test_what_only_one_side_knows_is_no_difference():
    assert make().differences({"dropout": 0.5}, {"sha1": "b"}) == []


FILES = sorted(
    path
    for folder in (OLDER, ROOT / "results")
    for path in folder.rglob("*.json")
    if path.name not in ("logits.json", "expected.json", "interrupted-whole.json")
)


# What a folder's name begins with -> the kind of its record.
_RECORDS = {
    "exercises": "exercises",
    "sweep": "sweep",
    "benchmark": "benchmark",
    "shakespeare": "settings",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_older_record_is_read(path, tmp_path):
    found = record.read(path)
    kinds = {
        "run.json": "train",
        "results.json": "reproduce",
        "record.json": _RECORDS.get(path.parent.name.partition("-")[0], "reproduce"),
        "sweep.json": "sweep",
        "benchmark.json": "benchmark",
        "own_texts.json": "own_texts",
    }
    assert found.kind == kinds.get(
        path.name, "training" if path.parent.name == "runs" else "exercise"
    )
    assert found.invocations
    assert all(set(made) == {"command", "environment"} for made in found.invocations)
    found.write(tmp_path / "record.json")
    assert record.read(tmp_path / "record.json") == found


def test_nothing_in_an_older_record_is_lost():
    run = json.loads((OLDER / "own_texts" / "gru" / "run.json").read_text())
    found = record.read(OLDER / "own_texts" / "gru" / "run.json")
    assert found.settings == {**run["settings"], "encoding": "utf-8", "lines": "keep"}
    assert found.text == run["text"]
    assert found.results == {name: run[name] for name in ("rounds", "engine", "best")}
    results = json.loads((OLDER / "reproduce" / "results.json").read_text())
    found = record.read(OLDER / "reproduce" / "results.json")
    assert found.settings == {"device": "cpu(0)"} and found.text == results["corpus"]
    verdicts = found.results.pop("verdicts")
    assert found.results == {name: results[name] for name in ("seeds", "models", "runs")}
    for verdict, older in zip(verdicts, results["verdicts"]):
        assert (verdict["claim"], verdict["verdict"]) == (older["claim"], older["verdict"])
        assert verdict["figures"]["measured"] == older["measured"]
    answer = json.loads((OLDER / "exercises" / "gates.json").read_text())
    found = record.read(OLDER / "exercises" / "gates.json")
    assert found.settings == {"device": "cpu(0)", "quick": False}
    assert found.results["trainings"] == answer["record"]["trainings"]
    assert found.results["seeds"] == 1 and found.results["walks"] == answer["walks"]
    training = json.loads((OLDER / "exercises" / "runs" / "gru-scratch-seed1.json").read_text())
    found = record.read(OLDER / "exercises" / "runs" / "gru-scratch-seed1.json")
    # The one edition that version 0.1.0 knew.
    assert found.text == {"sha1": training["corpus_sha1"], "edition": "2020-09"}
    assert found.results == {"measurement": training["measurement"]}
    sweep = json.loads((OLDER / "sweep" / "sweep.json").read_text())
    found = record.read(OLDER / "sweep" / "sweep.json")
    assert found.settings == sweep["asked"]
    assert found.text == {**sweep["corpus"], "edition": "2020-09"}
    assert found.results == {name: sweep[name] for name in ("needed", "trials", "importance")}
