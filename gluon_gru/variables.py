"""Environment variables with which MXNet's library or OpenMP's would end the process, or hang.

They are read in C++, mostly while the libraries are loaded; a value that can't be parsed, or a
number of threads that can't be started, is no exception there but an abort.
"""

from __future__ import annotations

import os
import warnings
from typing import Callable

#: More threads than machines have processors; a process that can't start as many as it is told to
#: is ended.
_MOST_THREADS = 1024

#: The largest C ``int``.
_MOST = 2**31 - 1


def _whole(least: int, most: int) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not least <= int(value) <= most:
            raise ValueError
        return str(int(value))

    return read


def _switch(value: str) -> str:
    return str(["0", "1", "false", "true"].index(value.strip().lower()) % 2)


_threads, _int = _whole(1, _MOST_THREADS), _whole(-_MOST, _MOST)


def _threads_by_level(value: str) -> str:
    """Return the first number of OpenMP's list, which has one for each level of nesting."""
    return [_threads(level) for level in value.split(",")][0]


#: Variable -> what returns its value as every library reads it, or raises ValueError. MXNet reads
#: the others where a mistake becomes an exception that names the variable.
_READ = {
    "OMP_NUM_THREADS": _threads_by_level,
    "MXNET_CPU_PARALLEL_RAND_COPY": _threads,
    "MXNET_CPU_PRIORITY_NTHREADS": _threads,
    "MXNET_CPU_TEMP_COPY": _threads,
    "MXNET_CPU_WORKER_NTHREADS": _threads,
    "MXNET_ENABLE_CYTHON": _int,
    "MXNET_ENFORCE_CYTHON": _int,
    "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN": _int,
    "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN_BWD": _int,
    "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN_FWD": _int,
    "MXNET_MKLDNN_ENABLED": _switch,
    "MXNET_MP_OPENCV_NUM_THREADS": _int,
    "MXNET_MP_WORKER_NTHREADS": _int,
    "MXNET_OMP_MAX_THREADS": _whole(0, _MOST),
    "MXNET_OUTPUT_TUNING_DATA": _switch,
    "MXNET_PROFILER_AUTOSTART": _int,
    "MXNET_PROFILER_MODE": _int,
    "MXNET_TUNING_WEIGHT_SCALE": lambda value: str(float(value)),
    "MXNET_USE_NUM_CORES_OPERATOR_TUNING": _whole(0, _MOST),
}


def make_safe() -> None:
    """Take away values that end the process, with a warning; have OpenMP wait politely.

    Of a list of numbers of threads, which OpenMP allows and MXNet doesn't, the first one stays.
    A spinning thread takes the core that the thread it waits for needs: beside two busy processes,
    training is a third as fast. So OpenMP's threads spin for microseconds here, not milliseconds.
    """
    for name in [name for name in os.environ if name.startswith(("MXNET_", "OMP_"))]:
        given = os.environ.pop(name)
        # Empty is as good as unset; some readers don't see it so.
        if given.strip():
            try:
                os.environ[name] = _READ.get(name, str)(given)
            except ValueError:
                warnings.warn(
                    f"gluon_gru: {name} is {given!r}, with which MXNet or OpenMP would end this "
                    "process: it is ignored; unset it, or set it as their documentation says",
                    RuntimeWarning,
                    stacklevel=2,
                )
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
