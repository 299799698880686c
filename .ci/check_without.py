"""What an installed package must do without MXNet: check_without.py native|numpy.

Run it outside of the checkout, or that would be the package.
"""

import importlib.util
import json
import pathlib
import sys
import tempfile

import commands

from gluon_gru import engine
from gluon_gru.text import corpus

assert importlib.util.find_spec("mxnet") is None, "MXNet is installed here"
(expected,) = sys.argv[1:]
assert engine.info()["engine"] == ("native" if expected == "native" else "off"), engine.info()

with tempfile.TemporaryDirectory() as folder:

    def command(*words, code=0):
        """Run the installed command; return its output, or its errors if it is to fail."""
        done = commands.run(folder, *words, code=code)
        # A line on what is slow, or what is wrong.
        lines = [
            line
            for line in done.stderr.splitlines()
            if line.startswith(("note: gluon_gru:", "error:"))
        ]
        assert len(lines) <= 1 and "Traceback" not in done.stderr, done
        return done.stderr if code else done.stdout

    given = [str(corpus.SAMPLE), "--num-hiddens", "8", "--epochs", "1", "--seed", "1", "--json"]
    for cell in "gru", "lstm":
        trained = json.loads(command("train", *given, "--out", cell, "--cell", cell))
        assert trained["engine"] == expected, trained
        score = json.loads(command("evaluate", cell, str(corpus.SAMPLE), "--json"))
        assert 1 < score["perplexity"] < 100, score
        written = command("generate", cell, "The ", "--length", "30", "--seed", "1")
        assert written.startswith("The ") and len(written) == 4 + 30 + 1, written
    command("gates", "gru", "The hat", "--out", "gates")
    assert "</html>" in pathlib.Path(folder, "gates", "report.html").read_text(encoding="utf-8")
    assert "differ by at most" in command("export", "gru", "gru.onnx")
    command("export", "lstm", "lstm.safetensors", "--layout", "torch")
    assert json.loads(command("info", "--json"))["mxnet"] == "not installed"
    for words in (["reproduce", "--quick"], ["exercises", "parts"], ["sweep"]):
        told = command(*words, "--corpus", given[0], code=1)
        assert told.startswith("error: ") and "MXNet" in told, told
    assert not pathlib.Path(folder, "runs").exists()
    print(f"without MXNet: works, computed by {expected}")
