"""Calls that a careless or hostile reader could make of the engine, in a process of their own.

``python hostile.py FILE`` makes all of them, as many as `campaign` says. Each must either raise
`InputError` (or MXNet's own error, where MXNet's operators run) or give right numbers: those of a
new network with clean arrays, or of the cell from scratch. Before each, the file gets a line that
tells it, for the case that the process dies of it.
"""

import os
import signal
import sys
import threading

import campaign
import hypothesis
import numpy
from hypothesis import strategies as st

import gluon_gru as d2l  # isort: skip
import mxnet as mx
from engine_problem import ON_ENGINE
from mxnet import autograd, np, npx
from mxnet.gluon import rnn

from gluon_gru.engine.choosing import Choosing
from gluon_gru.engine.layout import model_shapes
from gluon_gru.engine.network import Network, Parameter
from gluon_gru.errors import InputError
from gluon_gru.models import fused, scratch
from gluon_gru.training.learner import learner_of

_LOG = open(sys.argv[1], "w")  # noqa: SIM115
V = 7


def tell(*what):
    print(*what, file=_LOG, flush=True)


def examples(number):
    return hypothesis.settings(
        max_examples=campaign.times(number),
        deadline=None,
        database=None,
        derandomize=campaign.FACTOR == 1,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


# ---- Arrays that look alike, and some that don't ----

#: The same numbers, lying and typed otherwise.
LAYOUTS = {
    "as it is": lambda a: a,
    "Fortran's order": numpy.asfortranarray,
    "every second": lambda a: numpy.repeat(a, 2, -1)[..., ::2],
    "backwards": lambda a: a[..., ::-1].copy()[..., ::-1],
    "read-only": lambda a: _frozen(a.copy()),
    "unaligned": lambda a: _unaligned(a),
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
}
TYPES = ["int8", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64"]
#: What makes tokens wrong.
SPOILT = {
    "too large": lambda a: _set(a.astype("int64"), V),
    "negative": lambda a: _set(a.astype("int64"), -1),
    "huge": lambda a: _set(a.astype("int64"), 2**32),
    "huge, without a sign": lambda a: _set(a.astype("uint64"), 2**64 - 1),
    "not whole": lambda a: _set(a.astype("float64"), 0.5),
    "not a number": lambda a: _set(a.astype("float64"), numpy.nan),
    "infinite": lambda a: _set(a.astype("float32"), numpy.inf),
    "objects": lambda a: a.astype(object),
    "texts": lambda a: a.astype(str),
    "complex": lambda a: a + 1j,
    "times": lambda a: a.astype("datetime64[s]"),
    "ragged": lambda a: [[1, 2], [3]],
    "nothing": lambda a: None,
    "another dimension": lambda a: a[None, None],
    "a number": lambda a: a.ravel()[0],
    "empty": lambda a: a[:0],
    "none in each": lambda a: a[..., :0],
}


def _set(array, value):
    array = array.copy()
    array[(-1,) * array.ndim] = value
    return array


def _frozen(array):
    array.flags.writeable = False
    return array


def _unaligned(array):
    bytes_ = numpy.zeros(array.nbytes + 1, numpy.uint8)
    view = numpy.frombuffer(bytes_.data, array.dtype, array.size, 1).reshape(array.shape)
    view[...] = array
    return view


# ---- Networks ----


def parameters(cell, num_hiddens, num_layers, seed=0):
    rng = numpy.random.RandomState(seed)
    return {
        name: Parameter(
            rng.normal(scale=0.5, size=shape).astype("float32"), numpy.zeros(shape, "float32")
        )
        for name, shape in model_shapes(cell, V, num_hiddens, num_layers).items()
    }


def config_of(cell, num_hiddens, num_layers, dropout=0.0):
    return {
        "model": "RNNModel",
        "cell": cell,
        "vocab_size": V,
        "num_hiddens": num_hiddens,
        "num_layers": num_layers,
        "dropout": dropout,
    }


@st.composite
def tokens(draw, *shape):
    """Draw ``(what a reader passes, the tokens)``; the tokens are None if it must be refused."""
    rng = numpy.random.RandomState(draw(st.integers(0, 9)))
    right = rng.randint(0, V, shape)
    if draw(st.integers(0, 5)):
        given = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](
            right.astype(draw(st.sampled_from(TYPES)))
        )
        return given.tolist() if draw(st.integers(0, 5)) == 0 else given, right
    return SPOILT[draw(st.sampled_from(list(SPOILT)))](right), None


sizes = st.tuples(st.sampled_from([1, 2, 5, 33]), st.sampled_from([1, 3, 40]))
CALLS = ["train_step", "score", "generate", "read", "write", "close"]
#: How tokens are drawn by ``write``.
WRITTEN, PLACES = Choosing(0.9, 2**40, 0.9), numpy.array([0.1, 0.9, 0.5])


@examples(60)
@hypothesis.given(st.data())
def networks_of_any_use(data):
    """Calls of one network in any order, each compared with a new network's."""
    draw = data.draw
    cell, hiddens, layers = (
        draw(st.sampled_from(ON_ENGINE)),
        draw(st.sampled_from([1, 4, 20])),
        draw(st.integers(1, 3)),
    )
    config = config_of(cell, hiddens, layers, draw(st.sampled_from([0, 0.5])))
    adam = draw(st.booleans())
    ours, theirs = parameters(cell, hiddens, layers), parameters(cell, hiddens, layers)
    network, trained = Network(ours, config, 1, adam), Network(theirs, config, 1, adam)
    shapes, text = [draw(sizes), draw(sizes)], []
    for call in draw(st.lists(st.sampled_from(CALLS), min_size=1, max_size=6)):
        read_before, text = text, []
        if call in ("train_step", "score"):
            shape = draw(st.sampled_from(shapes))
            (X, x), (Y, y) = draw(tokens(*shape)), draw(tokens(*shape))
            if draw(st.integers(0, 9)) == 0:
                (Y, y) = draw(tokens(*shapes[0]))
            fits = x is not None and y is not None and x.shape == y.shape
            args = (1, 0.1, True) if call == "train_step" else (True,)
            twin = trained if call == "train_step" else Network(theirs, config)
            given, expected = (X, Y, *args), lambda: getattr(twin, call)(x, y, *args)  # noqa: B023
        elif call == "close":
            network.close()
            continue
        else:
            T, t = draw(tokens(draw(st.integers(1, 4))))
            fits, twin, count = t is not None, Network(theirs, config), draw(st.integers(0, 3))
            args = {"generate": (count,), "write": (WRITTEN, PLACES[:count])}.get(call, ())
            given = (T, *args)
            if call != "generate":
                text = read_before + (t.tolist() if fits else [])
            start = t if call == "generate" else text
            expected = lambda: getattr(twin, call)(start, *args)  # noqa: B023, E731
        tell(cell, config, adam, call, repr(given))
        if not fits:
            try:
                result = getattr(network, call)(*given)
            except InputError:
                text = read_before
                continue
            raise AssertionError(f"{call}{given} should be refused, and gave {result}")
        result = getattr(network, call)(*given)
        numpy.testing.assert_array_equal(result, expected())
        if call == "write":
            # The last token is not read yet.
            text = text + result[:-1].tolist()
    for name, parameter in ours.items():
        numpy.testing.assert_array_equal(parameter.value, theirs[name].value)


#: What a parameter may not be, as `SPOILT` has it for tokens.
NO_PARAMETER = {
    "of float64": lambda a: a.astype("float64"),
    "of float16": lambda a: a.astype("float16"),
    "of int32": lambda a: a.astype("int32"),
    "too small": lambda a: a[..., :-1].copy(),
    "too large": lambda a: numpy.append(a, a, 0),
    "flat": lambda a: a.reshape(1, -1),
    "empty": lambda a: a[:0],
    "a list": lambda a: a.tolist(),
    "every second": lambda a: numpy.repeat(a, 2, -1)[..., ::2],
    "one number": lambda a: numpy.broadcast_to(numpy.float32(0), a.shape),
    "read-only": LAYOUTS["read-only"],
    "unaligned": LAYOUTS["unaligned"],
    "other byte order": LAYOUTS["other byte order"],
}
NO_CONFIG = [
    {name: wrong}
    for name in ("num_hiddens", "vocab_size", "num_layers")
    for wrong in (0, -1, 2.5, "4", None, 2**40, True, 5)
] + [{"dropout": wrong} for wrong in (1, -0.1, numpy.nan, "0.5")]


@examples(30)
@hypothesis.given(st.data())
def networks_of_anything(data):
    """Networks of parameters and facts that can't be."""
    cell = data.draw(st.sampled_from(ON_ENGINE))
    params, config = parameters(cell, 4, 2), config_of(cell, 4, 2)
    what = data.draw(st.sampled_from([*NO_PARAMETER, "a fact"]))
    if what == "a fact":
        config.update(data.draw(st.sampled_from(NO_CONFIG)))
    else:
        name, field = data.draw(st.sampled_from(list(params))), data.draw(st.integers(0, 1))
        wrong = NO_PARAMETER[what](params[name][field])
        hypothesis.assume(
            isinstance(wrong, list)
            or not wrong.flags.carray
            or wrong.dtype != "f4"
            or wrong.shape != params[name].value.shape
        )
        params[name] = params[name]._replace(**{("value", "grad")[field]: wrong})
    tell(cell, what, config)
    try:
        Network(params, config)
    except InputError:
        return
    raise AssertionError(f"{what} of {config} should be refused")


# ---- Functions and layers, under autograd ----

WRONG = [
    lambda a: a.astype("float64"),
    lambda a: a.astype("float16"),
    lambda a: a.astype("int32"),
    lambda a: a[..., :1],
    lambda a: np.concatenate([a, a]),
    lambda a: a[None],
    lambda a: a.reshape(-1),
    lambda a: a[:0],
    lambda a: a + 1,
]


@st.composite
def spoilt(draw, arrays):
    """Draw MXNet's arrays with up to two changes of shape, type or numbers."""
    arrays = list(arrays)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        i = draw(st.integers(0, len(arrays) - 1))
        arrays[i] = draw(st.sampled_from(WRONG))(arrays[i])
    return arrays


FUNCTIONS = ["rnn", "gru", "lstm"]


@examples(60)
@hypothesis.given(st.data())
def functions_of_anything(data):
    """A fused function of arrays of any shape and type: like the one from scratch, or refused."""
    draw = data.draw
    name = draw(st.sampled_from(FUNCTIONS))
    steps, rows, hiddens = draw(st.integers(0, 4)), draw(st.integers(0, 4)), 5
    mx.random.seed(draw(st.integers(0, 9)))
    params = [
        np.random.normal(size=p.shape)
        for p in getattr(scratch, f"get_{name}_params")(V, hiddens, mx.cpu())
    ]
    state = [np.random.normal(size=(rows, hiddens)) for _ in range(2 if name == "lstm" else 1)]
    given = np.random.randint(0, V, (steps, rows))
    if draw(st.booleans()):
        given = npx.one_hot(given, V)
    arrays = [given, *state, *params]
    arrays = draw(spoilt(arrays))
    cut = draw(st.sampled_from([0, 0, 0, 1, 5]))
    given, state, params = (
        arrays[0],
        arrays[1 : 1 + len(state)],
        arrays[1 + len(state) : len(arrays) - cut],
    )
    if draw(st.integers(0, 9)) == 0:
        state = state * 2
    tell(name, [(a.shape, a.dtype) for a in (given, *state, *params)])
    for array in params:
        array.attach_grad()
    try:
        with autograd.record():
            outputs, ends = getattr(fused, name)(given, tuple(state), params)
            loss = outputs.sum()
        found = [outputs.asnumpy(), *(end.asnumpy() for end in ends)]
        loss.backward()
        [param.grad.asnumpy() for param in params]
    except (InputError, mx.MXNetError, ValueError):
        # MXNet may find out later.
        drain()
        return
    X = npx.one_hot(given, params[0].shape[0]) if given.ndim == 2 else given
    outputs, ends = getattr(scratch, name)(X, tuple(state), params)
    for a, b in zip(found, [outputs, *ends]):
        numpy.testing.assert_allclose(a, b.asnumpy(), rtol=1e-4, atol=1e-4)


@examples(30)
@hypothesis.given(st.data())
def layers_of_anything(data):
    """A fused layer of inputs and states of any shape and type: like Gluon's, or refused."""
    draw = data.draw
    name, layout = (
        draw(st.sampled_from(["RNN", "GRU", "LSTM"])),
        draw(st.sampled_from(["TNC", "NTC"])),
    )
    options = {
        "num_layers": draw(st.integers(1, 2)),
        "bidirectional": draw(st.booleans()),
        "layout": layout,
        "input_size": V,
    }
    ours, theirs = (getattr(module, name)(5, **options) for module in (fused, rnn))
    for layer in (ours, theirs):
        layer.initialize()
    for a, b in zip(ours.collect_params().values(), theirs.collect_params().values()):
        a.set_data(b.data())
    steps, rows = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shape = (steps, rows) if layout == "TNC" else (rows, steps)
    state = [np.random.normal(size=s.shape) for s in theirs.begin_state(rows)]
    X, *state = draw(spoilt([np.random.normal(size=(*shape, V)), *state]))
    state = state * draw(st.sampled_from([1, 1, 1, 2]))
    tell(name, options, [(a.shape, a.dtype) for a in (X, *state)])
    found = []
    for layer in (ours, theirs):
        try:
            with autograd.record():
                outputs, ends = layer(X, state)
                loss = outputs.sum()
            loss.backward()
            grads = [param.grad() for param in layer.collect_params().values()]
            found.append([a.asnumpy() for a in (outputs, *ends, *grads)])
        except (InputError, mx.MXNetError, ValueError):
            drain()
            return
    for a, b in zip(*found):
        numpy.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def drain():
    """Wait for MXNet, whatever comes of it."""
    for _ in range(20):
        try:
            mx.nd.waitall()
        except mx.MXNetError:
            continue
        return


@examples(20)
@hypothesis.given(st.data())
def models_of_anything(data):
    """A step of a fused model whose parameters a reader made: as on MXNet, or refused."""
    i, what = (
        data.draw(st.integers(0, 10)),
        data.draw(
            st.sampled_from(["right", "small", "large", "float64", "without a gradient", "twice"])
        ),
    )

    def get_params(*args):
        mx.random.seed(1)
        params = scratch.get_gru_params(*args)
        for param in params:
            param[:] = np.random.normal(scale=0.5, size=param.shape)
        if what == "small":
            params[i] = params[i][..., :1]
        elif what == "large":
            params[i] = np.concatenate([params[i], params[i]])
        elif what == "float64":
            params[i] = params[i].astype("float64")
        elif what == "without a gradient":
            params[i] = params[i].copy()
        elif what == "twice":
            params[4] = params[1]
        if what in ("small", "large", "float64"):
            params[i].attach_grad()
        return params

    tell("a model with a parameter", i, what)
    X = numpy.random.RandomState(2).randint(0, V, (2, 4, 6))
    found = []
    for forward_fn in (fused.gru, scratch.gru):
        model = d2l.RNNModelScratch(V, 5, mx.cpu(), get_params, scratch.init_gru_state, forward_fn)
        try:
            with learner_of(model) as learner:
                losses = [float(learner.step(*X, 0.5)) for _ in range(3)]
            found.append([losses, *(param.asnumpy() for param in model.params)])
        except (InputError, mx.MXNetError):
            drain()
            assert what in ("small", "large", "float64")
            return
    for a, b in zip(*found):
        numpy.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# ---- Threads, forks, and memory ----


def _calls(network, X):
    return [
        network.score(X, X, True),
        network.train_step(X, X, 1, 0, True),
        *network.generate(X[0], 3),
        network.score(X[:1], X[:1], True),
    ]


def _busy_network():
    """Return a network with enough work for two threads, and minibatches for it."""
    config = config_of("gru_before", 130, 2)
    X = numpy.random.RandomState(0).randint(0, V, (4, 40, 12))
    return Network(parameters("gru_before", 130, 2), config), X


def threads_share_a_network():
    tell("threads")
    network, X = _busy_network()
    expected = [_calls(network, x) for x in X]
    wrong = []

    def work(i):
        for _ in range(campaign.times(3)):
            network.read(X[i, 0])
            found = _calls(network, X[i])
            network.close()
            if found != expected[i]:
                wrong.append((i, found))

    started = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert not wrong, wrong


def in_a_fork(work):
    """Run a function in a forked process, which has 60 seconds for it."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        signal.alarm(60)
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the forked process ended with the status {status}"


def forks_use_what_was_made_before():
    """Also while another thread is within a call."""
    tell("forks")
    network, X = _busy_network()
    expected = [_calls(network, x) for x in X]
    # Summed in another order, by one thread instead of two.
    same = lambda: numpy.testing.assert_allclose(  # noqa: E731
        [_calls(network, x) for x in X], expected, rtol=1e-5
    )
    in_a_fork(same)
    # A call that needs nothing which the one before it didn't need.
    expected_score = network.score(X[0], X[0], True)
    in_a_fork(
        lambda: numpy.testing.assert_allclose(
            network.score(X[0], X[0], True), expected_score, rtol=1e-5
        )
    )
    done = threading.Event()

    def train():
        while not done.is_set():
            network.train_step(X[0], X[0], 1, 0)

    thread = threading.Thread(target=train)
    thread.start()
    for _ in range(campaign.times(3)):
        in_a_fork(same)
    done.set()
    thread.join()
    same()

    layer = fused.GRU(130)
    layer.initialize()
    with autograd.record():
        loss = layer(np.ones((5, 40, V))).sum()
    in_a_fork(lambda: loss.backward())


def memory_that_is_not_there():
    tell("memory")
    import resource

    network, X = _busy_network()

    def work():
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (50 << 20),) * 2)
        before = _calls(network, X[0])
        wide = numpy.zeros((40, 3000), int)
        for call in (network.score, lambda *args: network.train_step(*args, 1, 0)):
            try:
                call(wide, wide)
            except InputError as error:
                assert "no memory for a minibatch of 40 sequences of 3000" in str(error)
                continue
            raise AssertionError("there was memory after all")
        assert _calls(network, X[0]) == before

    if os.path.exists("/proc/self/statm"):
        in_a_fork(work)


def arrays_stay_where_they_are():
    tell("arrays that are resized, moments that are thrown away")
    params, X = parameters("gru_after", 20, 1), numpy.zeros((3, 4), int)
    network = Network(params, config_of("gru_after", 20, 1), adam=True)
    for array in (*(a for p in params.values() for a in p[:2]), *network.moments["dense.bias"]):
        try:
            array.resize(10**6, refcheck=False)
        except ValueError:
            continue
        raise AssertionError("an array that the kernels have was moved")
    del array
    expected = network.train_step(X, X, 1, 0, True)
    network.moments.clear()
    params.clear()
    blocks = [numpy.full(20 * 60, numpy.nan, "float32") for _ in range(1000)]
    assert network.train_step(X, X, 1, 0, True) == expected and blocks


def as_many_threads_as_somebody_says():
    X = numpy.random.RandomState(0).randint(0, V, (40, 12))
    for said in ("1000000", "0", "-3", "\N{SUPERSCRIPT TWO}", "9" * 5000, "2,3", " 2 ", ""):
        tell("OMP_NUM_THREADS", said)
        os.environ["OMP_NUM_THREADS"] = said
        _calls(_busy_network()[0], X)


if __name__ == "__main__":
    forks_use_what_was_made_before()
    threads_share_a_network()
    networks_of_any_use()
    networks_of_anything()
    functions_of_anything()
    layers_of_anything()
    models_of_anything()
    memory_that_is_not_there()
    arrays_stay_where_they_are()
    as_many_threads_as_somebody_says()
    drain()
    print("fine", flush=True)
    # MXNet would tell once more, at the end, of errors that were expected.
    os._exit(0)
