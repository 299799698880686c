"""What makes a model or its figures poor is said before training, and nothing else is."""

import random
import warnings

import pytest
from toy_texts import SMALL, toy_text

from gluon_gru import own_texts

WORDS = ["".join(random.Random(i).choices("abcdefgh", k=6)) for i in range(300)]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Let texts of 100 bytes be long enough."""
    monkeypatch.setattr("gluon_gru.own_texts.advice._SHORT", 100)


def advice(tmp_path, text, **settings):
    """Return what is said before a training."""
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        own_texts.train(path, tmp_path / "run", **{**SMALL, "epochs": 1, **settings})
    assert all(warning.filename == __file__ for warning in told)
    return [str(warning.message) for warning in told]


@pytest.mark.parametrize("reverse", [False, True])
def test_lines_in_order_are_told_with_the_way_out(tmp_path, reverse):
    (told,) = advice(tmp_path, "\n".join(sorted(WORDS, reverse=reverse)) + "\n")
    assert "100% of the lines are in order" in told and "--lines shuffle" in told


@pytest.mark.parametrize(
    "text, settings",
    [
        ("\n".join(sorted(WORDS)) + "\n", {"lines": "shuffle"}),
        ("\n".join(WORDS) + "\n", {}),
        (toy_text(), {}),
        (toy_text(), {"tokens": "words"}),
    ],
)
def test_other_texts_are_trained_on_without_a_word(tmp_path, text, settings):
    assert advice(tmp_path, text, **settings) == []


def test_words_of_a_script_without_spaces_are_no_words(tmp_path):
    rng = random.Random(1)
    clauses = ["".join(rng.choices("我你他是的不了人在有", k=9)) + "。\n" for _ in range(300)]
    (told,) = advice(tmp_path, "".join(clauses), tokens="words")
    assert "33% of the held-out words are too rare" in told
    assert "in Chinese, Japanese, Thai" in told and "train on characters" in told


def test_a_text_of_two_forms_is_told(tmp_path):
    (told,) = advice(tmp_path, "né ne\u0301 " * 100)
    assert "neither all composed (Unicode's form NFC) nor all decomposed" in told


def test_a_short_text_is_told_unless_a_trained_model_is_trained_further(tmp_path, monkeypatch):
    monkeypatch.setattr("gluon_gru.own_texts.advice._SHORT", 5000)
    (told,) = advice(tmp_path, toy_text())
    size = (tmp_path / "text.txt").stat().st_size
    assert size < 5000 and f"the text is short, {size:,} bytes" in told and "some 5,000" in told
    (tmp_path / "run").rename(tmp_path / "older")
    more = {name: value for name, value in SMALL.items() if name != "num_hiddens"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own_texts.train(
            tmp_path / "text.txt", tmp_path / "run", from_run=tmp_path / "older", **more
        )
