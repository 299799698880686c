"""How fast this machine multiplies large float32 matrices, by each library at hand.

Nearly everything that a recurrent language model computes is matrix products, so the best rate of a
large one, with the instructions that the engine uses, is a limit (a roofline) that no training step
can exceed.
"""

from __future__ import annotations

import time
from typing import Callable

import numpy


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts: a step is a product, in the library's fastest size.

    ``job["needs"]`` is ``numpy``, ``torch`` or ``mxnet``; ``job["sizes"]`` are tried if there are
    several. The outcome is None.
    """
    array, multiply, wait = {"numpy": _numpy, "torch": _torch, "mxnet": _mxnet}[job["needs"]]()

    def of_size(size):
        matrix = numpy.random.default_rng(1).random((size, size), numpy.float32)
        a, b, out = (array(matrix.copy()) for _ in range(3))

        def run(steps):
            for _ in range(steps):
                multiply(a, b, out=out)
            wait()

        return run

    rates = dict.fromkeys(job["sizes"], 0.0)
    for size in rates if len(rates) > 1 else ():
        run = of_size(size)
        run(2)
        start = time.perf_counter()
        run(3)
        rates[size] = size**3 / (time.perf_counter() - start)
    size = max(rates, key=rates.get)
    return of_size(size), {"size": size, "work": 2 * size**3}


# Each returns what makes an array, what multiplies two, and what waits for that.


def _numpy():
    return numpy.asarray, numpy.dot, lambda: None


def _torch():
    import torch

    return torch.from_numpy, torch.mm, lambda: None


def _mxnet():
    # Only now: NumPy and PyTorch are to be alone in their processes.
    import gluon_gru  # noqa: F401, I001  (first: it makes "import mxnet" work)
    import mxnet as mx

    return mx.nd.array, mx.nd.dot, mx.nd.waitall
