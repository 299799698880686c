"""What the command lines share: two options, errors of one line, and exit codes."""
import contextlib
import os
import sys

from .errors import InputError


def add_inputs(parser):
    """Give a command line's `argparse.ArgumentParser` the options ``--device``, ``--corpus``."""
    parser.add_argument("--device", default="auto", help="cpu, gpu(0), or auto: a GPU if any")
    add_corpus(parser)


def add_corpus(parser):
    """Give a command line's `argparse.ArgumentParser` the option ``--corpus``."""
    parser.add_argument("--corpus", metavar="PATH",
                        help="The Time Machine as a text file; by default $GLUON_GRU_CORPUS, the "
                             "user's cache, a download, or else a bundled story")


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
