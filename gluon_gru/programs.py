"""Run a program of the years of MXNet 1.x on the Python and NumPy of today.

  python -m gluon_gru.compat SCRIPT.py [ARGUMENT ...]
  python -m gluon_gru.compat -m MODULE [ARGUMENT ...]

It runs as python SCRIPT.py would, with these differences: import mxnet works, numpy.int and its
like are there, and import d2l gives this package if no d2l is installed or beside the script. The
exit status is the program's.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys

from gluon_gru.errors import InstallError

# Python's types that were NumPy's names too until its version 1.24.
_ALIASES = (bool, int, float, complex, object, str)


def give_back_aliases() -> None:
    """Make ``numpy.int``, ``numpy.float`` and their like Python's types again."""
    import numpy

    for alias in _ALIASES:
        vars(numpy).setdefault(alias.__name__, alias)


def stand_in_for_d2l() -> None:
    """Make ``import d2l`` and ``from d2l import mxnet as d2l`` give this package."""
    import gluon_gru

    vars(gluon_gru)["mxnet"] = gluon_gru
    sys.modules["d2l"] = sys.modules["d2l.mxnet"] = gluon_gru


def has_own_d2l() -> bool:
    """Return whether Python finds a ``d2l`` that isn't this package."""
    return "d2l" not in sys.modules and importlib.util.find_spec("d2l") is not None


def main() -> None:
    """Run the program that the command line names; ``sys.argv`` becomes what it expects."""
    words = sys.argv[1:]
    if words and words[0] in ("-h", "--help"):
        print(str(__doc__).strip())
        return
    module = words[:1] == ["-m"]
    sys.argv = words[module:]
    if not sys.argv:
        sys.exit(_fail("name a script, or -m and a module (--help tells more)", 2))
    name = sys.argv[0]
    if not module:
        if not os.path.isfile(name):
            sys.exit(_fail(f"there is no script {name!r}: give the path of a file", 2))
        # As Python does; here it was the working folder, as for any -m.
        sys.path[0] = os.path.dirname(os.path.abspath(name))
    try:
        import mxnet  # noqa: F401  (the error of one that is missing is a line)
    except InstallError as error:
        sys.exit(_fail(error, 1))
    give_back_aliases()
    if not has_own_d2l():
        stand_in_for_d2l()
    if not module:
        runpy.run_path(name, run_name="__main__")
    elif _is_there(name):
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.exit(_fail(f"there is no module {name!r}", 1))


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as error:
        # A package that isn't there; one that needs something else tells so by its traceback.
        if error.name and f"{module}.".startswith(f"{error.name}."):
            return False
        raise


def _fail(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
