"""Reading a notebook of any year; what isn't one, or isn't of MXNet, is refused with the reason."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
from typing import Any

from gluon_gru.errors import InputError, not_installed

#: What a cell imports, by a regular expression -> whose it is.
_OTHERS = {
    r"(?:import|from)\s+torch\b|from\s+d2l\s+import\s+torch\b|import\s+d2lzh_pytorch\b": "PyTorch",
    r"(?:import|from)\s+(?:tensorflow|keras)\b|from\s+d2l\s+import\s+tensorflow\b": "TensorFlow",
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
        raise not_installed("running a notebook", f"the package {missing[0]}", "notebooks")


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
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is no notebook: it isn't JSON ({error})") from error
    try:
        found = nbformat.from_dict(_whole(content))
        if found.nbformat > 4:
            raise ValueError(f"nbformat {found.nbformat}, which is newer than 4")
        if found.nbformat < 4:
            found = nbformat.convert(found, 4)
    except Exception as error:
        # Whatever nbformat's conversions stumble over.
        raise InputError(f"{str(path)!r} is no notebook that can be read ({error})") from error
    language = found.metadata.get("kernelspec", {}).get("language") or "python"
    language = found.metadata.get("language_info", {}).get("name", language)
    if language.lower() not in ("python", "python3", "ipython"):
        raise InputError(f"{str(path)!r} is a notebook in {language}: only Python's can be run")
    if not code(found):
        raise InputError(f"{str(path)!r} has no code to run")
    _check_framework(path, found)
    return found


def _whole(content: Any) -> Any:
    """Return a notebook's JSON with what some programs left out, and its lines joined.

    Raises:
        Exception: of any kind, if it is none.
    """
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise ValueError('it has no number "nbformat"')
    content.setdefault("nbformat_minor", 0)
    content.setdefault("metadata", {})
    for sheet in content.get("worksheets", [content]):
        for cell in sheet["cells"]:
            cell.setdefault("metadata", {})
            if cell["cell_type"] == "code":
                cell.setdefault("outputs", [])
            for part in [cell, *cell.get("outputs", [])]:
                for name in ("source", "input", "text"):
                    if isinstance(part.get(name), list):
                        part[name] = "".join(part[name])
            if "worksheets" not in content and not isinstance(cell["source"], str):
                raise ValueError("a cell's source is no text")
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
