"""The code of docs/leaving-mxnet.md runs as it stands there, on files that the command wrote."""

import pathlib
import re

import mxnet as mx
import numpy
import pytest
import reference

import gluon_gru as d2l
from gluon_gru.convert import onnx_file, torch_file, weights
from gluon_gru.models import fused
from gluon_gru.models.parameters import params_of

_PAGE = pathlib.Path(__file__).parents[2] / "docs" / "leaving-mxnet.md"
pytestmark = pytest.mark.skipif(not _PAGE.is_file(), reason="the documentation is not at hand")

VOCAB = d2l.Vocab(list("time traveller"))


@pytest.fixture
def model():
    layer = fused.GRU(6, 2)
    return reference.randomise(d2l.RNNModel(layer, len(VOCAB)))


def weights_of(model):
    return weights.from_params(params_of(model), model.config())


def run_block(with_word):
    blocks = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.S)
    (block,) = [block for block in blocks if with_word in block]
    names = {}
    exec(compile(block, _PAGE.name, "exec"), names)
    return names


def test_the_lines_for_onnx_runtime_write_the_models_text(model, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(
        onnx_file.to_bytes(weights_of(model), weights.facts(VOCAB.idx_to_token, model.config()))
    )
    run_block("onnxruntime")
    assert (
        capsys.readouterr().out
        == d2l.predict_ch8("time traveller", 50, model, VOCAB, mx.cpu()) + "\n"
    )


def test_the_lines_for_pytorch_give_the_models_logits(model, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(
        torch_file.to_bytes(weights_of(model), weights.facts(VOCAB.idx_to_token, model.config()))
    )
    theirs = run_block("from torch import nn")["model"]
    X = numpy.random.RandomState(1).randint(0, len(VOCAB), (3, 5))
    with torch.no_grad():
        logits, _ = theirs(torch.tensor(X.T))
    expected, _ = model(mx.np.array(X, dtype="int32"), model.begin_state(3, ctx=mx.cpu()))
    numpy.testing.assert_allclose(
        logits.numpy().reshape(-1, len(VOCAB)), expected.asnumpy(), rtol=1e-4, atol=1e-5
    )
