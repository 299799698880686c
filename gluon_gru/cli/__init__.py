"""The command ``gluon-gru``: one module per subcommand, which the files in ``scripts/`` run too.

Such a module has a docstring that says what the subcommand does, ``add_arguments(parser)``, and
``run(args)``, which does it and prints. Only the one that was asked for is imported, and only its
``run`` imports what takes time, so that help and mistakes in arguments are answered at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from types import ModuleType

from gluon_gru.cli import options

#: Subcommand -> its module here, and what it does, in a line.
COMMANDS = {
    "train": ("train", "train a model on a text of your own"),
    "generate": ("generate", "have a trained model continue a text"),
    "evaluate": ("evaluate", "how well a trained model predicts a text"),
    "reproduce": ("reproduce", "re-run what the chapter and its slides report, and judge it"),
    "exercises": ("exercises", "answer the chapter's exercises by running them"),
    "sweep": ("sweep", "try hyperparameters: which ones matter, and what they cost"),
    "benchmark": ("benchmark", "measure speed here, beside PyTorch, JAX and the processor's limit"),
    "gates": ("gates", "what a trained GRU's gates do, character by character"),
    "export": ("export", "write a trained model for ONNX Runtime or PyTorch"),
    "import": ("import_params", "make a checkpoint of a .params file of the book's own code"),
    "info": ("info", "what is installed here, and what will compute"),
}


def main() -> None:
    """Be the command ``gluon-gru``."""
    options.run(lambda: _main(sys.argv[1:]))


def script(name: str) -> None:
    """Be a file of ``scripts/``: the subcommand ``name`` under the file's own name."""
    options.run(lambda: _run(name, sys.argv[1:], os.path.basename(sys.argv[0])))


def _main(words: list[str]) -> None:
    if words and words[0] in COMMANDS:
        _run(words[0], words[1:])
        return
    width = max(map(len, COMMANDS))
    own = options.Parser(
        prog="gluon-gru",
        usage="gluon-gru COMMAND ... (gluon-gru COMMAND --help tells more)",
        description="Recurrent language models: train them on a text of your own, read what they "
        "write; re-run every number of the GRU chapter of Dive into Deep Learning.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
        + "\n\nExit codes: 0 done, 1 the numbers went wrong, 2 bad input, 130 Ctrl-C.",
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


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{COMMANDS[name][0]}")


def parser(name: str, prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of a subcommand.

    Args:
        name: of `COMMANDS`.
        prog: the program's name, by default that of the subcommand.
    """
    module = _module(name)
    made = options.Parser(prog=prog or f"gluon-gru {name}", description=module.__doc__)
    module.add_arguments(made)
    return made


def _run(name: str, words: list[str], prog: str | None = None) -> None:
    _module(name).run(parser(name, prog).parse_args(words))
