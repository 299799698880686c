"""Run gru.ipynb top to bottom and write it back, with its outputs and a digest of what ran.

``python notebooks/run.py``, with the package's extra ``test``; it takes some minutes.
"""

import hashlib
import pathlib

import nbclient
import nbformat

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
        nbclient.exceptions.CellExecutionError: with the traceback of the cell that erred.
    """
    # Times of day belong to nobody else.
    nbclient.NotebookClient(
        notebook,
        timeout=seconds,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


if __name__ == "__main__":
    found = nbformat.read(NOTEBOOK, as_version=4)
    run(found, NOTEBOOK.parent)
    found.metadata["ran"] = digest(found)
    nbformat.write(found, NOTEBOOK)
