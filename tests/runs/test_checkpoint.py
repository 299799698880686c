"""Checkpoints: every bit comes back, every damage is found, and a failed write harms nothing."""

import subprocess
import sys

import mxnet as mx
import numpy
import pytest
import reference
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import MODELS, loader

import gluon_gru as d2l
from gluon_gru.runs import checkpoint

CPU = mx.cpu()


def make_checkpoint():
    rng = numpy.random.RandomState(0)
    return checkpoint.Checkpoint(
        params={
            "rnn.W": rng.normal(size=(3, 2)).astype("float32"),
            "b": numpy.array([0.0, -0.0, numpy.nan, numpy.inf, 1e-45, 3e38], "float32"),
        },
        config={"model": "RNNModel", "lr": 0.1, "note": "é\n\"'."},
        vocab=["<unk>", "a", "ß"],
        epoch=2,
        history={"perplexity": [1 / 3, 2e300], "continuations": {"1": ["a b"]}},
        random_state=(3, [2**32 - 1, 0, 7], None),
    )


def same(a, b):
    def parts(state):
        return (
            state.config,
            state.vocab,
            state.epoch,
            state.history,
            state.random_state,
            {name: (p.dtype, p.shape, p.tobytes()) for name, p in state.params.items()},
        )

    return parts(a) == parts(b)


def train(path, model="GRU", train_iter=None, vocab=None, lr=1, num_epochs=2, **options):
    train_iter = train_iter or loader()
    vocab = vocab or train_iter.vocab
    return d2l.train(
        MODELS[model](len(vocab)),
        train_iter,
        vocab,
        lr,
        num_epochs,
        CPU,
        checkpoint=path,
        **options,
    )


def refusal(function, *args, **options):
    """Return the one line with which a call is refused."""
    with pytest.raises(d2l.InputError) as error:
        function(*args, **options)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


def test_every_bit_comes_back(path):
    saved = make_checkpoint()
    saved.save(path)
    assert same(checkpoint.load(path), saved)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@settings(max_examples=15)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.lists(st.floats() | st.integers() | st.text(max_size=9), max_size=4),
        max_size=4,
    )
)
def test_any_history_comes_back(tmp_path_factory, history):
    path = tmp_path_factory.mktemp("any") / "run.safetensors"
    saved = make_checkpoint()
    saved.history = history
    saved.save(path)
    assert repr(checkpoint.load(path).history) == repr(history)


def test_a_newer_state_takes_the_older_ones_place(path):
    saved = make_checkpoint()
    for saved.epoch in (3, 4):
        saved.save(path)
    assert checkpoint.load(path).epoch == 4


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, 0.5, 0.9, -8, -1])
def test_a_truncated_file_is_refused(path, kept):
    make_checkpoint().save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    assert repr(str(path)) in refusal(checkpoint.load, path)


def test_a_file_with_something_behind_it_is_refused(path):
    make_checkpoint().save(path)
    path.write_bytes(path.read_bytes() + b"\0")
    assert repr(str(path)) in refusal(checkpoint.load, path)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    path = tmp_path_factory.mktemp("intact") / "run.safetensors"
    make_checkpoint().save(path)
    return path.read_bytes()


@settings(max_examples=250)
@given(st.data())
def test_a_changed_byte_is_found_wherever_it_is(tmp_path_factory, intact, data):
    at = data.draw(st.integers(0, len(intact) - 1))
    change = data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("changed") / "run.safetensors"
    path.write_bytes(intact[:at] + bytes([intact[at] ^ change]) + intact[at + 1 :])
    try:
        found = checkpoint.load(path)
    except d2l.InputError as error:
        assert repr(str(path)) in str(error) and "\n" not in str(error)
    else:
        # Blanks behind safetensors' header say nothing, nor do other blanks in their place.
        assert intact[at : at + 1].isspace() and same(found, make_checkpoint())


FOREIGN = {
    "text": b"The tower clock had stopped.\n",
    "empty": b"",
    "zeros": bytes(1000),
    "another program's": safetensors.numpy.save({"W": numpy.zeros(3, "float32")}),
    "another format's": safetensors.numpy.save(
        {"W": numpy.zeros(3, "float32")}, {"format": "gluon_gru checkpoint 999"}
    ),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_another_programs_file_is_refused_and_left_alone(path, data):
    path.write_bytes(data)
    assert repr(str(path)) in refusal(checkpoint.load, path)
    assert repr(str(path)) in refusal(train, path)
    assert path.read_bytes() == data


def test_a_folder_is_refused(tmp_path):
    assert repr(str(tmp_path)) in refusal(checkpoint.load, tmp_path)
    assert repr(str(tmp_path)) in refusal(train, tmp_path)


def test_a_file_that_is_not_there_is_refused(path):
    assert repr(str(path)) in refusal(checkpoint.load, path)


@pytest.mark.parametrize("place", ["missing/run", "file/run", "x" * 300])
def test_where_nothing_can_be_written_a_run_does_not_even_start(tmp_path, place):
    (tmp_path / "file").write_bytes(b"kept")
    path, epochs = tmp_path / place, []
    message = refusal(train, path, on_epoch=lambda epoch, history: epochs.append(epoch))
    assert repr(str(path)) in message and "can't be" in message
    assert epochs == []
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("lr", [0.5, numpy.float32(0.5), numpy.float64(0.5), numpy.int64(1)])
def test_any_kind_of_number_can_be_the_learning_rate_of_a_saved_run(path, lr):
    train(path, lr=lr, num_epochs=1)
    assert checkpoint.load(path).config["lr"] == lr


OTHER_RUNS = {
    "lr": ({"lr": 0.5}, "its lr is 1"),
    "model": ({"model": "scratch GRU"}, "its model is 'RNNModel'"),
    "layer": ({"model": "LSTM"}, "its layer is 'gru'"),
    "layers": ({"model": "GRU of 2 layers"}, "its num_layers is 1"),
    "corpus": ({"train_iter": loader("abcdefg" * 14)}, "its corpus is '"),
    "batch_size": ({"train_iter": loader(batch_size=3)}, "its batch_size is 4"),
    "num_steps": ({"train_iter": loader(num_steps=3)}, "its num_steps is 4"),
    "sampling": ({"use_random_iter": True}, "its use_random_iter is False"),
    "fact": ({"config": {"seed": 2}}, "its seed is 1, this one's 2"),
    "vocabulary": ({"vocab": d2l.Vocab(list("stuvwxy"))}, "another vocabulary"),
    "epochs": ({"num_epochs": 1}, "is of epoch 2, but only 1"),
    "two things": ({"lr": 0.5, "num_epochs": 1}, "1.0, this one's 0.5; it is of epoch 2, but"),
}


@pytest.mark.parametrize("options, complaint", OTHER_RUNS.values(), ids=OTHER_RUNS)
def test_a_checkpoint_of_another_run_is_refused_by_name_and_left_alone(path, options, complaint):
    train(path, config={"seed": 1})
    data = path.read_bytes()
    message = refusal(train, path, **{"config": {"seed": 1}, **options})
    assert repr(str(path)) in message and complaint in message
    assert path.read_bytes() == data


def test_parameters_of_other_shapes_are_refused(path):
    train_iter = loader()

    def train_rnn(num_hiddens):
        model = d2l.RNNModelScratch(
            len(train_iter.vocab), num_hiddens, CPU, d2l.get_rnn_params, d2l.init_rnn_state, d2l.rnn
        )
        # A model of the user's own, which doesn't say what it is.
        model.config = lambda: {"model": "mine"}
        d2l.train(model, train_iter, train_iter.vocab, 1, 1, CPU, checkpoint=path)
        return model

    train_rnn(4)
    assert "parameters of another model" in refusal(train_rnn, 5)


def test_what_a_killed_run_left_unfinished_goes_when_the_run_goes_on(path):
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    for name in (path.name, "another"):
        path.with_name(f".{name}.{process.pid}.part").write_bytes(b"half")
    train(path)
    assert sorted(p.name for p in path.parent.iterdir()) == [
        f".another.{process.pid}.part",
        path.name,
    ]


def test_a_model_without_a_training_is_no_run_to_go_on_with(path):
    train(path)
    saved = checkpoint.load(path)
    checkpoint.Checkpoint(saved.params, saved.config, saved.vocab).save(path)
    assert checkpoint.load(path).epoch is None
    assert "holds a model, but no training to continue" in refusal(train, path)


def test_a_finished_run_is_not_trained_again(path):
    d2l.set_seed(0)
    train_iter = loader()
    model = MODELS["scratch GRU"](len(train_iter.vocab))
    first = d2l.train(model, train_iter, train_iter.vocab, 1, 2, CPU, checkpoint=path)
    other = MODELS["scratch GRU"](len(train_iter.vocab))
    again = d2l.train(other, train_iter, train_iter.vocab, 1, 2, CPU, checkpoint=path)
    assert again == first
    for a, b in zip(reference.parameters(model), reference.parameters(other)):
        assert (a == b).all()


def test_the_state_before_a_divergence_is_kept_and_named(path):
    train_iter, broken = loader(), []

    def gru(inputs, state, params):
        outputs, state = d2l.gru(inputs, state, params)
        return (outputs * numpy.inf if broken else outputs), state

    def model():
        return d2l.RNNModelScratch(
            len(train_iter.vocab), 4, CPU, d2l.get_gru_params, d2l.init_gru_state, gru
        )

    def break_after_two(epoch, history):
        broken.extend([epoch] if epoch == 2 else [])

    # The second time it goes on from the file, and diverges at once.
    for _ in range(2):
        with pytest.raises(d2l.TrainingDiverged) as error:
            d2l.train(
                model(),
                train_iter,
                train_iter.vocab,
                1,
                5,
                CPU,
                checkpoint=path,
                on_epoch=break_after_two,
            )
        assert "in epoch 3" in str(error.value)
        assert f"the state after epoch 2 is in {str(path)!r}" in str(error.value)
    kept = checkpoint.load(path)
    assert kept.epoch == 2 == len(kept.history["perplexity"])
    assert all(numpy.isfinite(param).all() for param in kept.params.values())
    broken.clear()
    history = d2l.train(model(), train_iter, train_iter.vocab, 1, 5, CPU, checkpoint=path)
    assert len(history) == 5 and history.perplexity[:2] == kept.history["perplexity"]


def test_weights_ruined_by_an_epochs_last_update_are_not_kept(path, monkeypatch):
    train_iter = loader()
    model, updates = MODELS["scratch GRU"](len(train_iter.vocab)), []

    def ruin_at_the_end_of_the_third_epoch(model, *args):
        updates.append(None)
        if len(updates) == 3 * len(list(loader())):
            model.params[0][:] = numpy.inf

    monkeypatch.setattr(
        "gluon_gru.training.mxnet_learner.clipped_sgd", ruin_at_the_end_of_the_third_epoch
    )
    with pytest.raises(d2l.TrainingDiverged, match="in epoch 3 .its weights.*epoch 2 is in"):
        d2l.train(model, train_iter, train_iter.vocab, 1, 5, CPU, checkpoint=path)
    assert checkpoint.load(path).epoch == 2
