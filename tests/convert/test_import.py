"""What the book's own code saved becomes a checkpoint that computes the same."""

import json
import pathlib

import mxnet as mx
import numpy
import pytest
import reference
from marks import slow_but
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn, rnn

import gluon_gru as d2l
from gluon_gru.convert import foreign_model, params_file
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import restore

CPU, V = mx.cpu(), 7
VOCAB = d2l.Vocab(list("abcdefedcb"))


class BookModel(nn.Block):
    """A reader's own: a recurrent layer named rnn, an output layer named dense."""

    def __init__(self, rnn_layer, vocab_size):
        super().__init__()
        self.rnn, self.size = rnn_layer, vocab_size
        self.dense = nn.Dense(vocab_size)

    def forward(self, tokens, state):
        hiddens, state = self.rnn(npx.one_hot(tokens.T, self.size), state)
        return self.dense(hiddens.reshape(-1, hiddens.shape[-1])), state


def trained(layer, vocab):
    """Train for some minibatches, with Gluon's own trainer; return the model."""
    d2l.set_seed(2)
    model = BookModel(layer, len(vocab))
    model.initialize(mx.init.Normal(0.4), ctx=CPU)
    trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": 0.5})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    text = np.array(numpy.random.RandomState(1).randint(0, len(vocab), (4, 40)))
    state = model.rnn.begin_state(batch_size=4, ctx=CPU)
    for start in range(0, 30, 6):
        state = [part.detach() for part in state]
        with autograd.record():
            logits, state = model(text[:, start : start + 6], state)
            l = loss(logits, text[:, start + 1 : start + 7].T.reshape(-1)).mean()
        l.backward()
        trainer.step(1)
    return model


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(VOCAB.idx_to_token))
    return path


def refusal(command, file, out, *more):
    """Return the one line that ``gluon-gru import`` refuses with."""
    code, printed, told = command("import", file, "--out", out, *more)
    assert code == 2 and printed == "" and told.count("\n") == 1
    assert told.startswith("error: ") and not out.exists()
    return told


def assert_same(model, path, begin_state):
    ours, vocab = restore(path)
    X = np.array(numpy.random.RandomState(3).randint(0, len(vocab), (3, 9)))
    expected, ends = model(X, begin_state(batch_size=3, ctx=CPU))
    found, states = ours(X, ours.begin_state(batch_size=3, ctx=CPU))
    for a, b in zip([found, *states], [expected, *ends]):
        assert a.shape == b.shape and numpy.abs(a - b).max() <= 1e-5 * numpy.abs(b).max()
    return ours, vocab


def greedy(model, vocab, prefix, count):
    """Return the likeliest continuation, token by token."""
    state = model.rnn.begin_state(batch_size=1, ctx=CPU)
    X, written = vocab[list(prefix)], prefix
    for _ in range(count):
        logits, state = model(np.array([X]), state)
        X = [int(logits[-1].argmax())]
        written += vocab.idx_to_token[X[0]]
    return written


@pytest.mark.parametrize(
    "make, layers, directions",
    slow_but(
        [(rnn.RNN, 1, 1), (rnn.GRU, 2, 1), (rnn.LSTM, 2, 2)],
        [
            (make, *sizes)
            for make in (rnn.RNN, rnn.GRU, rnn.LSTM)
            for sizes in ((1, 1), (2, 1), (2, 2))
        ],
    ),
)
def test_the_books_models_keep_their_logits_and_text(make, layers, directions, tmp_path):
    model = trained(make(5, layers, bidirectional=directions == 2), VOCAB)
    model.save_parameters(str(tmp_path / "x.params"))
    found = foreign_model.recognise(
        params_file.read(tmp_path / "x.params"), "relu" if make is rnn.RNN else None
    )
    checkpoint.Checkpoint(*found, VOCAB.idx_to_token).save(tmp_path / "out")
    ours, vocab = assert_same(model, tmp_path / "out", model.rnn.begin_state)
    assert d2l.predict_ch8("abc", 50, ours, vocab, CPU) == greedy(model, VOCAB, "abc", 50)


def test_the_command_makes_a_run_for_the_others(tmp_path, vocab_file, command):
    model = trained(rnn.RNN(5, activation="tanh"), VOCAB)
    model.save_parameters(str(tmp_path / "x.params"))
    out = tmp_path / "out.safetensors"
    given = "import", tmp_path / "x.params", "--out", out, "--vocab", vocab_file
    done = command(*given, "--activation", "tanh")
    assert (done.returncode, done.stderr) == (0, "")
    assert "RNN (tanh), 1 layer, 5 hidden units, 7 tokens, those of vocab.json" in done.stdout
    assert_same(model, out, model.rnn.begin_state)
    found = checkpoint.load(out)
    assert (found.epoch, found.history, found.random_state) == (None, None, None)
    assert found.config["imported_from"] == "x.params"
    again = command(*given)
    assert again.returncode == 2 and "exists: give another name" in again.stderr
    assert again.stdout == "" and again.stderr.count("\n") == 1


def test_the_vocabulary_is_the_corpus_as_the_book_reads_it(sample_corpus, tmp_path, command):
    _, vocab = d2l.load_corpus_time_machine()
    model = trained(rnn.GRU(4), vocab)
    model.save_parameters(str(tmp_path / "x.params"))
    given = "--out", tmp_path / "out", "--corpus", sample_corpus
    assert command("import", tmp_path / "x.params", *given).returncode == 0
    _, found = assert_same(model, tmp_path / "out", model.rnn.begin_state)
    assert found.idx_to_token == vocab.idx_to_token


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "x.params"
    trained(rnn.GRU(4), VOCAB).save_parameters(str(path))
    return path


@pytest.fixture
def refused(command, tmp_path):
    return lambda file, *more: refusal(command, file, tmp_path / "out", *more)


def test_another_size_of_the_vocabulary_tells_both_and_the_way_out(good, sample_corpus, refused):
    line = refused(good)
    size = len(d2l.load_corpus_time_machine()[1])
    assert "of 7 tokens" in line and f"has {size}" in line and "--vocab" in line


def test_without_the_books_text_no_other_stands_in(good, refused):
    assert "is not at hand: give the text with --corpus" in refused(good)


@pytest.mark.parametrize(
    "tokens",
    [
        *("{", "7", '["a", "b"]', '["<unk>", "a", "a"]', '["<unk>", 1]', '["<unk>", ["a"]]', "[]"),
        *('{"a": 0, "b": 2}', '{"a": 0, "b": 0}', '{"a": 0, "b": true}', '{"a": "0"}', "{}"),
        "[" * 100_000,
    ],
)
def test_what_is_no_vocabulary_is_one_line(tokens, good, refused, tmp_path):
    (tmp_path / "v.json").write_text(tokens)
    assert "v.json" in refused(good, "--vocab", tmp_path / "v.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"PK\x03\x04" + b"0" * 300, None],
    ids=["empty", "text", "zip", "folder"],
)
def test_what_is_no_params_file_is_one_line(content, refused, tmp_path):
    path = tmp_path / "x.params"
    path.mkdir() if content is None else path.write_bytes(content)
    assert "x.params" in refused(path)


def test_files_that_are_not_there_are_one_line(good, refused, tmp_path):
    assert "none" in refused(tmp_path / "none")
    assert "none.json" in refused(good, "--vocab", tmp_path / "none.json")


def test_a_folder_that_is_not_there_is_one_line(good, tmp_path, command):
    line = refusal(command, good, tmp_path / "missing" / "out")
    assert "missing" in line and "can't be written" in line


def test_an_rnn_without_its_activation_names_the_option(tmp_path, refused):
    trained(rnn.RNN(4), VOCAB).save_parameters(str(tmp_path / "x.params"))
    line = refused(tmp_path / "x.params")
    assert "can't be imported" in line and "give --activation relu" in line


def test_a_model_that_diverged_is_refused(good, refused, vocab_file, tmp_path):
    arrays = params_file.read(good)
    next(iter(arrays.values()))[0] = numpy.nan
    numpy.savez(tmp_path / "x.npz", **arrays)
    line = refused(tmp_path / "x.npz", "--vocab", vocab_file)
    assert "are infinite or no numbers" in line and "diverged" in line


# ---- The book's first editions, until 2019: no <unk>, characters of any language, in any order ----

CHARACTERS = list("分开不想 要直升机")


@pytest.fixture(params=["list", "dict"])
def of_2019(request, tmp_path, command):
    """Import a GRU from scratch as their code has it; return the run and its parameters."""
    rng, V, H = numpy.random.RandomState(4), len(CHARACTERS), 6
    shapes = [(V, H), (H, H), (H,)] * 3 + [(H, V), (V,)]
    params = [rng.normal(0, 0.8, shape).astype("f4") for shape in shapes]
    npx.reset_np()
    mx.nd.save(str(tmp_path / "x.params"), [mx.nd.array(param) for param in params])
    npx.set_np()
    indices = dict(sorted((c, i) for i, c in enumerate(CHARACTERS)))
    tokens = CHARACTERS if request.param == "list" else indices
    (tmp_path / "v.json").write_text(json.dumps(tokens), encoding="utf-8")
    given = "--out", tmp_path / "run", "--vocab", tmp_path / "v.json"
    done = command("import", tmp_path / "x.params", *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "GRU (reset gate before the product, the book's), 1 layer, 6 hidden units" in done.stdout
    return tmp_path / "run", params


def test_a_first_token_that_is_a_character_is_read_and_written(of_2019, command):
    run, params = of_2019
    # The first character most of all.
    saved = checkpoint.load(run)
    saved.params["params.10"][0] += 9
    saved.save(run)
    done = command("generate", run, "不分开", "--length", 5, "--temperature", 0)
    assert done.stdout == "不分开" + "分" * 5 + "\n"
    model, vocab = restore(run)
    assert vocab.idx_to_token == CHARACTERS
    assert d2l.predict_ch8("不分开", 5, model, vocab, CPU) == "不分开" + "分" * 5


def test_such_a_model_predicts_what_the_equations_say(of_2019, command):
    run, params = of_2019
    X = reference.one_hot([[CHARACTERS.index(c) for c in "不分开"]], len(CHARACTERS))
    state = (numpy.zeros((1, 6)),)
    logits, _ = reference.scratch(reference.gru_cell, X, state, params)
    done = command("generate", run, "不分开", "--length", 1, "--temperature", 0)
    assert done.stdout == "不分开" + CHARACTERS[logits[-1].argmax()] + "\n"


def test_characters_that_such_a_model_lacks_are_named(of_2019, command, tmp_path):
    run, _ = of_2019
    code, _, told = command("generate", run, "分x")
    assert code == 2 and "'x'" in told and "it knows 9, such as '分', '开'" in told
    (tmp_path / "text.txt").write_text("分开x不想", encoding="utf-8")
    code, _, told = command("evaluate", run, tmp_path / "text.txt")
    assert code == 2 and "'x' is not in the vocabulary, which has no <unk>" in told
    (tmp_path / "text.txt").write_text("分开不想" * 20, encoding="utf-8")
    code, printed, told = command("evaluate", run, tmp_path / "text.txt")
    assert (code, told) == (0, "") and "79" in printed


def test_the_command_needs_no_mxnet(run_python, vocab_file, tmp_path):
    file = pathlib.Path(__file__).parents[1] / "data" / "written_by_mxnet2" / "gru.params"
    words = ["import", str(file), "--out", str(tmp_path / "run"), "--vocab", str(vocab_file)]
    done = run_python(
        "import sys; from gluon_gru import cli; sys.modules['mxnet'] = None; "
        f"sys.argv[1:] = {words!r}; cli.main()"
    )
    assert done.returncode == 0 and "GRU" in done.stdout and "2 layers" in done.stdout, done.stderr
    assert checkpoint.load(tmp_path / "run").vocab == VOCAB.idx_to_token
