"""The scripts' command lines: what they print, their exit codes, Ctrl-C and kill."""

import json
import os
import pathlib
import random
import re
import shlex
import signal
import subprocess
import sys

import campaign
import pytest
import tiny
from checkout import needs_checkout
from processes import alive, descendants, wait_for, wait_until

from gluon_gru.runs import checkpoint
from gluon_gru.studies.reproduce import study as experiments
from gluon_gru.text.corpus import SAMPLE

SCRIPTS = tiny.REPOSITORY / "scripts"
TINY = pathlib.Path(tiny.__file__)


def run(script, *args, **kwargs):
    return subprocess.run(
        [sys.executable, str(script), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
        **kwargs,
    )


def start_tiny(epochs, out, *args):
    return subprocess.Popen(
        [sys.executable, str(TINY), str(epochs), "--corpus", str(SAMPLE), "--out", str(out), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def epochs_done(out):
    """Return how many epochs the checkpoints of a reproduction hold, over all its runs."""
    # A model that was kept for the page has none.
    files = out.glob("checkpoints/*.safetensors")
    return sum(checkpoint.load(path).epoch or 0 for path in files)


@pytest.mark.parametrize("script", ["reproduce", "exercises", "sweep", "benchmark"])
def test_help_names_every_option_and_nothing_is_trained(script, command):
    shown = command("--help", script=script)
    assert shown.returncode == 0 and "--corpus" in shown.stdout and "--out" in shown.stdout


@pytest.mark.slow
def test_a_reproduction_prints_its_table_and_is_otherwise_quiet_when_piped(
    tmp_path, command, monkeypatch
):
    monkeypatch.setattr(experiments, "CLAIMS", tiny.claims(4))
    done = command("--corpus", SAMPLE, "--workers", 1, "--out", tmp_path, script="reproduce")
    assert done.returncode == 0
    assert "chapter-scratch/perplexity" in done.stdout and "report.html" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[0].startswith("CORPUS: sample.txt") and "NOT the book's" in lines[0]
    stages = [line.partition(":")[0] for line in lines if " training" in line and "about" in line]
    assert stages == [
        "A first number, on the engine",
        "On the engine",
        "On MXNet's operators, the book's own way",
    ]
    assert "  not comparable: other corpus slides-scratch-fused/perplexity: " in done.stderr
    assert all(len(line) <= 80 for line in lines[1:])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--corpus", "missing.txt"], "'missing.txt' can't be read"),
        (["--corpus", "."], "can't be read"),
        (["--device", "gpu(99)", "--corpus", str(SAMPLE)], "gpu(99)"),
        (["--seeds", "0", "--corpus", str(SAMPLE)], "seeds is 0"),
        (["--claims", "none", "--corpus", str(SAMPLE)], "claims none"),
        (["--out", os.path.join(os.devnull, "x"), "--corpus", str(SAMPLE)], "can't be made"),
    ],
)
def test_a_users_mistake_gives_one_line_and_exit_code_2(
    tmp_path, arguments, message, command, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = command(*arguments, script="reproduce")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["gate"], "exercises gate: choose from cells, dependencies"),
        (["gates", "--text", "§"], "no token that the model knows"),
        (["gates", "--checkpoint", "missing.safetensors"], "isn't there"),
        (["cells", "--text", "so"], "gates alone"),
    ],
)
def test_a_mistake_in_an_exercise_gives_one_line_and_exit_code_2(
    tmp_path, arguments, message, command
):
    given = *arguments, "--corpus", SAMPLE, "--out", tmp_path / "out"
    done = command(*given, script="exercises")
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and message in last


@pytest.mark.slow
def test_an_exercise_prints_its_verdicts_and_only_those(tmp_path, command):
    given = "forced-gates", "--corpus", SAMPLE, "--out", tmp_path
    done = command(*given, script="exercises")
    assert done.returncode == 0
    # As wide as a terminal, the verdict takes two lines.
    assert re.search(r"^forced-gates/published-gates .* does not\n.* hold$", done.stdout, re.M)
    assert "cells/" not in done.stdout and f"{tmp_path}/report.html" in done.stdout
    again = command(*given, script="exercises")
    assert again.returncode == 2 and "--resume" in again.stderr


@needs_checkout
def test_without_the_package_the_script_says_what_is_missing(tmp_path):
    done = run("-S", SCRIPTS / "reproduce.py", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("error: No module named")
    assert "README.md" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.campaign
def test_killed_again_and_again_a_reproduction_ends_as_if_nothing_had_happened(
    tmp_path, command, monkeypatch
):
    # What ``tiny.py`` does, in this process.
    monkeypatch.setattr(experiments, "CLAIMS", tiny.claims(24))
    given = "--corpus", SAMPLE, "--engine", "mxnet", "--workers", 1, "--out"
    undisturbed = command(*given, tmp_path / "a", script="reproduce")
    assert undisturbed.returncode == 0
    out = tmp_path / "b"
    # In the first model, which ends after 24 epochs, and in the second; in a campaign anywhere.
    more = random.Random(0).choices(range(1, 40), k=campaign.times(1) - 1)
    for epochs in sorted({6, 29, *more}):
        process = start_tiny(24, out, "--engine", "mxnet", "--workers", "1", "--resume")
        wait_for(lambda epochs=epochs: epochs_done(out) >= epochs, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert command(*given, out, "--resume", script="reproduce").returncode == 0
    a, b = (json.loads((tmp_path / x / "record.json").read_text())["runs"] for x in "ab")
    assert [run["perplexity"] for run in a] == [run["perplexity"] for run in b]
    assert [run["continuations"] for run in a] == [run["continuations"] for run in b]


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine, workers, end, code",
    [("mxnet", "1", signal.SIGINT, 130), ("fused", "2", signal.SIGTERM, 143)],
)
def test_what_ends_it_saves_and_prints_the_command_that_resumes(
    tmp_path, engine, workers, end, code
):
    given = ["--engine", engine, "--workers", workers]
    process = start_tiny(5000, tmp_path, *given)
    try:
        wait_for(lambda: epochs_done(tmp_path) > 3, process)
        children = descendants(process.pid)
        process.send_signal(end)
        stdout, stderr = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == code and stdout == "" and "Traceback" not in stderr
    wait_until(lambda: not any(map(alive, children)))
    resume = shlex.split(stderr.strip().splitlines()[-1])
    assert resume[:2] == [sys.executable, str(SCRIPTS / "reproduce.py")]
    assert resume[2:] == ["--corpus", str(SAMPLE), "--out", str(tmp_path), *given, "--resume"]


@pytest.mark.slow
def test_a_divergence_is_one_line_and_exit_code_1(tmp_path):
    code = (
        "import sys, dataclasses; sys.path.insert(0, {!r}); import tiny; "
        "from gluon_gru.cli import options as cli\n"
        "from gluon_gru.studies.reproduce import study as experiments\n"
        "hot = lambda p: p and dataclasses.replace(p, lr=1e30)\n"
        "experiments.CLAIMS = [dataclasses.replace(c, protocol=hot(c.protocol), "
        "baseline=hot(c.baseline)) for c in tiny.claims()]\n"
        "cli.run(lambda: experiments.reproduce({!r}, corpus={!r}, device='cpu'))"
    ).format(str(TINY.parent), str(tmp_path / "out"), str(SAMPLE))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: training diverged in epoch") and "learning rate" in last


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["speed"], "measures speed: choose from training"),
        (["generation", "--rounds", "0"], "rounds is 0"),
        (["--corpus", "missing.txt"], "'missing.txt' can't be read"),
    ],
)
@needs_checkout
def test_a_mistake_in_a_benchmark_gives_one_line_and_exit_code_2(
    tmp_path, arguments, message, command
):
    given = "--corpus", SAMPLE, "--out", tmp_path / "out", *arguments
    done = command(*given, script="benchmark")
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="looks into /proc")
@needs_checkout
def test_ctrl_c_ends_a_benchmark_and_all_its_workers(tmp_path):
    def workers():
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
                command = (stat.parent / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == process.pid and b"worker.py" in command:
                found.append(int(stat.parent.name))
        return found

    process = subprocess.Popen(
        [
            sys.executable,
            str(SCRIPTS / "benchmark.py"),
            "generation",
            "--rounds",
            "1000",
            "--corpus",
            str(SAMPLE),
            "--out",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        wait_for(lambda: len(workers()) > 1, process)
        running = workers()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and stdout == "" and "Traceback" not in stderr
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in running)
