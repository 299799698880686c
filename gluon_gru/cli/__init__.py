"""The command ``gluon-gru``: a module a subcommand; the files in ``scripts/`` run the same ones.

Such a module has a docstring that says what the subcommand does, ``add_arguments(parser)``, and
``run(args)``, which does it and prints. Only the one that is asked for is imported.
"""

import importlib
import os
import sys

from gluon_gru.cli import options as cli

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


def main():
    """Be the command ``gluon-gru``."""
    cli.run(lambda: _main(sys.argv[1:]))


def script(name):
    """Be a file of ``scripts/``: the subcommand ``name`` under the file's own name."""
    cli.run(lambda: _run(name, sys.argv[1:], os.path.basename(sys.argv[0])))


def _main(words):
    if words and words[0] in COMMANDS:
        _run(words[0], words[1:])
        return
    width = max(map(len, COMMANDS))
    own = cli.Parser(
        prog="gluon-gru",
        usage="gluon-gru COMMAND ... (gluon-gru COMMAND --help tells more)",
        description="Recurrent language models: train them on a text of your own, read what they "
        "write; re-run every number of the GRU chapter of Dive into Deep Learning.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
        + "\n\nExit codes: 0 done, 1 the numbers went wrong, 2 bad input, 130 Ctrl-C.",
    )
    own.add_argument("--version", action="version", version=cli.version())
    own.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of those below")
    if not words:
        own.print_help()
        return
    own.parse_args(words)


def _module(name):
    return importlib.import_module(f"{__name__}.{COMMANDS[name][0]}")


def parser(name, prog=None):
    """Return the parser of a subcommand.

    Args:
        name: of `COMMANDS`.
        prog: the program's name, by default that of the subcommand.
    """
    module = _module(name)
    found = cli.Parser(prog=prog or f"gluon-gru {name}", description=module.__doc__)
    module.add_arguments(found)
    return found


def _run(name, words, prog=None):
    _module(name).run(parser(name, prog).parse_args(words))
