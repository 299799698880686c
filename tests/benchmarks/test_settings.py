"""Settings beside each other on a toy text: what is read, what is held out, and what is reported."""

import json
import math
import pathlib
import subprocess
import sys

import numpy
import pytest
from toy_texts import SMALL, toy_text

from benchmarks import settings, settings_report
from gluon_gru import own_texts
from gluon_gru.errors import InputError
from gluon_gru.runs import record


@pytest.fixture
def text(tmp_path):
    """Return the path of a text whose last tenth has a character of its own."""
    path, whole = tmp_path / "toy.txt", toy_text(150)
    cut = len(whole) - math.ceil(len(whole) / 10)
    path.write_text(whole[:cut] + "#" * 9 + whole[cut + 9 :], encoding="utf-8")
    return path


def test_settings_are_trained_with_every_seed_and_shown_beside_others(text, tmp_path):
    found = settings.compare(
        text,
        tmp_path / "out",
        [{**SMALL, "num_hiddens": 4, "epochs": 1}, SMALL],
        seeds=2,
        losses=(100, 1e-9),
        windows=(5,),
        beside=[settings.Beside("another model", 0.01, 2.5)],
        command="the command",
    )
    assert record.read(tmp_path / "out" / "record.json").as_json() == json.loads(
        (tmp_path / "out" / "record.json").read_text()
    )
    assert [(run["candidate"], run["settings"]["seed"]) for run in found["runs"]] == [
        (0, 1),
        (1, 1),
        (0, 2),
        (1, 2),
    ]
    run = found["runs"][1]
    alone = own_texts.train(text, tmp_path / "alone", **SMALL, seed=1, validation=0.1)
    assert run["losses"] == [math.log(one["validation_perplexity"]) for one in alone["rounds"]]
    assert numpy.all(numpy.diff(run["minutes"]) > 0)
    # What is held out is what the training held out.
    held_out = (tmp_path / "out" / "runs" / "held-out.txt").read_text()
    assert held_out.startswith("#" * 9) and len(held_out) == math.ceil(len(text.read_text()) / 10)
    in_windows = own_texts.evaluate(
        tmp_path / "alone", tmp_path / "out" / "runs" / "held-out.txt", window=5
    )
    assert run["windows"] == {"5": pytest.approx(math.log(in_windows.perplexity))}
    assert len(run["sample"]) == 300
    report = (tmp_path / "out" / "report.md").read_text()
    assert run["sample"].splitlines()[0] in report
    for shown in ("the command", "minutes to 100", "not reached", "2 x 4", "another model"):
        assert shown in report
    assert (tmp_path / "out" / "loss.png").exists()
    # A round alone is a dot, in the picture and its legend.
    assert all(len(run["losses"]) == 1 for run in found["runs"])
    html = (tmp_path / "out" / "report.html").read_text()
    assert "<polyline" not in html and html.count('<circle class="dot"') == 2 * 2


def test_runs_that_are_no_older_comparisons_are_left_alone(text, tmp_path):
    other = tmp_path / "out" / "runs" / "0-1"
    own_texts.train(text, other, **SMALL)
    with pytest.raises(InputError, match="holds a run already"):
        settings.compare(text, tmp_path / "out", [SMALL])
    assert (other / "model.safetensors").exists()


def test_to_choose_the_last_tenth_is_not_read(text, tmp_path):
    found = settings.compare(
        text, tmp_path / "out", [{**SMALL, "epochs": 0.3}], minutes=1, choosing=True
    )
    assert "#" not in (tmp_path / "out" / "runs" / "text.txt").read_text()
    (run,) = found["runs"]
    whole = len(text.read_text())
    read = whole - math.ceil(whole / 10)
    assert run["num_training"] == read - math.ceil(read / 10)
    assert "left out" in (tmp_path / "out" / "report.md").read_text()


def test_a_loss_is_reached_at_the_end_of_the_first_round_that_has_it():
    run = {"minutes": [1, 2, 3, 4], "losses": [2.0, 1.5, 1.6, 1.4]}
    assert [settings_report.minutes_to(run, loss) for loss in (3, 2, 1.99, 1.5, 1.45, 1.3)] == [
        1,
        1,
        2,
        2,
        4,
        None,
    ]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"candidates": []}, "no settings"),
        ({"seeds": 0}, "seeds is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"windows": [64, 0]}, "a window is 0"),
        ({"minutes": 0}, "above 0"),
        ({"minutes": float("nan")}, "above 0"),
        ({"losses": [1, -1]}, "-1: .*above 0"),
        ({"candidates": [{"units": 3}]}, "units is no setting"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    text, tmp_path, options, message
):
    with pytest.raises(InputError, match=message):
        settings.compare(text, tmp_path / "out", **{"candidates": [SMALL], **options})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--set", "lr"], "'lr': give NAME=VALUE"),
        (["--set", "lr=fast"], "lr is 'fast'"),
        (["--set", "", "--beside", "x", "soon", "2"], "--beside: .*give a name, minutes"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(text, tmp_path, monkeypatch, arguments, message):
    command = ["settings", str(text), *arguments, "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(InputError, match=message):
        settings.main()
    assert not (tmp_path / "out").exists()


def test_settings_on_the_command_line_are_those_of_train(text, tmp_path, monkeypatch, capsys):
    pairs = ",".join(f"{name}={value}" for name, value in {**SMALL, "cell": "lstm"}.items())
    command = [
        "settings",
        str(text),
        "--set",
        pairs,
        "--losses",
        "50",
        "--out",
        str(tmp_path / "out"),
    ]
    monkeypatch.setattr(sys, "argv", command)
    # An older comparison is replaced.
    for _ in range(2):
        settings.main()
        assert "lstm 2 x 16" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_trains_in_several_processes(text, tmp_path):
    pairs = ",".join(f"{name}={value}" for name, value in SMALL.items())
    command = [sys.executable, "-m", "benchmarks.settings", text, "--set", pairs, "--seeds", "2"]
    done = subprocess.run(
        [*command, "--workers", "2", "--out", tmp_path / "out"],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    runs = record.read(tmp_path / "out" / "record.json").results["runs"]
    assert sorted(run["settings"]["seed"] for run in runs) == [1, 2]
