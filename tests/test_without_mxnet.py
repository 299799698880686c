"""What works where MXNet isn't installed, with the engine and without, and what says so in a line."""

import json
import os
import pathlib
import subprocess
import sys

import numpy
import pytest
from checkout import ROOT

from gluon_gru.engine.layout import layouts
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.text.corpus import SAMPLE

HELPERS = pathlib.Path(__file__).parent / "helpers"
_SMALL = ["--num-hiddens", "8", "--epochs", "1", "--seed", "1"]

# Runs several command lines in a process, each after the other; prints what came of each.
_PROGRAM = """
import contextlib, io, json, sys
import without_mxnet
from gluon_gru import cli
for words in json.load(sys.stdin):
    sys.argv = ["gluon-gru", *words]
    out, told, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, out.getvalue(), told.getvalue()]))
assert "mxnet" not in sys.modules
"""


def save(path, cell, **options):
    """Write a checkpoint of random parameters: of layers with sizes, otherwise from scratch."""
    tokens = ["<unk>", "a", "b"]
    config = {"model": "RNNModelScratch", "cell": cell, "vocab_size": 3, "num_hiddens": 4}
    if options:
        config.update({"model": "RNNModel", "directions": 1, "dropout": 0, **options})
    rng = numpy.random.default_rng(1)
    params = {
        name: rng.normal(size=shape).astype("float32") for name, shape in layouts(config)[1].items()
    }
    text = {"tokens": "characters", "case": "keep"}
    Checkpoint(params, {**config, "on_engine": True, "text": text}, tokens).save(path)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs command lines in a process without MXNet, one after the other.

    It returns (exit code, stdout, stderr) of each. ``before`` is code that goes first.
    """

    def run(*lines, engine="", before=""):
        done = subprocess.run(
            [sys.executable, "-c", f"{before}\n{_PROGRAM}"],
            input=json.dumps([[str(word) for word in words] for words in lines]),
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(HELPERS), str(ROOT)]),
                "GLUON_GRU_ENGINE": engine,
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def _train(out, cell="gru", *more):
    return ["train", SAMPLE, "--out", out, "--cell", cell, "--json", *_SMALL, *more]


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "gru-after", "lstm", "rnn"])
def test_models_of_own_texts_are_the_same_on_the_engine_and_in_numpy(run, cell):
    found = []
    for engine in ("", "off"):
        out = f"run-{engine}"
        done = run(
            _train(out, cell, "--num-layers", "2", "--dropout", "0.2"),
            ["generate", out, "The ", "--length", "20", "--seed", "1"],
            ["evaluate", out, SAMPLE, "--json"],
            engine=engine,
        )
        assert [code for code, _, _ in done] == [0, 0, 0], done
        trained, scored = json.loads(done[0][1]), json.loads(done[2][1])
        found.append([trained["best"]["validation_perplexity"], scored["perplexity"]])
        assert done[1][1].startswith("The ") and len(done[1][1]) == 4 + 20 + 1
    assert found[1] == pytest.approx(found[0], rel=1e-3)
    # Once, in one line.
    told = "".join(stderr for _, _, stderr in done)
    notes = [line for line in told.splitlines() if line.startswith("note: gluon_gru:")]
    assert trained["engine"] == "numpy" and len(notes) == 1
    assert "NumPy computes, several times slower: unset it" in notes[0]


@pytest.mark.slow
def test_what_only_unix_has_is_not_needed(run):
    done = run(
        _train("run"),
        ["generate", "run", "The ", "--length", "5"],
        ["evaluate", "run", SAMPLE],
        ["reproduce", "--help"],
        engine="off",
        before="import logging, os, random, signal\n"
        "for name in ('register_at_fork', 'O_NONBLOCK', 'sched_getaffinity'): vars(os).pop(name, None)\n"
        "del signal.SIGHUP",
    )
    assert [code for code, _, _ in done] == [0] * 4, done


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["", "off"])
def test_gates_export_and_info(run, tmp_path, engine):
    save(tmp_path / "gru.safetensors", "gru_before")
    save(tmp_path / "after.safetensors", "gru_after", num_layers=2)
    done = run(
        ["info", "--json"],
        ["gates", "gru.safetensors", "abba", "--out", "gates"],
        ["gates", "after.safetensors", "abba", "--out", "gates-after", "--device", "cpu"],
        ["export", "after.safetensors", "for-torch.safetensors", "--layout", "torch"],
        ["generate", "gru.safetensors", "ab", "--temperature", "0", "--length", "5"],
        engine=engine,
    )
    assert [code for code, _, _ in done] == [0] * 5, done
    facts = json.loads(done[0][1])
    assert (facts["mxnet"], facts["device"]) == ("not installed", "cpu(0)")
    for name in ("gates", "gates-after"):
        assert "</html>" in (tmp_path / name / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "for-torch.safetensors").is_file()


@pytest.mark.slow
def test_onnx_files_are_checked_without_mxnet(run, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    cases = [("gru_before", {}), ("gru_after", {"num_layers": 2})]
    cases += [("lstm", {"num_layers": 2, "directions": 2})]
    for cell, options in cases:
        save(tmp_path / f"{cell}.safetensors", cell, **options)
    lines = [["export", f"{cell}.safetensors", f"{cell}.onnx"] for cell, _ in cases]
    for code, out, told in run(*lines):
        assert code == 0 and "checked: ONNX Runtime" in out, told


def test_what_needs_mxnet_says_so_in_a_line_and_writes_nothing(run, tmp_path):
    save(tmp_path / "parts.safetensors", "reset_only")
    before = set(tmp_path.iterdir())
    lines = [
        ["reproduce", "--quick", "--corpus", SAMPLE],
        ["exercises", "forced-gates", "--corpus", SAMPLE],
        ["sweep", "--corpus", SAMPLE],
        ["generate", "parts.safetensors", "a"],
    ]
    for words, (code, out, told) in zip(lines, run(*lines)):
        assert (code, out, told.count("\n")) == (1, "", 1), (words, told)
        assert told.startswith("error: MXNet is not installed: run  pip install") or (
            "this needs MXNet 1.9.1, which has no wheels" in told
        )
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "statement", ["import gluon_gru.models", "d2l.gru", "d2l.RNNModel", "d2l.train_ch8"]
)
def test_the_books_names_say_what_they_need(run_python, statement):
    done = run_python(f"import without_mxnet, gluon_gru as d2l; {statement}", path=[HELPERS])
    assert done.stderr.splitlines()[-1].startswith("gluon_gru.errors.InstallError: "), done


def test_names_without_models_are_there(run_python):
    code = "import without_mxnet, gluon_gru as d2l; print(d2l.Vocab, d2l.InputError, d2l.engine)"
    assert run_python(code, path=[HELPERS]).returncode == 0
