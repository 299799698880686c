"""The two loops that the benchmark holds against each other train the same model."""
import mxnet as mx
import pytest
import tiny

from gluon_gru import benchmark, experiments
from gluon_gru.corpus import SAMPLE, find
from gluon_gru.errors import InputError
from gluon_gru.text import load_corpus


@pytest.mark.parametrize("number", [0, 1], ids=["gru-scratch", "gru-concise"])
def test_the_books_loop_and_this_packages_reach_the_same_perplexities(number):
    protocol = experiments.plan(tiny.claims())[number].protocol
    book, ours = benchmark._contestants(protocol, load_corpus(find(SAMPLE)), mx.cpu())
    for _ in range(3):
        (a, rate), (b, other_rate) = book(), ours()
        assert a == pytest.approx(b, rel=1e-4)
        assert rate > 0 and other_rate > 0


def test_loops_that_do_not_train_the_same_void_the_result(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "SCRATCH", experiments.plan(tiny.claims())[0].protocol)
    monkeypatch.setattr(benchmark, "train_epoch", lambda *args: (1.0, 1.0))
    with pytest.raises(ArithmeticError, match="don't train the same model"):
        benchmark.benchmark(tmp_path, 1, "cpu", SAMPLE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rounds", [0, -1, 1.5])
def test_rounds_that_make_no_sense_are_refused(tmp_path, rounds):
    with pytest.raises(InputError, match="rounds is"):
        benchmark.benchmark(tmp_path / "out", rounds, "cpu", SAMPLE)
    assert not (tmp_path / "out").exists()
