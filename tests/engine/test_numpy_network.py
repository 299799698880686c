"""The network in NumPy beside the one on the engine: the same calls give the same numbers."""

import numpy
import pytest

from gluon_gru import engine
from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import layouts
from gluon_gru.engine.network import Network, Parameter
from gluon_gru.engine.numpy_network import NumpyNetwork
from gluon_gru.errors import InputError

pytestmark = pytest.mark.skipif(engine.kernels() is None, reason="nothing to compare with")

V, H = 7, 5
BOOKS = [name for name, cell in CELLS.items() if cell.number is not None and cell.scratch]
ENGINES = [name for name, cell in CELLS.items() if cell.number is not None]


def config_of(cell, num_layers=0, dropout=0):
    """Return the config of a model of Gluon's layers; without layers, of one from scratch."""
    config = {"model": "RNNModelScratch", "cell": cell, "vocab_size": V, "num_hiddens": H}
    if num_layers:
        config.update(model="RNNModel", num_layers=num_layers, directions=1, dropout=dropout)
    return config


CONFIGS = [config_of(cell) for cell in BOOKS]
CONFIGS += [config_of(cell, 2) for cell in ENGINES] + [config_of("gru_after", 3, 0.5)]


def networks(config, **options):
    """Return both networks, of the same parameters, each of its own copy."""
    both = []
    for kind in (Network, NumpyNetwork):
        rng = numpy.random.default_rng(1)
        params = {}
        for i, (name, shape) in enumerate(layouts(config)[1].items()):
            value = rng.normal(scale=0.5, size=shape).astype("float32")
            params[name] = Parameter(value, numpy.zeros_like(value), (1, 0.5)[i % 2])
        both.append((kind(params, config, **options), params))
    return both


def minibatches(count, batch_size=3, num_steps=4):
    rng = numpy.random.default_rng(2)
    for _ in range(count):
        X = rng.integers(0, V, (batch_size, num_steps + 1))
        yield X[:, :-1], X[:, 1:]


def assert_near(actual, expected):
    numpy.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("adam", [False, True], ids=["sgd", "adam"])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_trainings_stay_together(config, adam):
    (fast, own), (slow, other) = networks(config, seed=3, adam=adam)
    for i, (X, Y) in enumerate(minibatches(5)):
        # Clipped, and not; the state goes on, and is reset.
        args = X, Y, (0.1 if i % 2 else 100), 0.05, i == 3
        assert_near(slow.train_step(*args), fast.train_step(*args))
        for name in own:
            assert_near(other[name].grad, own[name].grad)
            assert_near(other[name].value, own[name].value)
    assert slow.steps == fast.steps == 5
    assert slow.moments.keys() == fast.moments.keys() == (own.keys() if adam else set())
    for name, moments in fast.moments.items():
        assert_near(slow.moments[name], moments)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_scores_texts_and_readings_agree(config):
    (fast, _), (slow, _) = networks(config)
    # The state is carried over, but not to a minibatch of another size.
    for batch_size, from_zeros in ((3, False), (3, False), (2, False), (2, True)):
        (minibatch,) = minibatches(1, batch_size)
        assert_near(slow.score(*minibatch, from_zeros), fast.score(*minibatch, from_zeros))
    for tokens in ([1, 2], [3], [0, 0, 6]):
        assert_near(slow.read(tokens), fast.read(tokens))
    assert slow.generate([1, 2], 9).tolist() == fast.generate([1, 2], 9).tolist()
    # Both began anew.
    assert_near(slow.read([5]), fast.read([5]))


def test_closing_forgets_the_state():
    _, (slow, _) = networks(config_of("lstm", 1))
    (minibatch,) = minibatches(1)
    first = slow.score(*minibatch)
    assert slow.score(*minibatch) != first
    slow.close()
    assert slow.score(*minibatch) == first
    with slow:
        assert slow.read([1]).tolist() != slow.read([1]).tolist()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda network: network.score([[V]], [[0]]), f"token {V} is not a whole number"),
        (lambda network: network.train_step([[0]], [[0, 1]], 1, 1), "a minibatch has X"),
        (lambda network: network.read([]), "the tokens of a text have the shape"),
        (lambda network: network.generate([1], -1), "num_predicts is -1"),
    ],
)
def test_what_the_engine_refuses_is_refused_in_the_same_words(call, message):
    for network, _ in networks(config_of("gru_after", 1)):
        with pytest.raises(InputError, match=message):
            call(network)


def test_parameters_of_another_model_are_refused():
    _, (_, params) = networks(config_of("lstm", 1))
    with pytest.raises(InputError, match="parameters of another model"):
        NumpyNetwork(params, config_of("gru_after", 1))
    with pytest.raises(InputError, match="dropout is 1"):
        NumpyNetwork(params, config_of("lstm", 1, dropout=1))
