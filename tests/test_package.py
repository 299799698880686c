"""``import gluon_gru as d2l``: the book's names are all there, and nothing is imported for them."""

import importlib
import inspect

import pytest

import gluon_gru

HEAVY = "mxnet", "numpy", "matplotlib", "optuna", "jinja2", "onnx", "safetensors", "pooch"


def test_importing_the_package_imports_nothing_that_takes_time(run_python):
    done = run_python(
        f"import gluon_gru, sys; print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


#: What can be imported without importing MXNet, which waits until a model of MXNet's is made.
LIGHT = ["cells", "engine", "text", "published", "report", "runs", "convert", "gates", "cli"]
LIGHT.append("studies.reproduce")


def test_these_rooms_import_no_mxnet(run_python):
    code = f"""
import importlib, pkgutil, sys
for room in {LIGHT}:
    room = importlib.import_module(f"gluon_gru.{{room}}")
    for module in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
        # The compiled kernels are a library, but no module of Python's.
        if not module.name.endswith("_kernels"):
            importlib.import_module(module.name)
    assert "mxnet" not in sys.modules, room.__name__
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", gluon_gru.__all__)
def test_every_public_name_is_that_of_its_module(name):
    value = getattr(gluon_gru, name)
    assert value is getattr(importlib.import_module(gluon_gru._HOMES[name]), name)
    assert inspect.getdoc(value)
    assert name in dir(gluon_gru)


def test_what_the_book_uses_comes_with_the_star():
    taken = {}
    exec("from gluon_gru import *", taken)
    assert {"train_ch8", "Vocab", "gru", "try_gpu"} <= set(taken)
    assert "models" not in taken and "compat" not in taken


def test_a_name_that_is_not_there_is_an_attribute_error():
    name = "nothing"
    with pytest.raises(AttributeError, match="module 'gluon_gru' has no attribute 'nothing'"):
        getattr(gluon_gru, name)
    with pytest.raises(ImportError):
        from gluon_gru import nothing  # noqa: F401
