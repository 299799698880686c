"""The training loop: its arithmetic against float64 NumPy, errors, seeds, and waits."""

import itertools
import math
import re
import types

import mxnet as mx
import numpy
import pytest
import reference
from marks import slow_but
from mxnet import gluon, init, np
from numpy.testing import assert_allclose
from reference import MODELS, loader

import gluon_gru as d2l
from gluon_gru.training import updates

LOSS = gluon.loss.SoftmaxCrossEntropyLoss()
CPU = mx.cpu()

# MXNet's operators on many arrays take at most 60.
COUNTS = [1, 60, 61, 130]


def model_with(*grads):
    """Return what has ``params``, as a model from scratch has, with these gradients."""
    params = []
    for i, grad in enumerate(grads):
        param = np.full(numpy.shape(grad), i + 1.0)
        param.attach_grad()
        param.grad[:] = grad
        params.append(param)
    return types.SimpleNamespace(params=params)


def random_grads(count, norm, seed=0):
    rng = numpy.random.RandomState(seed)
    grads = [rng.normal(size=(2, 3) if i % 2 else (4,)) for i in range(count)]
    whole = math.sqrt(sum((grad**2).sum() for grad in grads))
    return [grad * norm / whole for grad in grads]


def train(model, train_iter, lr=1, num_epochs=2, **options):
    return d2l.train(model, train_iter, train_iter.vocab, lr, num_epochs, CPU, **options)


def train_seeded(seed, make, num_epochs=3, use_random_iter=False):
    d2l.set_seed(seed)
    train_iter = loader(use_random_iter=use_random_iter)
    return train(
        make(len(train_iter.vocab)),
        train_iter,
        num_epochs=num_epochs,
        use_random_iter=use_random_iter,
    )


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("norm", [0.01, 4.9, 5.1, 1000.0])
def test_clipping_scales_all_gradients_together_down_to_the_norm(count, norm):
    grads = random_grads(count, norm)
    model = model_with(*grads)
    d2l.grad_clipping(model, 5)
    for param, grad in zip(model.params, grads):
        assert_allclose(param.grad.asnumpy(), grad * min(1, 5 / norm), rtol=1e-5, atol=1e-9)
    assert [float(param.mean()) for param in model.params] == list(range(1, count + 1))


@pytest.mark.parametrize("theta", [5, 6, 1e30])
def test_gradients_up_to_the_norm_stay_digit_for_digit(theta):
    model = model_with([3.0], [0.0, 4.0])
    d2l.grad_clipping(model, theta)
    assert [param.grad.tolist() for param in model.params] == [[3.0], [0.0, 4.0]]


def test_gradients_of_zero_stay_zero():
    model = model_with([0.0], [0.0, 0.0])
    d2l.grad_clipping(model, 1)
    updates.clipped_sgd(model, 1, 0.5)
    assert [param.grad.tolist() for param in model.params] == [[0.0], [0.0, 0.0]]
    assert [param.tolist() for param in model.params] == [[1.0], [2.0, 2.0]]


def test_clipping_takes_a_gluon_model():
    model = reference.randomise(MODELS["GRU"](5))
    for i, array in enumerate(reference.parameters(model)):
        array.grad[:] = i + 1
    before = [array.grad.asnumpy() for array in reference.parameters(model)]
    norm = math.sqrt(sum((grad.astype(float) ** 2).sum() for grad in before))
    d2l.grad_clipping(model, 0.5)
    for array, grad in zip(reference.parameters(model), before):
        assert_allclose(array.grad.asnumpy(), grad * 0.5 / norm, rtol=1e-5)


@pytest.mark.parametrize("lr, batch_size", [(0.5, 1), (2, 4)])
def test_sgd_subtracts_the_gradient_in_place(lr, batch_size):
    model = model_with([[2.0, -1.0]], [4.0])
    kept = list(model.params)
    d2l.sgd(model.params, lr, batch_size)
    step = lr / batch_size
    assert [param.tolist() for param in kept] == [[[1 - 2 * step, 1 + step]], [2 - 4 * step]]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("norm", [0.5, 8.0])
def test_the_fused_update_is_clipping_and_sgd(count, norm):
    grads = random_grads(count, norm)
    fused, plain = model_with(*grads), model_with(*grads)
    updates.clipped_sgd(fused, 2, 0.7)
    d2l.grad_clipping(plain, 2)
    d2l.sgd(plain.params, 0.7, 1)
    for i, (a, b, grad) in enumerate(zip(fused.params, plain.params, grads)):
        assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-6)
        assert_allclose(a.asnumpy(), i + 1 - 0.7 * min(1, 2 / norm) * grad, rtol=1e-6, atol=1e-7)


def reference_epoch(cell, params, minibatches, zeros, lr, use_random_iter):
    """Train an epoch in float64 NumPy; the gradient is that of the minibatch alone."""
    state, losses = zeros, []
    for X, Y in minibatches:
        start = zeros if use_random_iter else state
        X, labels = reference.one_hot(X, params[-1].size), Y.T.reshape(-1)

        def loss(params, X=X, labels=labels, start=start):
            return reference.cross_entropy(reference.scratch(cell, X, start, params)[0], labels)

        losses.append(loss(params))
        _, state = reference.scratch(cell, X, start, params)
        grads = reference.gradient(loss, params)
        norm = math.sqrt(sum((grad**2).sum() for grad in grads))
        params = [param - lr * min(1, 1 / norm) * grad for param, grad in zip(params, grads)]
    return math.exp(sum(losses) / len(losses)), params


@pytest.mark.parametrize("use_random_iter", [False, True])
@pytest.mark.parametrize(
    "name, functions, cell",
    [
        ("rnn", (d2l.get_rnn_params, d2l.init_rnn_state, d2l.rnn), reference.rnn_cell),
        ("gru", (d2l.get_gru_params, d2l.init_gru_state, d2l.gru), reference.gru_cell),
        pytest.param(
            "lstm",
            (d2l.get_lstm_params, d2l.init_lstm_state, d2l.lstm),
            reference.lstm_cell,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_epoch_is_that_of_the_reference(name, functions, cell, use_random_iter):
    rng = numpy.random.RandomState(3)
    text = rng.randint(0, 5, (2, 13))
    minibatches = [(text[:, i : i + 3], text[:, i + 1 : i + 4]) for i in range(0, 12, 3)]
    batches = [(np.array(X, dtype="int32"), np.array(Y, dtype="int32")) for X, Y in minibatches]
    # Weights as large as these make gradients that are clipped, and states that matter.
    model = reference.randomise(d2l.RNNModelScratch(5, 4, CPU, *functions), scale=1.5)
    params = [param.asnumpy().astype(float) for param in model.params]
    zeros = tuple(s.asnumpy().astype(float) for s in model.begin_state(2, CPU))
    ppl, expected = reference_epoch(cell, params, minibatches, zeros, 0.5, use_random_iter)
    other_ppl, _ = reference_epoch(cell, params, minibatches, zeros, 0.5, not use_random_iter)
    sizes = []

    def updater(batch_size):
        sizes.append(batch_size)
        d2l.sgd(model.params, 0.5, batch_size)

    measured, speed = d2l.train_epoch_ch8(model, batches, LOSS, updater, CPU, use_random_iter)
    assert measured == pytest.approx(ppl, rel=1e-5)
    assert abs(ppl - other_ppl) > 0.01
    assert speed > 0
    assert sizes == [1] * 4
    for param, value in zip(model.params, expected):
        assert_allclose(param.asnumpy(), value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "bidirectional LSTM"])
def test_train_measures_what_epochs_with_a_gluon_trainer_measure(name):
    make = MODELS[name]
    history = train_seeded(5, make, num_epochs=4)
    d2l.set_seed(5)
    train_iter = loader()
    model = make(len(train_iter.vocab))
    model.initialize(ctx=CPU, init=init.Normal(0.01))
    trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": 1})
    measured = [
        d2l.train_epoch_ch8(model, train_iter, LOSS, trainer.step, CPU, False)[0] for _ in range(4)
    ]
    assert measured == pytest.approx(history.perplexity, rel=1e-4)


@pytest.mark.parametrize(
    "name, use_random_iter",
    # With random sampling the state is begun anew, which is one tensor or a pair.
    slow_but(
        [("scratch GRU", False), ("scratch GRU", True), ("LSTM", False)],
        [(name, False) for name in MODELS]
        + [(name, True) for name in ("scratch GRU", "scratch LSTM", "GRU", "bidirectional LSTM")],
    ),
)
def test_every_model_learns(name, use_random_iter):
    d2l.set_seed(0)
    train_iter = loader("abc" * 32, use_random_iter=use_random_iter)
    history = train(
        MODELS[name](len(train_iter.vocab)),
        train_iter,
        lr=3,
        num_epochs=10,
        use_random_iter=use_random_iter,
    )
    # Small weights in two layers learn how frequent tokens are (3) long before their order.
    assert history.perplexity[-1] < (3.15 if name == "GRU of 2 layers" else 1.5)
    assert history.perplexity[0] > 3.25
    assert len(history) == len(history.seconds) == len(history.tokens_per_sec) == 10
    assert min(history.seconds + history.tokens_per_sec) > 0


def test_a_concise_model_starts_from_small_gaussian_weights_and_zero_biases():
    train_iter = loader()
    model = reference.randomise(MODELS["GRU"](len(train_iter.vocab)))
    train(model, train_iter, lr=1e-30, num_epochs=1)
    weights = [array.asnumpy() for array in reference.parameters(model) if array.ndim == 2]
    biases = [array.asnumpy() for array in reference.parameters(model) if array.ndim == 1]
    assert numpy.concatenate([w.ravel() for w in weights]).std() == pytest.approx(0.01, rel=0.1)
    assert numpy.abs(numpy.concatenate(biases)).max() < 1e-20


def test_a_scratch_model_goes_on_from_the_parameters_it_has():
    d2l.set_seed(0)
    train_iter = loader("abc" * 32)
    model = MODELS["scratch RNN"](len(train_iter.vocab))
    first, second = (train(model, train_iter, lr=3, num_epochs=4).perplexity for _ in range(2))
    assert second[0] < first[1] < first[0]


@pytest.mark.parametrize(
    "name, use_random_iter",
    slow_but(
        [("scratch GRU with dropout", True), ("GRU", False)],
        itertools.product(
            ["scratch GRU", "scratch GRU with dropout", "GRU", "GRU of 2 layers"], [False, True]
        ),
    ),
)
def test_the_same_seed_gives_the_same_history_digit_for_digit(name, use_random_iter):
    first, second, other = (
        train_seeded(seed, MODELS[name], 2, use_random_iter).perplexity for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "1", None])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(d2l.InputError, match="seed"):
        d2l.set_seed(seed)


NO_NUMBERS = [0, -1, math.nan, math.inf, "1", True, None, [1]]


@pytest.mark.parametrize(
    "name, value",
    [
        *[("lr", value) for value in NO_NUMBERS],
        *[("num_epochs", value) for value in NO_NUMBERS],
        ("num_epochs", 1.5),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(name, value):
    train_iter = loader()
    with pytest.raises(d2l.InputError) as error:
        train(MODELS["GRU"](len(train_iter.vocab)), train_iter, **{name: value})
    assert str(error.value).startswith(f"{name} is {value!r}")


@pytest.mark.parametrize("name", ["scratch GRU", "GRU"])
def test_no_minibatch_to_train_on_is_refused(name):
    train_iter = loader()
    model = MODELS[name](len(train_iter.vocab))
    with pytest.raises(d2l.InputError, match="no minibatch"):
        d2l.train(model, [], train_iter.vocab, 1, 1, CPU)
    with pytest.raises(d2l.InputError, match="no minibatch"):
        d2l.train_epoch_ch8(model, iter([]), LOSS, None, CPU, False)


@pytest.mark.parametrize("lr", [1e30, 1e300])
@pytest.mark.parametrize("name", ["scratch GRU", "GRU"])
def test_a_learning_rate_that_is_far_too_high_is_named_with_the_epoch(name, lr):
    train_iter = loader()
    with pytest.raises(d2l.TrainingDiverged, match=rf"epoch 1 .*below {re.escape(f'{lr:g}')}$"):
        train(MODELS[name](len(train_iter.vocab)), train_iter, lr=lr)


class Watched:
    """Minibatches which note, as each is taken and at the end, what had been read until then."""

    def __init__(self, count, reads):
        batch = np.zeros((2, 3), dtype="int32")
        self.batches, self.reads, self.notes = [(batch, batch)] * count, reads, []

    def __iter__(self):
        self.reads.clear()
        for batch in self.batches:
            self.notes.append(list(self.reads))
            yield batch
        self.notes.append(list(self.reads))


@pytest.fixture
def reads(monkeypatch):
    """Return the list that every call which waits for the device adds its name to."""
    names = []

    def note(owner, name):
        original = getattr(owner, name)

        def noted(*args, **kwargs):
            names.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, noted)

    for owner in (mx.nd.NDArray, mx.np.ndarray):
        for name in (
            "asnumpy",
            "asscalar",
            "item",
            "tolist",
            "wait_to_read",
            "__float__",
            "__int__",
            "__bool__",
        ):
            if name in vars(owner):
                note(owner, name)
    note(mx.nd, "waitall")
    return names


def train_watched(how, name, watched):
    model = reference.randomise(MODELS[name](5))
    if how == "train":
        d2l.train(model, watched, d2l.Vocab(list("abcd")), 1, 1, CPU)
        return
    updater = (
        gluon.Trainer(model.collect_params(), "sgd").step
        if isinstance(model, gluon.Block)
        else lambda batch_size: d2l.sgd(model.params, 1, batch_size)
    )
    d2l.train_epoch_ch8(model, watched, LOSS, updater, CPU, False)


@pytest.mark.parametrize("how", ["train", "train_epoch_ch8"])
@pytest.mark.parametrize("name", ["scratch GRU", "GRU"])
def test_no_minibatch_waits_for_the_device(reads, how, name):
    watched = Watched(16, reads)
    train_watched(how, name, watched)
    assert watched.notes == [[]] * 17
    assert "asnumpy" in reads and "waitall" in reads


@pytest.mark.parametrize("how", ["train", "train_epoch_ch8"])
@pytest.mark.parametrize("name", ["scratch GRU", "GRU"])
def test_a_long_epoch_waits_for_minibatches_long_past_but_reads_none(reads, how, name):
    watched = Watched(40, reads)
    train_watched(how, name, watched)
    assert set(watched.notes[-1]) == {"wait_to_read"}
    assert len(watched.notes[-1]) == 40 - 16
