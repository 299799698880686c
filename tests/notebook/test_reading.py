"""Which files are taken as notebooks of the book's MXNet edition, and what the others are told."""

import importlib.util
import json

import pytest
from nbformat import v4

from gluon_gru.errors import InputError, InstallError
from gluon_gru.notebook import reading


def of(*cells, **metadata):
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    return json.dumps({**notebook, "metadata": metadata})


@pytest.mark.parametrize(
    "content, told",
    [
        ("hello", "it isn't JSON"),
        ("[" * 100_000, "it isn't JSON"),
        (b"\xff\xfe", "it isn't JSON"),
        ("[]", 'no number "nbformat"'),
        ('{"cells": []}', 'no number "nbformat"'),
        ('{"nbformat": 9, "cells": []}', "nbformat 9"),
        ('{"nbformat": 4}', "no notebook that can be read"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "source": 5}]}', "no text"),
        (of(), "no code to run"),
        (of(" \n"), "no code to run"),
        (of("x <- 1", language_info={"name": "R"}), "a notebook in R"),
        (of("x", kernelspec={"language": "julia"}), "a notebook in julia"),
        (of("import torch"), "of PyTorch (import torch)"),
        (of("x = 1", "if x:\n    from d2l import torch as d2l"), "of PyTorch"),
        (of("from d2l import tensorflow as d2l"), "of TensorFlow"),
        (of("import keras"), "of TensorFlow"),
        (of("from jax import numpy"), "of JAX"),
        (of("import paddle"), "of Paddle"),
        (of("import d2lzh as d2l\nfrom mxnet import nd"), "first Chinese edition (import d2lzh)"),
    ],
)
def test_what_cant_be_run_is_refused_with_the_reason(tmp_path, content, told):
    path = tmp_path / "some.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        reading.read(path)
    assert told in str(caught.value) and "some.ipynb" in str(caught.value)


@pytest.mark.parametrize("name, told", [("gone.ipynb", "No such file"), ("", "directory")])
def test_a_file_that_cant_be_read_is_refused(tmp_path, name, told):
    with pytest.raises(InputError, match=told):
        reading.read(tmp_path / name)


@pytest.mark.parametrize(
    "cells",
    [
        ["import mxnet as mx", "import torch"],
        ["import d2l"],
        ["# import torch", "print('import torch')"],
        ["torch = 1"],
    ],
)
def test_a_notebook_that_uses_mxnet_or_no_framework_is_taken(tmp_path, cells):
    path = tmp_path / "some.ipynb"
    path.write_text(of(*cells, kernelspec={"name": "conda_mxnet_p36"}))
    assert [cell.source for cell in reading.code(reading.read(path))] == cells


def test_older_and_incomplete_notebooks_are_read_too(tmp_path):
    """Format 3 kept cells in worksheets; some programs leave out what is empty."""
    path = tmp_path / "some.ipynb"
    output = {"output_type": "stream", "stream": "stdout", "text": ["1\n", "2\n"]}
    cell = {"cell_type": "code", "input": ["a\n", "b"], "language": "python", "outputs": [output]}
    path.write_text(
        json.dumps({"nbformat": 3, "worksheets": [{"cells": [{**cell, "collapsed": False}]}]})
    )
    (read,) = reading.code(reading.read(path))
    assert (read.source, read.outputs[0].name, read.outputs[0].text) == ("a\nb", "stdout", "1\n2\n")
    path.write_text('{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a\\n", "b"]}]}')
    (read,) = reading.code(reading.read(path))
    assert (read.source, read.outputs) == ("a\nb", [])


def test_what_is_not_installed_is_told_with_the_command(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "nbclient" else find(name)
    )
    with pytest.raises(
        InstallError,
        match=r"the package nbclient, which is not installed: pip install 'gluon_gru\[not",
    ):
        reading.check_packages()
