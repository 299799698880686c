"""Importing the package makes mxnet importable, changes one name, and explains what is missing."""

import importlib.util
import sys

import numpy
import pytest

from gluon_gru import compat

# What importing the package does to NumPy's namespace; its imports may load NumPy's submodules.
COMPARE = """
import types
import numpy
before = dict(vars(numpy))
import gluon_gru.compat
after = dict(vars(numpy))
missing = object()
for name in sorted({*before, *after}):
    value = after.get(name, missing)
    if value is not before.get(name, missing) and not isinstance(value, types.ModuleType):
        print(name, value)
"""


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


def test_importing_leaves_warnings_on(run_python):
    done = run_python(
        "import gluon_gru, warnings; warnings.warn('still heard', stacklevel=1)", "-W", "error"
    )
    assert "UserWarning: still heard" in done.stderr
    assert done.returncode == 1


def test_importing_changes_numpy_bool_and_nothing_else_in_numpy(run_python):
    done = run_python(COMPARE)
    assert done.stdout.splitlines() == ["bool <class 'bool'>"], done.stderr


def test_the_comparison_above_sees_a_changed_name(run_python):
    done = run_python(COMPARE.replace("after =", "numpy.int = int; numpy.sum = abs; after ="))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["bool", "int", "sum"]


def test_numpy_bool_is_pythons():
    assert numpy.bool is bool


def test_numpy_bool_is_left_alone_where_it_is_defined(monkeypatch):
    marker = object()
    monkeypatch.setattr(numpy, "bool", marker)
    compat.import_mxnet()
    assert numpy.bool is marker


def test_numpy_bool_is_put_back_without_asking_for_the_deprecated_one(monkeypatch):
    """NumPy 1.20 to 1.23 warn as soon as anyone asks whether they have ``bool``."""
    asked = []

    def look_up(name):
        asked.append(name)
        raise AttributeError(name)

    monkeypatch.delattr(numpy, "bool")
    monkeypatch.setattr(numpy, "__getattr__", look_up)
    compat.import_mxnet()
    assert vars(numpy)["bool"] is bool
    assert "bool" not in asked


def test_import_mxnet_returns_mxnet():
    assert compat.import_mxnet() is sys.modules["mxnet"]
    assert compat.import_mxnet().__version__ == "1.9.1"


@pytest.mark.parametrize("version", ["2.0.0", "2.3.1", "2.0.0rc1", "10.1.0"])
def test_a_numpy_too_new_is_an_error_with_the_command_that_mends_it(monkeypatch, version):
    monkeypatch.setattr(numpy, "__version__", version)
    with pytest.raises(ImportError, match="pip install 'numpy<2'") as caught:
        compat.import_mxnet()
    assert f"NumPy {version}" in str(caught.value)


@pytest.mark.parametrize("version", ["1.20.3", "1.24.4", "1.26.4"])
def test_a_numpy_of_series_1_is_accepted(monkeypatch, version):
    monkeypatch.setattr(numpy, "__version__", version)
    assert compat.import_mxnet() is sys.modules["mxnet"]


def pretend(monkeypatch, missing, python=None):
    """Let the module named ``missing`` be not installed, and Python be of that version."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *args: None if name == missing else find(name, *args),
    )
    if python:
        monkeypatch.setattr(sys, "version_info", python)


def test_a_missing_mxnet_is_an_error_with_the_command_that_installs_it(monkeypatch):
    pretend(monkeypatch, "mxnet")
    with pytest.raises(ImportError, match="pip install mxnet==1.9.1"):
        compat.import_mxnet()


@pytest.mark.parametrize("python", [(3, 12, 0), (3, 13, 1)])
def test_a_missing_setuptools_is_an_error_on_pythons_without_distutils(monkeypatch, python):
    message = ""
    with monkeypatch.context() as patch:
        pretend(patch, "setuptools", python)
        try:
            compat.import_mxnet()
        except ImportError as error:
            message = str(error)
    assert message.endswith("pip install setuptools")
    assert "distutils" in message


@pytest.mark.parametrize("python", [(3, 8, 18), (3, 11, 7)])
def test_a_missing_setuptools_does_not_matter_on_pythons_with_distutils(monkeypatch, python):
    with monkeypatch.context() as patch:
        pretend(patch, "setuptools", python)
        found = compat.import_mxnet()
    assert found is sys.modules["mxnet"]


IMPORT = """
try:
    import gluon_gru
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
    assert (kind, cause) == ("ImportError", "OSError")
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
