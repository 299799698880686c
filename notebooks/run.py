"""Run gru.ipynb top to bottom and write it back, with its outputs and a digest of what ran.

``python notebooks/run.py``, with the package's extra ``notebooks``; it takes some minutes.
"""

import hashlib
import pathlib

import nbformat

from gluon_gru.notebook import running

NOTEBOOK = pathlib.Path(__file__).with_name("gru.ipynb")


def digest(notebook):
    """Return the SHA-1 of the sources of all cells of code."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha1("\0".join(sources).encode()).hexdigest()


def run(notebook, folder, seconds=None):
    """Run all cells in place, in a kernel whose working directory is ``folder``.

    Args:
        notebook: what ``nbformat.read`` returns.
        folder: a path.
        seconds: how long a cell may take; by default, as long as it likes.

    Raises:
        RuntimeError: at the first cell that isn't done, with its error.
    """
    for ran in running.run_cells(notebook, folder, timeout=seconds):
        if ran.status != "ran":
            raise RuntimeError(f"{ran.status}: {ran.error}\n{ran.cell.source}")


if __name__ == "__main__":
    found = nbformat.read(NOTEBOOK, as_version=4)
    run(found, NOTEBOOK.parent)
    found.metadata["ran"] = digest(found)
    nbformat.write(found, NOTEBOOK)
