"""Exported models give the same logits, states and text elsewhere as here."""

import dataclasses
import json
import os
import pathlib
import sys

import mxnet as mx
import numpy
import pytest
import reference
import safetensors
from marks import slow_but
from mxnet.gluon import rnn

import gluon_gru as d2l
from gluon_gru import models
from gluon_gru.cells import CELLS
from gluon_gru.convert import onnx_file, torch_file, weights
from gluon_gru.models import fused, scratch
from gluon_gru.models.parameters import params_of
from gluon_gru.runs import checkpoint

CPU, HIDDENS = mx.cpu(), 6
TEXT = "abcdefgfedcb"
VOCAB = d2l.Vocab(list(TEXT))
V = len(VOCAB)


def scratch_model(cell, forward_fn, vocab_size):
    return d2l.RNNModelScratch(
        vocab_size,
        HIDDENS,
        CPU,
        getattr(scratch, f"get_{cell}_params"),
        getattr(scratch, f"init_{cell}_state"),
        forward_fn,
    )


SCRATCH = {
    f"{where}.{cell}": (cell, getattr(module, cell))
    for where, module in (("scratch", scratch), ("fused", fused))
    for cell in ("rnn", "gru", "lstm")
}
LAYERS = {
    "rnn.RNN": rnn.RNN,
    "rnn.GRU": rnn.GRU,
    "rnn.LSTM": rnn.LSTM,
    "fused.RNN": fused.RNN,
    "fused.GRU": fused.GRU,
    "fused.LSTM": fused.LSTM,
    "fused.GRUResetBefore": fused.GRUResetBefore,
}
OPTIONS = [(layers, directions) for layers in (1, 2, 3) for directions in (1, 2)]
ALL = [(name, 1, 1) for name in SCRATCH] + [
    (name, *options) for name in LAYERS for options in OPTIONS
]
TANH = [("rnn.RNN", 2, 2), ("fused.RNN", 2, 1)]


def model_of(name, layers=1, directions=1, vocab_size=V, **options):
    if name in SCRATCH:
        return reference.randomise(scratch_model(*SCRATCH[name], vocab_size))
    layer = LAYERS[name](HIDDENS, layers, bidirectional=directions == 2, **options)
    return reference.randomise(d2l.RNNModel(layer, vocab_size))


def weights_of(model):
    return weights.from_params(params_of(model), model.config())


def onnx_bytes(model, vocab=VOCAB):
    pytest.importorskip("onnx")
    return onnx_file.to_bytes(weights_of(model), weights.facts(vocab.idx_to_token, model.config()))


def session_of(data):
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(data, providers=["CPUExecutionProvider"])


def zeros(session, batch_size):
    return {
        node.name: numpy.zeros((node.shape[0], batch_size, node.shape[2]), numpy.float32)
        for node in session.get_inputs()[1:]
    }


def assert_near(found, expected):
    assert found.shape == expected.shape
    assert numpy.abs(found - expected).max() <= 1e-5 * numpy.abs(expected).max()


def assert_onnx_is(model, vocab_size=V):
    session = session_of(onnx_bytes(model, d2l.Vocab([str(i) for i in range(vocab_size - 1)])))
    rng = numpy.random.RandomState(3)
    for batch_size in (1, 3):
        state = model.begin_state(batch_size=batch_size, ctx=CPU)
        theirs = zeros(session, batch_size)
        for num_steps in (5, 2):
            X = rng.randint(0, vocab_size, (batch_size, num_steps))
            Y, state = model(mx.np.array(X, dtype="int32"), state)
            logits, *ends = session.run(None, {"tokens": X, **theirs})
            theirs = dict(zip(theirs, ends))
            # The model's are time step by time step.
            assert_near(logits.swapaxes(0, 1).reshape(-1, vocab_size), Y.asnumpy())
            for end, ours in zip(ends, state):
                assert_near(end, ours.asnumpy().reshape(end.shape))


@pytest.mark.parametrize(
    "name, layers, directions", slow_but([each for each in ALL if each[1] < 3], ALL)
)
def test_onnx_runtime_gives_the_models_logits_and_states(name, layers, directions):
    assert_onnx_is(model_of(name, layers, directions))


@pytest.mark.parametrize("name, layers, directions", TANH)
def test_an_rnn_layer_keeps_its_tanh(name, layers, directions):
    assert_onnx_is(model_of(name, layers, directions, activation="tanh"))


@pytest.mark.parametrize(
    "name, directions, vocab_size, width",
    [
        ("scratch.gru", 1, 60, 18),
        ("fused.GRU", 2, 60, 36),
        ("rnn.LSTM", 2, 60, 48),
        ("rnn.LSTM", 2, 30, 30),
    ],
)
def test_a_vocabulary_larger_than_all_gates_is_looked_up(name, directions, vocab_size, width):
    model = model_of(name, 1, directions, vocab_size)
    assert onnx_file._lookup(weights_of(model))[0].shape == (vocab_size, width)
    assert_onnx_is(model, vocab_size)


@pytest.mark.parametrize(
    "name, layers", [*((name, 1) for name in SCRATCH), *((name, 2) for name in LAYERS)]
)
def test_stepping_onnx_runtime_writes_the_models_greedy_text(name, layers):
    model = model_of(name, layers)
    expected = d2l.predict_ch8("abc", 60, model, VOCAB, CPU)
    session = session_of(onnx_bytes(model))
    tokens = json.loads(session.get_modelmeta().custom_metadata_map["vocab"])
    written, state = "abc", zeros(session, 1)
    X = [tokens.index(token) for token in written]
    for _ in range(60):
        logits, *ends = session.run(None, {"tokens": numpy.array([X]), **state})
        state, X = dict(zip(state, ends)), [int(logits[0, -1].argmax())]
        written += tokens[X[0]]
    assert written == expected and len(set(written)) > 1


def test_the_onnx_file_tells_what_it_is_and_runs_on_old_runtimes():
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(onnx_bytes(model_of("fused.GRU", 2)))
    assert model.opset_import[0].version == 14 and model.ir_version == 7
    facts = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(facts["vocab"]) == VOCAB.idx_to_token
    assert json.loads(facts["config"])["layer"] == "fused.gru"
    assert json.loads(facts["text"])["tokens"] == "characters"
    assert facts["made_by"].startswith("gluon_gru ")
    inputs = [
        (i.name, [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim])
        for i in [*model.graph.input, *model.graph.output]
    ]
    assert inputs == [
        ("tokens", ["batch_size", "num_steps"]),
        ("state_h", [2, "batch_size", HIDDENS]),
        ("logits", ["batch_size", "num_steps", V]),
        ("state_h_out", [2, "batch_size", HIDDENS]),
    ]


def test_a_runs_own_way_to_read_text_is_kept():
    text = {"tokens": "words", "case": "keep"}
    assert json.loads(weights.facts(VOCAB.idx_to_token, {"text": text})["text"]) == text


# ---- PyTorch ----

CONVERTIBLE = [case for case in ALL if "Before" not in case[0] and not case[0].endswith(".gru")]


@pytest.mark.parametrize("name, layers, directions", CONVERTIBLE)
def test_pytorch_gives_the_same_logits(name, layers, directions):
    torch = pytest.importorskip("torch")
    ours = model_of(name, layers, directions)

    class Model(torch.nn.Module):
        def __init__(self, kind, **options):
            super().__init__()
            self.rnn = getattr(torch.nn, kind)(
                V, HIDDENS, layers, bidirectional=directions == 2, **options
            )
            self.linear = torch.nn.Linear(HIDDENS * directions, V)

    found = weights_of(ours)
    options = {"nonlinearity": found.cell[4:]} if found.cell.startswith("rnn") else {}
    model = Model(name.split(".")[1].upper(), **options)
    model.load_state_dict(
        {
            key: torch.from_numpy(value.copy())
            for key, value in torch_file.state_dict(found).items()
        },
        strict=True,
    )
    X = numpy.random.RandomState(4).randint(0, V, (3, 7))
    expected, _ = ours(mx.np.array(X, dtype="int32"), ours.begin_state(batch_size=3, ctx=CPU))
    with torch.no_grad():
        hiddens, _ = model.rnn(torch.nn.functional.one_hot(torch.tensor(X.T), V).float())
        logits = model.linear(hiddens).reshape(-1, V)
    assert_near(logits.numpy(), expected.asnumpy())


@pytest.mark.parametrize("name", ["rnn.RNN", "rnn.GRU", "rnn.LSTM", "fused.GRU"])
def test_pytorch_stacks_gates_as_gluon_does(name):
    # Both have cuDNN's order, so PyTorch need not be installed to see that it is kept.
    model = model_of(name, 2, 2)
    found = torch_file.state_dict(weights_of(model))
    for theirs, ours in (("weight_ih", "i2h_weight"), ("weight_hh", "h2h_weight")):
        for i, side, suffix in ((0, "l", ""), (1, "r", "_reverse")):
            param = getattr(model.rnn, f"{side}{i}_{ours}").data().asnumpy()
            assert (found[f"rnn.{theirs}_l{i}{suffix}"] == param).all()
            bias = getattr(model.rnn, f"{side}{i}_{ours[:3]}_bias").data().asnumpy()
            assert (found[f"rnn.bias_{theirs[-2:]}_l{i}{suffix}"] == bias).all()
    assert (found["linear.weight"] == model.dense.weight.data().asnumpy()).all()


@pytest.mark.parametrize("name", ["scratch.gru", "fused.gru", "fused.GRUResetBefore"])
def test_the_books_gru_is_refused_for_pytorch_with_the_reason(name):
    with pytest.raises(d2l.InputError, match=r"before the recurrent product, nn.GRU's after it"):
        torch_file.state_dict(weights_of(model_of(name)))


# ---- What can't be exported ----


def test_other_cells_are_refused_by_name():
    model = d2l.RNNModelScratch(
        5,
        HIDDENS,
        CPU,
        models.get_reset_only_params,
        models.init_reset_only_state,
        models.reset_only,
    )
    with pytest.raises(d2l.InputError, match="forward_fn is 'reset_only' can't be exported"):
        weights_of(model)
    projected = d2l.RNNModel(rnn.LSTM(HIDDENS, projection_size=3), 5)
    with pytest.raises(d2l.InputError, match="without projection"):
        weights.from_params({}, projected.config())


def test_a_readers_own_function_or_layer_is_refused_whatever_its_name(
    checkpoint_of, tmp_path, command
):
    def gru(inputs, state, params):
        return scratch.gru(inputs, state, params)

    class GRU(rnn.GRU):
        pass

    layer = reference.randomise(d2l.RNNModel(GRU(HIDDENS), V))
    for model in (scratch_model("gru", gru, V), layer):
        with pytest.raises(d2l.InputError, match="'gru' can't be exported: it is your own"):
            weights_of(model)
        code, _, told = command("export", checkpoint_of(model), tmp_path / "model.onnx")
        assert code == 2 and "it is your own" in told


# ---- Files of version 0.1.0 ----

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"
EXPECTED = json.loads((OLDER / "checkpoints" / "logits.json").read_text())
EXPORTABLE = sorted(set(EXPECTED["logits"]) - {"readers-own-gru", "reset-only", "update-only"})


@pytest.mark.parametrize("name", EXPORTABLE)
def test_older_checkpoints_are_exported_as_the_model_that_they_were(name, tmp_path, command):
    pytest.importorskip("onnxruntime")
    path = OLDER / "checkpoints" / f"{name}.safetensors"
    code, printed, _ = command("export", path, tmp_path / "model.onnx")
    assert code == 0 and "only the name of its cell" in printed
    session = session_of((tmp_path / "model.onnx").read_bytes())
    logits, *_ = session.run(None, {"tokens": numpy.array(EXPECTED["tokens"]), **zeros(session, 1)})
    numpy.testing.assert_allclose(logits[0, -1], EXPECTED["logits"][name], atol=2e-5)


@pytest.mark.parametrize("name", ["gru-after", "lstm", "rnn"])
def test_older_runs_of_the_command_are_exported_for_pytorch(name, tmp_path, command):
    target = tmp_path / "a.safetensors"
    code, printed, _ = command("export", OLDER / "own_texts" / name, target, "--layout", "torch")
    assert code == 0 and printed.count("\n") == 1 and target.is_file()


def test_what_a_training_goes_on_from_is_not_exported(tmp_path, command):
    path = OLDER / "own_texts" / "gru" / "last.safetensors"
    code, _, told = command("export", path, tmp_path / "a.safetensors", "--layout", "torch")
    assert code == 2 and "the model.safetensors in it" in told


# ---- The command ----


@pytest.fixture
def checkpoint_of(tmp_path):
    """Return a function that writes a model's checkpoint: ``checkpoint_of(model)`` -> path."""

    def save(model):
        path = tmp_path / "run.safetensors"
        checkpoint.Checkpoint(params_of(model), model.config(), VOCAB.idx_to_token).save(path)
        return path

    return save


def test_the_command_writes_and_checks_an_onnx_file(checkpoint_of, tmp_path, command):
    pytest.importorskip("onnxruntime")
    path, target = checkpoint_of(model_of("fused.GRUResetBefore", 2)), tmp_path / "model.onnx"
    done = command("export", path, target)
    assert (done.returncode, done.stderr) == (0, "")
    what, checked = done.stdout.splitlines()
    assert "GRU (reset gate before the product, the book's), 2 layers, 6 hidden units" in what
    assert checked.startswith("checked: ONNX Runtime")
    assert session_of(target.read_bytes()).get_inputs()[0].name == "tokens"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "run.safetensors"]
    again = command("export", path, target)
    assert again.returncode == 2 and "exists: give another name" in again.stderr


def test_the_command_writes_pytorchs_file(checkpoint_of, tmp_path, command):
    target = tmp_path / "model.safetensors"
    target.touch()
    path = checkpoint_of(model_of("scratch.lstm"))
    done = command("export", path, target, "--layout", "torch", "--force")
    assert (done.returncode, done.stderr) == (0, "")
    with safetensors.safe_open(target, framework="numpy") as file:
        assert json.loads(file.metadata()["vocab"]) == VOCAB.idx_to_token
        assert sorted(file.keys()) == [
            "linear.bias",
            "linear.weight",
            "rnn.bias_hh_l0",
            "rnn.bias_ih_l0",
            "rnn.weight_hh_l0",
            "rnn.weight_ih_l0",
        ]


@pytest.mark.parametrize(
    "words, wrong",
    [
        (["model.onnx", "--layout", "torch"], "--layout torch is for a .safetensors file"),
        (["model.safetensors"], "takes --layout torch"),
        (["model.safetensors", "--layout", "keras"], "'keras'"),
        (["model.safetensors", "--layout", "torch"], "nn.GRU's after it"),
        (["model.pt"], "'.pt'"),
        (["missing/model.onnx"], "No such file"),
        ([], "FILE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_command_cannot_do_is_one_line(words, wrong, checkpoint_of, tmp_path, command):
    path = checkpoint_of(model_of("scratch.gru"))
    words = [tmp_path / words[0], *words[1:]] if words else []
    code, printed, told = command("export", path, *words)
    assert code == 2 and printed == "" and told.count("\n") == 1
    assert told.startswith("error: ") and wrong in told
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


@pytest.fixture
def exported(checkpoint_of, tmp_path, command):
    """Return a function that exports to model.onnx: ``(exit code, what it said)``."""

    def export(path=None):
        path = path or checkpoint_of(model_of("rnn.GRU"))
        code, printed, told = command("export", path, tmp_path / "model.onnx")
        return code, told if code else printed

    return export


def test_a_missing_run_is_one_line(exported, tmp_path):
    pytest.importorskip("onnx")
    code, line = exported(tmp_path / "none")
    assert code == 2 and "isn't there" in line and line.count("\n") == 1


@pytest.mark.parametrize("words", [["model.onnx"], ["model.safetensors", "--layout", "torch"]])
def test_a_model_that_diverged_is_not_exported(words, checkpoint_of, tmp_path, command):
    pytest.importorskip("onnx")
    model = model_of("rnn.GRU")
    model.dense.bias.set_data(model.dense.bias.data() * numpy.inf)
    code, _, told = command("export", checkpoint_of(model), tmp_path / words[0], *words[1:])
    assert code == 2 and "dense.bias are infinite or no numbers" in told
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_run_that_is_no_file_is_not_waited_for(exported, tmp_path):
    pytest.importorskip("onnx")
    os.mkfifo(tmp_path / "pipe")
    code, line = exported(tmp_path / "pipe")
    assert code == 2 and "is no file" in line and line.count("\n") == 1


def test_without_onnx_the_way_to_get_it_is_told(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, line = exported()
    assert code == 1 and line.count("\n") == 1 and "pip install 'gluon_gru[export]'" in line


def test_without_onnx_runtime_it_says_that_nothing_was_checked(exported, monkeypatch, tmp_path):
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, told = exported()
    assert code == 0 and "not checked" in told and (tmp_path / "model.onnx").is_file()


def test_a_file_that_differs_is_not_written(exported, monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    wrong = dataclasses.replace(CELLS["gru_after"], onnx=("reset", "update", "candidate"))
    monkeypatch.setitem(CELLS, "gru_after", wrong)
    code, line = exported()
    assert code == 1 and "nothing was written" in line and line.count("\n") == 1
    assert not (tmp_path / "model.onnx").exists()
