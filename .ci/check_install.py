"""What an installed package must say of its engine, and do: check_install.py native|off [alone].

Its command is called too, from a folder that has nothing of the repository in it, but with "alone".

Run it outside of the checkout, or that would be the package.
"""

import contextlib
import functools
import io
import json
import pathlib
import sys
import tempfile
import warnings

import commands
import numpy

import gluon_gru as d2l
from gluon_gru import engine
from gluon_gru.cli import options as cli
from gluon_gru.engine import native
from gluon_gru.models import fused
from gluon_gru.text import corpus

expected, *alone = sys.argv[1:]
info = engine.info()
print(pathlib.Path(d2l.__file__).parent, info)
assert info["engine"] == expected, info
assert corpus.SAMPLE.is_file()
if expected == "native":
    assert native.library_path().name == "_kernels.abi3.so"
    assert info["threads"] >= 1
else:
    for words in ("the engine was not built", "install a C compiler", "install gluon_gru again"):
        assert words in info["why"], info

# A tiny fused model trains with or without: with one warning, or none.
text = "abcdefgfedcb" * 8
vocab = d2l.Vocab(list(text))
data = d2l.SeqDataLoader(4, 4, source=(numpy.array(vocab[list(text)]), vocab))
with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("always")
    model = d2l.RNNModelScratch(
        len(vocab), 8, d2l.try_gpu(), d2l.get_gru_params, d2l.init_gru_state, fused.gru
    )
    d2l.train_ch8(model, data, vocab, 1, 2, d2l.try_gpu())
    assert len(d2l.predict_ch8("abc", 5, model, vocab, d2l.try_gpu())) >= 8
ours = [str(warning.message) for warning in caught if "engine" in str(warning.message)]
assert ours == ([] if expected == "native" else [f"gluon_gru: {info['why']}"]), ours

if alone:
    sys.exit()

with tempfile.TemporaryDirectory() as folder:
    command = functools.partial(commands.run, folder)

    # Given, so that nothing is downloaded.
    given = "--corpus", str(corpus.SAMPLE), "--device", "cpu"
    assert command("--version").stdout.strip() == cli.version()
    assert json.loads(command("info", "--json").stdout)["engine"].startswith(expected)
    answers = json.loads(command("exercises", "forced-gates", *given, "--json").stdout)
    assert [judged["verdict"] for judged in answers["forced-gates"]["verdicts"]]
    reproduce = "reproduce", "--quick", "--engine", "fused", "--claims", "slides-scratch", *given
    if expected == "native":
        results = json.loads(command(*reproduce, "--json").stdout)
        assert results["runs"][0]["perplexity"][-1] < results["runs"][0]["perplexity"][0]
        assert pathlib.Path(folder, "runs", "reproduce", "report.md").is_file()
    else:
        refused = command(*reproduce, code=2)
        assert info["why"] in refused.stderr and refused.stderr.count("\n") == 1, refused
    command("train", str(corpus.SAMPLE), "--out", "run", "--num-hiddens", "8", "--epochs", "1")
    written = command("generate", "run", "The ", "--length", "30", "--seed", "1").stdout
    assert written.startswith("The ") and len(written) > 30, written
    score = json.loads(command("evaluate", "run", str(corpus.SAMPLE), "--json").stdout)
    assert 1 < score["perplexity"] < 100 and score["num_unknown"] == 0, score
    command("gates", "run", "The hat", "--out", "gates")
    assert "</html>" in pathlib.Path(folder, "gates", "report.html").read_text(encoding="utf-8")
    command("page", "run", "--out", "model.html")
    assert "</html>" in pathlib.Path(folder, "model.html").read_text(encoding="utf-8")
    print("the command works in a folder of its own")
