"""A process of contestants: builds what it is told to, and runs each when it is its turn.

It is started by its path, ``python worker.py MODULE``. PyTorch, JAX and MXNet each bring their own
OpenMP, and two of them in one process would share its threads, so none is imported here. Requests
and replies are pickles on the standard input and output. A dict is a job, answered by the module's
facts; a pair of a job's name and a number asks for so many steps of it, answered by their seconds
and outcome; None makes it forget all jobs. Between its turns it is stopped.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import itertools
import os
import pickle
import signal
import sys
import time
from typing import Any, Callable, Iterator

import numpy

from gluon_gru.text.minibatches import Minibatch, columns, rows

# Of Linux: the signal that a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1


def minibatches(
    tokens: numpy.ndarray, batch_size: int, num_steps: int, count: int
) -> Iterator[Minibatch]:
    """Yield ``count`` minibatches ``(X, Y)``, int32 (batch_size, num_steps) each, round and round.

    The first minibatch follows the last one, and a text too short for one is repeated.
    """
    X, Y = rows(numpy.resize(tokens, max(len(tokens), batch_size * num_steps + 1)), batch_size)
    whole = X.shape[1] // num_steps * num_steps
    every = itertools.cycle(columns(X[:, :whole], Y[:, :whole], num_steps))
    return itertools.islice(every, count)


def main() -> None:
    """Answer requests until there are no more."""
    # What a library prints must not get between the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C reaches every process of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # Also when it is killed, since a stopped process doesn't see the end of its input.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    contestants = importlib.import_module(sys.argv[1])
    runs: dict[str, Callable] = {}
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if request is None:
            reply = runs.clear()
            # Models refer to themselves, and hold much memory.
            gc.collect()
        elif isinstance(request, dict):
            runs[request["name"]], reply = contestants.make(request, minibatches)
        else:
            reply = timed(runs[request[0]], request[1])
        pickle.dump(reply, replies)
        replies.flush()


def timed(run: Callable[[int], Any], steps: int) -> tuple[float, Any]:
    """Return the seconds that steps take, and their outcome.

    Others had the caches since this contestant's last turn, so one of several steps comes first.
    """
    if steps > 1:
        run(1)
    start = time.perf_counter()
    outcome = run(steps)
    return time.perf_counter() - start, outcome


if __name__ == "__main__":
    main()
