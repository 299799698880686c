"""Programs of the years of MXNet 1.x run as they are: ``python -m gluon_gru.compat``."""

import importlib
import json
import os
import pathlib
import runpy
import subprocess
import sys
import types

import numpy
import pytest

from gluon_gru import programs
from gluon_gru.errors import InstallError

ROOT = pathlib.Path(__file__).parent.parent

# Arrays of before NumPy's names, types that NumPy dropped, a module beside it, the book's package.
OLD = """
import json, os, sys, warnings
import numpy as np
import mxnet as mx
from mxnet import autograd, gluon, nd
import helper
import d2l
from d2l import mxnet as again

class Squares(gluon.data.Dataset):
    def __len__(self): return 6
    def __getitem__(self, i): return np.float32(i), np.float32(i * i)

net = gluon.nn.Dense(1)
net.initialize()
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
for X, y in gluon.data.DataLoader(Squares(), batch_size=3, num_workers=1):
    with autograd.record():
        l = gluon.loss.L2Loss()(net(X.reshape((-1, 1))), y)
    l.backward()
    trainer.step(3)
x = mx.sym.var("x")
out = (x * 2).bind(mx.cpu(), {"x": nd.ones((2,))}).forward()[0]
print(json.dumps({
    "argv": sys.argv, "file": __file__, "name": __name__, "path": sys.path[0],
    "types": [np.int is int, np.float is float, np.object is object, np.dtype(np.bool) == bool],
    "arrays": [type(l).__name__, type(out).__name__, mx.util.is_np_array()],
    "d2l": [d2l is again, d2l.perplexity(0.0)], "helper": helper.WHERE,
}))
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def old(tmp_path):
    (tmp_path / "old.py").write_text(OLD)
    (tmp_path / "helper.py").write_text("WHERE = __name__\n")
    return tmp_path / "old.py"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["script", "module"])
def test_an_old_program_runs_with_its_own_arguments_and_status(old, way):
    words = [str(old)] if way == "script" else ["-m", "old"]
    done = subprocess.run(
        [sys.executable, "-m", "gluon_gru.compat", *words, "3", "--help"],
        cwd=ROOT if way == "script" else old.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    # MXNet's own log may say how it runs a symbol.
    said = [line for line in done.stderr.splitlines() if "graph_executor" not in line]
    assert (done.returncode, said) == (3, [])
    facts = json.loads(done.stdout)
    assert facts.pop("argv") == [str(old), "3", "--help"]
    assert (facts.pop("file"), facts.pop("name")) == (str(old), "__main__")
    assert facts.pop("path") == str(old.parent)
    assert facts.pop("types") == [True] * 4
    assert facts.pop("arrays") == ["NDArray", "NDArray", False]
    assert facts.pop("d2l") == [True, 1.0] and facts.pop("helper") == "helper" and not facts


class StandIn:
    """A mxnet whose mode nobody changes."""

    npx = types.SimpleNamespace(reset_np=lambda: None)


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command in this process, up to the program itself."""

    def run(*words, mxnet=StandIn):
        ran = []
        monkeypatch.setattr(sys, "argv", ["compat", *map(str, words)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(programs, "stand_in_for_d2l", lambda: None)
        monkeypatch.setattr(programs, "give_back_aliases", lambda: None)
        monkeypatch.setitem(sys.modules, "mxnet", mxnet)
        if mxnet is None:
            del sys.modules["mxnet"]
        monkeypatch.setattr(runpy, "run_path", lambda *a, **k: ran.append((a, list(sys.argv))))
        code = 0
        try:
            programs.main()
        except SystemExit as end:
            code = end.code
        return code, capsys.readouterr(), ran

    return run


@pytest.mark.parametrize(
    "words, told", [((), "name a script"), (("-m",), "name a script"), (("gone.py",), "'gone.py'")]
)
def test_without_a_program_there_is_one_line_that_says_so(run, words, told):
    code, out, ran = run(*words)
    assert (code, out.out, ran) == (2, "", [])
    assert told in out.err and out.err.startswith("error: ") and out.err.count("\n") == 1


def test_help_is_given(run):
    code, out, ran = run("--help")
    assert code == 0 and "python -m gluon_gru.compat SCRIPT.py" in out.out and ran == []


def test_a_missing_module_is_one_line(run, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "__init__.py").write_text("import no_such_thing")
    sys.path.insert(0, str(tmp_path))
    for name in ("no_such_module", "no_such.module", "json.no_such"):
        code, out, _ = run("-m", name)
        assert (code, out.err) == (1, f"error: there is no module {name!r}\n")
    # What a module lacks itself is its own matter.
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        run("-m", "here.module")


def test_a_missing_mxnet_is_one_line_too(run, old, monkeypatch):
    class Missing:
        def find_spec(self, name, *_):
            if name == "mxnet":
                raise InstallError("MXNet is not installed")

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    code, out, ran = run(old, mxnet=None)
    assert (code, out.err, ran) == (1, "error: MXNet is not installed\n", [])


def test_aliases_that_numpy_still_has_are_left_alone(monkeypatch):
    marker = object()
    monkeypatch.setattr(numpy, "int", marker, raising=False)
    monkeypatch.setattr(numpy, "float", None, raising=False)
    monkeypatch.delattr(numpy, "float")
    monkeypatch.setattr(numpy, "__getattr__", None)
    before = dict(vars(numpy))
    programs.give_back_aliases()
    assert numpy.int is marker and numpy.float is float
    for name in set(vars(numpy)) - set(before):
        delattr(numpy, name)


def test_a_d2l_of_the_program_s_own_is_seen(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "d2l", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert not programs.has_own_d2l()
    (tmp_path / "d2l.py").write_text("")
    importlib.invalidate_caches()
    assert programs.has_own_d2l()
