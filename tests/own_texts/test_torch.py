"""Runs on own texts beside PyTorch: the same learning, and what is written down of it."""

import json

import mxnet as mx
import numpy
import pytest

import gluon_gru as d2l
from gluon_gru.models import fused
from gluon_gru.training.learner import learner_of

torch = pytest.importorskip("torch")
V, HIDDENS, BATCH, STEPS = 7, 11, 3, 5


def ours_on_engine(model, optimizer, clip_norm, seed):
    return learner_of(model, None, None, clip_norm, optimizer, seed)


def learn(make, layer, optimizer, lr):
    d2l.set_seed(3)
    model = d2l.RNNModel(layer(HIDDENS, 2), V)
    model.initialize(init=mx.init.Uniform(0.4))
    model(mx.np.zeros((1, 1), dtype="int32"), model.begin_state(batch_size=1, ctx=mx.cpu()))
    rng, learner = numpy.random.RandomState(0), make(model, optimizer, 0.5, 1)
    batches = [
        tuple(rng.randint(0, V, (BATCH, STEPS)).astype("int32") for _ in range(2)) for _ in range(6)
    ]
    losses = [learner.step(X, Y, lr, from_zeros=i == 3) for i, (X, Y) in enumerate(batches)]
    scores = [learner.score(X, Y, from_zeros=i == 0) for i, (X, Y) in enumerate(batches)]
    learner.close()
    return losses + scores, [param.data().asnumpy() for param in model.collect_params().values()]


@pytest.mark.parametrize("layer", [fused.GRU, fused.LSTM, fused.RNN])
@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.3), ("adam", 0.01)])
def test_both_learn_the_same_and_the_model_gets_the_weights_back(layer, optimizer, lr):
    from benchmarks.learner_torch import TorchLearner

    def rnn(num_hiddens, num_layers):
        return fused.RNN(num_hiddens, num_layers, activation="tanh")

    layer = rnn if layer is fused.RNN else layer
    (ours, weights), (theirs, others) = (
        learn(make, layer, optimizer, lr) for make in (ours_on_engine, TorchLearner)
    )
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-4)
    for a, b in zip(weights, others):
        numpy.testing.assert_allclose(a, b, atol=1e-4)


def test_a_comparison_is_written_down(tmp_path):
    from benchmarks import own_texts

    text = tmp_path / "text.txt"
    text.write_text("Größe zählt nicht, und was nicht zählt, ist nicht groß. " * 40, "utf-8")
    found = own_texts.compare([text], tmp_path / "out", "a command", num_hiddens=8, epochs=2.0)
    assert json.loads((tmp_path / "out" / "own_texts.json").read_text()) == found
    runs = found["texts"][0]["runs"]
    assert {run["engine"] for run in runs.values()} >= {"torch"}
    assert all(1 < run["best"]["validation_perplexity"] < 30 for run in runs.values())
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "`a command`" in report and "| text.txt | " in report
