"""Runs that version 0.1.0 left behind write, score and go on as they did then."""

import json
import pathlib
import shutil

import pytest

from gluon_gru import engine, own_texts
from gluon_gru.own_texts import schedule
from gluon_gru.runs import record

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0" / "own_texts"
EXPECTED = json.loads((OLDER / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name, setting",
    [*((name, "") for name in EXPECTED)]
    # Without the engine, "sgd" is the model that "gru" is.
    + [(name, "off") for name in ("gru-after", "lstm", "rnn", "words")]
    + [pytest.param("gru", "off", marks=pytest.mark.slow)],
)
def test_it_writes_and_scores_as_it_did(monkeypatch, name, setting):
    monkeypatch.setenv("GLUON_GRU_ENGINE", setting)
    expected = dict(EXPECTED[name])
    written = expected.pop("text")
    assert "".join(own_texts.generate(OLDER / name, "The", 40, seed=1)) == written
    score = own_texts.evaluate(OLDER / name, OLDER / "toy.txt")
    assert {key: vars(score)[key] for key in expected} == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("setting", ["", pytest.param("off", marks=pytest.mark.slow)])
def test_it_goes_on_to_the_same_end(monkeypatch, tmp_path, no_pictures, setting):
    monkeypatch.setenv("GLUON_GRU_ENGINE", setting)
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 1_000_000))
    out = tmp_path / "run"
    shutil.copytree(OLDER / "interrupted", out)
    assert len(record.read(out / "run.json").results["rounds"]) == 1
    resumed = own_texts.train(OLDER / "toy.txt", out, resume=True)
    whole = json.loads((OLDER / "interrupted-whole.json").read_text())
    assert len(resumed["rounds"]) == len(whole) == 3
    # The digits are those of the instructions that it was made with.
    same = engine.info().get("instructions") == "avx512" and engine.info()["threads"] == 2
    # Which counted the tokens that fill no minibatch, too.
    assert [done["epoch"] for done in resumed["rounds"]] == [1, 2, 3]
    for ours, theirs in zip(resumed["rounds"], whole):
        for other in ("seconds", "tokens_per_sec", "epoch"):
            del ours[other], theirs[other]
        assert ours == pytest.approx(theirs, rel=0 if same else 1e-3, abs=0)
    assert resumed["settings"]["cell"] == "gru"
    assert (out / "history.csv").read_text().count("\n") == 4
    assert len(resumed["invocations"]) == 2 and not (out / "run.json").exists()
