"""The command ``gluon-gru``: every module here, apart from `options`, is one of its subcommands.

Such a module has a docstring, whose first line ``gluon-gru --help`` lists, ``add_arguments(parser)``,
and ``run(args)``, which does the work and prints. Only the one that was asked for is imported, and
only its ``run`` imports what takes time, so that help and mistakes in arguments are answered at once.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pathlib
import sys
import textwrap
from types import ModuleType

from gluon_gru.cli import options

#: Subcommand -> its file; that of a name that Python reserves ends in ``_``.
COMMANDS = {
    path.stem.rstrip("_"): path
    for path in sorted(pathlib.Path(__file__).parent.glob("[a-z]*.py"))
    if path.stem != "options"
}


def main() -> None:
    """Run the command ``gluon-gru``."""
    options.run(lambda: _main(sys.argv[1:]))


def script(name: str) -> None:
    """Run a file of ``scripts/``: the subcommand ``name`` under the file's own name."""
    options.run(lambda: _run(name, sys.argv[1:], os.path.basename(sys.argv[0])))


def _main(words: list[str]) -> None:
    if words and words[0] in COMMANDS:
        _run(words[0], words[1:])
        return
    width = max(map(len, COMMANDS))
    lines = (f"  {name:{width}}  {_what(path)}" for name, path in COMMANDS.items())
    listed = "\n".join(
        textwrap.fill(line, 80, subsequent_indent=" " * (width + 4)) for line in lines
    )
    own = options.Parser(
        prog="gluon-gru",
        usage="gluon-gru COMMAND ... (gluon-gru COMMAND --help tells more)",
        description="Recurrent language models: train them on a text of your own, read what they\n"
        "write; re-run every number of the GRU chapter of Dive into Deep Learning.",
        epilog=f"commands:\n{listed}\n\n"
        "examples:\n  gluon-gru demo\n  gluon-gru train my.txt --out runs/mine\n\n"
        "Exit codes: 0 done, 1 the numbers went wrong, 2 bad input, 130 Ctrl-C.",
    )
    own.add_argument("--version", action="store_true", help="print the version and exit")
    own.add_argument("command", metavar="COMMAND", nargs="?", help="one of those below")
    if words and not words[0].startswith("-"):
        near = options.did_you_mean(words[0], COMMANDS)
        own.error(f"there is no command {words[0]!r}{near}")
    if own.parse_args(words).version:
        print(options.version())
    else:
        own.print_help()


def _what(path: pathlib.Path) -> str:
    """Return the first line of a module's docstring, without importing the module."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{COMMANDS[name].stem}")


def parser(name: str, prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of a subcommand, for the program ``prog`` or ``gluon-gru NAME``."""
    module = _module(name)
    made = options.Parser(prog=prog or f"gluon-gru {name}", description=module.__doc__)
    module.add_arguments(made)
    return made


def _run(name: str, words: list[str], prog: str | None = None) -> None:
    _module(name).run(parser(name, prog).parse_args(words))
