"""Notebooks of the shape of the book's run unchanged, and what they print is judged."""

import json
import os
import signal
import sys
import threading

import nbformat
import pytest
from nbformat import v4

from gluon_gru.cli import rerun as cli
from gluon_gru.errors import InputError, InstallError
from gluon_gru.notebook import running
from gluon_gru.notebook.rerun import Cell, Rerun, rerun
from gluon_gru.notebook.results import Printed, judged
from gluon_gru.text import corpus

PRINTED = "time traveller a\ntraveller b\n"

# The wording of 2019: this package's names first, ctx; a loop of its own, as its RNN section has.
FIRST = (
    ("!pip install -U --pre mxnet-cu101mkl  # updating mxnet\n%pip install d2l",),
    (
        "%matplotlib inline\nimport d2l\nfrom mxnet import autograd, gluon, np, npx\n"
        "from mxnet.gluon import rnn\nnpx.set_np()\n\n"
        "train_iter, vocab = d2l.load_data_time_machine(32, 35)\nlen(train_iter.corpus)",
    ),
    (
        "def get_params(vocab_size, num_hiddens, ctx):\n"
        "    sizes = (vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens, vocab_size)\n"
        "    params = [np.random.normal(scale=0.01, size=size, ctx=ctx) for size in sizes]\n"
        "    for param in params: param.attach_grad()\n"
        "    return params\n"
        "def init_state(batch_size, num_hiddens, ctx):\n"
        "    return (np.zeros((batch_size, num_hiddens), ctx=ctx),)\n"
        "def rnn_cell(inputs, state, params):\n"
        "    W_xh, W_hh, W_hq = params\n    H, = state\n    outputs = []\n"
        "    for X in inputs:\n"
        "        H = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh))\n"
        "        outputs.append(np.dot(H, W_hq))\n"
        "    return np.concatenate(outputs), (H,)",
    ),
    (
        "%%time\nctx, num_epochs = d2l.try_gpu(), 50\n"
        "model = d2l.RNNModelScratch(len(vocab), 8, ctx, get_params, init_state, rnn_cell)\n"
        "d2l.train_ch8(model, train_iter, vocab, 1, num_epochs*10, ctx)",
        f"Perplexity 1.1, 9000 tokens/sec on gpu(0)\n{PRINTED}",
    ),
    (
        "for epoch in range(num_epochs):\n    ppl = 3.14159\n"
        "print('Perplexity %.1f, %d tokens/sec on %s' % (ppl, 1000, ctx))\n"
        "print('time traveller', epoch)",
        f"Perplexity 3.1, 9000 tokens/sec on gpu(0)\n{PRINTED}",
    ),
    ("import numpy\nnumpy.int(open('../data/timemachine.txt').read().count('x') > 0)",),
    ("d2l.train_ch13(model)",),
    ("name = input()",),
    ("open('kept.txt', 'w').write('x')",),
    ("import time\nprint('half', flush=True)\ntime.sleep(600)",),
    ("print('never')", "an old output"),
)

# The wording of March 2021 on: mxnet first, the package's part for MXNet, device, f-strings.
LATER = (
    ("!pip install ..  # installing d2l\n!pip install -U mxnet-cu101==1.7.0",),
    (
        "from mxnet import gluon, np, npx\nfrom mxnet.gluon import nn, rnn\n"
        "from d2l import mxnet as d2l\n\nnpx.set_np()\n\n"
        "batch_size, num_steps, device = 32, 35, d2l.try_gpu()\n"
        "train_iter, vocab = d2l.load_data_time_machine(batch_size, num_steps)\n"
        "print(vocab.edition, d2l.Vocab(['a']).edition, d2l.SeqDataLoader(2, 5).vocab.edition)",
    ),
    (
        "model = d2l.RNNModel(rnn.GRU(8), len(vocab))\n"
        "d2l.train_ch8(model, train_iter, vocab, 1, 2, device)",
        f"perplexity 1.1, 9000.0 tokens/sec on gpu(0)\n{PRINTED}",
    ),
    (
        "import d2l.mxnet as again\n"
        "print(again is d2l, model.config()['on_engine'], type(model.rnn).__module__)",
    ),
)


@pytest.fixture(autouse=True)
def _jupyter(monkeypatch, tmp_path):
    """Keep Jupyter's and the runs' own folders out of the user's."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def write(path, cells, **metadata):
    """Write a notebook; each cell is its source and what it printed, if anything."""
    made = [v4.new_markdown_cell("# 门控循环单元")]
    for source, *printed in cells:
        # As the books' builds have them, in several pieces.
        outputs = [
            v4.new_output("stream", text=line)
            for text in printed
            for line in text.splitlines(keepends=True)
        ]
        made.append(v4.new_code_cell(source, outputs=outputs, execution_count=7))
    nbformat.write(v4.new_notebook(cells=made, metadata=metadata), path)
    return path


def text(cell):
    """Return what a cell printed and showed."""
    return "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


@pytest.fixture
def ctrl_c(monkeypatch):
    """Press Ctrl-C a moment after a cell has printed ``half``."""
    output = running._Client.output

    def seen(client, outs, msg, *more):
        if msg["content"].get("text") == "half\n":
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        return output(client, outs, msg, *more)

    monkeypatch.setattr(running._Client, "output", seen)


@pytest.mark.slow
def test_a_notebook_of_2019_runs_as_it_is_until_ctrl_c(tmp_path, sample_corpus, ctrl_c):
    """One kernel for all of it, since each imports MXNet."""
    name = {"name": "conda_mxnet_p36", "display_name": "conda_mxnet_p36"}
    path = write(tmp_path / "gru.ipynb", FIRST, kernelspec=name)
    before, out, runs = path.read_bytes(), tmp_path / "out.ipynb", []
    with pytest.raises(KeyboardInterrupt):
        rerun(path, out, epochs=2, on_start=lambda run, cell: runs.append(run))
    run = runs[0]
    assert path.read_bytes() == before
    assert (run.edition, run.why) == ("2019", "import d2l, without a framework")
    assert [cell.status for cell in run.cells] == (
        ["ran"] * 6 + ["failed"] * 2 + ["ran"] + ["not run"] * 2
    )
    assert "'train_ch13'" in run.cells[6].error and "input()" in run.cells[7].error
    assert [len(cell.skipped) for cell in run.cells[:2]] == [2, 0]
    assert run.cells[2].source.startswith("def get_params")
    # Cut short, wherever the number of epochs comes from.
    assert [(one.asked, one.ran) for cell in run.cells for one in cell.trainings] == [
        (500, 2),
        (50, 2),
    ]
    assert [result.cell for result in run.results] == [4, 5]
    first, second = run.results
    assert 10 < first.now.perplexity < 40 and first.now.device == "cpu(0)"
    assert {len(line) for line in first.now.texts.values()} == {64, 59}
    assert (second.now.perplexity, second.now.texts) == (
        3.1,
        {"time traveller": "time traveller 1"},
    )
    # What the cell wrote before Ctrl-C is in the file, and nothing old.
    again = nbformat.read(out, as_version=4)
    assert [cell.source for cell in again.cells[1:]] == [source for source, *_ in FIRST]
    cells = again.cells[1:]
    assert text(cells[0]).count("skipped: pip install") == 2
    assert text(cells[1]) == "10000" and text(cells[5]) == "1"
    assert "Wall time" in text(cells[3]) and "traveller" in text(cells[3])
    assert [text(cell) for cell in cells[9:]] == ["half\n", ""]
    assert again.metadata.rerun.results[0].now.perplexity == first.now.perplexity
    assert again.metadata.kernelspec.name == "conda_mxnet_p36"
    # What the cells wrote is kept.
    assert {each.name for each in run.folder.iterdir()} == {"kept.txt"}


@pytest.mark.slow
def test_a_notebook_of_2021_on_the_engine_through_the_command(tmp_path, sample_corpus, command):
    path = write(tmp_path / "rnn-concise.ipynb", LATER)
    done = command("rerun", path, "--engine")
    assert done.returncode == 0, done.stderr
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    # A path is as long as it is.
    assert max(len(line) for line in lines if str(tmp_path) not in line) < 80
    cells = nbformat.read(tmp_path / "rnn-concise.rerun.ipynb", as_version=4).cells[1:]
    assert text(cells[1]) == "2020-09 2020-09 2020-09\n"
    assert "Perplexity" in text(cells[2]) and "History" not in text(cells[2])
    assert text(cells[3]) == "True True gluon_gru.models.fused\n"
    assert "edition 2020-09 (the versions that it installs)" in done.stderr
    assert "skipped: pip install -U mxnet-cu101==1.7.0" in done.stderr and "4/4" in done.stderr
    # On the bundled story nothing is compared.
    assert done.stdout.count("other corpus") == 3 and "9,000 on" in done.stdout
    assert "stored  'time traveller a'\nnow     'time traveller" in done.stdout
    assert "4 of 4 cells of code ran" in done.stdout
    # The cells wrote nothing, so that their folder is gone.
    assert not list(tmp_path.glob("gluon-gru-rerun-*"))
    again = command("rerun", path)
    assert again.returncode == 2 and "--force" in again.stderr


def test_the_table_shows_stored_and_new_beside_each_other(tmp_path):
    stored = Printed(1.1, 194937.0, "gpu(0)", {"traveller": "traveller said filby what"})
    now = Printed(1.1, 47929.0, "cpu(0)", {"traveller": "traveller said filby  wh"})
    results = [judged(4, stored, now, None, "so said filby what", True)]
    results.append(judged(12, stored, None, None, "so said filby what", True))
    cells = [Cell(4, "x", "ran"), Cell(12, "y", "failed", "NameError: name 'z' is not defined")]
    done = Rerun(tmp_path / "out.ipynb", "2019", "as asked", corpus.find(corpus.SAMPLE), cells)
    done.results = results
    lines = [" ".join(line.split()) for line in cli._text(done).splitlines()]
    assert lines[2:8] == [
        "4 perplexity 1.1 1.1 holds",
        "tokens/sec 194,937 on gpu(0) 47,929 on cpu(0) other hardware",
        "verbatim 100% 80% side by side",
        "12 perplexity 1.1 - not measured",
        "tokens/sec 194,937 on gpu(0) - not measured",
        "verbatim 100% - not measured",
    ]
    assert "now 'traveller said filby wh'" in lines and "now -" in lines
    assert "1 of 2 cells of code ran" in lines
    assert "cell 12 failed: NameError: name 'z' is not defined" in lines
    assert json.loads(json.dumps(done.data()))["results"][0]["now"]["rate"] == 47929.0


def run_all(tmp_path, *sources, **options):
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    return list(running.run_cells(notebook, tmp_path, **options))


@pytest.mark.slow
def test_cells_that_take_too_long_and_a_kernel_that_dies(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "LIMIT", 1000)
    ran = run_all(
        tmp_path,
        "import os, time\nprint('started', flush=True)\ntime.sleep(600)",
        "for _ in range(100): print('x' * 100, flush=True)\nraise KeyError('late')",
        "print(os.getcwd())\nraise ValueError('one\\ntwo')",
        "os.kill(os.getpid(), 9)",
        "print('never')",
        timeout=3,
    )
    assert [(one.status, one.error.partition("(")[0].strip()) for one in ran] == [
        ("timed out", "not done after 3 seconds"),
        ("failed", "KeyError: 'late'"),
        ("failed", "ValueError: one"),
        ("died", "the kernel died"),
        ("not run", ""),
    ]
    assert text(ran[0].cell) == "started\n"
    assert len(text(ran[1].cell)) < 1100 and "left out" in text(ran[1].cell)
    assert text(ran[2].cell) == f"{tmp_path}\n"
    assert [cell.outputs[-1].output_type for cell in (ran[0].cell, ran[3].cell)] == ["error"] * 2


@pytest.mark.slow
def test_a_cell_that_cant_be_interrupted_ends_its_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_GRACE", 1)
    stubborn = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
    ran = run_all(tmp_path, stubborn, "print(1)", timeout=1)
    assert [one.status for one in ran] == ["died", "not run"]
    assert "didn't stop" in ran[0].error


@pytest.mark.slow
def test_what_keeps_the_kernel_from_starting_is_told(tmp_path, monkeypatch):
    with pytest.raises(InstallError, match="no cell can be run: no such luck"):
        run_all(tmp_path, "1", prepare="raise RuntimeError('no such luck')")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InstallError, match="the kernel doesn't start"):
        run_all(tmp_path, "1")


@pytest.mark.parametrize("option", ["epochs", "timeout"])
def test_numbers_that_are_not_above_0_are_refused(tmp_path, option):
    path = write(tmp_path / "gru.ipynb", LATER)
    with pytest.raises(InputError, match=f"{option} is 0"):
        rerun(path, tmp_path / "out.ipynb", **{option: 0})
    assert not (tmp_path / "out.ipynb").exists()


def test_an_unknown_edition_is_refused(tmp_path, sample_corpus):
    path = write(tmp_path / "gru.ipynb", LATER)
    with pytest.raises(InputError, match="edition '2018' is unknown"):
        rerun(path, tmp_path / "out.ipynb", edition="2018")
    assert list(tmp_path.iterdir()) == [path]


def test_the_original_is_never_written_over(tmp_path, command):
    path = write(tmp_path / "gru.ipynb", LATER)
    before = path.read_bytes()
    for out in (path, tmp_path / "x" / ".." / "gru.ipynb"):
        done = command("rerun", path, "--out", out, "--force")
        assert done.returncode == 2 and "is the notebook itself" in done.stderr
    assert path.read_bytes() == before


def test_bad_input_is_one_line(tmp_path, command):
    path = tmp_path / "some.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "cells": []}))
    done = command("rerun", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["some.ipynb"]
