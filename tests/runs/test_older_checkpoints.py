"""Checkpoints of version 0.1.0 go on opening, and going on."""

import json
import pathlib
import random
import shutil

import mxnet as mx
import numpy
import pytest
from marks import slow_but
from mxnet import np, npx

import gluon_gru as d2l
from gluon_gru import models
from gluon_gru.models import fused
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import restore
from gluon_gru.training.learner import learner_from

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0" / "checkpoints"
EXPECTED = json.loads((OLDER / "logits.json").read_text())
NAMES = sorted(EXPECTED["logits"])
TEXT = "the cat sees a dog and a bird hears the cat " * 6

# A function of the same name was the reader's own, which the file doesn't tell.
CELLS = {
    "gru": ("gru_after", False),
    "gru-2-layers": ("gru_after", False),
    "gru-before-fused": ("gru_before", True),
    "gru-fused": ("gru_after", True),
    "gru-scratch": ("gru_before", False),
    "gru-scratch-fused": ("gru_before", True),
    "lstm": ("lstm", False),
    "lstm-bidirectional": ("lstm", False),
    "lstm-fused": ("lstm", True),
    "lstm-scratch": ("lstm", False),
    "lstm-scratch-fused": ("lstm", True),
    "readers-own-gru": ("gru_before", False),
    "reset-only": ("reset_only", False),
    "rnn-relu": ("rnn_relu", False),
    "rnn-relu-fused": ("rnn_relu", True),
    "rnn-scratch": ("rnn_tanh", False),
    "rnn-scratch-fused": ("rnn_tanh", True),
    "rnn-tanh": ("rnn_tanh", False),
    "rnn-tanh-fused": ("rnn_tanh", True),
    "update-only": ("update_only", False),
}


def gru(inputs, state, params):
    """A reader's own: the reset gate left out."""
    W_xz, W_hz, b_z, _, _, _, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
        H = Z * H + (1 - Z) * np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
        outputs.append(np.dot(H, W_hq) + b_q)
    return np.concatenate(outputs, axis=0), (H,)


def logits(model):
    X = np.array(EXPECTED["tokens"], dtype="int32")
    return model(X, model.begin_state(batch_size=1, ctx=mx.cpu()))[0].asnumpy()


def test_every_file_has_its_row():
    assert set(CELLS) == set(NAMES) == {path.stem for path in OLDER.glob("*.safetensors")}


@pytest.mark.parametrize("name", NAMES)
def test_the_cell_that_a_name_meant_is_found_out(name):
    config = checkpoint.load(OLDER / f"{name}.safetensors").config
    assert (config["cell"], config["on_engine"]) == CELLS[name]
    assert config["cell_by_name"]


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_model_computes_what_it_did(name):
    own = MODELS[name](len(EXPECTED["logits"][name])) if name == "readers-own-gru" else None
    model, vocab = restore(OLDER / f"{name}.safetensors", model=own)
    numpy.testing.assert_allclose(logits(model)[-1], EXPECTED["logits"][name], atol=2e-6)
    assert vocab.idx_to_token == d2l.Vocab(list(TEXT)).idx_to_token


@pytest.mark.parametrize("name", [name for name in NAMES if "bidirectional" not in name])
def test_the_engine_reads_it_without_a_model_of_mxnets(name):
    saved = checkpoint.load(OLDER / f"{name}.safetensors")
    with learner_from(saved.params, saved.config) as learner:
        found = learner.reader()(EXPECTED["tokens"][0])
        if learner.engine == "native":
            assert saved.config["cell"] not in ("reset_only", "update_only")
    # The reader's own is taken for this package's here: see above.
    if name != "readers-own-gru":
        numpy.testing.assert_allclose(found, EXPECTED["logits"][name], atol=1e-6)


MODELS = {
    "gru-scratch": lambda n: d2l.RNNModelScratch(
        n, 5, mx.cpu(), d2l.get_gru_params, d2l.init_gru_state, d2l.gru
    ),
    "readers-own-gru": lambda n: d2l.RNNModelScratch(
        n, 5, mx.cpu(), d2l.get_gru_params, d2l.init_gru_state, gru
    ),
    "gru-scratch-fused": lambda n: d2l.RNNModelScratch(
        n, 5, mx.cpu(), models.get_gru_params, models.init_gru_state, fused.gru
    ),
    "gru-before-fused": lambda n: d2l.RNNModel(fused.GRUResetBefore(5, 2), n),
    "gru": lambda n: d2l.RNNModel(mx.gluon.rnn.GRU(5), n),
}


def go_on(name, path, num_epochs, model=None):
    vocab = d2l.Vocab(list(TEXT))
    source = numpy.array(vocab[list(TEXT)]), vocab
    data = d2l.SeqDataLoader(4, 5, source=source, rng=random.Random(3))
    d2l.set_seed(3)
    model = model or MODELS[name](len(vocab))
    return model, d2l.train(model, data, vocab, 1, num_epochs, mx.cpu(), checkpoint=path)


@pytest.mark.parametrize("name", slow_but(list(MODELS)[:2], MODELS))
def test_a_run_goes_on_as_if_it_had_never_been_interrupted(name, tmp_path):
    path = tmp_path / "run.safetensors"
    shutil.copy(OLDER / f"{name}.safetensors", path)
    model, history = go_on(name, path, 2)
    numpy.testing.assert_allclose(logits(model)[-1], EXPECTED["logits"][name], atol=2e-6)
    _, history = go_on(name, path, 4)
    _, whole = go_on(name, tmp_path / "whole.safetensors", 4)
    assert history.perplexity == pytest.approx(whole.perplexity, rel=1e-5)
    assert checkpoint.load(path).epoch == 4
