"""Models that MXNet makes and saves, in plain Gluon code, compute the same after they are imported."""

import inspect
import json
import pathlib

import hypothesis
import mxnet as mx
import numpy
import pytest
import reference
from hypothesis import strategies as st
from mxnet import np, npx
from mxnet.gluon import nn, rnn

import gluon_gru as d2l
from gluon_gru import InputError
from gluon_gru.convert import foreign_model, params_file, torch_file, weights
from gluon_gru.engine.layout import model_shapes
from gluon_gru.models import fused, scratch
from gluon_gru.models.parameters import params_of
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.restore import restore

CPU, V, H, NUM_STEPS = mx.cpu(), 7, 4, 9
TOKENS = numpy.random.RandomState(3).randint(0, V, (3, NUM_STEPS))


class Net(nn.HybridBlock):
    """A reader's own language model: maybe an embedding, a layer or cell, an output layer."""

    def __init__(self, layer, embedding=0, tied=False, **options):
        super().__init__()
        self.embedding = nn.Embedding(V, embedding) if embedding else None
        self.rnn = layer
        if tied:
            options["params"] = self.embedding.params
        self.dense = nn.Dense(V, flatten=False, **options)

    def hybrid_forward(self, F, tokens):
        X = self.embedding(tokens) if self.embedding else F.one_hot(tokens, V)
        if isinstance(self.rnn, rnn.RecurrentCell):
            hiddens, _ = self.rnn.unroll(NUM_STEPS, X, layout="TNC", merge_outputs=True)
        else:
            hiddens = self.rnn(X)
        return self.dense(hiddens)


def stack(*cells, kind=rnn.HybridSequentialRNNCell):
    whole = kind()
    for cell in cells:
        whole.add(cell)
    return whole


def cells(kind, count):
    return stack(*(kind(H) for _ in range(count)))


RELU, TANH = {"activation": "relu"}, {"activation": "tanh"}
LAYERS = {
    "rnn": (lambda: Net(rnn.RNN(H)), RELU),
    "rnn of tanh": (lambda: Net(rnn.RNN(H, 2, activation="tanh")), TANH),
    "gru": (lambda: Net(rnn.GRU(H)), {}),
    "gru of 3 layers": (lambda: Net(rnn.GRU(H, 3)), {}),
    "bidirectional lstm": (lambda: Net(rnn.LSTM(H, 2, bidirectional=True)), {}),
    "embedding": (lambda: Net(rnn.GRU(H, 2), 5), {}),
    "embedding as wide": (lambda: Net(rnn.LSTM(H), H), {}),
    "embedding of two directions": (lambda: Net(rnn.GRU(H, bidirectional=True), 3), {}),
    "tied embedding": (lambda: Net(rnn.GRU(H), H, tied=True), {}),
    "layers in a block": (lambda: Net(stack(rnn.GRU(H), rnn.GRU(H), kind=nn.HybridSequential)), {}),
    "without a bias": (lambda: Net(rnn.LSTM(H), use_bias=False), {}),
    "GRUCell": (lambda: Net(rnn.GRUCell(H)), {}),
    "cells of the same prefix": (
        lambda: Net(stack(*(rnn.GRUCell(H, prefix=f"encoder{i}_") for i in range(2)))),
        {},
    ),
    "RNNCell": (lambda: Net(rnn.RNNCell(H), 5), TANH),
    "12 RNNCells": (lambda: Net(cells(rnn.RNNCell, 12)), TANH),
    "LSTMCells": (lambda: Net(cells(rnn.LSTMCell, 2), 5), {}),
}
SAVES = {
    "save_parameters": lambda net, path: net.save_parameters(str(path)),
    "collect_params": lambda net, path: net.collect_params().save(str(path)),
    "export": lambda net, path: (
        net.export(str(path)),
        path.with_name(f"{path.name}-0000.params").rename(path),
    ),
}


@pytest.fixture
def before_numpy():
    """Be MXNet as it is without ``npx.set_np()``, where alone cells and `export` work in 1.9.1."""
    npx.reset_np()
    yield
    npx.set_np()


def drawn(net):
    """Give a net random parameters; return its logits, (num_steps, batch_size, V)."""
    net.initialize(mx.init.Normal(0.5), ctx=CPU)
    net.hybridize()
    tokens = mx.nd.array(TOKENS.T)
    net(tokens)
    rng = numpy.random.RandomState(5)
    for param in net.collect_params().values():
        param.set_data(mx.nd.array(rng.normal(0, 0.5, param.shape)))
    return net(tokens).asnumpy()


def imported(path, **options):
    return foreign_model.recognise(params_file.read(path), **options)


def assert_computes(model, logits, folder):
    """Assert that a `foreign_model.Model` computes the logits of `TOKENS`."""
    npx.set_np()
    Checkpoint(model.params, model.config, list("abcdefg")).save(folder / "checkpoint")
    ours, _ = restore(folder / "checkpoint")
    found, _ = ours(np.array(TOKENS), ours.begin_state(len(TOKENS), ctx=CPU))
    expected = numpy.reshape(logits, (-1, V))
    numpy.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("kind", LAYERS)
def test_gluons_layers_and_cells_keep_their_logits(kind, save, before_numpy, tmp_path):
    make, options = LAYERS[kind]
    net = make()
    logits = drawn(net)
    SAVES[save](net, tmp_path / "x.params")
    assert_computes(imported(tmp_path / "x.params", **options), logits, tmp_path)


@pytest.mark.parametrize("kept", ["embedding", "dense"])
def test_a_tied_weight_may_have_either_name(kept, before_numpy, tmp_path):
    net = Net(rnn.GRU(H), H, tied=True)
    logits = drawn(net)
    net.save_parameters(str(tmp_path / "x"))
    arrays = params_file.read(tmp_path / "x")
    del arrays[{"embedding": "dense.weight", "dense": "embedding.weight"}[kept]]
    assert_computes(foreign_model.recognise(arrays), logits, tmp_path)


def test_cells_of_two_directions_are_known_by_structured_names(before_numpy, tmp_path):
    net = Net(rnn.BidirectionalCell(rnn.LSTMCell(H), rnn.LSTMCell(H)))
    logits = drawn(net)
    net.save_parameters(str(tmp_path / "x"))
    assert_computes(imported(tmp_path / "x"), logits, tmp_path)
    # Other names don't tell them from two layers.
    net.collect_params().save(str(tmp_path / "x"))
    with pytest.raises(InputError, match="no RNN, GRU or LSTM of one size"):
        imported(tmp_path / "x")


def test_names_with_every_blocks_prefix_are_known(before_numpy, tmp_path):
    net = Net(rnn.GRU(H, 2), 5)
    logits = drawn(net)
    params = {f"rnnmodel0_{name}": p.data() for name, p in net.collect_params().items()}
    mx.nd.save(str(tmp_path / "x"), params)
    assert_computes(imported(tmp_path / "x"), logits, tmp_path)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("form", ["list", "dict", "numbers", "before NumPy"])
def test_models_from_scratch_keep_their_logits(cell, form, tmp_path):
    params = getattr(scratch, f"get_{cell}_params")(V, H, CPU)
    rng = numpy.random.RandomState(5)
    for param in params:
        param[:] = np.array(rng.normal(0, 0.5, param.shape))
    begin = getattr(scratch, f"init_{cell}_state")(len(TOKENS), H, CPU)
    logits, _ = getattr(scratch, cell)(npx.one_hot(np.array(TOKENS.T), V), begin, params)
    names = foreign_model.book_names(CELL_OF[cell])
    if form == "list":
        npx.save(str(tmp_path / "x"), params)
    elif form == "dict":
        # In any order.
        npx.save(str(tmp_path / "x"), dict(sorted(zip(names, params))))
    elif form == "numbers":
        npx.save(str(tmp_path / "x"), {f"param{i}": param for i, param in enumerate(params)})
    else:
        with mx.util.np_array(False), mx.util.np_shape(False):
            mx.nd.save(str(tmp_path / "x"), [param.as_nd_ndarray() for param in params])
    assert_computes(imported(tmp_path / "x"), logits.asnumpy(), tmp_path)


CELL_OF = {"rnn": "rnn_tanh", "gru": "gru_before", "lstm": "lstm"}


def test_the_books_names_are_those_of_its_code():
    for cell, theirs in [
        ("rnn", "W_xh, W_hh, b_h, W_hq, b_q"),
        ("gru", "W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q"),
        ("lstm", "W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q"),
    ]:
        assert foreign_model.book_names(CELL_OF[cell]) == theirs.split(", ")
        assert theirs in inspect.getsource(getattr(scratch, cell))


MXNET2 = pathlib.Path(__file__).parents[1] / "data" / "written_by_mxnet2"
WRITTEN = json.loads((MXNET2 / "logits.json").read_text())


@pytest.mark.parametrize("file", WRITTEN["files"])
def test_files_of_mxnet_2_keep_their_logits(file, tmp_path):
    expected = WRITTEN["files"][file]
    assert WRITTEN["tokens"] == TOKENS.tolist()
    model = imported(MXNET2 / file, **expected["options"])
    assert_computes(model, expected["logits"], tmp_path)


def test_what_one_vector_does_not_tell_is_asked_for():
    arrays = params_file.read(MXNET2 / "embedding_as_wide.params")
    with pytest.raises(InputError, match="of a 3-layer RNN or 1-layer GRU: give --layers"):
        foreign_model.recognise(arrays)
    assert foreign_model.recognise(arrays, "relu", 3).config["cell"] == "rnn_relu"
    with pytest.raises(InputError, match="not as many as 2 layers have that read 4 numbers"):
        foreign_model.recognise(arrays, num_layers=2)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers, directions", [(1, 1), (2, 2)])
def test_pytorchs_names_are_known(cell, layers, directions, tmp_path):
    # What is exported is held against PyTorch in test_export.py.
    layer = getattr(fused, cell.upper())(H, layers, bidirectional=directions == 2)
    model = reference.randomise(d2l.RNNModel(layer, V))
    taken = weights.from_params(params_of(model), model.config())
    (tmp_path / "x.safetensors").write_bytes(
        torch_file.to_bytes(taken, weights.facts(list("abcdefg"), model.config()))
    )
    expected, _ = model(np.array(TOKENS), model.begin_state(len(TOKENS), ctx=CPU))
    options = RELU if cell == "rnn" else {}
    found = imported(tmp_path / "x.safetensors", **options)
    assert_computes(found, expected.asnumpy(), tmp_path)


@pytest.mark.parametrize(
    "kind, layers, embedding, tied",
    [("GRU", 1, 0, False), ("LSTM", 2, 5, False), ("RNN", 2, 5, False), ("GRU", 2, H, True)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_pytorchs_models_keep_their_logits(kind, layers, embedding, tied, dtype, tmp_path):
    torch = pytest.importorskip("torch")
    import safetensors.torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Embedding(V, embedding) if embedding else None
            self.rnn = getattr(torch.nn, kind)(embedding or V, H, layers)
            self.decoder = torch.nn.Linear(H, V)
            if tied:
                self.decoder.weight = self.encoder.weight

        def forward(self, tokens):
            one_hot = torch.nn.functional.one_hot(tokens, V).double()
            return self.decoder(self.rnn(self.encoder(tokens) if embedding else one_hot)[0])

    torch.manual_seed(2)
    model = Model().to(getattr(torch, dtype))
    safetensors.torch.save_model(model, str(tmp_path / "x.safetensors"))
    with torch.no_grad():
        logits = model.double()(torch.tensor(TOKENS.T)).numpy()
    found = imported(tmp_path / "x.safetensors", **(TANH if kind == "RNN" else {}))
    assert_computes(found, logits, tmp_path)


# ---- What is refused ----


class Classifier(nn.HybridBlock):
    def __init__(self, *blocks):
        super().__init__()
        self.whole = nn.HybridSequential()
        self.whole.add(*blocks)

    def hybrid_forward(self, F, tokens):
        return self.whole(tokens)


def projected():
    return Net(rnn.LSTM(H, projection_size=2))


def with_a_hidden_layer():
    return Net(stack(rnn.GRU(H), nn.Dense(3, flatten=False), kind=nn.HybridSequential))


OTHERS = {
    "two classes": (
        lambda: Classifier(nn.Embedding(V, 3), rnn.GRU(H), nn.Dense(2, flatten=False)),
        "reads 7 distinct tokens and has 2 outputs: no language model",
    ),
    "convolution": (
        lambda: Classifier(nn.Embedding(V, 3), nn.Conv1D(2, 3), nn.Dense(2)),
        "of a convolution or the like: no recurrent language model",
    ),
    "perceptron": (lambda: Classifier(nn.Dense(3), nn.Dense(2)), "no recurrent layer, only"),
    "normalization": (
        lambda: Classifier(rnn_of_tokens(), nn.BatchNorm(), nn.Dense(V, flatten=False)),
        "normalization layer",
    ),
    "projection": (projected, "an LSTM with a projection"),
    "residual": (lambda: Net(rnn.ResidualCell(rnn.GRUCell(V))), "a cell within another"),
    "a hidden layer": (with_a_hidden_layer, "has an output layer, and at most an embedding"),
    "two sizes": (
        lambda: Net(stack(rnn.GRU(5), rnn.GRU(H), kind=nn.HybridSequential)),
        r"no 2-layer language model of 4 hidden units|no RNN, GRU or LSTM of one size",
    ),
    "without activation": (lambda: Net(rnn.RNN(H)), "give --activation relu"),
}


def rnn_of_tokens():
    return stack(nn.Embedding(V, 3), rnn.GRU(H), kind=nn.HybridSequential)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_models_are_refused_as_what_they_are(kind, before_numpy, tmp_path):
    make, message = OTHERS[kind]
    net = make()
    drawn(net)
    net.save_parameters(str(tmp_path / "x"))
    with pytest.raises(InputError, match=message):
        imported(tmp_path / "x")


def good():
    """Return the arrays of a GRU of 4 hidden units and 7 tokens, by Gluon's names."""
    shapes = model_shapes("gru_after", V, H)
    return {name: numpy.full(shape, 0.5, "f4") for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda p: p.pop("rnn.l0_h2h_bias"), "rnn.l0_h2h_bias is missing, and should be"),
        (lambda p: p.pop("rnn.l0_h2h_weight"), "h2h_weight is missing"),
        (lambda p: p.pop("dense.weight"), "has an output layer"),
        (
            lambda p: p.update({"rnn.l0_i2h_weight": p["rnn.l0_i2h_weight"][:, 1:]}),
            r"rnn.l0_i2h_weight is \(12, 6\), and should be \(12, 7\)",
        ),
        (lambda p: p.update({"rnn.l7_i2h_weight": p["rnn.l0_i2h_weight"]}), "rnn.l1_"),
        (
            lambda p: p.update({"decoder.l0_i2h_weight": p["rnn.l0_i2h_weight"]}),
            "'decoder.', 'rnn.' is the lowest, no numbers in their names tell",
        ),
        (lambda p: p.update({"rnn.l0_h2h_weight": p["rnn.l0_h2h_weight"][:8]}), "no RNN, GRU"),
        (lambda p: p.update({"rnn.x": p["dense.bias"]}), r"'rnn.x', \(7,\), is no part"),
        (
            lambda p: (
                p.update({"rnn.l0_i2h_weight": p["rnn.l0_h2h_weight"]}),
                p.update({"rnn.l0_h2h_weight": numpy.ones((12, 7))}),
            ),
            "no RNN, GRU or LSTM of one size",
        ),
        (lambda p: p.clear(), "no recurrent layer, only nothing"),
        (lambda p: p.update({"a.weight": p["dense.weight"]}) or p.pop("dense.bias"), "a bias"),
        (lambda p: p.update({"a.rnn_param": p["dense.bias"]}), "apart from each other"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    arrays = good()
    assert foreign_model.recognise(arrays).config["cell"] == "gru_after"
    change(arrays)
    with pytest.raises(InputError, match=message):
        foreign_model.recognise(arrays)


@pytest.mark.parametrize("count", [0, 1, 8, 12])
def test_lists_of_other_lengths_are_refused(count):
    with pytest.raises(InputError):
        foreign_model.recognise({f"arr_{i}": numpy.ones((V, H)) for i in range(count)})


def test_lists_of_other_shapes_are_refused():
    shapes = [(V, H), (H, H), (H,), (H, V), (V,)]
    arrays = {f"arr_{i}": numpy.ones(shape) for i, shape in enumerate(shapes)}
    assert foreign_model.recognise(arrays).config["cell"] == "rnn_tanh"
    for others in (arrays, good()):
        with pytest.raises(InputError, match="has tanh: leave --activation out"):
            foreign_model.recognise(others, "relu")
        with pytest.raises(InputError, match="number of layers is 1: leave --layers out"):
            foreign_model.recognise(others, num_layers=2)
    for i, shape in [(0, (V,)), (1, (H, V)), (4, (H,))]:
        with pytest.raises(InputError, match="are not those of the book's RNN"):
            foreign_model.recognise({**arrays, f"arr_{i}": numpy.ones(shape)})


PARTS = [
    *("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias", "weight", "bias", "rnn_param"),
    *("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0_reverse", "W_xz", "b_q", "0", "1"),
]
BLOCKS = ["", "rnn.", "rnn.l0_", "rnn.r0_", "rnn.l1_", "0.", "1.l_cell.", "gru0_", "dense.", "arg:"]
NAMES = st.tuples(st.sampled_from(BLOCKS), st.sampled_from(PARTS)).map("".join)
SHAPES = st.one_of(
    st.lists(st.sampled_from([1, 2, 4, 7, 8, 12, 16]), max_size=3).map(tuple),
    st.integers(0, 400).map(lambda size: (size,)),
)


@pytest.mark.campaign
@hypothesis.given(
    kind=st.sampled_from(["gru_after", "rnn_tanh", "lstm"]),
    sizes=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    renamed=st.lists(st.tuples(st.integers(0, 9), NAMES), max_size=3),
    added=st.dictionaries(NAMES, SHAPES, max_size=3),
    activation=st.sampled_from([None, "relu", "tanh"]),
    num_layers=st.sampled_from([None, 1, 2]),
)
def test_any_arrays_make_a_whole_model_or_an_input_error(
    kind, sizes, renamed, added, activation, num_layers
):
    shapes = model_shapes(kind, V, H, *sizes)
    for i, name in renamed:
        shapes[name] = shapes.pop(list(shapes)[i % len(shapes)])
    shapes.update(added)
    arrays = {name: numpy.ones(shape, "f4") for name, shape in shapes.items()}
    try:
        model = foreign_model.recognise(arrays, activation, num_layers)
    except InputError as error:
        assert "\n" not in str(error)
        return
    taken = weights.from_params(*model)
    assert (taken.cell, taken.vocab_size) == (model.config["cell"], model.config["vocab_size"])
