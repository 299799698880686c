"""Importing the package makes mxnet importable; what is missing is explained when it is imported."""

import importlib.machinery
import importlib.util
import json
import pathlib
import sys
import types

import checkout
import numpy
import pytest
from packaging.markers import Marker

from gluon_gru import mxnet_import, removed_names

HELPERS = pathlib.Path(checkout.__file__).parent

# What making mxnet importable, and importing it, does to NumPy's namespace; imports may load
# NumPy's submodules.
COMPARE = """
import types
import numpy
before = dict(vars(numpy))
import gluon_gru
assert vars(numpy) == before
import mxnet
after = dict(vars(numpy))
missing = object()
changes = {}
for name in sorted({*before, *after}):
    value = after.get(name, missing)
    if value is not before.get(name, missing) and not isinstance(value, types.ModuleType):
        changes[name] = str(value)
"""

# The book's cells write ``from mxnet import np, npx`` and never ``npx.set_np()``.
FACTS = f"""
import inspect, json, sys, warnings
finders = list(sys.meta_path)
import gluon_gru as d2l
added = len(sys.meta_path) - len(finders)
assert "mxnet" not in sys.modules
{COMPARE}
from mxnet import np, npx
facts = {{
    "numpy": changes,
    "finders while it waits": added,
    "finders of ours": [
        each.__module__ for each in sys.meta_path
        if each not in finders and each.__module__.startswith("gluon_gru")
    ],
    "loaders": [type(mxnet.__loader__).__name__, type(mxnet.__spec__.loader).__name__],
    "source": "set_np" in inspect.getsource(mxnet.util),
    "modes": [npx.is_np_array(), npx.is_np_shape(), type(np.ones(2) * 2).__name__],
    "modules": [d2l.engine.info()["engine"], d2l.gates.__name__, d2l.models.fused.GRU.__name__],
}}
npx.reset_np()
for name in [name for name in sys.modules if name.startswith("gluon_gru")]:
    del sys.modules[name]
import gluon_gru
facts["modes"].append(npx.is_np_array())
print(json.dumps(facts))
warnings.warn("still heard", stacklevel=1)
"""


@pytest.mark.slow
def test_importing_gives_no_warning_even_the_first_time(run_python, tmp_path):
    """MXNet's invalid escapes make Python warn while it compiles, so nothing is compiled yet."""
    done = run_python(
        "import gluon_gru, mxnet; mxnet.nd.zeros(1)",
        "-W",
        "error",
        "-X",
        "dev",
        "-X",
        f"pycache_prefix={tmp_path}",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_what_an_import_changes_and_what_it_leaves(run_python):
    """All in one process, since each would import MXNet first."""
    done = run_python(FACTS, "-W", "error")
    assert done.returncode == 1 and "UserWarning: still heard" in done.stderr, done.stderr
    facts = json.loads(done.stdout)
    assert facts.pop("numpy") == {}
    # The one that waits for MXNet's import goes with it; Python's own loader stays.
    assert facts.pop("finders while it waits") == 1 and facts.pop("finders of ours") == []
    assert facts.pop("loaders") == ["SourceFileLoader"] * 2 and facts.pop("source")
    # What the chapter imports is ready, whichever comes first.
    assert facts.pop("modes") == [True, True, "ndarray", True]
    # The package's modules need no import of their own.
    assert facts.pop("modules")[1:] == ["gluon_gru.gates", "GRU"] and not facts


# What a program on ``mx.nd`` arrays meets, in two threads.
OLD_MODE = """
import gluon_gru.compat, threading
import mxnet as mx
from mxnet.gluon import nn, rnn
from gluon_gru.models import fused
import gluon_gru as d2l
def look():
    print(mx.npx.is_np_array(), mx.npx.is_np_shape())
    net = nn.HybridSequential()
    net.add(fused.GRU(8), nn.Dense(2, flatten=False), nn.Dropout(0.5))
    net.initialize()
    X = mx.nd.ones((3, 4, 5))
    outputs = net(X)
    print(type(outputs).__name__, outputs.shape, (mx.nd.sum(X)).shape)
for run in look, lambda: (mx.npx.set_np(), print(type(mx.np.ones(2).sum()).__name__)):
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
look()
"""


@pytest.mark.slow
def test_with_compat_imported_first_mxnet_keeps_its_mode_in_every_thread(run_python):
    done = run_python(OLD_MODE)
    old = ["False False", "NDArray (3, 4, 2) (1,)"]
    assert done.stdout.splitlines() == [*old, "ndarray", *old], done.stderr


def test_with_compat_imported_first_nothing_is_switched(import_mxnet, monkeypatch):
    monkeypatch.setitem(sys.modules, "gluon_gru.compat", types.ModuleType("gluon_gru.compat"))
    assert not hasattr(import_mxnet(), "mode")


def test_the_comparison_above_sees_a_changed_name(run_python, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text(
        "import numpy, types; numpy.int = int; numpy.sum = abs\n"
        "util = types.SimpleNamespace(set_np=int, set_np_shape=int, _NumpyArrayScope=\n"
        "type('Scope', (), {'__init__': lambda *_: None}))"
    )
    done = run_python(COMPARE + "print(*changes)", path=[tmp_path])
    assert done.stdout.split() == ["int", "sum"], done.stderr


@pytest.fixture
def import_mxnet(monkeypatch):
    """Return a function that imports a stand-in for mxnet as the package has it imported."""

    class StandIn:
        """Python's finder and loader of a module that only counts how often it is set up."""

        def find_spec(self, name, path=None, target=None):
            return importlib.machinery.ModuleSpec(name, self) if name == "mxnet" else None

        def create_module(self, spec):
            return None

        def exec_module(self, module):
            module.names = set(vars(numpy))
            module.util = types.SimpleNamespace(
                set_np=lambda: vars(module).update(mode="np"),
                set_np_shape=lambda active: None,
                _NumpyArrayScope=type("Scope", (), {"__init__": lambda self, active: None}),
            )

    def imported():
        # Set first, so that it is taken away again afterwards.
        monkeypatch.setitem(sys.modules, "mxnet", None)
        del sys.modules["mxnet"]
        monkeypatch.setattr(sys, "meta_path", [StandIn(), *sys.meta_path])
        mxnet_import.prepare_mxnet()
        return importlib.import_module("mxnet")

    return imported


def test_the_books_mode_is_on_after_the_import(import_mxnet, monkeypatch):
    monkeypatch.delitem(sys.modules, "gluon_gru.compat", raising=False)
    assert import_mxnet().mode == "np"


def test_numpy_has_removed_names_while_mxnet_is_imported_and_only_then(import_mxnet):
    lacking = [name for name in removed_names._NAMES if name not in vars(numpy)]
    module = import_mxnet()
    assert "bool" in module.names and removed_names._NAMES.keys() <= module.names
    assert lacking and not vars(numpy).keys() & set(lacking)


def test_numpy_is_left_alone_where_mxnet_fails(monkeypatch):
    before = dict(vars(numpy))
    with pytest.raises(ZeroDivisionError), removed_names.given_back():
        assert vars(numpy) != before
        raise ZeroDivisionError
    assert vars(numpy) == before


def test_a_name_that_numpy_has_is_left_alone(import_mxnet, monkeypatch):
    marker = object()
    monkeypatch.setattr(numpy, "bool", marker, raising=False)
    import_mxnet()
    assert numpy.bool is marker


def test_numpy_is_not_asked_for_deprecated_names(import_mxnet, monkeypatch):
    """NumPy 1.20 to 1.23 warn as soon as anyone asks whether they have ``bool``."""
    asked = []

    def look_up(name):
        asked.append(name)
        raise AttributeError(name)

    monkeypatch.setattr(numpy, "bool", None, raising=False)
    monkeypatch.delattr(numpy, "bool")
    monkeypatch.setattr(numpy, "__getattr__", look_up)
    import_mxnet()
    assert asked == []


@pytest.mark.parametrize("version", ["2.99.0", "3.0.0rc1", "10.1.0"])
def test_a_numpy_that_was_never_tried_is_a_warning_with_those_that_were(
    import_mxnet, monkeypatch, version
):
    monkeypatch.setattr(numpy, "__version__", version)
    with pytest.warns(RuntimeWarning, match=f"never tried with NumPy {version}.*1.21 to") as caught:
        assert import_mxnet().mode == "np"
    assert len(caught) == 1


@pytest.mark.parametrize("version", ["1.21.6", "1.26.4", "2.0.0rc1", "2.5.5"])
def test_a_numpy_that_was_tried_is_no_matter(import_mxnet, monkeypatch, version):
    monkeypatch.setattr(numpy, "__version__", version)
    assert import_mxnet().mode == "np"


# What MXNet reads of NumPy after its import, where NumPy has lost it; and numbers of NumPy in shapes.
LATER = """
import contextlib, io
import gluon_gru, mxnet as mx, numpy
from mxnet import gluon, np
x = np.array([[1., 2], [3, 4]])
print(np.pad(x, ((1, 0), (0, 0)), "constant").shape, np.full(2, True).dtype, x[True].shape)
print(np.trapz(x).tolist(), np.in1d(x, np.array([2., 3])).tolist(), np.msort(x[::-1]).tolist())
print(bool(np.alltrue(x > 0)), bool(np.sometrue(x > 3)), float(np.product(x)), np.round_(x / 3).shape)
print(np.PINF, np.NZERO, np.NaN, [type(part).__name__ for part in np.linalg.qr(x)])
try:
    np.pv(1, 2, 3)
except RuntimeError as error:
    print("numpy" in str(error))
print(gluon.contrib.estimator.EarlyStoppingHandler(mx.metric.Loss(), mode="min").monitor.name)
two = numpy.int64(2)
print(np.zeros((two, 3)).shape, x.reshape((two, numpy.int32(2))).sum(axis=(two - 1,)).tolist())
print(mx.nd.ones((two, [1][0])).shape, mx.sym.var("x", shape=(two, 3)).attr("__shape__"))
print(mx.sym.zeros(shape=(two, 3)).eval()[0].shape, (x * numpy.float64(2)).dtype)
try:
    with contextlib.redirect_stdout(io.StringIO()):
        mx.test_utils.assert_almost_equal(numpy.ones(2), numpy.zeros(2))
except AssertionError as error:
    print("Error" in str(error))
"""


@pytest.mark.slow
def test_what_mxnet_reads_of_numpy_later_is_there(run_python):
    done = run_python(LATER)
    assert done.stdout.splitlines() == [
        "(3, 2) bool (1, 2, 2)",
        "[1.5, 3.5] [False, True, True, False] [[1.0, 2.0], [3.0, 4.0]]",
        "True True 24.0 (2, 2)",
        "inf -0.0 nan ['ndarray', 'ndarray']",
        "True",
        "loss",
        "(2, 3) [3.0, 7.0]",
        "(2, 1) (2, 3)",
        "(2, 3) float32",
        "True",
    ], done.stderr


# Modules that ask for MXNet before and while another one, which does the same, is imported.
ASKING = """
import importlib.util, sys
import without_mxnet
import gluon_gru
from gluon_gru import mxnet_import
assert importlib.util.find_spec("mxnet") is None and not mxnet_import.installed()
import asking
assert asking.found is None
sys.platform, mxnet_import.platform.machine = {system!r}, lambda: {machine!r}
try:
    {statement}
except ImportError as error:
    print(type(error).__name__, error.name, error)
"""


@pytest.mark.parametrize(
    "system, machine, told",
    [
        ("linux", "x86_64", "MXNet is not installed: run  pip install --no-deps mxnet==1.9.1"),
        ("darwin", "x86_64", "MXNet is not installed: run  pip install --no-deps mxnet==1.9.1"),
        ("darwin", "arm64", "this needs MXNet 1.9.1, which has no wheels for darwin arm64: "),
        ("win32", "AMD64", "this needs MXNet 1.9.1, which has no wheels for win32 AMD64: "),
    ],
)
@pytest.mark.parametrize("statement", ["import mxnet", "from mxnet.gluon import rnn"])
def test_a_missing_mxnet_is_an_error_of_its_import_and_no_for_who_only_asks(
    run_python, tmp_path, system, machine, told, statement
):
    (tmp_path / "asking.py").write_text(
        "import importlib.util\nfound = importlib.util.find_spec('mxnet')"
    )
    code = ASKING.format(system=system, machine=machine, statement=statement)
    done = run_python(code, path=[tmp_path, HELPERS])
    assert done.stdout.startswith(f"InstallError mxnet {told}"), done


def test_the_list_of_requirements_wants_mxnet_where_the_import_says_that_it_has_wheels():
    lines = (checkout.ROOT / "mxnet.txt").read_text().splitlines()
    (marker,) = (line.partition(";")[2] for line in lines if line.startswith("mxnet"))
    for system, machine in (
        *mxnet_import._WHEELS,
        ("darwin", "arm64"),
        ("win32", "AMD64"),
        ("linux", "i686"),
    ):
        here = {"sys_platform": system, "platform_machine": machine}
        assert Marker(marker).evaluate(here) == ((system, machine) in mxnet_import._WHEELS)


@pytest.fixture
def without_setuptools(monkeypatch):
    """Let setuptools be not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *args: None if name == "setuptools" else find(name, *args),
    )


@pytest.mark.parametrize("python", [(3, 12, 0), (3, 13, 1)])
def test_a_missing_setuptools_is_an_error_on_pythons_without_distutils(
    import_mxnet, without_setuptools, python
):
    message = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "version_info", python)
        try:
            import_mxnet()
        except ImportError as error:
            message = str(error)
    assert message.endswith("pip install setuptools")
    assert "distutils" in message


@pytest.mark.parametrize("python", [(3, 8, 18), (3, 11, 7)])
def test_a_missing_setuptools_does_not_matter_on_pythons_with_distutils(
    import_mxnet, without_setuptools, python
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "version_info", python)
        found = import_mxnet()
    assert found.mode == "np"


IMPORT = """
import gluon_gru
try:
    gluon_gru.train_ch8
except ImportError as error:
    print(type(error).__name__, type(error.__cause__).__name__, error, sep="|")
"""


def test_a_library_that_does_not_load_is_an_import_error_that_names_it(run_python, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text(
        "raise OSError('libgomp.so.1: cannot open shared object file')\n"
    )
    done = run_python(IMPORT, path=[tmp_path])
    kind, cause, message = done.stdout.strip().split("|")
    assert (kind, cause) == ("InstallError", "OSError")
    assert "libgomp.so.1: cannot open shared object file" in message
    assert "install" in message
    assert "libquadmath0" in message


def test_another_error_inside_mxnet_is_not_disguised(run_python, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text("raise RuntimeError('its own matter')\n")
    done = run_python(IMPORT, path=[tmp_path])
    assert done.stderr.splitlines()[-1] == "RuntimeError: its own matter"


@pytest.mark.parametrize(
    "given, expected",
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
    ids=str,
)
def test_threads_wait_politely_unless_the_user_says_otherwise(
    run_python, monkeypatch, given, expected
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    done = run_python("import os, gluon_gru; print(os.environ.get('GOMP_SPINCOUNT'))")
    assert done.stdout.strip() == expected
