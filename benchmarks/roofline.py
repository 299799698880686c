"""How fast this machine multiplies large float32 matrices, by each library at hand.

Nearly all that a recurrent language model computes is in matrix products, so the best rate of a
large one is a limit (a roofline) that no training step gets beyond.
"""

import time

import numpy


def make(job, minibatches):
    """Return ``run(steps)`` and the facts: a step is a product, in the library's fastest size.

    ``job["library"]`` is ``numpy``, ``torch`` or ``mxnet``; ``job["sizes"]`` are tried. The outcome
    is None.
    """
    multiply = {"numpy": _numpy, "torch": _torch, "mxnet": _mxnet}[job["library"]]
    rates = {}
    for size in job["sizes"]:
        run = multiply(size)
        run(2)
        start = time.perf_counter()
        run(3)
        rates[size] = size**3 / (time.perf_counter() - start)
    size = max(rates, key=rates.get)
    return multiply(size), {"size": size, "work": 2 * size**3}


def _matrix(size):
    return numpy.random.default_rng(1).random((size, size), numpy.float32)


def _numpy(size):
    a, b, out = _matrix(size), _matrix(size), numpy.empty((size, size), numpy.float32)

    def run(steps):
        for _ in range(steps):
            numpy.dot(a, b, out)

    return run


def _torch(size):
    import torch

    a, b, out = (torch.from_numpy(_matrix(size)) for _ in range(3))

    def run(steps):
        for _ in range(steps):
            torch.mm(a, b, out=out)

    return run


def _mxnet(size):
    # Only now: NumPy and PyTorch are to be alone in their processes.
    import gluon_gru  # noqa: F401, I001  (first: it makes "import mxnet" work)
    import mxnet as mx

    a, b, out = (mx.nd.array(_matrix(size)) for _ in range(3))

    def run(steps):
        for _ in range(steps):
            mx.nd.dot(a, b, out=out)
        mx.nd.waitall()

    return run
