"""What prepares the process that a notebook's cells run in, so that they run as they are.

`prepare` is called in it before the first cell. What is then done to a cell is written down for the
program that runs the notebook, a line of JSON each: ``{"skipped": command}``, and
``{"asked": epochs, "ran": epochs}`` for each training.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import itertools
import json
import re
from typing import Any, Callable, Iterator

from gluon_gru import programs
from gluon_gru.text import editions

# pip install, pip3 uninstall, python -m pip -q install, conda install, apt-get -y install.
_INSTALLS = re.compile(r"\b(?:pip[\d.]*|conda|mamba|apt|apt-get)(?:\s+-\S+)*\s+(?:un)?install\b")

#: The cells' name for `Kernel`, and what their magics and lines with ! become.
_NAME = "_gluon_gru_rerun"
_LINES = {"system", "getoutput", "run_line_magic"}
_SHELLS = {"bash", "sh", "script", "system", "sx", "!"}


def prepare(log: str, edition: str, epochs: int | None = None, on_engine: bool = False) -> None:
    """Make this IPython kernel one that runs the book's notebooks.

    Args:
        log: the file that tells what was done.
        edition: of the text, for everything that doesn't name one.
        epochs: the most that a training may have; None leaves them all.
        on_engine: whether Gluon's recurrent layers are to run on the engine.
    """
    from IPython import get_ipython

    # Before the modules are imported that take it as the default of their functions.
    editions.DEFAULT = editions.edition_of(edition).name
    programs.give_back_aliases()
    programs.stand_in_for_d2l()
    kernel = Kernel(log, epochs)
    setattr(builtins, _NAME, kernel)
    get_ipython().ast_transformers.append(Cells())

    import gluon_gru

    for name in ("train", "train_ch8"):
        vars(gluon_gru)[name] = kernel.cut(getattr(gluon_gru, name))
    if on_engine:
        from mxnet.gluon import rnn

        from gluon_gru.models import fused

        rnn.RNN, rnn.GRU, rnn.LSTM = fused.RNN, fused.GRU, fused.LSTM


class Cells(ast.NodeTransformer):
    """Changes the syntax tree of a cell where it installs something or loops over epochs.

    The first are what IPython makes of lines with ``!`` and of magics; the others loops such as
    ``for epoch in range(num_epochs)``. They become calls of the `Kernel`.
    """

    def visit_Call(self, node: ast.Call) -> Any:
        """Replace ``get_ipython().system("pip install ...")`` and its like."""
        self.generic_visit(node)
        kind = getattr(node.func, "attr", "")
        words: list[Any] = [getattr(argument, "value", None) for argument in node.args]
        shell = getattr(getattr(node.func, "value", None), "func", None)
        if getattr(shell, "id", "") != "get_ipython" or not all(
            isinstance(word, str) for word in words
        ):
            return node
        if kind in _LINES and _INSTALLS.search(" ".join(words)):
            return _call("skip", ast.Constant(" ".join(words)), node)
        if kind == "run_cell_magic" and words[0] in _SHELLS:
            node.args[2] = _call("without_installing", node.args[2], node)
        return node

    def visit_For(self, node: ast.For) -> ast.For:
        """Wrap what a loop over epochs goes through."""
        self.generic_visit(node)
        names = {part.id for part in ast.walk(node.iter) if isinstance(part, ast.Name)}
        about = {getattr(node.target, "id", ""), *names}
        if "range" in names and any("epoch" in name for name in about):
            node.iter = _call("first_epochs", node.iter, node)
        return node


def _call(method: str, argument: ast.expr, at: ast.AST) -> ast.Call:
    function = ast.Attribute(ast.Name(_NAME, ast.Load()), method, ast.Load())
    return ast.fix_missing_locations(ast.copy_location(ast.Call(function, [argument], []), at))


class Kernel:
    """What the changed cells call.

    Args:
        log, most: see `prepare`.
    """

    def __init__(self, log: str, most: int | None) -> None:
        self.log, self.most = log, most

    def _note(self, **facts: Any) -> None:
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(facts, default=int) + "\n")

    def skip(self, command: str) -> list:
        """Say that a command is skipped; return its output, no lines."""
        print(f"[gluon-gru rerun] skipped: {command.strip()}")
        self._note(skipped=command.strip())
        return []

    def without_installing(self, script: str) -> str:
        """Return the lines of a shell's script that install nothing; the others are skipped."""
        lines = script.replace("\\\n", " ").splitlines(keepends=True)
        return "".join(line for line in lines if not _INSTALLS.search(line) or self.skip(line))

    def first_epochs(self, epochs: Any) -> Iterator:
        """Return a loop's epochs, no more than there may be."""
        if not hasattr(epochs, "__len__"):
            epochs = list(epochs)
        return itertools.islice(epochs, self._most(len(epochs)))

    def cut(self, train: Callable) -> Callable:
        """Return one of this package's loops that trains for no more epochs than there may be."""
        signature = inspect.signature(train)

        @functools.wraps(train)
        def cut(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.arguments["num_epochs"] = self._most(given.arguments["num_epochs"])
            history = train(*given.args, **given.kwargs)
            # The book's own returns nothing, so that a cell that ends in it shows nothing.
            return None if train.__name__ == "train_ch8" else history

        return cut

    def _most(self, asked: int) -> int:
        ran = asked if self.most is None else min(asked, self.most)
        self._note(asked=asked, ran=ran)
        return ran
