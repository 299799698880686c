"""What the command lines share: options, errors of one line, exit codes, the command itself."""

import argparse
import contextlib
import errno
import os
import pathlib
import shlex
import sys
from importlib import metadata

from gluon_gru.errors import InputError


class _Help(argparse.RawDescriptionHelpFormatter):
    """Texts keep their lines, and options tell their defaults if they have any."""

    def _get_help_string(self, action):
        default = action.default
        if default is None or default is False or default == argparse.SUPPRESS:
            return action.help
        shown = " ".join(default) if isinstance(default, (list, tuple)) else str(default)
        return f"{action.help} (default: {shown.replace('%', '%%')})"


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that shows defaults, and whose errors are one line."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=_Help, **kwargs)

    def error(self, message):
        """Say what is wrong and where help is; exit with 2."""
        sys.exit(_fail(f"{message} ({self.prog} --help tells more)", 2))


def version():
    """Return the version of this package."""
    return metadata.version("gluon_gru")


def command():
    """Return the command line that started this program, without the folders it lies in."""
    name = pathlib.Path(sys.argv[0])
    shown = pathlib.Path(*name.parts[-2:]).as_posix() if name.is_absolute() else name.as_posix()
    words = ["gluon-gru"] if name.name == "gluon-gru" else ["python", shown]
    return shlex.join([*words, *sys.argv[1:]])


def again(*more):
    """Return the command line to type for what this program does, with ``more`` words."""
    ours = pathlib.Path(sys.argv[0]).name == "gluon-gru"
    words = ["gluon-gru", *sys.argv[1:]] if ours else [sys.executable, *sys.argv]
    return shlex.join([*words, *(word for word in more if word not in sys.argv)])


@contextlib.contextmanager
def resumable(message, *more):
    """Print ``message`` and what `again` returns if Ctrl-C ends the ``with`` block."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\ninterrupted; {message}:\n  {again(*more)}", file=sys.stderr)
        raise


def add_json(parser):
    """Give a command line's `argparse.ArgumentParser` the option ``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON, for a program to read, instead of a table"
    )


def add_inputs(parser):
    """Give a command line's `argparse.ArgumentParser` the options ``--device``, ``--corpus``."""
    parser.add_argument("--device", default="auto", help="cpu, gpu(0), or auto: a GPU if any")
    add_corpus(parser)


def add_corpus(parser):
    """Give a command line's `argparse.ArgumentParser` the option ``--corpus``."""
    parser.add_argument(
        "--corpus",
        metavar="PATH",
        help="The Time Machine as a text file; by default $GLUON_GRU_CORPUS, the "
        "user's cache, a download, or else a bundled story",
    )


def run(main):
    """Call ``main()`` and exit: 0 done, 1 the numbers went wrong, 2 bad input, 130 Ctrl-C."""
    if sys.stdout is None:
        # Closed by whoever started this.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
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
        # Whoever read the output has gone.
        _leave_stdout()
        sys.exit(141)
    except OSError as error:
        # Of a file there would be its name; this is the output's.
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _leave_stdout()
        sys.exit(_fail(f"the output can't be written ({error.strerror})", 1))


def _leave_stdout():
    """Have what is still to be written go nowhere, so that Python's own flush at exit is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error, code):
    print(f"error: {error}", file=sys.stderr)
    return code
