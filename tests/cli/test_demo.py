"""``gluon-gru demo``: it trains, says what came of it, overwrites nothing, and may be stopped."""

import argparse
import json
import pathlib
import shlex

import pytest
from stopped import ctrl_c_at
from toy_texts import write_toy

from gluon_gru import cli, own_texts
from gluon_gru.cli import demo
from gluon_gru.errors import InputError
from gluon_gru.own_texts import training
from gluon_gru.own_texts.comparing import verdict
from gluon_gru.runs import checkpoint

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(autouse=True)
def a_toy(tmp_path, monkeypatch):
    """Have the story be a toy, which takes no time, and the folders be in a new one."""
    monkeypatch.setattr("gluon_gru.text.corpus.SAMPLE", write_toy(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(out="runs/demo"):
    demo.run(argparse.Namespace(out=out))


def record(out="runs/demo"):
    with open(f"{out}/record.json") as file:
        return json.load(file)


def test_it_ends_with_the_figures_and_commands_that_parse(capsys):
    run()
    printed, told = capsys.readouterr()
    assert told.startswith("model     gru-after, ") and "note:" not in told
    assert printed.startswith("held-out perplexity  ")
    assert verdict(record()) in printed
    commands = [line.strip() for line in printed.splitlines() if line.startswith("  gluon-gru ")]
    assert commands == ["gluon-gru generate runs/demo", "gluon-gru train my.txt --out runs/mine"]
    (page,) = [line.strip() for line in printed.splitlines() if line.endswith(".html")]
    assert "</html>" in pathlib.Path(page).read_text(encoding="utf-8")
    for command in commands:
        _, name, *words = shlex.split(command)
        cli.parser(name).parse_args(words)


def test_a_second_one_goes_into_a_folder_of_its_own_and_says_so(capsys):
    run("here/demo/")
    first = record("here/demo")
    capsys.readouterr()
    for number in (2, 3):
        run("here/demo/")
        told = capsys.readouterr().err
        assert told.startswith(
            f"'here/demo/' is there already: this run goes into 'here/demo-{number}'\n"
        )
    assert record("here/demo") == first
    assert [done["epoch"] for done in record("here/demo-3")["rounds"]] == [
        done["epoch"] for done in first["rounds"]
    ]


@pytest.mark.parametrize("out", ["", ".", "..", "/", "a/.."])
def test_what_names_no_new_folder_is_refused(out, tmp_path):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="names no new folder: give the name of one"):
        run(out)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(InputError, match="toy.txt/demo' can't be made"):
        run("toy.txt/demo")


def test_it_ends_in_time(monkeypatch):
    monkeypatch.setattr(training, "step_seconds", lambda *args: 0.1)
    run()
    steps = (record()["text"]["num_training"] - 1) // 64
    epochs = record()["settings"]["epochs"]
    assert epochs == int(epochs) and 40 < epochs * steps * 0.1 <= demo._SECONDS


def test_ctrl_c_ends_it_with_what_there_is(capsys):
    # A round is 8 epochs of 38 steps; the probe makes some before.
    with ctrl_c_at(400):
        run()
    printed, told = capsys.readouterr()
    found = record()
    assert len(found["rounds"]) == 1 and verdict(found) in printed
    assert "gluon-gru generate runs/demo" in printed and told.count("model  ") == 1
    assert checkpoint.load("runs/demo/model.safetensors").epoch == 1
    # It can be trained to its end.
    again = own_texts.train("toy.txt", "runs/demo", resume=True)
    assert len(again["rounds"]) > 1


def test_ctrl_c_before_the_first_round_says_that_nothing_is_learned(capsys):
    with ctrl_c_at(30):
        run()
    printed, told = capsys.readouterr()
    assert printed == "" and told.endswith(
        "stopped before the first round: nothing is learned yet\n"
    )
