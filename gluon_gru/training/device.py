"""The device of a run: the book's ``try_gpu``, and the context of a name such as ``gpu(0)``."""

from __future__ import annotations

import re

import mxnet as mx
from mxnet import npx

from gluon_gru.errors import InputError


def try_gpu(i: int = 0) -> mx.Context:
    """Return ``gpu(i)`` if MXNet sees that many GPUs, otherwise ``cpu()``.

    Source: the book's section "GPUs".
    """
    return npx.gpu(i) if num_gpus() >= i + 1 else npx.cpu()


def num_gpus() -> int:
    """Return how many GPUs MXNet can use; 0 if their driver is broken."""
    try:
        return npx.num_gpus()
    except mx.MXNetError:
        return 0


def context(name: str = "auto") -> mx.Context:
    """Return the ``mxnet.Context`` that ``name`` stands for.

    Args:
        name: ``auto`` (the first GPU, or the CPU if there is none), ``cpu``, ``gpu``, ``gpu(1)``...

    Raises:
        InputError: for any other name, and for a GPU that MXNet does not see.
    """
    if name == "auto":
        return try_gpu()
    if re.fullmatch(r"cpu(\(0\))?", name):
        return mx.cpu()
    match = re.fullmatch(r"gpu(?:\((\d+)\))?", name)
    if not match:
        raise InputError(f"device {name!r} is not one of auto, cpu, gpu(0), gpu(1), ...")
    index, available = int(match.group(1) or 0), num_gpus()
    if index >= available:
        raise InputError(
            f"device gpu({index}) isn't available, as this MXNet sees {available} GPUs: use "
            '--device cpu, or install a CUDA build of MXNet (README, "With a GPU")'
        )
    return mx.gpu(index)
