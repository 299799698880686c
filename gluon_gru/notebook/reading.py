"""Reading a notebook of any year; what isn't one, or isn't of MXNet, is refused with the reason."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
import warnings
from typing import Any

from gluon_gru.errors import InputError, InstallError

#: What a cell imports, by a regular expression -> whose it is.
_OTHERS = {
    r"(?:import|from)\s+torch\b|from\s+d2l\s+import\s+torch\b|import\s+d2lzh_pytorch\b": "PyTorch",
    r"(?:import|from)\s+tensorflow\b|from\s+d2l\s+import\s+tensorflow\b": "TensorFlow",
    r"(?:import|from)\s+jax\b|from\s+d2l\s+import\s+jax\b": "JAX",
    r"(?:import|from)\s+paddle\b|from\s+d2l\s+import\s+paddle\b": "Paddle",
}
_MXNET = r"(?:import|from)\s+mxnet\b|from\s+d2l\s+import\s+mxnet\b"
_OLDER = r"(?:import|from)\s+(d2lzh|gluonbook)\b"


def check_packages() -> None:
    """Raise InstallError unless what runs notebooks is installed."""
    needed = ("nbclient", "nbformat", "ipykernel")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise InstallError(
            f"running notebooks takes the packages {', '.join(needed)}, of which "
            f"{', '.join(missing)} is missing: run  pip install 'gluon_gru[notebooks]'"
        )


def read(path: pathlib.Path) -> Any:
    """Return a notebook in the format of today, whichever it was written in.

    Raises:
        InputError: for a file that can't be read or is no notebook, and for a notebook without
            code, in another language than Python, or of another framework than MXNet.
        InstallError: if nbformat is not installed.
    """
    check_packages()
    import nbformat

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no notebook: it isn't JSON ({error})") from error
    try:
        with warnings.catch_warnings():
            # Cells had no names yet.
            warnings.simplefilter("ignore")
            found = nbformat.from_dict(nbformat.convert(_whole(content), to_version=4))
            nbformat.validate(found)
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{str(path)!r} is no notebook that can be read ({reason})") from error
    language = found.metadata.get("kernelspec", {}).get("language") or "python"
    language = found.metadata.get("language_info", {}).get("name", language)
    if language.lower() not in ("python", "python3", "ipython"):
        raise InputError(f"{str(path)!r} is a notebook in {language}: only Python's can be run")
    if not code(found):
        raise InputError(f"{str(path)!r} has no code to run")
    _check_framework(path, found)
    return found


def _whole(content: Any) -> Any:
    """Return a notebook's JSON with the cells' parts that some programs left out.

    Raises:
        ValueError: if it is none.
    """
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise ValueError('it has no number "nbformat"')
    content.setdefault("nbformat_minor", 0)
    content.setdefault("metadata", {})
    sheets = content.get("worksheets", [content])
    for cell in (cell for sheet in sheets for cell in sheet["cells"]):
        cell.setdefault("metadata", {})
        if cell["cell_type"] == "code":
            cell.setdefault("outputs", [])
            if "worksheets" not in content:
                cell.setdefault("execution_count", None)
        for text in [cell, *cell.get("outputs", [])]:
            for name in ("source", "text"):
                if isinstance(text.get(name), list):
                    text[name] = "".join(text[name])
    return content


def code(notebook: Any) -> list[Any]:
    """Return the cells of code that aren't empty."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def _check_framework(path: pathlib.Path, notebook: Any) -> None:
    sources = "\n".join(cell.source for cell in code(notebook))

    def first(pattern: str) -> str:
        match = re.search(rf"^[ \t]*(?:{pattern})", sources, re.M)
        return match.group().strip() if match else ""

    if first(_OLDER):
        raise InputError(
            f"{str(path)!r} is of the book's first Chinese edition ({first(_OLDER)}), whose names "
            "and texts were others: the editions since July 2019 can be run, which import d2l"
        )
    for pattern, name in _OTHERS.items():
        if first(pattern) and not first(_MXNET):
            raise InputError(
                f"{str(path)!r} is a notebook of {name} ({first(pattern)}): this package runs those "
                "of the book's MXNet edition, which import mxnet"
            )
