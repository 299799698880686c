"""What a model writes: the book's text where greedy, the seed's where drawn, and as it comes."""

import itertools
import math
import re

import mxnet as mx
import pytest
from mxnet.gluon import rnn
from reference import MODELS, loader
from toy_texts import SMALL, toy_text, write_toy

import gluon_gru as d2l
from gluon_gru import own_texts
from gluon_gru.errors import InputError
from gluon_gru.own_texts import writing
from gluon_gru.runs.restore import restore


def train(folder, **settings):
    own_texts.train(write_toy(folder), folder / "run", **{**SMALL, **settings})
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a run on characters."""
    return train(tmp_path_factory.mktemp("characters"))


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Return the folder of a run on words in lower case."""
    return train(tmp_path_factory.mktemp("words"), tokens="words", case="fold")


def text(*args, **options):
    return "".join(own_texts.generate(*args, **options))


def test_temperature_0_and_top_1_write_what_the_book_predicts(run):
    model, vocab = restore(run)
    expected = d2l.predict_ch8("The cat", 60, model, vocab, mx.cpu())
    assert text(run, "The cat", 60, temperature=0) == expected
    assert text(run, "The cat", 60, temperature=1.5, top_k=1, seed=4) == expected


def test_a_seed_fixes_the_text_and_each_has_another(run):
    first = text(run, "The ", 60, seed=1)
    assert first == text(run, "The ", 60, seed=1) != text(run, "The ", 60, seed=2)
    assert first.startswith("The ") and len(first) == 64
    assert text(run, "The ", 60) != text(run, "The ", 60)


def test_a_nucleus_narrows_a_text_down_to_the_likeliest(run):
    greedy = text(run, "The ", 60, temperature=0)
    assert text(run, "The ", 60, temperature=1.5, top_p=1e-9, seed=4) == greedy
    drawn = text(run, "The ", 60, temperature=1.5, seed=4)
    assert text(run, "The ", 60, temperature=1.5, top_p=1, seed=4) == drawn != greedy
    assert text(run, "The ", 60, temperature=1.5, top_p=0.8, seed=4) not in (drawn, greedy)


def test_text_comes_token_by_token(run, monkeypatch):
    read = []
    tokens = (read.append(token) or token for token in itertools.cycle([1, 2]))
    monkeypatch.setattr(writing, "continuation", lambda *args: tokens)
    pieces = own_texts.generate(run, "The ", 10**9)
    assert next(pieces) == "The " and not read
    assert len(next(pieces)) == 1 and len(read) == 1


def test_without_a_prefix_it_starts_as_a_line_does(run):
    model, vocab = restore(run)
    assert (
        text(run, length=30, temperature=0) == d2l.predict_ch8("\n", 30, model, vocab, mx.cpu())[1:]
    )
    assert text(run, "The", length=0) == "The" and text(run, length=0) == ""


def test_words_are_continued_whatever_space_is_around_the_prefix(words):
    same = text(words, "the cat", 20, seed=1)
    assert same.startswith("the cat ")
    assert text(words, "The CAT ", 20, seed=1) == same
    assert text(words, "cat", 20, seed=1).startswith(" cat")
    prefix, *pieces = own_texts.generate(words, "the cat", 20, seed=1)
    assert prefix == "the cat" and "".join([prefix, *pieces]) == same
    assert set(map(str.strip, pieces)) <= {"", *re.findall(r"\w+|\.", toy_text().lower())}


@pytest.mark.parametrize("prefix, named", [("The %cat€", "'%', '€'"), ("ünd", "'ü'")])
def test_unknown_characters_are_named_beside_known_ones(run, prefix, named):
    with pytest.raises(InputError, match=f"has not learned: {named}; it knows .* 'e'"):
        own_texts.generate(run, prefix)


def test_of_a_long_prefix_an_error_shows_the_ends(run):
    with pytest.raises(
        InputError, match="prefix 'The.*' has characters .* not learned: '%'"
    ) as error:
        own_texts.generate(run, "The cat " * 1000 + "%")
    assert len(str(error.value)) < 300


def test_unknown_words_are_named(words):
    with pytest.raises(InputError, match="words that the model has not learned: 'zebra', '!'; "):
        own_texts.generate(words, "the zebra zebra!")


@pytest.mark.parametrize(
    "options, said",
    [
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": math.nan}, "is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"temperature": "1"}, "is '1'"),
        ({"top_k": 0}, "top_k is 0: .* from 1 to 2"),
        ({"top_k": 1000}, "top_k is 1000: .* from 1 to"),
        ({"top_p": 0}, "top_p is 0: it must be a number above 0 and at most 1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"top_p": math.nan}, "top_p is nan"),
        ({"top_p": "0.9"}, "top_p is '0.9'"),
        ({"length": -1}, "length is -1"),
        ({"length": 1.5}, "length is 1.5"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_that_cant_be_are_named_before_anything_is_written(run, options, said):
    with pytest.raises(InputError, match=said):
        own_texts.generate(run, "The", **options)


@pytest.mark.parametrize("name", ["scratch GRU", "GRU"])
def test_the_chapters_models_write_too(tmp_path, name):
    d2l.set_seed(0)
    train_iter = loader()
    model, path = MODELS[name](len(train_iter.vocab)), tmp_path / "model.safetensors"
    d2l.train(model, train_iter, train_iter.vocab, 1, 2, mx.cpu(), checkpoint=path)
    prefix = "".join(train_iter.vocab.idx_to_token[1:4])
    assert text(path, prefix, 20, temperature=0) == d2l.predict_ch8(
        prefix, 20, model, train_iter.vocab, mx.cpu()
    )


def test_a_model_of_both_directions_cant_write(tmp_path):
    train_iter = loader()
    model = d2l.RNNModel(rnn.GRU(4, bidirectional=True), len(train_iter.vocab))
    d2l.train(model, train_iter, train_iter.vocab, 1, 1, mx.cpu(), checkpoint=tmp_path / "both")
    with pytest.raises(InputError, match="reads in both directions"):
        writing.generate(tmp_path / "both")
