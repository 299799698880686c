"""A trained model beside counts of its text: in its record, and in sentences."""

import copy
import json

import pytest
from toy_texts import SMALL, write_toy

from gluon_gru import own_texts
from gluon_gru.own_texts import comparing
from gluon_gru.own_texts.comparing import verdict
from gluon_gru.published.verbatim import verbatim_share
from gluon_gru.runs import record as records
from gluon_gru.text import ngrams
from gluon_gru.text.ngrams import best_prediction
from gluon_gru.text.reading import read
from gluon_gru.text.rules import Rules
from gluon_gru.text.textfile import TextFile

pytestmark = pytest.mark.usefixtures("no_pictures")


# At rates with which they learn little, so that not all of what they write is copied.
@pytest.mark.parametrize("tokens, lr", [("characters", 0.01), ("words", 1e-3)])
def test_a_record_has_the_figures_of_the_counts_and_of_a_sample(tmp_path, tokens, lr):
    path, run = write_toy(tmp_path, 400), tmp_path / "run"
    record = own_texts.train(path, run, tokens=tokens, **{**SMALL, "epochs": 1, "lr": lr})
    found, num_training = record["comparison"], record["text"]["num_training"]
    assert json.loads((run / "record.json").read_text())["comparison"] == found
    assert records.read(run / "record.json").results["comparison"] == found
    text = read(TextFile(path), Rules(tokens), lambda num_tokens: num_training)[0]
    counted = best_prediction(text.tokens[:num_training], text.held_out, len(text.vocab))
    assert (found["order"], found["num_counted"]) == (counted.order, num_training)
    assert found["bits_per_character"] == text.bits_per_character(counted.loss)
    # The sample is of the model in the folder, and copied as far as its parts are in the text.
    assert found["sample"] == "".join(own_texts.generate(run, length=300, seed=1))[:300]
    training = "".join(text.vocab.to_tokens(text.tokens[:num_training]))
    windows = [found["sample"][i : i + 10] in training for i in range(291)]
    copied = [any(windows[max(0, i - 9) : i + 1]) for i in range(300)]
    assert found["copied"] == pytest.approx(sum(copied) / 300)
    assert 0 < found["copied"] < 1
    held_out = "".join(text.vocab.to_tokens(text.held_out))[:1000]
    assert found["held_out_copied"] == verbatim_share(held_out, training) > 0


def test_of_a_long_text_the_end_is_compared_with(tmp_path, monkeypatch):
    for module in (ngrams, comparing):
        monkeypatch.setattr(module, "MAX_COUNTED", 40)
    record = own_texts.train(write_toy(tmp_path), tmp_path / "run", **SMALL)
    assert record["comparison"]["num_counted"] == 40
    assert record["comparison"]["copied"] < 0.5
    assert "is copied from the text (of the last 40 characters), in runs of 10" in verdict(record)


def test_a_resumed_run_is_compared_anew(tmp_path):
    path, run = write_toy(tmp_path), tmp_path / "run"
    record = own_texts.train(path, run, **SMALL)
    stale = json.loads((run / "record.json").read_text())
    stale["comparison"]["bits_per_character"] = 9
    (run / "record.json").write_text(json.dumps(stale))
    assert own_texts.train(path, run, resume=True)["comparison"] == record["comparison"]


ROUNDS = [{"bits_per_character": bits} for bits in (3, 2, 2.5)]
RECORD = {
    "settings": {"tokens": "characters"},
    "text": {"size": 16307, "num_training": 14676},
    "rounds": ROUNDS,
    "best": ROUNDS[1],
    "comparison": {
        "order": 4,
        "num_counted": 14676,
        "bits_per_character": 2.2,
        "sample": "",
        "copied": 0.123,
        "held_out_copied": 0.06,
    },
}


def test_a_model_that_is_better_gets_one_sentence():
    assert verdict(RECORD) == (
        "A count of letter sequences (4-gram) reaches 2.200 bits a character on the held-out part, "
        "this model 2.000; 12% of this sample is copied from the text, in runs of 10 characters or "
        "more (6% of the held-out part is there, too)."
    )
    words = {**RECORD, "settings": {"tokens": "words"}}
    assert verdict(words).startswith("A count of word sequences (4-gram) reaches 2.200")


@pytest.mark.parametrize(
    "counts, how", [(2.1, "barely better"), (2.0, "no better"), (1.5, "no better")]
)
@pytest.mark.parametrize(
    "best, why",
    [
        (1, "it learned what it could from 16 kB; a longer text would teach it more."),
        (2, "it was still improving when training ended, so more epochs would help."),
    ],
)
def test_a_model_that_is_hardly_better_is_told_so_and_why(counts, how, best, why):
    record = copy.deepcopy(RECORD)
    record["comparison"]["bits_per_character"] = counts
    record["rounds"][2]["bits_per_character"] = 2
    record["rounds"][1]["epoch"] = 1
    record["best"] = record["rounds"][best]
    assert verdict(record).endswith(f" So the model is {how} than counting: {why}")


def test_a_model_that_hardly_trained_is_told_so(tmp_path):
    path = write_toy(tmp_path)
    record = own_texts.train(path, tmp_path / "run", **{**SMALL, "epochs": 1, "lr": 1e-5})
    assert "no better than counting: it was still improving" in verdict(record)
