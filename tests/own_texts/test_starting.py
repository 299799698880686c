"""Training that starts from a trained model: it begins as the old one ended, with rows for new tokens."""

import dataclasses
import json
import shutil
import unicodedata

import numpy
import pytest
from stopped import ctrl_c_at, digits
from toy_texts import SMALL, toy_text, write_toy

from gluon_gru import own_texts
from gluon_gru.errors import InputError
from gluon_gru.own_texts import schedule
from gluon_gru.own_texts.model import load_trained, model_config
from gluon_gru.own_texts.settings import Settings
from gluon_gru.own_texts.starting import load_start
from gluon_gru.runs import checkpoint
from gluon_gru.text.rules import Rules
from gluon_gru.training.learner import learner_from

pytestmark = pytest.mark.usefixtures("no_pictures")

TRAINING = {name: SMALL[name] for name in ("batch_size", "num_steps")}

# Too low to move a weight.
STILL = {**TRAINING, "lr": 1e-20, "epochs": 1}

# "?", "w", "y" and so on are new to a model of the toy text.
OTHER = toy_text(60, seed=1).replace("sees", "why? does the cow see").replace("dog", "Yak")


@pytest.fixture(scope="module", params=["characters", "words"])
def trained(request, tmp_path_factory):
    """Return a folder with ``toy.txt``, its ``run``, and ``other.txt``."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = {**SMALL, "epochs": 6, "num_layers": 2, "dropout": 0.2, "cell": "lstm"}
    own_texts.train(write_toy(folder), folder / "run", tokens=request.param, **settings)
    (folder / "other.txt").write_text(OTHER, encoding="utf-8")
    return folder


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("engine", ["", pytest.param("off", marks=pytest.mark.slow)])
def test_the_same_text_is_predicted_as_before(trained, tmp_path, monkeypatch, engine):
    monkeypatch.setenv("GLUON_GRU_ENGINE", engine)
    before = files(trained / "run")
    found = own_texts.train(
        trained / "toy.txt", tmp_path / "new", from_run=trained / "run", dropout=0.4, **STILL
    )
    old = json.loads(before["record.json"])
    assert found["best"]["validation_perplexity"] == pytest.approx(
        old["best"]["validation_perplexity"], rel=1e-5
    )
    assert found["text"] == old["text"] and files(trained / "run") == before
    own = ("tokens", "case", "cell", "num_hiddens", "num_layers")
    assert {name: found["settings"][name] for name in own} == {
        name: old["settings"][name] for name in own
    }
    assert found["settings"]["dropout"] == 0.4 and found["settings"]["lr"] == 1e-20
    start = found["started_from"]
    assert (start["name"], start["vocab_size"]) == ("run", old["text"]["vocab_size"])
    assert start["sha256"] == load_start(trained / "run").sha256
    ours, theirs = (
        checkpoint.load(run / "model.safetensors") for run in (tmp_path / "new", trained / "run")
    )
    assert ours.vocab == theirs.vocab
    for name, array in theirs.params.items():
        numpy.testing.assert_allclose(ours.params[name], array, atol=1e-12)


def test_new_tokens_leave_what_is_known_as_it_was(trained, tmp_path):
    found = own_texts.train(
        trained / "other.txt", tmp_path / "new", from_run=trained / "run", **STILL
    )
    old, vocab, _ = load_trained(trained / "run")
    new, grown, config = load_trained(tmp_path / "new")
    count = len(vocab)
    assert grown.idx_to_token[:count] == vocab.idx_to_token and len(grown) > count + 1
    assert found["text"]["vocab_size"] == len(grown) == config["vocab_size"]
    prefix = list(range(1, count))
    ours, theirs = (learner.reader()(prefix).astype("float64") for learner in (new, old))
    # Logits that are equal give chances that are in proportion.
    numpy.testing.assert_allclose(ours[:count], theirs, rtol=1e-5, atol=1e-5)
    params = new.params()
    assert abs(params["dense.bias"][count:]).max() < 1e-12
    bound = found["settings"]["num_hiddens"] ** -0.5
    assert 0.5 * bound < abs(params["dense.weight"][count:]).max() <= bound
    assert 0.5 < abs(params["rnn.l0_i2h_weight"][:, count:]).max() <= 1
    # They can be written and read.
    piece = grown.idx_to_token[count]
    assert "".join(own_texts.generate(tmp_path / "new", piece, 3, seed=1)).startswith(piece)


def test_new_tokens_come_by_frequency_and_rare_words_are_unknown(trained, tmp_path):
    found = own_texts.train(
        trained / "other.txt", tmp_path / "new", from_run=trained / "run", **STILL
    )
    old, new = (load_trained(run)[1] for run in (trained / "run", tmp_path / "new"))
    added = new.idx_to_token[len(old) :]
    if found["settings"]["tokens"] == "characters":
        expected = {*OTHER} - {*old.idx_to_token}
        counts = [OTHER.count(token) for token in added]
        assert set(added) == expected and counts == sorted(counts, reverse=True)
    else:
        assert set(added) == {" why", "?", " does", " cow", " see", " Yak"}
    assert "Yak" not in new.token_to_idx


def test_the_optimiser_begins_anew_and_the_model_learns_the_new_text(trained, tmp_path):
    found = own_texts.train(
        trained / "other.txt",
        tmp_path / "new",
        from_run=trained / "run" / "model.safetensors",
        **{**TRAINING, "lr": 0.02, "epochs": 4},
    )
    steps = checkpoint.load(tmp_path / "new" / "last.safetensors").params["learner steps"]
    assert steps == 4 * steps_per_epoch(found)
    assert found["started_from"]["name"] == "model.safetensors"
    before, after = (
        own_texts.evaluate(run, trained / "other.txt")
        for run in (trained / "run", tmp_path / "new")
    )
    assert after.bits_per_character_spelled_out < before.bits_per_character_spelled_out / 2
    assert after.num_unknown == 0 < before.num_unknown


def steps_per_epoch(record):
    return (record["text"]["num_training"] - 1) // (SMALL["batch_size"] * SMALL["num_steps"])


@pytest.mark.parametrize(
    "engine, epoch, number, method",
    [("", 0, 2, "step"), ("", 0, 1, "score"), ("", 1, 5, "step")]
    + [pytest.param("off", 0, 2, "step", marks=pytest.mark.slow)],
)
def test_stopped_anywhere_it_goes_on_without_the_first_model(
    trained, tmp_path, monkeypatch, engine, epoch, number, method
):
    monkeypatch.setenv("GLUON_GRU_ENGINE", engine)
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 1_000_000))
    shutil.copytree(trained / "run", tmp_path / "run")
    how = {**TRAINING, "lr": 0.02, "epochs": 3, "from_run": tmp_path / "run"}
    whole = own_texts.train(trained / "other.txt", tmp_path / "whole", **how)
    with ctrl_c_at(epoch * steps_per_epoch(whole) + number, method):
        own_texts.train(trained / "other.txt", tmp_path / "cut", **how)
    last = checkpoint.load(tmp_path / "cut" / "last.safetensors")
    assert len(last.history["rounds"]) == epoch
    shutil.rmtree(tmp_path / "run")
    resumed = own_texts.train(trained / "other.txt", tmp_path / "cut", resume=True)
    assert digits(resumed) == digits(whole) and resumed["started_from"] == whole["started_from"]
    for name in ("model.safetensors", "last.safetensors"):
        ours, theirs = (checkpoint.load(tmp_path / run / name) for run in ("cut", "whole"))
        assert ours.config == theirs.config and ours.vocab == theirs.vocab
        for of, array in theirs.params.items():
            assert ours.params[of].tobytes() == array.tobytes()


def test_a_folder_without_its_first_save_asks_for_the_model(trained, tmp_path):
    how = {**STILL, "from_run": trained / "run"}
    own_texts.train(trained / "toy.txt", tmp_path / "new", **how)
    for name in ("last.safetensors", "model.safetensors"):
        (tmp_path / "new" / name).unlink()
    with pytest.raises(InputError, match="name the model that it starts from again, by --from"):
        own_texts.train(trained / "toy.txt", tmp_path / "new", resume=True)
    # The same file, by another name.
    how["from_run"] = trained / "run" / "model.safetensors"
    again = own_texts.train(trained / "toy.txt", tmp_path / "new", resume=True, **how)
    assert again["started_from"]["name"] == "run"
    assert len(again["invocations"]) == 2


def test_what_is_the_models_cant_be_changed(trained, tmp_path):
    old = json.loads((trained / "run" / "record.json").read_text())["settings"]
    others = {
        "cell": "gru",
        "num_hiddens": 17,
        "num_layers": 1,
        "case": "fold",
        "tokens": ({"characters", "words"} - {old["tokens"]}).pop(),
    }
    for name, value in others.items():
        with pytest.raises(InputError) as error:
            own_texts.train(
                trained / "toy.txt", tmp_path / "new", from_run=trained / "run", **{name: value}
            )
        assert str(error.value).startswith(f"{name} is {value!r}, but the model ")
        assert f"has {old[name]!r}, which more training can't change" in str(error.value)
    assert not (tmp_path / "new").exists()
    # What is the same may be said again.
    own_texts.train(
        trained / "toy.txt",
        tmp_path / "new",
        from_run=trained / "run",
        **{**STILL, **{name: old[name] for name in others}},
    )


def test_steps_without_rounds_are_refused(trained, tmp_path):
    own_texts.train(trained / "toy.txt", tmp_path / "new", from_run=trained / "run", **STILL)
    path = tmp_path / "new" / "last.safetensors"
    saved = checkpoint.load(path)
    dataclasses.replace(saved, history={**saved.history, "rounds": []}).save(path)
    with pytest.raises(InputError, match="last.safetensors': it has 0 rounds, but .* steps"):
        own_texts.train(trained / "toy.txt", tmp_path / "new", resume=True)


def test_another_model_or_text_is_refused_when_it_goes_on(trained, tmp_path):
    how = {**STILL, "from_run": trained / "run"}
    own_texts.train(trained / "other.txt", tmp_path / "new", **how)
    before = files(tmp_path / "new")
    with pytest.raises(InputError, match="started from the model 'run' .SHA-256 .*, not the model"):
        own_texts.train(
            trained / "other.txt", tmp_path / "new", True, **{**how, "from_run": tmp_path / "new"}
        )
    with pytest.raises(InputError, match="it started from new weights, not the model 'run'"):
        own_texts.train(trained / "toy.txt", trained / "run", True, **how)
    with pytest.raises(InputError, match="its text is 'other.txt'"):
        own_texts.train(trained / "toy.txt", tmp_path / "new", resume=True)
    with pytest.raises(InputError, match="its lr is 1e-20, not 0.1"):
        own_texts.train(trained / "other.txt", tmp_path / "new", True, **{**how, "lr": 0.1})
    with pytest.raises(InputError, match="holds a run already"):
        own_texts.train(trained / "other.txt", trained / "run", **how)
    assert files(tmp_path / "new") == before


def test_a_model_keeps_its_rules_whatever_the_text(tmp_path):
    text = unicodedata.normalize("NFD", "Tiếng Việt có dấu. Đất nước ta đẹp.\n" * 30)
    (tmp_path / "nfd.txt").write_text(text, encoding="utf-8")
    own_texts.train(tmp_path / "nfd.txt", tmp_path / "run", case="fold", **SMALL)
    (tmp_path / "ascii.txt").write_text(toy_text(), encoding="utf-8")
    (tmp_path / "nfc.txt").write_text(unicodedata.normalize("NFC", text), encoding="utf-8")
    for name in ("ascii.txt", "nfc.txt"):
        new = tmp_path / name.partition(".")[0]
        own_texts.train(tmp_path / name, new, from_run=tmp_path / "run", **STILL)
        own_texts.train(tmp_path / name, new, resume=True)
        saved = checkpoint.load(new / "model.safetensors")
        assert saved.config["text"] == {
            "tokens": "characters",
            "case": "fold",
            "form": "NFD",
            "words": 2,
        }
        assert not {*"ếT"} & {*saved.vocab}


def saved_as(path, trained, **config):
    """Save the trained model with changes to its config; return the path."""
    saved = checkpoint.load(trained / "run" / "model.safetensors")
    changed = {**saved.config, **config}
    changed = {name: value for name, value in changed.items() if value is not None}
    dataclasses.replace(saved, config=changed).save(path)
    return path


def test_models_that_train_could_not_have_made_are_refused(trained, tmp_path):
    path = tmp_path / "a.safetensors"
    for config, said in (
        ({"text": None}, "is a model of the book's text: name a run of gluon-gru train"),
        ({"directions": 2}, "it takes layers of one direction, of the cells rnn, gru, gru-after, "),
        ({"cell": "rnn_relu"}, "can't train such a model further"),
        ({"cell": None}, "can't train such a model further"),
        ({"num_hiddens": 17}, "are the parameters of another model"),
    ):
        saved_as(path, trained, **config)
        with pytest.raises(InputError, match=said) as error:
            own_texts.train(trained / "toy.txt", tmp_path / "new", from_run=path)
        assert repr(str(path)) in str(error.value)
    with pytest.raises(InputError, match="it is where a training continues, not a model alone"):
        load_start(trained / "run" / "last.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="is damaged or no checkpoint"):
        load_start(path)
    with pytest.raises(InputError, match="holds no trained model: give a folder"):
        load_start(tmp_path)
    assert not (tmp_path / "new").exists()


def test_a_text_of_nothing_known_is_refused(trained, tmp_path):
    (tmp_path / "text.txt").write_text("猫。犬。鳥。" * 99, encoding="utf-8")
    with pytest.raises(InputError, match="has none of the .* tokens that the model .* train a new"):
        own_texts.train(
            tmp_path / "text.txt", tmp_path / "new", from_run=trained / "run", **TRAINING
        )
    assert not (tmp_path / "new").exists()


def test_a_model_without_unk_is_trained_further(tmp_path):
    own_texts.train(write_toy(tmp_path), tmp_path / "run", **SMALL)
    saved = checkpoint.load(tmp_path / "run" / "model.safetensors")
    how = Settings(**json.loads((tmp_path / "run" / "record.json").read_text())["settings"])
    config = model_config(how, len(saved.vocab) - 1, Rules.of(saved.config))
    params = dict(saved.params)
    for name in ("dense.weight", "dense.bias"):
        params[name] = params[name][1:]
    params["rnn.l0_i2h_weight"] = params["rnn.l0_i2h_weight"][:, 1:].copy()
    path = tmp_path / "without.safetensors"
    dataclasses.replace(saved, params=params, config=config, vocab=saved.vocab[1:]).save(path)
    (tmp_path / "other.txt").write_text(OTHER, encoding="utf-8")
    found = own_texts.train(tmp_path / "other.txt", tmp_path / "new", from_run=path, **STILL)
    new = checkpoint.load(tmp_path / "new" / "model.safetensors")
    assert new.vocab[: len(saved.vocab) - 1] == saved.vocab[1:] and "<unk>" not in new.vocab
    assert found["text"]["unknown"] == 0
    reads = [
        learner_from(some.params, some.config).reader()([1, 2])
        for some in (new, checkpoint.load(path))
    ]
    numpy.testing.assert_allclose(reads[0][: len(reads[1])], reads[1], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_it_needs_no_mxnet(trained, tmp_path, run_python):
    how = {**STILL, "from_run": str(trained / "run")}
    done = run_python(
        "import sys; from gluon_gru import own_texts; "
        f"own_texts.train({str(trained / 'other.txt')!r}, {str(tmp_path / 'new')!r}, **{how!r}); "
        "print('mxnet' in sys.modules)"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
