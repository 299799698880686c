"""The command ``gluon-gru``: what it offers, how it refuses, what a program can read."""
import json
import subprocess
import sys

import pytest

from gluon_gru import cli, commands


def run(*words):
    """Run ``gluon-gru`` with ``words``; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", "from gluon_gru import commands; commands.main()", *words],
        capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_help_names_every_subcommand(words):
    done = run(*words)
    assert done.returncode == 0 and done.stderr == ""
    for name, (_, what) in commands.COMMANDS.items():
        assert f"  {name} " in done.stdout and what in done.stdout


@pytest.mark.parametrize("words, wrong", [
    (("trai",), "'trai'"), (("info", "--bad"), "--bad"), (("info", "more"), "more")])
def test_wrong_words_are_one_line_that_names_them(words, wrong):
    done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert wrong in done.stderr and "--help tells more" in done.stderr


def test_info_is_a_table_or_json():
    found = json.loads(run("info", "--json").stdout)
    assert found["mxnet"] == "1.9.1" and found["gluon_gru"] == cli.version()
    assert found["processor"] in run("info").stdout


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_subcommand_has_help(name):
    done = run(name, "--help")
    assert done.returncode == 0 and f"usage: gluon-gru {name}" in done.stdout
