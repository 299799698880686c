"""The grid's protocol beside PyTorch's: its initial weights, and trainings step for step."""

import itertools

import checkout
import numpy
import pytest

from gluon_gru.studies.sweep import trial
from gluon_gru.studies.sweep.space import GRIDS, Space
from gluon_gru.text.corpus import SAMPLE, find, load_corpus
from gluon_gru.training.interrupt import CtrlC

torch = pytest.importorskip("torch")

pytestmark = checkout.needs_checkout

#: Spread over the grid: num_steps, num_hiddens, lr; and epochs. A step of lr 10 is so long that
#: differences in rounding soon grow.
POINTS = [
    (8, 32, 0.1, 3),
    (8, 128, 1.0, 3),
    (32, 32, 10.0, 1),
    (64, 8, 0.01, 3),
    pytest.param(128, 64, 1.0, 3, marks=pytest.mark.slow),
]

SPACE = Space((8,), (8,), (1.0,), batch_size=150, train_windows=500, valid_windows=200)


@pytest.mark.parametrize("num_steps, num_hiddens, lr, epochs", POINTS)
def test_the_same_weights_and_minibatches_give_the_same_epochs(num_steps, num_hiddens, lr, epochs):
    from benchmarks.learner_torch import TorchLearner

    assert all(
        value in getattr(GRIDS["full"], axis)
        for axis, value in zip(("num_steps", "num_hiddens", "lr"), (num_steps, num_hiddens, lr))
    )
    tokens, vocab = load_corpus(find(SAMPLE))
    point = {"num_hiddens": num_hiddens, "init": "pytorch", "seed": 1}
    ours = trial.new_learner(point, len(vocab), "cpu")
    theirs = TorchLearner(*trial.new_model(point, len(vocab)), 1, "sgd", 0)
    curves = [
        [
            epoch[:2]
            for epoch in itertools.islice(
                trial.epochs(learner, *trial.loaders(SPACE, num_steps, tokens), lr, CtrlC()), epochs
            )
        ]
        for learner in (ours, theirs)
    ]
    numpy.testing.assert_allclose(*curves, rtol=2e-5)
    assert len({value for epoch in curves[0] for value in epoch}) == 2 * epochs


def test_initial_weights_are_distributed_as_those_of_nn_gru_and_a_lazy_linear_layer():
    torch.manual_seed(1)
    layer, linear = torch.nn.GRU(28, 64), torch.nn.LazyLinear(28)
    linear(layer(torch.zeros(2, 3, 28))[0])
    theirs = [*layer.parameters(), *linear.parameters()]
    ours, _ = trial.new_model({"num_hiddens": 64, "init": "pytorch", "seed": 1}, 28)
    for mine, param in zip(ours.values(), theirs):
        values = param.detach().numpy()
        assert mine.shape == values.shape and mine.dtype == values.dtype
        edge = 1 / 8
        for some in (mine, values):
            assert edge * 0.8 < abs(some).max() <= edge
            assert some.std() == pytest.approx(edge / 3**0.5, rel=0.25)
