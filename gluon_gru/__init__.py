"""The GRU chapter of *Dive into Deep Learning* (MXNet edition), reproduced on today's Pythons.

Readers write ``import gluon_gru as d2l`` and run the chapter's cells as they were printed. The
names that those cells use are listed in ``__init__.pyi``, each with the module that documents it.
Editors and type checkers read that list, and so does ``__getattr__`` below, which imports a module
when one of its names is first used. So importing the package is fast, although importing MXNet
takes seconds.
"""

from __future__ import annotations

import ast
import importlib
import pathlib
from typing import Any

from gluon_gru import mxnet_import

mxnet_import.prepare_mxnet()


def _homes() -> dict[str, str]:
    """Return the module that each name of ``__init__.pyi`` comes from."""
    stub = ast.parse(pathlib.Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        alias.name: node.module or ""
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


_HOMES = _homes()

__all__ = [name for name, home in _HOMES.items() if home != __name__]


def __getattr__(name: str) -> Any:
    """Import a name, or one of the package's modules, when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    if home == __name__:
        return importlib.import_module(f"{__name__}.{name}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
