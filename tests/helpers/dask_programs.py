"""A Dask scheduler and workers, as processes on loopback."""

import os
import re
import subprocess
import sys


def environment():
    """Return the environment of processes that find what the tests' own process finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def start(*words):
    """Start a program of Dask's; it logs to its standard error."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


class Dask:
    """A scheduler, and workers that come and go; a ``with`` block ends them."""

    def __init__(self):
        self.workers, self.scheduler = [], self.start_scheduler(0)

    def start_scheduler(self, port):
        process = start("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        found = None
        while not found:
            line = process.stderr.readline()
            assert line, "the scheduler ended"
            found = re.search(r"Scheduler at: +(tcp://127\S+)", line)
        self.address = found.group(1)
        return process

    def add_worker(self, *words):
        given = "worker", self.address, "--nthreads", 1, "--no-nanny", "--no-dashboard"
        self.workers.append(start(*given, *words))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.communicate()
