"""Training on a text of one's own: it learns, keeps the best, and can be interrupted anywhere."""

import collections
import csv
import functools
import json
import math
import random

import campaign
import numpy
import pytest
from stopped import ctrl_c_at, digits
from toy_texts import SMALL, toy_text, write_toy

from gluon_gru import own_texts
from gluon_gru.errors import InputError, TrainingDiverged
from gluon_gru.own_texts import schedule
from gluon_gru.own_texts.rounds import best_round
from gluon_gru.own_texts.settings import CELLS, num_validation
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import restore
from gluon_gru.text import reading, rules, textfile
from gluon_gru.training.learner import EngineLearner as Learner

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch):
    """Let rounds be an epoch, or half a long one."""
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 2500))


def unigram_perplexity(text, num_training):
    """Return the held-out part's perplexity by the frequencies of the training part."""
    counts, held_out = collections.Counter(text[:num_training]), text[num_training + 1 :]
    return math.exp(-sum(math.log(counts[c] / num_training) for c in held_out) / len(held_out))


@pytest.mark.parametrize("optimizer, lr", [("adam", 0.02), ("sgd", 1)])
def test_a_model_learns_what_no_frequencies_tell(tmp_path, optimizer, lr):
    path, text = write_toy(tmp_path), toy_text()
    record = own_texts.train(
        path, tmp_path / "run", optimizer=optimizer, seed=3, **{**SMALL, "lr": lr, "epochs": 6}
    )
    num_training = len(text) - num_validation(len(text), 0.1)
    assert record["text"]["num_training"] == num_training
    unigram = unigram_perplexity(text, num_training)
    assert record["best"]["validation_perplexity"] < unigram / 2
    assert record["rounds"][0]["train_perplexity"] > record["rounds"][-1]["train_perplexity"]
    assert record["best"]["bits_per_character"] == pytest.approx(
        math.log2(record["best"]["validation_perplexity"])
    )


@pytest.mark.parametrize("cell", CELLS)
def test_the_best_model_is_kept_and_scores_as_recorded(tmp_path, cell):
    path, text = write_toy(tmp_path), toy_text()
    # So large a rate that it gets worse on the way.
    record = own_texts.train(
        path, tmp_path / "run", cell=cell, **{**SMALL, "lr": 0.2, "epochs": 5, "decay": 1}
    )
    best = best_round(record["rounds"])
    assert json.loads((tmp_path / "run" / "record.json").read_text()) == record
    assert record["best"] == best
    held_out = tmp_path / "held-out.txt"
    held_out.write_text(text[record["text"]["num_training"] :])
    found = own_texts.evaluate(tmp_path / "run", held_out)
    assert found.perplexity == pytest.approx(best["validation_perplexity"], rel=1e-6)
    config = checkpoint.load(tmp_path / "run" / "model.safetensors").config
    assert config["text"] == {"tokens": "characters", "case": "keep", "form": "NFC", "words": 2}
    assert (tmp_path / "run" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_words_are_learned_and_bits_count_characters(tmp_path):
    path = write_toy(tmp_path, 400)
    record = own_texts.train(
        path, tmp_path / "run", tokens="words", case="fold", **{**SMALL, "epochs": 8}
    )
    text = reading.read(textfile.TextFile(path), rules.Rules("words", "fold"))[0]
    best, num_training = record["best"], record["text"]["num_training"]
    assert best["validation_perplexity"] < 3
    held_out = text.vocab.to_tokens(text.tokens[num_training + 1 :])
    assert best["bits_per_character"] == pytest.approx(
        math.log2(best["validation_perplexity"]) * len(held_out) / len("".join(held_out))
    )


def test_training_stops_when_patience_runs_out(tmp_path):
    # Noise can only be learned by heart, which the held-out part doesn't reward.
    path = tmp_path / "noise.txt"
    path.write_bytes(numpy.random.RandomState(0).randint(97, 123, 1500).astype("uint8").tobytes())
    record = own_texts.train(
        path, tmp_path / "run", patience=2, **{**SMALL, "num_hiddens": 64, "epochs": 60}
    )
    rounds = record["rounds"]
    assert len(rounds) < 50
    assert rounds.index(best_round(rounds)) == len(rounds) - 3


SETTINGS = {
    "half epochs": {},
    "random, dropout": {"sampling": "random", "num_layers": 2, "dropout": 0.3, "cell": "lstm"},
    "sgd, dropout": {"optimizer": "sgd", "lr": 1, "num_layers": 2, "dropout": 0.3},
}


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.parametrize(
    "name, engine, num_sentences",
    [*((name, "", 160) for name in SETTINGS), ("random, dropout", "off", 16)],
)
def test_an_interrupted_run_goes_on_to_the_same_digits(
    tmp_path, monkeypatch, name, engine, num_sentences
):
    monkeypatch.setenv("GLUON_GRU_ENGINE", engine)
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 16 * num_sentences))
    settings = {**SMALL, "epochs": 2, **SETTINGS[name]}
    path = write_toy(tmp_path, num_sentences)
    whole = own_texts.train(path, tmp_path / "whole", **settings)
    assert len(whole["rounds"]) == 4
    steps = whole["text"]["num_training"] // 32
    # At random (in a campaign), in the first round, in the middle of the first epoch, while
    # scoring, in the second epoch.
    chance = random.Random(name)
    more = [("step", chance.randint(1, steps // 2)) for _ in range(campaign.times(1) - 1)]
    for method, number in (
        *more,
        ("step", 5),
        ("step", steps // 2 + 4),
        ("score", 2),
        ("step", steps // 2 + 3),
    ):
        with ctrl_c_at(number, method):
            own_texts.train(path, tmp_path / "cut", resume=True, **settings)
    resumed = own_texts.train(path, tmp_path / "cut", resume=True)
    assert digits(resumed) == digits(whole)
    for file in ("model.safetensors", "last.safetensors"):
        ours, theirs = (checkpoint.load(tmp_path / run / file).params for run in ("cut", "whole"))
        assert {name: array.tobytes() for name, array in ours.items()} == {
            name: array.tobytes() for name, array in theirs.items()
        }
    assert len(resumed["invocations"]) == len(more) + 5


def test_a_run_of_version_0_1_0_goes_on_with_the_words_that_it_began_with(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 1_000_000))
    path, run = tmp_path / "text.txt", tmp_path / "run"
    text, older = "العَرَبِيَّة لُغَةٌ\n" * 60, functools.partial(rules.Rules, words=1)
    path.write_text(text, encoding="utf-8")
    # In the second round.
    steps = len(older("words").split(text)) * 9 // 10 // 32
    with monkeypatch.context() as patch, ctrl_c_at(steps + 2):
        patch.setattr("gluon_gru.own_texts.training.Rules", older)
        own_texts.train(path, run, tokens="words", **SMALL)
    begun = checkpoint.load(run / "last.safetensors")
    own_texts.train(path, run, resume=True)
    ended = checkpoint.load(run / "last.safetensors")
    assert len(begun.history["rounds"]) == 1 and len(ended.history["rounds"]) == 3
    assert "\u064e" in begun.vocab and ended.vocab == begun.vocab
    assert ended.config["text"]["words"] == 1


def history(folder):
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_the_history_is_the_records_rounds(tmp_path):
    path, run = write_toy(tmp_path), tmp_path / "run"
    with ctrl_c_at(SMALL["epochs"] * 70):
        own_texts.train(path, run, **{**SMALL, "epochs": 2 * SMALL["epochs"]})
    stopped = json.loads((run / "record.json").read_text())["rounds"]
    assert stopped and history(run) == stopped
    assert list(history(run)[0]) == [
        "epoch",
        "train_perplexity",
        "validation_perplexity",
        "bits_per_character",
        "lr",
        "seconds",
        "tokens_per_sec",
    ]
    # As if it had been killed between the two files.
    (run / "history.csv").write_text("epoch\n")
    resumed = own_texts.train(path, run, resume=True)["rounds"]
    assert len(resumed) > len(stopped) and history(run) == resumed


def test_ctrl_c_in_the_first_round_leaves_nothing_half_written(tmp_path):
    path = write_toy(tmp_path)
    with ctrl_c_at(3):
        own_texts.train(path, tmp_path / "run", **SMALL)
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["record.json"]


def test_a_finished_run_is_only_read_when_resumed(tmp_path):
    path = write_toy(tmp_path)
    record = own_texts.train(path, tmp_path / "run", **SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "step", None)
        again = own_texts.train(path, tmp_path / "run", resume=True)
    assert again["rounds"] == record["rounds"]


def test_another_run_text_or_setting_in_the_folder_is_named(tmp_path):
    path, run = write_toy(tmp_path), tmp_path / "run"
    own_texts.train(path, run, **SMALL)
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    with pytest.raises(InputError, match=r"holds a run already \(record.json\): continue it by"):
        own_texts.train(path, run, **SMALL)
    with pytest.raises(InputError, match="its num_hiddens is 16, not 17"):
        own_texts.train(path, run, resume=True, **{**SMALL, "num_hiddens": 17})
    other = tmp_path / "other.txt"
    other.write_text(toy_text(seed=1))
    with pytest.raises(InputError, match=r"holds another run: its text is 'toy.txt'"):
        own_texts.train(other, run, resume=True)
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before


def test_divergence_names_the_way_out_and_keeps_what_was_good(tmp_path, monkeypatch):
    path, original, done = write_toy(tmp_path), Learner.step, []

    def step(*args, **kwargs):
        done.append(None)
        return math.nan if len(done) == 150 else original(*args, **kwargs)

    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(TrainingDiverged, match=r"diverged in round \d+ .* lr below 0.02"):
        own_texts.train(path, tmp_path / "run", **SMALL)
    assert restore(tmp_path / "run")[1].idx_to_token[0] == "<unk>"


def test_the_learning_rate_falls_along_a_cosine(tmp_path):
    record = own_texts.train(write_toy(tmp_path), tmp_path / "run", decay=0.25, **SMALL)
    rates = [done["lr"] for done in record["rounds"]]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(SMALL["lr"] / 4)


def test_a_dollar_sign_in_a_name_is_no_formula(tmp_path, no_pictures):
    no_pictures.undo()
    text = write_toy(tmp_path).rename(tmp_path / "q$x^$.txt")
    own_texts.train(text, tmp_path / "run", **SMALL)
    assert (tmp_path / "run" / "curve.png").is_file()


def test_a_record_with_an_unknown_setting_is_refused(tmp_path):
    text, out = write_toy(tmp_path), tmp_path / "run"
    own_texts.train(text, out, **SMALL)
    record = json.loads((out / "record.json").read_text())
    record["settings"]["more"] = 1
    (out / "record.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="record.json' can't be read .*unknown field `more`"):
        own_texts.train(text, out, resume=True)
