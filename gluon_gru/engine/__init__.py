"""The native engine: kernels for recurrent layers and language models, and the choice among them.

It is compiled when the package is installed, if there is a C compiler. The environment variable
``GLUON_GRU_ENGINE`` turns it off (``off``) or names the instruction set to use (``generic``,
``avx2``, ``avx512``; by default the best one of the processor). ``kernels.h`` describes what the
kernels compute and how; `gluon_gru.engine.native` calls them.
"""

from __future__ import annotations

import functools
import os
import warnings

from gluon_gru import mxnet_import
from gluon_gru.engine import native
from gluon_gru.errors import InputError

_INSTRUCTIONS = ("generic", "avx2", "avx512")

_OFF = "GLUON_GRU_ENGINE=off"


def _instead() -> str:
    """Return a clause on what computes without an engine."""
    if mxnet_import.installed():
        return "so fused models run on MXNet's own operators, several times slower"
    return "and MXNet is not installed, so NumPy computes, several times slower"


def _find():
    """Return the kernels and the reason for this choice, or None and why there are none."""
    return _find_for(os.environ.get("GLUON_GRU_ENGINE", "").strip().lower())


@functools.lru_cache(maxsize=None)
def _find_for(setting):
    if setting == "off":
        return None, _OFF if mxnet_import.installed() else f"{_OFF} {_instead()}: unset it"
    if setting and setting not in _INSTRUCTIONS:
        raise InputError(
            f"GLUON_GRU_ENGINE is {setting!r}: choose from off, "
            f"{', '.join(_INSTRUCTIONS)}, or unset it"
        )
    path = native.library_path()
    if path is None:
        return None, (
            f"the engine was not built, {_instead()}: install a C compiler (on Debian and Ubuntu: "
            "apt install gcc) and install gluon_gru again, with pip's --force-reinstall --no-deps"
        )
    try:
        kernels = native.load(path, setting or None)
    except (OSError, ValueError) as error:
        return None, (
            f"the engine's library can't be used ({error}), {_instead()}: install gluon_gru again"
        )
    if kernels is None:
        raise InputError(
            f"GLUON_GRU_ENGINE is {setting!r}, which this processor doesn't support: unset it"
        )
    return kernels, "GLUON_GRU_ENGINE" if setting else "the best that this processor has"


@functools.lru_cache(maxsize=None)
def warn_once(why: str) -> None:
    """Warn of what costs speed or changes results; once in a process, whatever the filters."""
    warnings.warn(f"gluon_gru: {why}", RuntimeWarning, stacklevel=2)


def kernels() -> native.Kernels | None:
    """Return the `native.Kernels` to use; None without an engine.

    A warning, once, says what is slower for it, unless the engine was turned off for MXNet's sake.

    Raises:
        InputError: if ``GLUON_GRU_ENGINE`` is unknown, or the processor doesn't support it.
    """
    found, why = _find()
    if found is None and why != _OFF:
        warn_once(why)
    return found


def info() -> dict[str, str | int]:
    """Return which kernels run, and ``why``, as a dict.

    ``engine`` is ``native`` or ``off``; if native, ``instructions`` is the instruction set and
    ``threads`` the number of threads (``OMP_NUM_THREADS``, or all cores; 1 if the engine was built
    without OpenMP).

    Raises:
        InputError: see `kernels`.
    """
    found, why = _find()
    if found is None:
        return {"engine": "off", "why": why}
    return {
        "engine": "native",
        "instructions": found.name.decode(),
        "why": why,
        "threads": native.num_threads() if found.has_threads else 1,
    }
