"""Runs on own texts beside PyTorch: the same learning, and what is written down of it."""

import json

import numpy
import pytest

from gluon_gru.own_texts.model import initial_params
from gluon_gru.training.learner import learner_from

torch = pytest.importorskip("torch")
V, HIDDENS, BATCH, STEPS = 7, 11, 3, 5


def learn(make, cell, optimizer, lr):
    config = {"model": "RNNModel", "cell": cell, "on_engine": True, "vocab_size": V, "dropout": 0}
    config.update(num_hiddens=HIDDENS, num_layers=2, directions=1)
    learner = make(initial_params(config, 3), config, 0.5, optimizer, 1)
    rng = numpy.random.RandomState(0)
    batches = [
        tuple(rng.randint(0, V, (BATCH, STEPS)).astype("int32") for _ in range(2)) for _ in range(6)
    ]
    with learner:
        losses = [learner.step(X, Y, lr, from_zeros=i == 3) for i, (X, Y) in enumerate(batches)]
        scores = [learner.score(X, Y, from_zeros=i == 0) for i, (X, Y) in enumerate(batches)]
        return losses + scores, learner.params()


@pytest.mark.parametrize("cell", ["gru_after", "lstm", "rnn_tanh"])
@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.3), ("adam", 0.01)])
def test_both_learn_the_same_and_give_the_weights_back(cell, optimizer, lr):
    from benchmarks.learner_torch import TorchLearner

    (ours, weights), (theirs, others) = (
        learn(make, cell, optimizer, lr) for make in (learner_from, TorchLearner)
    )
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        numpy.testing.assert_allclose(weight, others[name], atol=1e-4)


def test_a_comparison_is_written_down(tmp_path):
    from benchmarks import own_texts

    text = tmp_path / "text.txt"
    text.write_text("Größe zählt nicht, und was nicht zählt, ist nicht groß. " * 40, "utf-8")
    found = own_texts.compare([text], tmp_path / "out", "a command", num_hiddens=8, epochs=2.0)
    assert json.loads((tmp_path / "out" / "record.json").read_text()) == found
    runs = found["texts"][0]["runs"]
    assert {run["engine"] for run in runs.values()} >= {"torch"}
    assert all(1 < run["best"]["validation_perplexity"] < 30 for run in runs.values())
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "`a command`" in report and "| text.txt | " in report
