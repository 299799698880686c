"""What the command lines share: errors of one line, and exit codes."""
import contextlib
import os
import sys

from .errors import InputError


def run(main):
    """Call ``main()`` and exit: 0 done, 1 the numbers went wrong, 2 bad input, 130 Ctrl-C."""
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        sys.exit(_fail(error, 2))
    except ArithmeticError as error:
        sys.exit(_fail(error, 1))
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        # At once: a thread of a library's that Ctrl-C has orphaned (Optuna's, which tells that a
        # trial lives) would keep the process from ending.
        os._exit(130)
    except BrokenPipeError:
        # Whoever read the output has gone; Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _fail(error, code):
    print(f"error: {error}", file=sys.stderr)
    return code
