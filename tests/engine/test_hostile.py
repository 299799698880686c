"""No call from Python ends the process: `tests/helpers/hostile.py` makes all kinds of them."""

import os
import pathlib
import subprocess
import sys

import pytest

from gluon_gru import engine

_PROGRAM = pathlib.Path(__file__).parents[1] / "helpers" / "hostile.py"


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.skipif(engine.info()["engine"] == "off", reason="the engine was not built")
def test_any_call_is_refused_or_gives_right_numbers(tmp_path, monkeypatch):
    # Two threads, so that there is one which a fork loses.
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    paths = os.pathsep.join([str(_PROGRAM.parents[2]), str(_PROGRAM.parent)])
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), str(tmp_path / "calls")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    last = (tmp_path / "calls").read_text().splitlines()[-1:]
    assert (done.returncode, done.stdout) == (0, "fine\n"), f"{last}\n{done.stderr}"
