"""Jobs for the tests of `gluon_gru.studies.jobs`: functions that workers find by their names."""

import os
import pathlib
import signal
import time

from gluon_gru.errors import InputError


def square(number):
    return number * number


def threads_and_process(number):
    time.sleep(0.2)
    return os.environ.get("OMP_NUM_THREADS"), os.getpid()


def dies_at_first(folder, number):
    """Kill the process that this is called in, unless it was called before with this number."""
    begun = pathlib.Path(folder) / str(number)
    if not begun.exists():
        begun.touch()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_dies(number):
    os.kill(os.getpid(), signal.SIGKILL)


def mistaken(number):
    raise InputError(f"number {number} is a mistake")


def slow(folder, number, seconds=0.5):
    """Take some time; leave a file that tells who is at it, and a line for each time it is done."""
    folder = pathlib.Path(folder)
    (folder / f"begun-{number}").write_text(str(os.getpid()))
    time.sleep(seconds)
    with open(folder / f"done-{number}", "a") as done:
        done.write(f"{os.getpid()}\n")
    return number
