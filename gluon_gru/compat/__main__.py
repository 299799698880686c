"""Run a program of the years of MXNet 1.x on the Python and NumPy of today.

  python -m gluon_gru.compat SCRIPT.py [ARGUMENT ...]
  python -m gluon_gru.compat -m MODULE [ARGUMENT ...]

It runs as python SCRIPT.py would, with these differences: import mxnet works, numpy.int and its
like are there, and import d2l gives this package if no d2l is installed or beside the script. The
exit status is the program's.
"""

from __future__ import annotations

import os
import runpy
import sys

from gluon_gru import programs
from gluon_gru.errors import InstallError


def main() -> None:
    """Run what the command line names; ``sys.argv`` becomes what the program expects."""
    words = sys.argv[1:]
    if words and words[0] in ("-h", "--help"):
        print(__doc__.strip())
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
        import mxnet  # noqa: F401  (before the program, whose own import may come late)
    except InstallError as error:
        sys.exit(_fail(error, 1))
    programs.give_back_aliases()
    if not programs.has_own_d2l():
        programs.stand_in_for_d2l()
    if not module:
        runpy.run_path(name, run_name="__main__")
    else:
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except ImportError as error:
            # Of the module itself, which runpy didn't find; the program's own have their traceback.
            if error.name is not None or error.__cause__ is not None:
                raise
            sys.exit(_fail(error, 1))


def _fail(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
