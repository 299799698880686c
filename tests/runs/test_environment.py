"""What a record of measurements says about its making."""

import io
import platform
import subprocess
import sys

import mxnet as mx
import numpy
import pytest

from gluon_gru.runs import environment


def test_it_names_versions_device_and_cores():
    found = environment.environment(mx.cpu())
    assert (found["python"], found["numpy"], found["mxnet"], found["device"]) == (
        sys.version.split()[0],
        numpy.__version__,
        "1.9.1",
        "cpu(0)",
    )
    assert found["cores"] >= 1 and len(found["processor"]) > 2


@pytest.mark.parametrize(
    "cpuinfo, expected",
    [
        (
            "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\n"
            "processor\t: 1\nmodel name\t: another\n",
            "AMD EPYC (family 25, model 17)",
        ),
        ("model name\t: ARMv8\n", "ARMv8"),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n", platform.processor() or platform.machine()),
    ],
)
def test_a_processor_is_told_from_others_of_its_name(monkeypatch, cpuinfo, expected):
    monkeypatch.setattr(
        environment, "open", lambda *args, **kwargs: io.StringIO(cpuinfo), raising=False
    )
    assert environment._processor() == expected


def test_the_commit_is_the_checkouts_or_unknown(tmp_path, monkeypatch):
    def git(*args):
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *args],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    package = tmp_path / "package" / "runs" / "environment.py"
    package.parent.mkdir(parents=True)
    package.write_text("")
    monkeypatch.setattr(environment, "__file__", str(package))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.environment(mx.cpu())["commit"] == "unknown"
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "another project's")
    assert environment.environment(mx.cpu())["commit"] == "unknown"
    git("add", ".")
    git("commit", "-q", "-m", "package")
    commit = git("rev-parse", "HEAD").strip()
    assert environment.environment(mx.cpu())["commit"] == commit
    package.write_text("changed")
    assert environment.environment(mx.cpu())["commit"] == f"{commit}, changed since"
