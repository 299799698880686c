"""Fused layers in both of MXNet's modes, on ``mx.np`` and on ``mx.nd`` arrays, as Gluon's are."""

import mxnet as mx
import numpy
import pytest
from mxnet import autograd, gluon
from mxnet.gluon import nn, rnn

from gluon_gru.models import fused

INPUTS, HIDDENS, BATCH, STEPS = 7, 5, 3, 4
LAYERS = ("RNN", "GRU", "LSTM")
OPTIONS = (
    {},
    {"num_layers": 2, "dropout": 0.5},
    {"bidirectional": True, "num_layers": 2},
    {"layout": "NTC", "bidirectional": True},
)


@pytest.fixture(params=["np", "nd"])
def array(request):
    """Switch this thread to a mode; return the function that makes an array of its kind."""
    on = request.param == "np"
    try:
        with mx.util.np_array(on), mx.util.np_shape(on):
            yield mx.np.array if on else mx.nd.array
    finally:
        # For all threads, as the package's import sets it.
        mx.util.set_np_shape(2)


def numbers(*shape, seed=0):
    return numpy.random.RandomState(seed).normal(size=shape).astype("float32")


def initialised(layer):
    """Initialise a layer with the same numbers each time, whatever its parameters are called."""
    layer.initialize()
    make = mx.np.array if mx.npx.is_np_array() else mx.nd.array
    for seed, (_, param) in enumerate(sorted(layer._collect_params_with_prefix().items())):
        param.set_data(make(0.3 * numbers(*param.shape, seed=seed)))
    return layer


def assert_alike(found, expected):
    """Compare arrays, which have to be of the same class."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert type(a) is type(b) and a.shape == b.shape
        assert numpy.allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_arrays_are_those_of_gluons_layer(array, name, options):
    shape = (BATCH, STEPS, INPUTS) if "layout" in options else (STEPS, BATCH, INPUTS)

    def everything(kind):
        layer = initialised(getattr(kind, name)(HIDDENS, input_size=INPUTS, **options))
        X = array(numbers(*shape))
        X.attach_grad()
        begun = layer.begin_state(BATCH)
        with autograd.record(train_mode=False):
            outputs, ends = layer(X, begun)
            loss = (outputs**2).sum() + sum((end**3).sum() for end in ends)
        loss.backward()
        params = layer._collect_params_with_prefix()
        grads = [params[key].grad() for key in sorted(params)]
        return [*begun, layer(X), outputs, *ends, loss, X.grad, *grads]

    ours = everything(fused)
    assert_alike(ours, everything(rnn))
    assert all(type(each) is type(array([0])) for each in ours)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_books_gru_as_a_layer_gives_arrays_of_the_mode_and_the_same_numbers(array, options):
    shape = (BATCH, STEPS, INPUTS) if "layout" in options else (STEPS, BATCH, INPUTS)

    def run(make):
        layer = fused.GRUResetBefore(HIDDENS, input_size=INPUTS, **options)
        initialised(layer)
        X = make(numbers(*shape))
        outputs, ends = layer(X, layer.begin_state(BATCH))
        return [layer(X), outputs, *ends]

    found = run(array)
    assert all(type(each) is type(array([0])) for each in found)
    with mx.util.np_shape(True), mx.util.np_array(True):
        expected = run(mx.np.array)
    assert_alike([each.as_np_ndarray() for each in found], expected)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_in_a_network_finds_its_sizes_from_its_input(array, name):
    net = nn.HybridSequential()
    net.add(getattr(fused, name)(HIDDENS, bidirectional=True), nn.Dense(2, flatten=False))
    net.initialize()
    X = array(numbers(STEPS, BATCH, INPUTS))
    outputs = net(X)
    assert outputs.shape == (STEPS, BATCH, 2) and type(outputs) is type(X)
    assert repr(net[0]).endswith(f"({INPUTS} -> {HIDDENS}, TNC, bidirectional)")
    assert net[0].l0_i2h_weight.shape[1] == INPUTS


@pytest.mark.filterwarnings("ignore:gluon_gru. a hybridized")
@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_hybridized_layer_computes_the_same(array, name, options):
    layer = initialised(getattr(fused, name)(HIDDENS, input_size=INPUTS, **options))
    X = array(numbers(STEPS, BATCH, INPUTS))
    states = [array(numbers(*state.shape, seed=1)) for state in layer.begin_state(BATCH)]
    outputs, ends = layer(X, states)
    layer.hybridize()
    hybrid, hybrid_ends = layer(X, states)
    assert_alike([hybrid, *hybrid_ends], [outputs, *ends])


# Gluon's cells can't be unrolled over ``mx.np`` arrays.
@pytest.mark.parametrize("array", ["nd"], indirect=True)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_layer_is_the_unrolled_stack_of_cells_that_gluon_makes_of_it(array, name, bidirectional):
    layer = initialised(
        getattr(fused, name)(
            HIDDENS, num_layers=2, bidirectional=bidirectional, input_size=INPUTS, layout="NTC"
        )
    )
    X = array(numbers(BATCH, STEPS, INPUTS))
    unrolled, _ = layer._unfuse().unroll(STEPS, X, layout="NTC", merge_outputs=True)
    assert_alike([layer(X)], [unrolled])


@pytest.mark.parametrize("name", LAYERS)
def test_files_go_from_one_to_the_other(array, name, tmp_path):
    layers = [getattr(kind, name)(HIDDENS, num_layers=2) for kind in (fused, rnn, fused)]
    X = array(numbers(STEPS, BATCH, INPUTS))
    layers[0].initialize(init=mx.init.Normal(0.3))
    found = [layers[0](X)]
    for saved, loaded in zip(layers, layers[1:]):
        saved.save_parameters(str(tmp_path / "params"))
        loaded.load_parameters(str(tmp_path / "params"))
        found.append(loaded(X))
    assert_alike(found, [found[0]] * 3)


@pytest.mark.parametrize("name", [*LAYERS, "GRUResetBefore"])
def test_a_state_of_another_shape_is_refused_as_gluon_refuses_it(array, name):
    layer = initialised(getattr(fused, name)(HIDDENS, input_size=INPUTS))
    states = [array(numbers(1, BATCH + 1, HIDDENS)) for _ in layer.begin_state(BATCH)]
    with pytest.raises(ValueError, match="Invalid recurrent state shape"):
        layer(array(numbers(STEPS, BATCH, INPUTS)), states)


@pytest.mark.parametrize("name", LAYERS)
def test_a_trainer_of_gluons_trains_it(array, name):
    layer = initialised(getattr(fused, name)(HIDDENS, input_size=INPUTS))
    X, loss = array(numbers(STEPS, BATCH, INPUTS)), gluon.loss.L2Loss()
    Y = array(0.1 * numbers(STEPS, BATCH, HIDDENS, seed=1))
    trainer = gluon.Trainer(layer.collect_params(), "sgd", {"learning_rate": 1})
    losses = []
    for _ in range(5):
        with autograd.record():
            l = loss(layer(X), Y)
        l.backward()
        trainer.step(BATCH)
        losses.append(l.asnumpy().mean())
    assert losses == sorted(losses, reverse=True)
