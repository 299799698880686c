"""What the subcommands share: options, output, one-line errors, exit codes, their command line."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import io
import json
import os
import pathlib
import shlex
import signal
import sys
import warnings
from typing import Any, Callable, Iterator, Mapping, NoReturn, Sequence, TextIO

from gluon_gru.errors import InputError, InstallError, shown
from gluon_gru.report import terminal
from gluon_gru.report.document import Facts
from gluon_gru.report.terminal import harmless
from gluon_gru.training.interrupt import ENDS, ending_like_ctrl_c

#: The help of an argument that is a text, and of its encoding.
TEXT = "a text file, or - for the standard input"
ENCODING = "of the text, by the name that Python has for it"


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of texts, and adds the defaults of options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if default is None or default is False or default == argparse.SUPPRESS:
            return action.help
        shown = " ".join(default) if isinstance(default, (list, tuple)) else str(default)
        return f"{action.help} (default: {shown.replace('%', '%%')})"


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that shows defaults, and whose errors are one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=_Help, **kwargs)

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse's own keeps quiet about an output that can't be written.
        (file or sys.stdout).write(message)

    def error(self, message: str) -> NoReturn:
        """Print the error and where help is; exit with 2."""
        unknown = message.partition("unrecognized arguments: ")[2].partition(" ")[0]
        if unknown.startswith("-"):
            message += did_you_mean(unknown.partition("=")[0], self._option_string_actions)
        sys.exit(_fail(f"{message} ({self.prog} --help tells more)", 2))


def did_you_mean(word: str, words: Sequence[str] | Mapping[str, object]) -> str:
    """Return ``: did you mean ...?`` with the closest of ``words``, or nothing if none is close."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f": did you mean {near[0]}?" if near else ""


def version() -> str:
    """Return the package's version."""
    from importlib import metadata

    return metadata.version("gluon_gru")


def _start() -> list[str]:
    """Return the words that start this program."""
    path = pathlib.Path(sys.argv[0])
    if path.name == "gluon-gru":
        return ["gluon-gru"]
    if path.parts[-2:] == ("gluon_gru", "__main__.py"):
        return [sys.executable, "-m", "gluon_gru"]
    return [sys.executable, sys.argv[0]]


def command() -> str:
    """Return the command line that started this program, without this machine's folders."""
    start = ["/".join(pathlib.Path(word).parts[-2:]) for word in _start()]
    if len(start) > 1:
        start[0] = "python"
    return shown(shlex.join([*start, *sys.argv[1:]]))


def again(*more: str) -> str:
    """Return the command line that repeats what this program does, with ``more`` words."""
    words = [*_start(), *sys.argv[1:]]
    return shlex.join([*words, *(word for word in more if word not in words)])


@contextlib.contextmanager
def resumable(message: str, *more: str) -> Iterator[None]:
    """Print ``message`` and what `again` returns if Ctrl-C or the like ends the ``with`` block."""
    try:
        yield
    except KeyboardInterrupt:
        # The terminal may be what has ended.
        with contextlib.suppress(OSError):
            tell(f"\ninterrupted; {message}:\n  {again(*more)}")
        raise


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the argument ``RUN``, a trained model."""
    parser.add_argument(
        "run",
        metavar="RUN",
        help="a trained model: the folder of a run, or a .safetensors file of gluon_gru.train",
    )


def add_encoding(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--encoding``, that of the text."""
    parser.add_argument("--encoding", default="utf-8", metavar="NAME", help=ENCODING)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json``, which `show` obeys."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--device``."""
    parser.add_argument(
        "--device", default="auto", help="cpu, gpu(0), or auto: a GPU if there is one"
    )


def add_workers(parser: argparse.ArgumentParser, unit: str, default: int | None) -> None:
    """Give the parser ``--workers`` and ``--cluster``.

    Args:
        parser: the subcommand's.
        unit: what they run, such as ``trainings``.
        default: how many workers; None stands for as many as there are cores.
    """
    cores = "; by default as many as there are cores" if default is None else ""
    parser.add_argument(
        "--workers",
        type=int,
        default=default,
        metavar="N",
        help="how many processes to use on this machine, of one thread each; 1 uses all threads"
        + cores,
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help=f"run the {unit} on the workers of a Dask scheduler, like tcp://host:8786",
    )


def add_corpus(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--corpus``."""
    parser.add_argument(
        "--corpus",
        metavar="PATH",
        help="The Time Machine as a text file; by default $GLUON_GRU_CORPUS, the "
        "user's cache, a download, or else a bundled story",
    )


def add_force(parser: argparse.ArgumentParser, path: str) -> None:
    """Add the option ``--force``, which `check_target` obeys, for the argument ``path``."""
    parser.add_argument("--force", action="store_true", help=f"replace {path} if it exists")


def check_target(path: pathlib.Path, force: bool) -> None:
    """Raise InputError unless the file ``path`` can be written, and is new or may be replaced."""
    from gluon_gru.runs.files import check_writable, exists

    there = exists(path)
    if there and path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give the name of a file")
    if there and path.is_file() and not force:
        raise InputError(f"{str(path)!r} exists: give another name, or --force to replace it")
    check_writable(path)


def show(args: argparse.Namespace, data: object, text: Callable[[], str]) -> None:
    """Print ``data`` as JSON with ``--json``, otherwise what ``text()`` returns."""
    print(json.dumps(data, indent=1) if args.json else harmless(text(), sys.stdout))


def tell(message: str) -> None:
    """Print a message to stderr."""
    print(harmless(message, sys.stderr), file=sys.stderr)


def note(message: str) -> None:
    """Print a message to stderr, in lines as wide as a terminal; elsewhere in one."""
    tell(terminal.wrapped(message, sys.stderr))


def show_report(args: argparse.Namespace, data: object, table: Callable[[], str]) -> None:
    """Print ``data`` as JSON, or a table and where the report is: see `show`."""
    where = f"the report: {args.out}/report.html (report.md and pictures beside it)"
    show(args, data, lambda: f"{table()}\n\n{where}")


def aligned(facts: Mapping[str, object], stream: TextIO | None = None) -> str:
    """Return names and values as a table of two columns, as wide as a terminal at most.

    Args:
        facts: name -> value.
        stream: where it is shown; by default stdout.
    """
    return terminal.text(
        [Facts(dict(facts))], terminal.columns(stream or sys.stdout) or sys.maxsize
    )


def run(main: Callable[[], None]) -> None:
    """Call ``main()``; exit with 1 if numbers went wrong or a package is missing, 2 for bad input.

    Ctrl-C is 130, SIGTERM 143, SIGHUP (a closed terminal) 129, and 141 an output whose reader has
    gone.
    """
    with ending_like_ctrl_c():
        _run(main)


def _run(main: Callable[[], None]) -> None:
    if sys.stdout is None:
        # The parent process closed it.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names can hold what is no UTF-8.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_: note(f"note: {message}")
                main()
        finally:
            # Also after --help, which exits.
            sys.stdout.flush()
    except InputError as error:
        sys.exit(_fail(error, 2))
    except (ArithmeticError, InstallError) as error:
        sys.exit(_fail(error, 1))
    except ModuleNotFoundError as error:
        if (error.name or "gluon_gru").partition(".")[0] in ("gluon_gru", "benchmarks"):
            raise
        sys.exit(_fail(f"{error} (README.md has the command that sets everything up)", 1))
    except KeyboardInterrupt as interrupt:
        for end in ENDS:
            signal.signal(end, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        # At once, since a library's thread (Dask's) could keep the process alive.
        os._exit(128 + getattr(interrupt, "signum", signal.SIGINT))
    except BrokenPipeError:
        # The reader of the output has gone.
        _discard_output()
        sys.exit(141)
    except OSError as error:
        # An error of a file names the file; this one is the output's, a full disk or a terminal
        # that is gone.
        if error.errno not in (errno.ENOSPC, errno.EIO) or error.filename is not None:
            raise
        _discard_output()
        sys.exit(_fail(f"the output can't be written ({error.strerror})", 1))


def _discard_output() -> None:
    """Send unwritten output nowhere, so that Python's own flush at exit is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: object, code: int) -> int:
    print(f"error: {shown(error)}", file=sys.stderr)
    return code
