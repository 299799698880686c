"""Makes ``import mxnet`` (1.9.1, its last release) work on current versions of Python and NumPy.

The package calls `prepare_mxnet` first, so that its modules, and every program that imports
``gluon_gru``, write ``import mxnet`` as usual. MXNet itself is not imported here: that takes
seconds, and much of the package works without it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import platform
import sys
import threading
import types
import warnings
from typing import Any, Sequence

from gluon_gru import variables
from gluon_gru.errors import InstallError

#: The newest series of NumPy that MXNet was tried with.
NEWEST_NUMPY = (2, 5)

# Where MXNet 1.9.1 has wheels, as in mxnet.txt: (sys.platform, platform.machine()).
_WHEELS = ("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "x86_64")


def installed() -> bool:
    """Return whether MXNet is installed, without importing it."""
    # A stand-in that a program has put there may have no spec.
    return sys.modules.get("mxnet") is not None or importlib.util.find_spec("mxnet") is not None


def _missing() -> str:
    """Return what the import of an MXNet that isn't installed has to say."""
    here = sys.platform, platform.machine()
    if here in _WHEELS:
        # Without its dependencies: it asks for a NumPy below 2, which it can do without.
        return "MXNet is not installed: run  pip install --no-deps mxnet==1.9.1"
    return (
        f"this needs MXNet 1.9.1, which has no wheels for {' '.join(here)}: train, generate, "
        "evaluate, gates, page, export, import and info work without it"
    )


def prepare_mxnet() -> None:
    """Make the next ``import mxnet`` work, and set the mode that the book's arrays need.

    The import raises `gluon_gru.errors.InstallError` for packages that are missing or too new, and
    where MXNet itself is missing.
    """
    variables.make_safe()
    if "mxnet" in sys.modules:
        _set_mode(sys.modules["mxnet"])
    else:
        sys.meta_path.insert(0, _Finder())


def _set_mode(mxnet: Any) -> None:
    """Switch MXNet to NumPy's arrays in all threads, unless `gluon_gru.compat` was imported.

    The book's cells need them, and Gluon's layers take them only in this mode. MXNet keeps two
    flags, for shapes and for arrays. ``npx.set_np()`` sets both for the thread that calls it; here
    threads begin with both. One that calls ``npx.reset_np()`` is in the old mode from there on.
    """
    if "gluon_gru.compat" in sys.modules:
        return
    util = mxnet.util

    class PerThread(threading.local):
        def __init__(self) -> None:
            # Called in each thread when it first asks for its mode.
            self.value = util._NumpyArrayScope(True)
            util.set_np_shape(True)

    util._NumpyArrayScope._current = PerThread()
    # In C++ 2 stands for the threads that have not set a flag of their own. The first thread that
    # resets its flag ends that; those that begin later have it from the lines above.
    util.set_np_shape(2)
    util.set_np()


class _Finder:
    """Finds ``mxnet`` as Python would, and prepares what it needs before Python's loader runs it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "mxnet":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                vars(spec.loader)["exec_module"] = self._exec_module
                return spec
        # An import is told why it fails. Who only asks whether there is an MXNet, as
        # importlib.util.find_spec does, hears no; both call this by the same function.
        if sys._getframe(2).f_code.co_name == "_find_and_load_unlocked":
            raise InstallError(_missing(), name=name)
        return None

    def _exec_module(self, module: Any) -> None:
        """Run the module in this prepared place; afterwards nothing of this class is left.

        What NumPy lacks by then is said in `gluon_gru.removed_names`.
        """
        from gluon_gru import removed_names

        loader = module.__spec__.loader
        del loader.exec_module
        _require_what_mxnet_needs(removed_names.numpy.__version__)
        with warnings.catch_warnings(), removed_names.given_back():
            # MXNet's own: invalid escapes in docstrings, the deprecation of distutils.
            warnings.simplefilter("ignore")
            if sys.version_info >= (3, 12):
                import setuptools  # noqa: F401  (its import provides distutils)
            try:
                loader.exec_module(module)
            except OSError as error:
                raise InstallError(
                    f"MXNet's library does not load ({error}): install the system library that it "
                    "names (on Debian and Ubuntu libgomp1, libquadmath0; for a CUDA build the CUDA "
                    "libraries, cuDNN 8 and NCCL 2)"
                ) from error
        removed_names.give_modules_theirs()
        _set_mode(module)
        # A new list, since another thread may be importing something by the old one.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]


def _require_what_mxnet_needs(numpy_version: str) -> None:
    """Raise InstallError with the command that helps, where MXNet's own error is unclear."""
    if tuple(map(int, numpy_version.split(".")[:2])) > NEWEST_NUMPY:
        newest = ".".join(map(str, NEWEST_NUMPY))
        warnings.warn(
            f"gluon_gru: MXNet 1.9.1 was never tried with NumPy {numpy_version}, only with 1.21 to "
            f"{newest}: if it fails, run  pip install 'numpy<={newest}.99'",
            RuntimeWarning,
            stacklevel=2,
        )
    if sys.version_info >= (3, 12) and importlib.util.find_spec("setuptools") is None:
        raise InstallError(
            "MXNet imports distutils, which Python 3.12 dropped and setuptools carries: "
            "run  pip install setuptools"
        )
