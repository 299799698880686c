"""What starts at once: help, the version and mistakes, which import nothing that takes time."""

import sys

import pytest

from gluon_gru import cli

HEAVY = "mxnet", "matplotlib", "optuna", "jinja2", "onnx", "torch", "PIL", "IPython", "tqdm"

# Reads lines of words, calls the command with each, and prints what it has imported.
ASK = f"""
import contextlib, io, sys
from gluon_gru import cli
for line in {{lines!r}}:
    sys.argv = ["gluon-gru", *line.split()]
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            cli.main()
        except SystemExit:
            pass
    print(line, len(told.getvalue()) > 5, *(name for name in {HEAVY} if name in sys.modules), sep="|")
"""


def test_help_and_mistakes_import_nothing_that_takes_time(run_python):
    lines = ["--version", "", "trai"]
    lines += [f"{name} {word}" for name in cli.COMMANDS for word in ("--help", "--no-such-option")]
    done = run_python(ASK.format(lines=lines))
    assert done.stdout.splitlines() == [f"{line}|True" for line in lines], done.stderr


def test_the_test_above_sees_what_is_imported(run_python):
    done = run_python("import tqdm\n" + ASK.format(lines=["--version"]))
    assert done.stdout.split() == ["--version|True|tqdm"], done.stderr


def test_the_package_runs_as_a_program(run_python):
    done = run_python(
        "import runpy, sys; sys.argv[1:] = ['--version']; "
        "runpy.run_module('gluon_gru', run_name='__main__')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{cli.options.version()}\n", "")


@pytest.mark.parametrize("words", [("--help",), ("training",)])
def test_outside_of_a_checkout_the_benchmark_says_where_it_is(
    words, command, monkeypatch, tmp_path
):
    module = sys.modules.get("gluon_gru.cli.benchmark") or cli._module("benchmark")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    done = command("benchmark", *words)
    assert done.returncode == (0 if words == ("--help",) else 2)
    assert "scripts/benchmark.py" in " ".join((done.stdout + done.stderr).split())
