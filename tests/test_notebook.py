"""The notebook runs top to bottom, and what is committed is one such run of these very cells."""

import copy
import pathlib
import re
import runpy

import nbformat
import pytest

_FOLDER = pathlib.Path(__file__).parent.parent / "notebooks"

pytestmark = pytest.mark.skipif(not _FOLDER.is_dir(), reason="the notebook is not at hand")


@pytest.fixture
def notebook():
    return nbformat.read(_FOLDER / "gru.ipynb", as_version=4)


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(_FOLDER / "run.py"))


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell):
    """Return what a cell shows: text, pictures."""
    return {
        kind for output in cell.outputs for kind in (output.get("data", {"text/plain": ""}))
    } - {"text/html"}


@pytest.mark.slow
def test_the_notebook_runs_on_the_bundled_story_and_shows_what_the_committed_one_shows(
    notebook, tool, sample_corpus, tmp_path, monkeypatch
):
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    short = copy.deepcopy(notebook)
    (first,) = [cell for cell in code(short) if "NUM_EPOCHS = 500" in cell.source]
    first.source = first.source.replace("NUM_EPOCHS = 500", "NUM_EPOCHS = 2")
    for cell in code(short):
        # Hidden units.
        cell.source = cell.source.replace("256", "40")
    committed = [kinds(cell) for cell in code(notebook)]
    # It raises if a cell errs.
    tool["run"](short, tmp_path, seconds=120)
    assert [kinds(cell) for cell in code(short)] == committed
    assert sum("image/png" in shown for shown in committed) >= 5
    assert [
        output.text
        for cell in code(short)
        for output in cell.outputs
        if output.get("name") == "stderr"
    ] == []


def test_the_committed_outputs_are_of_one_run_of_the_committed_cells(notebook, tool):
    assert notebook.metadata["ran"] == tool["digest"](notebook)
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    text = "".join(
        output.text for cell in cells for output in cell.outputs if output.output_type == "stream"
    )
    assert "text: The Time Machine" in text and "after 500 epochs" in text


def test_the_committed_notebook_tells_nothing_of_the_machine_and_has_no_warning(notebook):
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}
    assert not re.search(
        r"(?<![\w.])/\w+/",
        "".join(output.get("text", "") for output in outputs) + str(notebook.metadata),
    )
    assert {key for cell in notebook.cells for key in cell.metadata} == set()


@pytest.mark.slow
def test_the_short_notebook_trains_after_its_first_cell(tool, sample_corpus, tmp_path, monkeypatch):
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    start = nbformat.read(_FOLDER / "start.ipynb", as_version=4)
    install, train, *_ = code(start)
    assert install.source.splitlines() == [
        "%pip install -q gluon_gru",
        "%pip install -q --no-deps mxnet==1.9.1",
    ]
    assert {(cell.execution_count, len(cell.outputs)) for cell in code(start)} == {(None, 0)}
    install.source = "pass"
    train.source = train.source.replace("500", "2").replace("256", "32")
    tool["run"](start, tmp_path, seconds=120)
    shown = "".join(
        output.get("text", "") for cell in code(start) for output in cell.outputs
    ).splitlines()
    assert any(re.match(r"Perplexity \d", line) for line in shown)
    assert shown[-1].startswith("the time traveller") and len(shown[-1]) == 18 + 200
