"""The engine's C side as Python sees it: structures, the library, and calls on NumPy arrays.

The structures mirror ``engine.h``, field by field. This module is independent of MXNet: an array is
anything that has an address.
"""

from __future__ import annotations

import collections
import ctypes
import os
import pathlib
import sysconfig
import threading

import numpy

_pointer = ctypes.c_void_p
_pointers, _pair = _pointer * 4, _pointer * 2


class Layer(ctypes.Structure):
    """``layer`` of ``engine.h``."""

    _fields_ = [
        ("cell", ctypes.c_int32),
        ("transposed", ctypes.c_int32),
        ("num_inputs", ctypes.c_int64),
        ("num_hiddens", ctypes.c_int64),
        ("W_x", _pointers),
        ("W_h", _pointers),
        ("b_x", _pointers),
        ("b_h", _pointers),
        ("dW_x", _pointers),
        ("dW_h", _pointers),
        ("db_x", _pointers),
        ("db_h", _pointers),
        ("start", _pair),
        ("end", _pair),
        ("dend", _pair),
        ("dstart", _pair),
        ("mask", _pointer),
    ]


class Network(ctypes.Structure):
    """``network`` of ``engine.h``."""

    _fields_ = [
        ("num_layers", ctypes.c_int64),
        ("num_steps", ctypes.c_int64),
        ("batch_size", ctypes.c_int64),
        ("num_threads", ctypes.c_int32),
        ("output_transposed", ctypes.c_int32),
        ("training", ctypes.c_int32),
        ("all_threads", ctypes.c_int32),
        ("layers", ctypes.POINTER(Layer)),
        ("tokens", _pointer),
        ("inputs", _pointer),
        ("outputs", _pointer),
        ("doutputs", _pointer),
        ("dinputs", _pointer),
        ("logits_size", ctypes.c_int64),
        ("W_q", _pointer),
        ("b_q", _pointer),
        ("dW_q", _pointer),
        ("db_q", _pointer),
        ("labels", _pointer),
        ("loss", ctypes.c_double),
        ("workspace", _pointer),
    ]


class Parameter(ctypes.Structure):
    """``parameter`` of ``engine.h``."""

    _fields_ = [
        ("weight", _pointer),
        ("grad", _pointer),
        ("mean", _pointer),
        ("square", _pointer),
        ("size", ctypes.c_int64),
    ]


class Optimizer(ctypes.Structure):
    """``optimizer`` of ``engine.h``; with ``step`` 0, SGD."""

    _fields_ = [
        ("step", ctypes.c_int64),
        ("clip_norm", ctypes.c_float),
        ("lr", ctypes.c_float),
        ("beta1", ctypes.c_float),
        ("beta2", ctypes.c_float),
        ("epsilon", ctypes.c_float),
    ]


_of_network = ctypes.POINTER(Network)


class Kernels(ctypes.Structure):
    """``kernels`` of ``engine.h``: the functions for one instruction set."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("workspace_size", ctypes.CFUNCTYPE(ctypes.c_int64, _of_network)),
        ("forward", ctypes.CFUNCTYPE(None, _of_network)),
        ("backward", ctypes.CFUNCTYPE(None, _of_network)),
        (
            "train_step",
            ctypes.CFUNCTYPE(
                None,
                _of_network,
                ctypes.POINTER(Parameter),
                ctypes.c_int64,
                ctypes.POINTER(Optimizer),
            ),
        ),
        ("score", ctypes.CFUNCTYPE(None, _of_network)),
        ("begin", ctypes.CFUNCTYPE(None, _of_network)),
        ("read_token", ctypes.CFUNCTYPE(None, _of_network, ctypes.c_int32, _pointer)),
        (
            "generate",
            ctypes.CFUNCTYPE(None, _of_network, _pointer, ctypes.c_int64, _pointer, ctypes.c_int64),
        ),
    ]


def library_path() -> pathlib.Path | None:
    """Return the path of the compiled kernels; None if they were not built."""
    folder = pathlib.Path(__file__).parent
    # Without the suffix of a Python version, since the library does not depend on Python.
    for suffix in (".abi3.so", sysconfig.get_config_var("EXT_SUFFIX"), ".so"):
        path = folder / f"_kernels{suffix}"
        if path.exists():
            return path
    return None


def load(path: pathlib.Path, instructions: str | None = None) -> Kernels | None:
    """Return the `Kernels` of a library, for the best instruction set that this processor has.

    Args:
        path: the library.
        instructions: ``generic``, ``avx2`` or ``avx512`` instead.

    Returns:
        None if the processor can't run what ``instructions`` names.

    Raises:
        OSError: if the library can't be loaded, or is of another version.
    """
    library = ctypes.CDLL(str(path))
    ours = [
        ctypes.sizeof(structure) for structure in (Layer, Network, Parameter, Optimizer, Kernels)
    ]
    if list((ctypes.c_int64 * len(ours)).in_dll(library, "structure_sizes")) != ours:
        raise OSError("it was built for another version of gluon_gru")
    library.choose_kernels.restype = ctypes.POINTER(Kernels)
    library.choose_kernels.argtypes = [ctypes.c_char_p]
    found = library.choose_kernels(instructions and instructions.encode())
    return found.contents if found else None


def num_threads() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS``, or the cores this process may use."""
    if _forked:
        return 1
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if given.isdigit() and int(given) > 0:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_forked = False


def _after_fork():
    # GNU OpenMP's threads don't survive a fork, and it would wait for them forever.
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


class Workspaces:
    """Memory for the kernels, kept for the next call of the same size; thread-safe."""

    _SIZES, _EACH, _LARGEST = 4, 4, 64 << 20

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[int, list[numpy.ndarray]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def take(self, size: int) -> numpy.ndarray:
        """Return an array of ``size`` bytes at an address that is a multiple of 64."""
        with self._lock:
            kept = self._kept.get(size)
            if kept:
                return kept.pop()
        whole = numpy.empty(size + 64, numpy.uint8)
        start = -whole.ctypes.data % 64
        return whole[start : start + size]

    def give_back(self, workspace: numpy.ndarray) -> None:
        """Keep a workspace for `take`, unless it is large or there are enough."""
        if workspace.size > self._LARGEST:
            return
        with self._lock:
            kept = self._kept.setdefault(workspace.size, [])
            self._kept.move_to_end(workspace.size)
            if len(kept) < self._EACH:
                kept.append(workspace)
            if len(self._kept) > self._SIZES:
                self._kept.popitem(last=False)


workspaces = Workspaces()
