"""Fused layers and models against the ones that they stand in for, with the engine on and off."""

import threading
import time

import mxnet as mx
import numpy
import pytest
import reference
from marks import slow_but
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import rnn

import gluon_gru as d2l
from gluon_gru import engine
from gluon_gru.engine.layout import book_layout
from gluon_gru.errors import InputError
from gluon_gru.gates import inspection as gates
from gluon_gru.models import fused, scratch
from gluon_gru.models.operator import recurrent
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import restore
from gluon_gru.training import loop as training
from gluon_gru.training.learner import learner_of

V, HIDDENS, BATCH, STEPS = 7, 19, 5, 6
CELLS = ("rnn", "gru", "lstm")

with_engine = pytest.mark.skipif(engine.info()["engine"] == "off", reason=str(engine.info()))


@pytest.fixture(params=["on", "off"])
def either_engine(request, monkeypatch):
    """Run with the engine, if it is there, and without."""
    if request.param == "off":
        monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    elif engine.info()["engine"] == "off":
        pytest.skip(engine.info()["why"])
    return request.param


def scratch_model(cell, forward_fn, num_hiddens=HIDDENS, vocab_size=V):
    return d2l.RNNModelScratch(
        vocab_size,
        num_hiddens,
        mx.cpu(),
        getattr(scratch, f"get_{cell}_params"),
        getattr(scratch, f"init_{cell}_state"),
        forward_fn,
    )


def normal(*shape):
    """Return random numbers, with room for their gradient."""
    array = np.random.normal(scale=0.5, size=shape)
    array.attach_grad()
    return array


def assert_near(found, expected, relative=1e-5):
    """Compare arrays: no entry may be off by more than that share of the largest one."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        a, b = a.asnumpy(), b.asnumpy()
        assert a.shape == b.shape
        assert numpy.abs(a - b).max() <= relative * numpy.abs(b).max()


def everything(run, inputs, state, params):
    """Return outputs, states, and the gradients by everything of a loss that sees all of them."""
    with autograd.record():
        outputs, ends = run(inputs, state)
        loss = (outputs**2).sum() + sum((end**3).sum() for end in ends)
    loss.backward()
    grads = [array.grad.copy() for array in [inputs, *state, *params] if array.grad is not None]
    return [outputs, *ends, *grads]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("tokens", [True, False])
def test_a_fused_function_is_the_scratch_cell(cell, tokens, either_engine):
    d2l.set_seed(1)
    model = reference.randomise(scratch_model(cell, getattr(scratch, cell)))
    state = [normal(*s.shape) for s in model.begin_state(BATCH, mx.cpu())]
    X = np.random.randint(0, V, (STEPS, BATCH))
    one_hot = npx.one_hot(X, V)
    one_hot.attach_grad()

    def run(name, inputs):
        return everything(lambda X, S: name(X, tuple(S), model.params), inputs, state, model.params)

    expected = run(getattr(scratch, cell), one_hot)
    if tokens:
        del expected[1 + len(state)]
    assert_near(run(getattr(fused, cell), X if tokens else one_hot), expected)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"layout": "NTC"}],
    ids=str,
)
def test_a_fused_layer_is_gluons_and_loads_its_file(name, options, tmp_path, either_engine):
    d2l.set_seed(2)
    theirs, ours = getattr(rnn, name)(HIDDENS, **options), getattr(fused, name)(HIDDENS, **options)
    theirs.initialize(init=mx.init.Normal(0.3))
    X = normal(*((BATCH, STEPS) if "layout" in options else (STEPS, BATCH)), V)
    theirs(X)
    theirs.save_parameters(str(tmp_path / "params"))
    ours.load_parameters(str(tmp_path / "params"))
    state = [normal(*s.shape) for s in theirs.begin_state(BATCH)]

    def run(layer):
        params = [param.data() for param in layer.collect_params().values()]
        return everything(layer, X, state, params)

    assert_near(run(ours), run(theirs))
    # Without states it starts from zeros and returns none, as Gluon's layers do.
    assert_near([ours(X)], [theirs(X)])
    assert repr(ours) == repr(theirs)


def test_the_rnn_has_gluons_activations(either_engine):
    for activation in ("tanh", "relu"):
        d2l.set_seed(3)
        theirs, ours = (
            layer(HIDDENS, activation=activation, input_size=V) for layer in (rnn.RNN, fused.RNN)
        )
        for layer in (theirs, ours):
            layer.initialize()
        for a, b in zip(ours.collect_params().values(), theirs.collect_params().values()):
            a.set_data(b.data())
        X = normal(STEPS, BATCH, V)
        assert_near([ours(X)], [theirs(X)])


def book_layer(**options):
    layer = fused.GRUResetBefore(HIDDENS, **options)
    layer.initialize(init=mx.init.Normal(0.3))
    return layer


def test_the_books_gru_as_a_layer_has_the_scratch_models_weights(either_engine):
    d2l.set_seed(4)
    model = reference.randomise(scratch_model("gru", scratch.gru))
    layer = book_layer()
    layer.load_book_params(model.params)
    for a, b in zip(layer.book_params(), model.params):
        assert (a == b).all()
    X, H = normal(STEPS, BATCH, V), normal(BATCH, HIDDENS)
    same, nothing = np.eye(HIDDENS), np.zeros(HIDDENS)
    expected, (end,) = scratch.gru(X, (H,), [*model.params[:9], same, nothing])
    outputs, (ends,) = layer(X, H.reshape(1, BATCH, HIDDENS))
    assert_near([outputs.reshape(-1, HIDDENS), ends[0]], [expected, end])


@with_engine
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"layout": "NTC"}],
    ids=str,
)
def test_the_books_gru_as_a_layer_is_the_same_without_the_engine(options, monkeypatch):
    d2l.set_seed(5)
    layer = book_layer(**options)
    X = normal(STEPS, BATCH, V)
    batch_size = STEPS if "layout" in options else BATCH
    state = [normal(*s.shape) for s in layer.begin_state(batch_size)]
    layer(X, state)

    def run():
        return everything(layer, X, state, [p.data() for p in layer.collect_params().values()])

    on = run()
    monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    assert_near(on, run())


@pytest.mark.parametrize(
    "params, message",
    [
        (lambda model: model.params[1:], "parameters of the shapes"),
        (lambda model: [], "parameters of the shapes"),
    ],
)
def test_the_books_gru_as_a_layer_refuses_other_weights(params, message):
    with pytest.raises(InputError, match=message):
        book_layer().load_book_params(params(scratch_model("gru", scratch.gru)))
    with pytest.raises(InputError, match="of one layer in one direction"):
        book_layer(num_layers=2).load_book_params(scratch_model("gru", scratch.gru).params)


def dense_gru(X, params):
    return fused.gru(X, (np.zeros((X.shape[1], params[1].shape[0])),), params)[0]


@with_engine
def test_gradients_are_added_left_out_and_computed_twice_as_mxnet_does_it(monkeypatch):
    def grads():
        d2l.set_seed(6)
        model = reference.randomise(scratch_model("gru", fused.gru))
        X = normal(STEPS, BATCH, V)
        params = model.params
        params[0].attach_grad("add")
        params[4].attach_grad("null")
        params[0].grad[:] = 1
        with autograd.record():
            # Each weight twice, once after the other.
            outputs = dense_gru(X, params)
            loss = (outputs**2).sum() + dense_gru(X * 0.5, params).sum()
        loss.backward(retain_graph=True)
        first = [p.grad.copy() for i, p in enumerate(params) if i != 4]
        loss.backward()
        return [*first, *(p.grad.copy() for i, p in enumerate(params) if i != 4), X.grad]

    on = grads()
    monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    assert_near(on, grads())


@with_engine
def test_an_update_that_waits_for_the_gradient_does_not_block_it():
    model = reference.randomise(scratch_model("gru", fused.gru), scale=0.1)
    for _ in range(20):
        with autograd.record():
            loss = dense_gru(normal(STEPS, BATCH, V), model.params).sum()
        loss.backward()
        # Queued at once, while the backward pass may not have begun.
        for param in model.params:
            param[:] = param - 0.01 * param.grad
    assert all(numpy.isfinite(param.asnumpy()).all() for param in model.params)


def test_the_books_layer_refuses_what_mxnet_has_no_operator_for(either_engine):
    hybrid, lengths = book_layer(input_size=V), book_layer(input_size=V, use_sequence_length=True)
    hybrid.hybridize()
    X = np.zeros((STEPS, BATCH, V))
    for layer, arguments in (hybrid, ()), (lengths, (None, np.full(BATCH, STEPS))):
        with pytest.raises(InputError, match="can't be hybridized and takes no sequence lengths"):
            layer(X, *arguments)


@with_engine
@pytest.mark.parametrize(
    "inputs, state, message",
    [
        (np.zeros((STEPS, BATCH, V + 1)), (BATCH, HIDDENS), "inputs has the shape"),
        (np.zeros((STEPS, BATCH, V, 1)), (BATCH, HIDDENS), "inputs have the shape"),
        (np.zeros((0, BATCH, V)), (BATCH, HIDDENS), "inputs have the shape"),
        (np.zeros((STEPS, BATCH, V)), (BATCH + 1, HIDDENS), "state 0 has the shape"),
        (np.zeros((STEPS, BATCH, V)), (BATCH, HIDDENS - 1), "state 0 has the shape"),
        (
            np.full((STEPS, BATCH), V, dtype="int32"),
            (BATCH, HIDDENS),
            f"token {V} is not a whole number from 0 to {V - 1}",
        ),
        (np.full((STEPS, BATCH), -1), (BATCH, HIDDENS), "token -1"),
        (np.full((STEPS, BATCH), 0.5), (BATCH, HIDDENS), "token 0.5"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(inputs, state, message):
    model = scratch_model("gru", fused.gru)
    with pytest.raises(InputError, match=message):
        fused.gru(inputs, (np.zeros(state),), model.params)


@with_engine
def test_states_and_parameters_are_counted():
    params = scratch_model("gru", fused.gru).params
    X, H = np.zeros((STEPS, BATCH, V)), np.zeros((BATCH, HIDDENS))
    for state in ((), (H, H)):
        with pytest.raises(InputError, match=rf"{len(state)} states: GRU .* has 1"):
            fused.gru(X, state, params)
    for wrong in (params[1:], [*params, H], [], [params[2], *params[1:]]):
        with pytest.raises(InputError, match="gru needs three for each gate and two"):
            fused.gru(X, (H,), wrong)


@with_engine
def test_what_is_not_dense_float32_is_not_read():
    H = np.zeros((BATCH, HIDDENS))
    params = scratch_model("gru", fused.gru).params
    layout = book_layout("gru_before", V, HIDDENS)
    for X in (np.zeros((STEPS, BATCH, V), dtype=kind) for kind in ("float16", "float64", "int8")):
        with pytest.raises(mx.MXNetError):
            fused.gru(X, (H,), params)
        with pytest.raises(InputError, match=rf"{X.dtype} on cpu.*the engine reads dense float32"):
            recurrent("gru_before", layout, X, (H,), params[:9])


@with_engine
def test_parameters_that_do_not_fit_are_named():
    params = scratch_model("gru", fused.gru).params
    params[4] = np.zeros((HIDDENS, HIDDENS + 1))
    with pytest.raises(InputError, match="parameter 4 has the shape"):
        dense_gru(np.zeros((STEPS, BATCH, V)), params)


def test_what_the_engine_cannot_do_mxnet_does():
    d2l.set_seed(7)
    theirs, ours = (
        layer(HIDDENS, input_size=V, use_sequence_length=True) for layer in (rnn.LSTM, fused.LSTM)
    )
    for layer in (theirs, ours):
        layer.initialize()
    for a, b in zip(ours.collect_params().values(), theirs.collect_params().values()):
        a.set_data(b.data())
    X, lengths = normal(STEPS, BATCH, V), np.array([STEPS, 1, 2, 3, 4])
    a, b = (layer(X, layer.begin_state(BATCH), lengths)[0] for layer in (ours, theirs))
    assert (a == b).all()

    model = scratch_model("gru", fused.gru)
    doubles = [np.random.normal(size=p.shape).astype("float64") for p in model.params]
    X, H = (np.random.normal(size=s).astype("float64") for s in (X.shape, (BATCH, HIDDENS)))
    (a, _), (b, _) = (run(X, (H,), doubles) for run in (fused.gru, scratch.gru))
    assert a.dtype == numpy.float64 and (a == b).all()


@pytest.fixture
def warned(monkeypatch):
    """Return a list of what is warned of."""
    messages = []
    monkeypatch.setattr(engine, "warn_once", messages.append)
    return messages


@with_engine
def test_a_layer_that_leaves_the_engine_says_so(warned):
    layer = fused.GRU(HIDDENS, 2, input_size=V)
    layer.initialize()
    X = normal(STEPS, BATCH, V)
    expected = layer(X)
    assert warned == []
    layer.hybridize()
    assert_near([layer(X)], [expected])
    assert len(warned) == 1 and "a hybridized GRU runs on MXNet's operator" in warned[0]
    # Learning the sizes of weights takes a trace too.
    del warned[:]
    layer = fused.GRU(HIDDENS)
    layer.initialize()
    layer(X)
    assert warned == []


def test_dropout_that_mxnet_ignores_is_told_of(warned):
    X = np.zeros((BATCH, STEPS), dtype="int32")
    for module, dropout, num_layers in ((fused, 0.5, 2), (rnn, 0, 2), (rnn, 0.5, 1), (rnn, 0.5, 2)):
        model = d2l.RNNModel(module.LSTM(HIDDENS, num_layers, dropout=dropout), V)
        model.initialize()
        model(X, model.begin_state(BATCH))
        assert warned == []
        with autograd.record():
            first, second = (model(X, model.begin_state(BATCH))[0] for _ in range(2))
        assert (first != second).any() == (module is fused)
    # Once, since `engine.warn_once` sees to that.
    assert len(set(warned)) == 1
    assert "MXNet ignores the dropout of rnn.LSTM on a CPU: use fused.LSTM" in warned[0]


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "GRUResetBefore"])
def test_a_layer_takes_no_rows_and_no_steps_as_gluons_does(name, either_engine):
    layer = getattr(fused, name)(HIDDENS, 2, bidirectional=True)
    layer.initialize()
    for shape in ((STEPS, 0), (0, BATCH), (0, 0)):
        state = [normal(*s.shape) for s in layer.begin_state(shape[1])]
        outputs, ends = layer(np.zeros((*shape, V)), state)
        assert outputs.shape == (*shape, 2 * HIDDENS)
        for end, start in zip(ends, state):
            assert end.shape == start.shape and (end == start).all()
    # Gluon's layer leaves an error behind, which MXNet raises later.
    mx.nd.waitall()


def test_a_fused_function_takes_no_rows_as_the_scratch_cell_does(either_engine):
    model = scratch_model("gru", fused.gru)
    outputs, (end,) = model(np.zeros((0, STEPS), dtype="int32"), model.begin_state(0, mx.cpu()))
    assert outputs.shape == (0, V) and end.shape == (0, HIDDENS)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "GRUResetBefore"])
def test_layers_of_float64(name):
    X = normal(STEPS, BATCH, V)
    layer = getattr(fused, name)(HIDDENS, 2, input_size=V)
    layer.initialize(init=mx.init.Normal(0.3))
    expected = layer(X).astype("float64")
    layer.cast("float64")
    found = layer(X.astype("float64"))
    assert found.dtype == numpy.float64
    assert_near([found], [expected])


@with_engine
def test_dropout_between_layers_drops_in_training_only():
    d2l.set_seed(8)
    layer = fused.GRU(HIDDENS, 2, dropout=0.5)
    layer.initialize(init=mx.init.Normal(0.3))
    X = normal(STEPS, BATCH, V)
    calm = layer(X)
    assert (calm == layer(X)).all()
    with autograd.record():
        first, second = layer(X), layer(X)
    assert (first != second).any() and (first != calm).any()


# ---- Whole models ----


def concise_model(layer):
    return lambda vocab_size: reference.randomise(d2l.RNNModel(layer, vocab_size), scale=0.1)


WHOLE = {
    **{
        f"fused.{cell}": (
            lambda vocab_size, cell=cell: reference.randomise(
                scratch_model(cell, getattr(fused, cell), vocab_size=vocab_size), scale=0.1
            )
        )
        for cell in CELLS
    },
    "fused.RNN": concise_model(fused.RNN(HIDDENS)),
    "fused.GRU of 3 layers": concise_model(fused.GRU(HIDDENS, 3)),
    "fused.LSTM of 2 layers": concise_model(fused.LSTM(HIDDENS, 2)),
    "fused.GRUResetBefore": concise_model(fused.GRUResetBefore(HIDDENS)),
}


def epochs(model, train_iter, count=3, use_random_iter=False):
    """Train; return the perplexities, and the gradients and the weights at the end."""
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    found = [
        training.train_epoch(model, train_iter, loss, 0.5, mx.cpu(), use_random_iter)[0]
        for _ in range(count)
    ]
    params = reference.parameters(model)
    return found, [p.grad for p in params], params


@with_engine
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("use_random_iter", [False, True])
def test_the_engines_step_is_what_autograd_makes_of_the_layer(name, use_random_iter, monkeypatch):
    def run():
        d2l.set_seed(9)
        train_iter = reference.loader(use_random_iter=use_random_iter)
        return epochs(
            WHOLE[name](len(train_iter.vocab)), train_iter, use_random_iter=use_random_iter
        )

    native = run()
    monkeypatch.setattr("gluon_gru.models.parameters.engine_params", lambda _: None)
    step_by_step = run()
    numpy.testing.assert_allclose(native[0], step_by_step[0], rtol=1e-5)
    for found, expected in zip(native[1:], step_by_step[1:]):
        assert_near(found, expected, 1e-4)


@with_engine
@pytest.mark.parametrize("name", WHOLE)
def test_the_engine_writes_what_the_layers_write(name, monkeypatch):
    vocab = reference.loader().vocab
    model = reference.randomise(WHOLE[name](len(vocab)), scale=1)
    texts = [d2l.predict_ch8(list("abc"), 40, model, vocab, mx.cpu())]
    monkeypatch.setattr("gluon_gru.models.parameters.engine_params", lambda _: None)
    texts.append(d2l.predict_ch8(list("abc"), 40, model, vocab, mx.cpu()))
    words = texts[0].split()
    assert texts[0] == texts[1] and len(words) == 43 and len(set(words)) > 2
    assert d2l.predict_ch8("abc", 0, model, vocab, mx.cpu()) == "abc"


@pytest.mark.slow
@with_engine
def test_the_history_follows_the_scratch_models(books_corpus, monkeypatch):
    monkeypatch.setenv("GLUON_GRU_CORPUS", str(books_corpus))

    def run(forward_fn):
        train_iter, vocab = d2l.load_data_time_machine(32, 35)
        d2l.set_seed(1)
        model = scratch_model("gru", forward_fn, 64, len(vocab))
        return d2l.train(model, train_iter, vocab, 1, 8, mx.cpu()).perplexity

    numpy.testing.assert_allclose(run(fused.gru), run(scratch.gru), rtol=1e-4)


@with_engine
def test_only_models_that_are_fused_throughout_are_trained_by_the_engine():
    def of(layer, **options):
        model = d2l.RNNModel(layer(HIDDENS, **options), V)
        model.initialize()
        return model

    frozen, adding, ones = of(fused.GRU), of(fused.GRU), scratch_model("gru", fused.gru)
    frozen.rnn.l0_i2h_weight.grad_req = "null"
    adding.dense.weight.grad_req = "add"
    ones.init_state = lambda *args: tuple(s + 1 for s in scratch.init_gru_state(*args))
    for model in of(fused.GRU), scratch_model("gru", fused.gru), frozen:
        assert learner_of(model).engine == "native"
    for model in (
        of(rnn.GRU),
        scratch_model("gru", scratch.gru),
        of(fused.GRU, bidirectional=True),
        of(fused.GRU, layout="NTC"),
        adding,
        ones,
    ):
        assert learner_of(model).engine == "mxnet"


@with_engine
def test_a_frozen_parameter_stays_and_the_others_learn():
    train_iter = reference.loader()
    model = WHOLE["fused.GRU of 3 layers"](len(train_iter.vocab))
    model.rnn.l1_h2h_weight.grad_req = "null"
    before = {name: param.data().asnumpy() for name, param in model.collect_params().items()}
    training.train_epoch(model, train_iter, gluon.loss.SoftmaxCrossEntropyLoss(), 0.5, mx.cpu())
    for name, param in model.collect_params().items():
        same = (param.data().asnumpy() == before[name]).all()
        assert same == name.endswith("l1_h2h_weight")


@with_engine
def test_a_token_out_of_range_is_an_error_and_changes_nothing():
    model = scratch_model("gru", fused.gru)
    before = model.params[0].asnumpy()
    learner = learner_of(model)
    good, bad = numpy.zeros((2, 3), int), numpy.full((2, 3), V)
    for X, Y in ((good, bad), (bad, good)):
        with pytest.raises(InputError, match=f"token {V} is not"):
            learner.step(X, Y, 1)
    assert (model.params[0].asnumpy() == before).all()


@with_engine
def test_two_threads_train_two_models_as_one_does(monkeypatch):
    def run():
        rng_free = reference.loader(batch_size=4)
        batches = list(rng_free)
        model = scratch_model("gru", fused.gru, vocab_size=len(rng_free.vocab))
        for i, param in enumerate(model.params):
            param[:] = numpy.random.RandomState(i).normal(scale=0.1, size=param.shape)
        return model, batches

    def train(model, batches):
        with learner_of(model) as learner:
            for _ in range(30):
                for X, Y in batches:
                    learner.step(X, Y, 0.5)

    d2l.set_seed(1)
    alone, batches = run()
    train(alone, batches)
    others = [run()[0] for _ in range(2)]
    threads = [threading.Thread(target=train, args=(model, batches)) for model in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for model in others:
        for a, b in zip(model.params, alone.params):
            assert (a == b).all()


@pytest.mark.parametrize("name", slow_but(["fused.gru", "fused.LSTM of 2 layers"], WHOLE))
def test_a_checkpoint_is_resumed_to_the_digit_and_restored(name, tmp_path, either_engine):
    def train(count, file):
        d2l.set_seed(10)
        train_iter = reference.loader()
        if name.startswith("fused.G") or "layers" in name or name == "fused.RNN":
            layer = {
                "fused.RNN": fused.RNN,
                "fused.GRU of 3 layers": fused.GRU,
                "fused.LSTM of 2 layers": fused.LSTM,
                "fused.GRUResetBefore": fused.GRUResetBefore,
            }[name]
            model = d2l.RNNModel(layer(HIDDENS), len(train_iter.vocab))
        else:
            model = scratch_model(
                name[6:], getattr(fused, name[6:]), vocab_size=len(train_iter.vocab)
            )
        history = d2l.train(
            model, train_iter, train_iter.vocab, 0.5, count, mx.cpu(), checkpoint=tmp_path / file
        )
        return model, train_iter.vocab, history.perplexity

    _, _, whole = train(3, "whole")
    train(1, "parts")
    model, vocab, parts = train(3, "parts")
    assert parts == whole
    restored, its_vocab = restore(tmp_path / "parts")
    assert d2l.predict_ch8("abc", 20, restored, its_vocab, mx.cpu()) == d2l.predict_ch8(
        "abc", 20, model, vocab, mx.cpu()
    )


def test_a_checkpoint_of_the_scratch_model_is_another_run(tmp_path):
    train_iter = reference.loader()
    for i, forward_fn in enumerate((scratch.gru, fused.gru)):
        model = scratch_model("gru", forward_fn, vocab_size=len(train_iter.vocab))
        if i:
            with pytest.raises(InputError, match="another run: its forward_fn is 'gru'"):
                d2l.train(
                    model,
                    train_iter,
                    train_iter.vocab,
                    0.5,
                    3,
                    mx.cpu(),
                    checkpoint=tmp_path / "run",
                )
        else:
            d2l.train(
                model, train_iter, train_iter.vocab, 0.5, 2, mx.cpu(), checkpoint=tmp_path / "run"
            )
    assert checkpoint.load(tmp_path / "run").epoch == 2


def test_the_gates_of_fused_grus_are_those_of_the_written_out_ones():
    vocab = reference.loader().vocab
    book = WHOLE["fused.gru"](len(vocab))
    written = scratch_model("gru", scratch.gru, vocab_size=len(vocab))
    written.params = book.params
    layer = d2l.RNNModel(fused.GRUResetBefore(HIDDENS), len(vocab))
    reference.randomise(layer)
    layer.rnn.load_book_params(book.params)
    found = [gates.inspect(model, vocab, "abcdef") for model in (book, layer, written)]
    for other in found[:2]:
        numpy.testing.assert_allclose(other.update, found[2].update, rtol=1e-6)
        numpy.testing.assert_allclose(other.reset, found[2].reset, rtol=1e-6)


def test_the_chapters_note_runs_on_it(either_engine):
    X = np.arange(10).reshape((2, 5))
    net = scratch_model("gru", fused.gru, 512, 28)
    Y, state = net(X, net.begin_state(X.shape[0], mx.cpu()))
    assert Y.shape == (10, 28) and len(state) == 1 and state[0].shape == (2, 512)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_a_fused_layer_is_pytorchs(name, either_engine):
    torch = pytest.importorskip("torch")
    layer, peer = getattr(fused, name)(HIDDENS, 2), getattr(torch.nn, name)(V, HIDDENS, 2)
    if name == "RNN":
        peer = torch.nn.RNN(V, HIDDENS, 2, nonlinearity="relu")
    layer.initialize()
    X = normal(STEPS, BATCH, V)
    layer(X)
    names = {
        "i2h_weight": "weight_ih",
        "h2h_weight": "weight_hh",
        "i2h_bias": "bias_ih",
        "h2h_bias": "bias_hh",
    }
    pairs = [
        (getattr(layer, f"l{i}_{ours}"), getattr(peer, f"{theirs}_l{i}"))
        for i in range(2)
        for ours, theirs in names.items()
    ]
    for ours, theirs in pairs:
        ours.set_data(np.array(theirs.detach().numpy()))
    found = everything(
        layer,
        X,
        [normal(*s.shape) * 0 for s in layer.begin_state(BATCH)],
        [ours.data() for ours, _ in pairs],
    )
    Y = torch.tensor(X.asnumpy(), requires_grad=True)
    outputs, ends = peer(Y)
    ends = ends if name == "LSTM" else (ends,)
    ((outputs**2).sum() + sum((end**3).sum() for end in ends)).backward()
    expected = [outputs, *ends, Y.grad, *(theirs.grad for _, theirs in pairs)]
    assert_near(found, [np.array(array.detach().numpy()) for array in expected])


@with_engine
def test_what_a_backward_pass_needs_is_freed_after_it():
    held = autograd.Function._registry.ref_holder
    # What other tests have left may go meanwhile.
    layer, before = fused.LSTM(HIDDENS, 2, bidirectional=True), set(held)
    layer.initialize()
    states = None
    for _ in range(5):
        with autograd.record():
            outputs, states = layer(np.ones((STEPS, BATCH, V)), states or layer.begin_state(BATCH))
            loss = (outputs**2).sum()
        assert set(held) - before
        loss.backward()
        states = [state.detach() for state in states]
    mx.npx.waitall()
    del outputs, loss, states
    # MXNet's threads let go of an operator a moment after they have said that it is done.
    deadline = time.monotonic() + 30
    while set(held) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(held) - before


@pytest.mark.parametrize("shape", [(), (7,), (3, 7), (1, 2, 3, 7)])
@pytest.mark.parametrize(
    "layout, sizes", [("TNC", "num_steps, batch_size"), ("NTC", "batch_size, num_steps")]
)
def test_inputs_of_another_number_of_dimensions_are_refused(shape, layout, sizes):
    layer = fused.GRU(5, layout=layout)
    layer.initialize()
    for states in ([], [np.zeros((1, 2, 5))]):
        with pytest.raises(InputError) as caught:
            layer(np.ones(shape), *states)
        assert f"the shape {shape}: GRU of the layout {layout} takes ({sizes}, num_inputs)" in str(
            caught.value
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_another_number_of_states_is_refused_on_the_engine_and_off_it(dtype, count):
    layer = fused.LSTM(5, input_size=7)
    layer.initialize()
    state = np.zeros((1, 2, 5), dtype=dtype)
    with pytest.raises(InputError, match=f"states has {count} arrays: LSTM takes 2"):
        layer(np.ones((3, 2, 7), dtype=dtype), [state] * count)
