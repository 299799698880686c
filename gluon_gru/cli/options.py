"""What the subcommands share: options, output, errors of one line, exit codes, the command itself."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import json
import os
import pathlib
import shlex
import sys
from typing import Any, Callable, Iterator, Mapping, NoReturn, Sequence

from gluon_gru.errors import InputError, InstallError


class _Help(argparse.RawDescriptionHelpFormatter):
    """Texts keep their lines, and options tell their defaults if they have any."""

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

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is; exit with 2."""
        unknown = message.partition("unrecognized arguments: ")[2].partition(" ")[0]
        if unknown.startswith("-"):
            message += did_you_mean(unknown.partition("=")[0], self._option_string_actions)
        sys.exit(_fail(f"{message} ({self.prog} --help tells more)", 2))


def did_you_mean(word: str, words: Sequence[str] | Mapping[str, object]) -> str:
    """Return ``: did you mean ...?`` with the one of ``words`` that is like ``word``, if any is."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f": did you mean {near[0]}?" if near else ""


def version() -> str:
    """Return the version of this package."""
    from importlib import metadata

    return metadata.version("gluon_gru")


def _program() -> list[str] | None:
    """Return the words that start this program, if it is the command ``gluon-gru``."""
    path = pathlib.Path(sys.argv[0])
    if path.name == "gluon-gru":
        return ["gluon-gru"]
    if path.parts[-2:] == ("gluon_gru", "__main__.py"):
        return ["python", "-m", "gluon_gru"]
    return None


def command() -> str:
    """Return the command line that started this program, without the folders it lies in."""
    name = pathlib.Path(sys.argv[0])
    shown = pathlib.Path(*name.parts[-2:]).as_posix() if name.is_absolute() else name.as_posix()
    return shlex.join([*(_program() or ["python", shown]), *sys.argv[1:]])


def again(*more: str) -> str:
    """Return the command line to type for what this program does, with ``more`` words."""
    words = [*(_program() or ["python", sys.argv[0]]), *sys.argv[1:]]
    if words[0] == "python":
        words[0] = sys.executable
    return shlex.join([*words, *(word for word in more if word not in sys.argv)])


@contextlib.contextmanager
def resumable(message: str, *more: str) -> Iterator[None]:
    """Print ``message`` and what `again` returns if Ctrl-C ends the ``with`` block."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\ninterrupted; {message}:\n  {again(*more)}", file=sys.stderr)
        raise


def add_run(parser: argparse.ArgumentParser) -> None:
    """Give a parser the argument ``RUN``, a trained model."""
    parser.add_argument(
        "run",
        metavar="RUN",
        help="a trained model: the folder of a run, or a .safetensors file of gluon_gru.train",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Give a parser the option ``--json``, which `show` heeds."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON, for a program to read, instead of a table"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Give a parser the option ``--device``."""
    parser.add_argument("--device", default="auto", help="cpu, gpu(0), or auto: a GPU if any")


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
    """Give a parser the option ``--corpus``."""
    parser.add_argument(
        "--corpus",
        metavar="PATH",
        help="The Time Machine as a text file; by default $GLUON_GRU_CORPUS, the "
        "user's cache, a download, or else a bundled story",
    )


def add_force(parser: argparse.ArgumentParser, path: str) -> None:
    """Give a parser the option ``--force``, which `check_target` heeds, for the argument ``path``."""
    parser.add_argument("--force", action="store_true", help=f"replace {path} if it is there")


def check_target(path: pathlib.Path, force: bool) -> None:
    """Find out whether ``path`` can be written, and isn't there unless that is all right.

    Raises:
        InputError: if not.
    """
    from gluon_gru.runs.files import check_writable

    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give the name of a file")
    if path.exists() and not force:
        raise InputError(
            f"{str(path)!r} is there already: give another name, or --force to replace it"
        )
    check_writable(path)


def show(args: argparse.Namespace, data: object, text: Callable[[], str]) -> None:
    """Print ``data`` as JSON if ``--json`` asks for it, or else what ``text()`` returns."""
    print(json.dumps(data, indent=1) if args.json else text())


def show_report(args: argparse.Namespace, data: object, table: Callable[[], str]) -> None:
    """Print, as `show` does, ``data`` or a table and where the report is in the folder ``--out``."""
    show(
        args,
        data,
        lambda: (
            f"{table()}\n\nthe report, a page: {args.out}/report.html "
            "(report.md and pictures beside it)"
        ),
    )


def aligned(facts: Mapping[str, object]) -> str:
    """Return names and values as a table of two columns."""
    width = max(map(len, facts))
    return "\n".join(f"{name:{width}}  {value}" for name, value in facts.items())


def run(main: Callable[[], None]) -> None:
    """Call ``main()`` and exit: 0 done, 1 the numbers went wrong, 2 bad input, 130 Ctrl-C.

    A package that is missing is 1 too.
    """
    if sys.stdout is None:
        # Closed by whoever started this.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        sys.exit(_fail(error, 2))
    except (ArithmeticError, InstallError) as error:
        sys.exit(_fail(error, 1))
    except ModuleNotFoundError as error:
        if (error.name or "gluon_gru").partition(".")[0] in ("gluon_gru", "benchmarks"):
            raise
        sys.exit(_fail(f"{error} (README.md has the command that sets everything up)", 1))
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


def _leave_stdout() -> None:
    """Have what is still to be written go nowhere, so that Python's own flush at exit is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
