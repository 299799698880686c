"""What cells become before they run: nothing is installed, and loops over epochs can be cut."""

import ast
import json
import types

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from gluon_gru.notebook import kernel


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a cell, with a shell that only tells what it is asked to do.

    It gives back what the shell was asked, the output's lines, and the kernel's notes.
    """
    asked, log = [], tmp_path / "log"

    def shell():
        def told(*words):
            asked.append(words)
            return ["output"]

        names = ("system", "getoutput", "run_line_magic", "run_cell_magic")
        return types.SimpleNamespace(**dict.fromkeys(names, told))

    def run(source, most=None, **names):
        asked.clear()
        log.write_text("")
        mine = kernel.Kernel(str(log), most)
        monkeypatch.setattr("builtins._gluon_gru_rerun", mine, raising=False)
        tree = kernel.Cells().visit(ast.parse(TransformerManager().transform_cell(source)))
        exec(compile(tree, "cell", "exec"), {"get_ipython": shell, **names})
        notes = [json.loads(line) for line in log.read_text().splitlines()]
        return list(asked), capsys.readouterr().out.splitlines(), notes

    return run


@pytest.mark.parametrize(
    "line",
    [
        "!pip install -U mxnet-cu101==1.7.0",
        "!pip3 install git+https://github.com/d2l-ai/d2l-en # installing d2l",
        "!pip -q install d2l",
        "!python -m pip install ..",
        "!{sys.executable} -m pip install d2l",
        "!pip uninstall -y mxnet && pip install mxnet",
        "!conda install -y mxnet",
        "!apt-get -y install fonts",
        "%pip install d2l",
        "%conda install mxnet",
        "found = !pip install d2l",
        "%system pip install d2l",
        "if True:\n    !pip install d2l",
    ],
)
def test_what_installs_is_skipped_and_said_to_be(run, line):
    asked, out, notes = run(f"{line}\nprint('after')")
    assert asked == []
    (said,) = [each for each in out if each != "after"]
    assert said.startswith("[gluon-gru rerun] skipped: ") and "install" in said
    assert out[-1] == "after"
    assert [list(note) for note in notes] == [["skipped"]]
    assert notes[0]["skipped"] == said.partition("skipped: ")[2]


@pytest.mark.parametrize(
    "line, asked",
    [
        ("!nvidia-smi", [("nvidia-smi",)]),
        ("!pip list", [("pip list",)]),
        ("%matplotlib inline", [("matplotlib", "inline")]),
        ("files = !ls", [("ls",)]),
        ("print('pip install d2l')", []),
    ],
)
def test_everything_else_runs(run, line, asked):
    found, out, notes = run(line)
    assert (found, notes) == (asked, [])


def test_of_a_shell_script_only_the_lines_that_install_are_left_out(run):
    script = "%%bash\necho one\npip install \\\n  d2l\necho two\n"
    asked, out, notes = run(script)
    assert asked == [("bash", "", "echo one\necho two\n")]
    assert notes == [{"skipped": "pip install    d2l"}]
    # Other magics run their cell through IPython, and so through this again.
    asked, *_ = run("%%capture\n!pip install d2l")
    assert asked == [("capture", "", "!pip install d2l\n")]


@pytest.mark.parametrize(
    "source, ran, asked",
    [
        ("for epoch in range(10): seen.append(epoch)", [0, 1], 10),
        ("for epoch in range(1, 10 + 1): seen.append(epoch)", [1, 2], 10),
        ("num_epochs = 10\nfor i in range(num_epochs): seen.append(i)", [0, 1], 10),
        ("for epoch in list(range(10)): seen.append(epoch)", [0, 1], 10),
        ("for epoch in iter(range(10)): seen.append(epoch)", [0, 1], 10),
        ("def fit(epochs):\n  for _ in range(epochs): seen.append(_)\nfit(10)", [0, 1], 10),
        ("for epoch in range(1): seen.append(epoch)", [0], 1),
        ("for i in range(3): seen.append(i)", [0, 1, 2], None),
        ("epochs = [5, 6, 7]\nfor x in epochs: seen.append(x)", [5, 6, 7], None),
    ],
)
def test_loops_over_epochs_are_cut_short_and_others_not(run, source, ran, asked):
    seen = []
    *_, notes = run(source, most=2, seen=seen)
    assert seen == ran
    assert notes == ([{"asked": asked, "ran": len(ran)}] if asked else [])


def test_without_a_number_loops_run_to_their_end_and_are_noted(run):
    seen = []
    *_, notes = run("for epoch in range(4): seen.append(epoch)", seen=seen)
    assert (seen, notes) == ([0, 1, 2, 3], [{"asked": 4, "ran": 4}])


def test_this_package_s_loops_are_cut_short_too(tmp_path):
    def train_ch8(model, vocab, num_epochs, device=None):
        return num_epochs

    def train(num_epochs):
        return num_epochs

    log = tmp_path / "log"
    mine = kernel.Kernel(str(log), 2)
    # The book's loop returns nothing.
    assert mine.cut(train_ch8)("model", "vocab", 500) is None
    assert mine.cut(train_ch8)("model", "vocab", device="cpu", num_epochs=1) is None
    assert mine.cut(train)(num_epochs=500) == 2
    notes = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(note["asked"], note["ran"]) for note in notes] == [(500, 2), (1, 1), (500, 2)]
