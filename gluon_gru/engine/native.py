"""The engine's C side in Python: its structures, its library, and memory for its kernels.

The structures mirror ``engine.h``, field by field. Arrays are addresses, and the kernels trust them:
`gluon_gru.engine.arrays` checks what they come from. A forked process has none of the threads of its
parent: it computes with one, and finds every `Lock` open.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import sysconfig
import threading
import weakref

import numpy

from gluon_gru.engine import choosing

_int32, _int64, _float, _pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
_pointers, _pair = _pointer * 4, _pointer * 2
_forked = False
_to_tell_of_forks: weakref.WeakSet = weakref.WeakSet()


def _after_fork() -> None:
    global _forked
    _forked = True
    for one in list(_to_tell_of_forks):
        one.after_fork()


# Windows has no forks.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _fields(*declarations):
    """Return the fields of a structure from (type, names) pairs."""
    return [(name, kind) for kind, names in declarations for name in names.split()]


class Layer(ctypes.Structure):
    """``layer`` of ``engine.h``."""

    _fields_ = _fields(
        (_int32, "cell transposed"),
        (_int64, "num_inputs num_hiddens"),
        (_pointers, "W_x W_h b_x b_h"),
        (_pointers, "dW_x dW_h db_x db_h"),
        (_pair, "start end dend dstart"),
        (_pointer, "mask"),
    )


class Network(ctypes.Structure):
    """``network`` of ``engine.h``."""

    _fields_ = _fields(
        (_int64, "num_layers num_steps batch_size"),
        (_int32, "num_threads output_transposed training all_threads"),
        (ctypes.POINTER(Layer), "layers"),
        (_pointer, "tokens inputs outputs doutputs dinputs"),
        (_int64, "logits_size"),
        (_pointer, "W_q b_q dW_q db_q labels"),
        (ctypes.c_double, "loss"),
        (_pointer, "workspace"),
    )

    # A weak set needs it, and structures have none.
    __hash__ = object.__hash__

    def __init__(self, *args: object, **fields: object) -> None:
        super().__init__(*args, **fields)
        _to_tell_of_forks.add(self)

    def after_fork(self) -> None:
        """Use one thread: GNU OpenMP would wait forever for those that the parent had."""
        self.num_threads = 1


class Parameter(ctypes.Structure):
    """``parameter`` of ``engine.h``."""

    _fields_ = _fields(
        (_pointer, "weight grad mean square"), (_int64, "size"), (ctypes.c_double, "lr_mult")
    )


class Optimizer(ctypes.Structure):
    """``optimizer`` of ``engine.h``; with ``step`` 0, SGD."""

    _fields_ = _fields((_int64, "step"), (_float, "clip_norm lr beta1 beta2 epsilon"))


class Choosing(ctypes.Structure):
    """``choosing`` of ``engine.h``."""

    _fields_ = _fields(
        (ctypes.c_double, "temperature top_p"), (_int64, "top_k"), (_int32, "excluded")
    )

    @classmethod
    def of(cls, how: choosing.Choosing) -> Choosing:
        """Return the structure of a choice."""
        return cls(
            how.temperature,
            1 if how.top_p is None else how.top_p,
            # However large it is.
            min(how.top_k or 0, 2**31),
            -1 if how.unk is None else how.unk,
        )


def _function(*args, result=None):
    return ctypes.CFUNCTYPE(result, ctypes.POINTER(Network), *args)


class Kernels(ctypes.Structure):
    """``kernels`` of ``engine.h``: the functions for one instruction set.

    Attributes:
        has_threads: whether they were built with OpenMP; otherwise one thread does everything.
    """

    has_threads = True

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("workspace_size", _function(result=_int64)),
        ("forward", _function()),
        ("backward", _function()),
        ("train_step", _function(ctypes.POINTER(Parameter), _int64, ctypes.POINTER(Optimizer))),
        ("score", _function()),
        ("begin", _function()),
        ("read_token", _function(_int32, _pointer)),
        (
            "write_text",
            _function(_pointer, _int64, _pointer, _int64, ctypes.POINTER(Choosing), _pointer),
        ),
    ]


def library_path() -> pathlib.Path | None:
    """Return the path of the compiled kernels; None if they were not built."""
    folder = pathlib.Path(__file__).parent
    # First the suffix without a Python version, since the library does not depend on Python.
    for suffix in (".abi3.so", sysconfig.get_config_var("EXT_SUFFIX"), ".so"):
        path = folder / f"_kernels{suffix}"
        if path.exists():
            return path
    return None


def load(path: pathlib.Path, instructions: str | None = None) -> Kernels | None:
    """Return the `Kernels` of a library; None if the processor doesn't support ``instructions``.

    Args:
        path: the library.
        instructions: ``generic``, ``avx2`` or ``avx512``; by default the best of the processor.

    Raises:
        OSError, ValueError: if the library can't be loaded, or is of another version.
    """
    library = ctypes.CDLL(str(path))
    ours = [
        ctypes.sizeof(structure)
        for structure in (Layer, Network, Parameter, Optimizer, Choosing, Kernels)
    ]
    if list((_int64 * len(ours)).in_dll(library, "structure_sizes")) != ours:
        raise OSError("it was built for another version of gluon_gru")
    library.choose_kernels.restype = ctypes.POINTER(Kernels)
    library.choose_kernels.argtypes = [ctypes.c_char_p]
    found = library.choose_kernels(instructions and instructions.encode())
    if not found:
        return None
    kernels: Kernels = found.contents
    kernels.has_threads = bool(_int32.in_dll(library, "has_threads").value)
    return kernels


def num_threads() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS``, or the cores this process may use.

    There are at most four for each core: GNU OpenMP ends the process if it can't have a thread.
    """
    if _forked:
        return 1
    try:
        given = int(os.environ.get("OMP_NUM_THREADS", "").split(",")[0])
    except ValueError:
        given = 0
    return min(given, 4 * cores()) if given > 0 else cores()


def cores() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Lock:
    """A lock for ``with``, which its owner may take again; a forked process finds it open."""

    def __init__(self) -> None:
        self.after_fork()
        _to_tell_of_forks.add(self)

    def after_fork(self) -> None:
        """Open the lock: the thread that held it is not in this process."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Workspaces:
    """Memory for the kernels, kept for the next call that needs the same size; thread-safe."""

    _MOST, _LARGEST = 16, 64 << 20

    def __init__(self) -> None:
        self._kept: list[numpy.ndarray] = []
        self._lock = Lock()

    def take(self, size: int) -> numpy.ndarray:
        """Return an array of ``size`` bytes at an address that is a multiple of 64.

        Raises:
            MemoryError: if there isn't so much memory.
        """
        with self._lock:
            for i, workspace in enumerate(self._kept):
                if workspace.size == size:
                    return self._kept.pop(i)
        whole = numpy.empty(size + 64, numpy.uint8)
        start = -whole.ctypes.data % 64
        return whole[start : start + size]

    def give_back(self, workspace: numpy.ndarray) -> None:
        """Keep a workspace for `take`, unless it is large; the oldest make room for it."""
        if workspace.size <= self._LARGEST:
            with self._lock:
                self._kept.append(workspace)
                del self._kept[: -self._MOST]


workspaces = Workspaces()
