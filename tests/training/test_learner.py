"""A learner's steps: as another framework has them, and as MXNet's operators do."""

import mxnet as mx
import numpy
import pytest
from mxnet import gluon

import gluon_gru as d2l
from gluon_gru import engine
from gluon_gru.engine.choosing import Choosing
from gluon_gru.errors import InputError
from gluon_gru.models import fused
from gluon_gru.models.parameters import params_of
from gluon_gru.training.learner import learner_of
from gluon_gru.training.updates import grad_clipping

V, HIDDENS, BATCH, STEPS = 7, 11, 3, 5


def learner(model, optimizer, clip_norm, seed):
    return learner_of(model, None, None, clip_norm, optimizer, seed)


def model_of(layer=fused.GRU, num_layers=2, dropout=0):
    d2l.set_seed(3)
    model = d2l.RNNModel(layer(HIDDENS, num_layers, dropout=dropout), V)
    model.initialize(init=mx.init.Uniform(0.4))
    model(mx.np.zeros((1, 1), dtype="int32"), model.begin_state(batch_size=1, ctx=mx.cpu()))
    return model


def minibatches(count=6, seed=0):
    rng = numpy.random.RandomState(seed)
    return [tuple(rng.randint(0, V, (BATCH, STEPS)) for _ in range(2)) for _ in range(count)]


def run(learner, batches, lr=0.05, **options):
    with learner:
        return [float(learner.step(X, Y, lr, **options)) for X, Y in batches]


def weights(model):
    return {
        name: param.data().asnumpy() for name, param in model._collect_params_with_prefix().items()
    }


@pytest.fixture(params=["native", "off"])
def either(request, monkeypatch):
    """Both ways to compute, as far as they are here."""
    if request.param == "off":
        monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    elif engine.info()["engine"] == "off":
        pytest.skip("no engine here")
    return {"native": "native", "off": "mxnet"}[request.param]


@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.5), ("adam", 0.01)])
@pytest.mark.parametrize("from_zeros", [False, True])
def test_steps_are_those_of_pytorch(either, optimizer, lr, from_zeros):
    torch = pytest.importorskip("torch")
    model, clip = model_of(), 0.5
    rnn = torch.nn.GRU(V, HIDDENS, 2)
    dense = torch.nn.Linear(HIDDENS, V)
    names = {
        "i2h_weight": "weight_ih",
        "h2h_weight": "weight_hh",
        "i2h_bias": "bias_ih",
        "h2h_bias": "bias_hh",
    }
    with torch.no_grad():
        for layer in ("l0", "l1"):
            for ours, theirs in names.items():
                value = getattr(model.rnn, f"{layer}_{ours}").data().asnumpy()
                getattr(rnn, f"{theirs}_{layer}").copy_(torch.tensor(value))
        for part in ("weight", "bias"):
            value = getattr(model.dense, part).data().asnumpy()
            getattr(dense, part).copy_(torch.tensor(value))
    params = [*rnn.parameters(), *dense.parameters()]
    update = torch.optim.Adam(params, lr) if optimizer == "adam" else torch.optim.SGD(params, lr)
    theirs, state = [], None
    for X, Y in minibatches():
        one_hot = torch.nn.functional.one_hot(torch.tensor(X.T), V).float()
        hiddens, state = rnn(one_hot, None if state is None or from_zeros else state.detach())
        loss = torch.nn.functional.cross_entropy(
            dense(hiddens).reshape(-1, V), torch.tensor(Y.T.reshape(-1))
        )
        update.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, clip)
        update.step()
        theirs.append(loss.item())
    ours = learner(model, optimizer, clip, 1)
    assert ours.engine == either
    numpy.testing.assert_allclose(
        run(ours, minibatches(), lr, from_zeros=from_zeros), theirs, rtol=2e-5
    )
    assert theirs[-1] != theirs[0]


@pytest.mark.parametrize("layer", [fused.RNN, fused.GRU, fused.GRUResetBefore, fused.LSTM])
@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.1), ("adam", 0.01)])
def test_the_engine_and_mxnet_learn_the_same(layer, optimizer, lr, monkeypatch):
    if engine.info()["engine"] == "off":
        pytest.skip("no engine here")
    found = []
    for setting in ("", "off"):
        monkeypatch.setenv("GLUON_GRU_ENGINE", setting)
        model = model_of(layer)
        found.append((run(learner(model, optimizer, 1, 1), minibatches(), lr), weights(model)))
    numpy.testing.assert_allclose(*[losses for losses, _ in found], rtol=2e-5)
    # Adam divides even the smallest gradient, which is mostly rounding, by its own size.
    for name, value in found[0][1].items():
        numpy.testing.assert_allclose(value, found[1][1][name], atol=1e-4)


def marked_model():
    """Return a model whose parameters have Gluon's marks, and the multipliers that these mean."""
    model = model_of()
    model.rnn.l0_i2h_bias.lr_mult = 0
    model.rnn.l1_h2h_weight.lr_mult = 0.5
    # There is no weight decay to multiply.
    model.rnn.l1_i2h_weight.wd_mult = 3
    model.rnn.l0_h2h_weight.grad_req = "null"
    rates = {"l0_i2h_bias": 0, "l1_h2h_weight": 0.5, "l0_h2h_weight": 0}
    return model, {f"rnn.{name}": rate for name, rate in rates.items()}


def test_parameters_are_trained_as_by_gluons_trainer(either):
    (theirs, _), (ours, _) = marked_model(), marked_model()
    trainer = gluon.Trainer(theirs.collect_params(), "sgd", {"learning_rate": 0.5})

    def update():
        grad_clipping(theirs, 1)
        trainer.step(1)

    one = learner_of(ours)
    assert one.engine == either
    numpy.testing.assert_allclose(
        run(one, minibatches(), 0.5),
        run(learner_of(theirs, update=update), minibatches()),
        rtol=1e-5,
    )
    for name, value in weights(ours).items():
        numpy.testing.assert_allclose(value, weights(theirs)[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("optimizer, lr", [("sgd", 0.5), ("adam", 0.01)])
def test_a_multiplier_scales_the_first_step_and_zero_freezes(either, optimizer, lr):
    (marked, rates), plain = marked_model(), model_of()
    # The others' steps depend on the norm of all gradients.
    plain.rnn.l0_h2h_weight.grad_req = "null"
    before = params_of(marked)
    for model in (marked, plain):
        run(learner(model, optimizer, 1, 1), minibatches(1), lr)
    for name, value in params_of(plain).items():
        step = (value - before[name]) * rates.get(name, 1)
        numpy.testing.assert_allclose(params_of(marked)[name] - before[name], step, atol=1e-6)
        if name != "rnn.l0_h2h_weight":
            assert (value != before[name]).any()


@pytest.mark.parametrize("forward_fn", [fused.gru, d2l.gru])
def test_a_scratch_parameter_without_a_gradient_is_not_trained(forward_fn):
    def get_params(*args):
        params = d2l.get_gru_params(*args)
        params[1] = params[1].copy()
        return params

    d2l.set_seed(1)
    model = d2l.RNNModelScratch(V, 5, mx.cpu(), get_params, d2l.init_gru_state, forward_fn)
    before = [param.asnumpy() for param in model.params]
    run(learner_of(model), minibatches(), 0.5)
    same = [(a == b.asnumpy()).all() for a, b in zip(before, model.params)]
    assert same == [i == 1 for i in range(11)]


def test_a_score_is_the_loss_of_the_whole_text_and_changes_nothing(either):
    model, batches = model_of(dropout=0.5), minibatches()
    before = weights(model)
    with learner(model, "sgd", 1, 1) as one:
        losses = [one.score(X, Y) for X, Y in batches]
        again = one.score(*batches[0], from_zeros=True)
    X, Y = (numpy.concatenate(parts, axis=1) for parts in zip(*batches))
    logits, _ = model(
        mx.np.array(X, dtype="int32"), model.begin_state(batch_size=BATCH, ctx=mx.cpu())
    )
    logits = logits.asnumpy().astype("float64").reshape(-1, BATCH, V)
    own = numpy.take_along_axis(logits, Y.T[..., None], 2)[..., 0]
    expected = (numpy.log(numpy.exp(logits).sum(2)) - own).reshape(-1, STEPS, BATCH).mean((1, 2))
    numpy.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert again == pytest.approx(losses[0], rel=1e-6)
    assert all((value == before[name]).all() for name, value in weights(model).items())


@pytest.mark.parametrize("layer", [fused.GRU, fused.GRUResetBefore, fused.LSTM])
def test_dropout_drops_between_layers_and_follows_from_seed_and_step(either, layer):
    def losses(dropout, seed, num_layers=2):
        return run(learner(model_of(layer, num_layers, dropout), "sgd", 1, seed), minibatches())

    drawn = losses(0.5, 1)
    assert drawn == losses(0.5, 1)
    assert drawn[0] != losses(0.5, 2)[0] and drawn[0] != losses(0, 1)[0]
    # There is no other layer that would get what the only one puts out.
    assert losses(0.5, 1, 1) == losses(0, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("layer", [fused.GRU, fused.LSTM])
def test_the_loss_under_dropout_is_right_on_average(either, layer):
    """Over many masks, the mean first loss is near that without dropout: what is left is scaled."""
    X, Y = minibatches(1)[0]
    model = model_of(layer, 2, 0.2)
    with learner(model, "sgd", 1, 0) as one:
        plain = one.score(X, Y)
        drawn = [float(one.step(X, Y, 0, from_zeros=True)) for _ in range(200)]
    assert numpy.std(drawn) > 1e-4
    assert numpy.mean(drawn) == pytest.approx(plain, abs=0.02)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_that_goes_on_from_its_state_is_the_same_run(either, optimizer):
    batches = minibatches(8)
    whole = model_of(dropout=0.3)
    losses = run(learner(whole, optimizer, 1, 5), batches, from_zeros=True)
    model = model_of(dropout=0.3)
    first = learner(model, optimizer, 1, 5)
    run(first, batches[:3], from_zeros=True)
    second = learner(model, optimizer, 1, 5)
    second.load_state(first.state())
    assert run(second, batches[3:], from_zeros=True) == losses[3:]
    assert all((value == weights(whole)[name]).all() for name, value in weights(model).items())


def test_another_models_parameters_are_refused(either):
    ours = learner(model_of(), "sgd", 1, 1)
    params = ours.params()
    ours.set_params({name: value + 1 for name, value in params.items()})
    for name, value in ours.params().items():
        assert (value == params[name] + 1).all()
    short = {**params, "dense.bias": params["dense.bias"][1:]}
    for wrong, message in (
        (short, r"dense.bias is \(6,\), and the model needs \(7,\)"),
        ({**params, "more": params["dense.bias"]}, "more is .*, and the model needs none"),
        ({}, "dense.bias is missing"),
    ):
        with pytest.raises(InputError, match=message):
            ours.set_params(wrong)


def test_a_number_of_steps_that_cannot_be_is_refused(either):
    adam = learner(model_of(), "adam", 1, 1)
    for steps in (numpy.array([-1]), numpy.array([numpy.nan]), numpy.array([2**62])):
        with pytest.raises(InputError, match="steps: it must be a whole number"):
            adam.load_state({**adam.state(), "steps": steps})


def test_another_optimisers_state_is_refused(either):
    with learner(model_of(), "sgd", 1, 1) as sgd, pytest.raises(InputError, match="another"):
        sgd.load_state(learner(model_of(), "adam", 1, 1).state())
    with pytest.raises(InputError, match="'rmsprop' is unknown: choose from sgd, adam"):
        learner(model_of(), "rmsprop", 1, 1)


@pytest.mark.parametrize("layer", [fused.RNN, fused.GRUResetBefore, fused.LSTM])
@pytest.mark.parametrize("num_layers, dropout", [(1, 0), (6, 0.5)])
def test_the_engine_gets_as_much_memory_as_it_uses(layer, num_layers, dropout):
    if engine.info()["engine"] == "off":
        pytest.skip("no engine here")

    def enough(network, most=None):
        size = network._kernels.workspace_size(network._network)
        return size <= network._workspace.size <= (most or size)

    ((X, Y),) = minibatches(1)
    with learner(model_of(layer, num_layers, dropout), "sgd", 1, 1) as one:
        one.step(X[:, :3], Y[:, :3], 0.1)
        network = one._network("training")
        assert enough(network)
        one.step(X, Y, 0.1)
        assert enough(network)
        # Smaller minibatches, as the last one of an epoch, use the same memory.
        whole = network._workspace
        one.step(X[:, :3], Y[:, :3], 0.1)
        assert enough(network, whole.size) and network._workspace is whole
        network.generate([1, 2], 3)
        assert network._workspace is None
        one.score(X, Y)
        assert enough(one._network("scoring"))
        read = one.reader()
        read([1, 2])
        assert enough(read.__self__)


@pytest.mark.parametrize("wrong", [[99], [-1], []])
def test_a_text_that_is_refused_leaves_the_state_of_the_one_before(wrong):
    if engine.info()["engine"] == "off":
        pytest.skip("no engine here")
    read, whole = (learner(model_of(), "sgd", 1, 1).reader() for _ in range(2))
    network = read.__self__
    for refused in (
        lambda: network.generate(wrong, 3),
        lambda: network.write(wrong, Choosing(), numpy.zeros(3)),
        lambda: network.read(wrong),
    ):
        network.close()
        read([1, 2])
        with pytest.raises(InputError):
            refused()
        whole.__self__.close()
        assert (read([3]) == whole([1, 2, 3])).all()
