"""The learner in NumPy: one may go on where the engine's stopped, and the other way round."""

import numpy
import pytest

from gluon_gru import engine, mxnet_import
from gluon_gru.own_texts.model import initial_params
from gluon_gru.training import learner as learners

CONFIG = {
    "model": "RNNModel",
    "cell": "lstm",
    "on_engine": True,
    "vocab_size": 6,
    "num_hiddens": 4,
    "num_layers": 2,
    "directions": 1,
    "dropout": 0.25,
}


@pytest.fixture
def without_either(monkeypatch):
    monkeypatch.setattr(learners, "installed", lambda: False)
    monkeypatch.setattr(learners, "runs_on_engine", lambda config: False)


def minibatch():
    X = numpy.random.default_rng(1).integers(0, 6, (3, 8))
    return X, (X + 1) % 6


def learner(params):
    return learners.learner_from(params, CONFIG, optimizer="adam", seed=2)


def test_without_an_engine_and_mxnet_numpy_learns(without_either):
    found = learner(initial_params(CONFIG, 1))
    assert found.engine == "numpy"
    losses = [found.step(*minibatch(), 0.05, from_zeros=True) for _ in range(80)]
    assert losses[-1] < losses[0] / 2
    assert found.score(*minibatch(), from_zeros=True) < losses[0] / 2
    assert found.generate([1], 3) == [2, 3, 4]
    assert found.reader()([1]).argmax() == 2


@pytest.mark.skipif(engine.kernels() is None, reason="no engine to go on with")
def test_each_goes_on_where_the_other_stopped(monkeypatch):
    params, state, losses = initial_params(CONFIG, 1), None, {}
    for order in ("native native", "numpy native", "native numpy"):
        params, state = initial_params(CONFIG, 1), None
        for kind in order.split():
            with monkeypatch.context() as patch:
                if kind == "numpy":
                    patch.setattr(learners, "installed", lambda: False)
                    patch.setattr(learners, "runs_on_engine", lambda config: False)
                found = learner(params)
            assert found.engine == kind
            if state:
                found.load_state(state)
            losses[order] = [found.step(*minibatch(), 0.05) for _ in range(3)]
            params, state = found.params(), found.state()
    for order in losses:
        assert losses[order] == pytest.approx(losses["native native"], rel=1e-4)


def test_where_mxnet_is_installed_it_computes_without_an_engine(monkeypatch):
    monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    if not mxnet_import.installed():
        pytest.skip("needs MXNet")
    assert learner(initial_params(CONFIG, 1)).engine == "mxnet"
