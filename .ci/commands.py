"""Runs the installed command, for the checks beside this file."""

import pathlib
import subprocess
import sys


def run(folder, *words, code=0):
    """Run ``gluon-gru`` of this environment in a folder, and see that it exits with a code.

    Returns:
        The finished process, with what it printed as text.
    """
    done = subprocess.run(
        [pathlib.Path(sys.executable).with_name("gluon-gru"), *words],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, (words, done)
    return done
