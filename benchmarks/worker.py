"""A contestant's process: builds what it is told to build, and runs it when it is its turn.

Started by its path, ``python worker.py MODULE``, and free of everything but NumPy: PyTorch, JAX
and MXNet each bring their own OpenMP, and two of them in one process would share its threads.
Requests and replies are pickles on the standard input and output. The first request is a job, a
dict, answered by the module's facts; a number asks for so many steps, answered by their seconds and
outcome. Between two turns it waits for its input, which takes no CPU time.
"""

import importlib
import os
import pickle
import signal
import sys
import time

import numpy


def minibatches(tokens, batch_size, num_steps, count):
    """Yield ``count`` minibatches ``(X, Y)``, (batch_size, num_steps) each, round and round.

    The text is cut into batch_size rows, as `gluon_gru.text.minibatches.rows` does it;
    after its last minibatch the first one follows. A text too short for one is repeated.
    """
    tokens = numpy.resize(tokens, max(len(tokens), batch_size * num_steps + 1))
    row = (len(tokens) - 1) // batch_size
    Xs = tokens[: batch_size * row].reshape(batch_size, row)
    Ys = tokens[1 : 1 + batch_size * row].reshape(batch_size, row)
    for number in range(count):
        start = number % (row // num_steps) * num_steps
        yield Xs[:, start : start + num_steps], Ys[:, start : start + num_steps]


def main():
    """Answer requests until there are no more."""
    # What a library prints must not get between the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C reaches every process of a terminal; the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    contestants = importlib.import_module(sys.argv[1])
    run = None
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if isinstance(request, dict):
            run, reply = contestants.make(request, minibatches)
        else:
            start = time.perf_counter()
            outcome = run(request)
            reply = time.perf_counter() - start, outcome
        pickle.dump(reply, replies)
        replies.flush()


if __name__ == "__main__":
    main()
