"""Processes that tests start and end: waiting for them, and who their descendants are."""

import pathlib
import subprocess
import time


def wait_until(condition, seconds=60):
    """Wait until ``condition()``; fail if that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for(condition, process):
    """Wait until ``condition()``; fail if the process ends before, or after two minutes."""

    def come():
        assert process.poll() is None, process.communicate()
        return condition()

    wait_until(come, 120)


def alive(pid):
    """Return whether a process runs."""
    try:
        # One that has ended, and whose parent has not looked yet, is no longer alive.
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid):
    """Return the processes that a process has started, and theirs."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [each for child in children.split() for each in (int(child), *descendants(int(child)))]
