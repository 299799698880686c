"""What train, evaluate, generate and demo show on terminals of 80 and of 40 columns."""

import json
import re
import signal
import subprocess
import sys

import pytest
from terminals import in_terminal, lines_of, widest
from toy_texts import SMALL, write_toy

# Calls the command with words, a list as JSON; its story is a toy.
_MAIN = """
import json, pathlib, signal, sys
from gluon_gru import cli
from gluon_gru.cli import demo
from gluon_gru.text import corpus
signal.signal(signal.SIGINT, signal.default_int_handler)
corpus.SAMPLE, demo._SAMPLE_SECONDS = pathlib.Path("toy.txt"), 0
sys.argv[1:] = json.loads(sys.argv[1])
cli.main()
"""
_SMALL = [
    word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))
]


def show(words, width, folder, **options):
    return in_terminal(_MAIN, [json.dumps(words)], width, cwd=folder, **options)


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 80])
def test_train_evaluate_and_generate_fit(tmp_path, width):
    write_toy(tmp_path, 900)
    words = ["train", "toy.txt", "--out", "run", *_SMALL, "--epochs", "4"]
    code, shown = show(words, width, tmp_path)
    assert code == 0 and widest(shown)[0] <= width, widest(shown)
    # Nothing is coloured, and no cursor is sent up.
    assert "\x1b" not in shown
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    best = record["best"]["validation_perplexity"]
    bar = [line for line in lines_of(shown) if "%" in line and "held out" in line]
    assert any(f"(best {best:.2f})" in line for line in bar)
    assert re.search(rf"held-out perplexity +{re.escape(f'{best:.4g}')} \(best round\)\r\n", shown)
    assert "note: the text is short" in shown and "A count of letter sequences" in shown
    code, shown = show(["evaluate", "run", "toy.txt"], width, tmp_path)
    assert code == 0 and widest(shown)[0] <= width, widest(shown)
    assert shown.startswith("perplexity ")
    words = ["generate", "run", "The ", "--length", "200", "--num", "2", "--seed", "2147483646"]
    code, shown = show(words, width, tmp_path)
    # The sentences of the toy are shorter; those of a text with long lines are the terminal's to cut.
    assert code == 0 and widest(shown)[0] <= width, widest(shown)
    assert "\x1b" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 80])
def test_demo_fits_with_samples_on_the_way(tmp_path, width):
    write_toy(tmp_path, 900)
    code, shown = show(["demo"], width, tmp_path)
    assert code == 0 and widest(shown)[0] <= width, widest(shown)
    assert "held out" in shown and "\x1b" not in shown
    on_the_way, end = shown.split("A sample of what it writes:")
    assert on_the_way.count("  | ") >= 2 and "(best " in on_the_way
    assert "  | " in end and "A count of letter sequences" in end
    assert "\r\n  gluon-gru generate runs/demo\r\n" in end


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_ends_a_demo_with_its_figures(tmp_path):
    write_toy(tmp_path, 900)
    pressed = []

    def press(process, shown):
        if "(best " in shown and not pressed:
            pressed.append(process.send_signal(signal.SIGINT))

    code, shown = show(["demo"], 80, tmp_path, at=press)
    assert code == 130 and "Traceback" not in shown
    assert "A count of letter sequences" in shown and "gluon-gru generate runs/demo" in shown


@pytest.mark.slow
def test_without_a_terminal_there_is_no_bar_and_lines_are_whole(tmp_path):
    write_toy(tmp_path, 900)
    done = subprocess.run(
        [sys.executable, "-c", _MAIN, json.dumps(["demo"])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "%|" not in done.stderr and "\r" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert len(widest(done.stdout)[1]) > 200
