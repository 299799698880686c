"""What models write, measured so that a loop, nonsense and blanks don't win."""

import math

import numpy
import pytest

import gluon_gru as d2l
from gluon_gru.studies.sweep.writing import Judge
from gluon_gru.text.corpus import SAMPLE, find, load_corpus

TOKENS, VOCAB = load_corpus(find(SAMPLE))
TEXT = "".join(VOCAB.to_tokens(TOKENS.tolist()))
NUM_TRAINING = 2000


@pytest.fixture(scope="module")
def judge():
    return Judge(TOKENS, VOCAB, NUM_TRAINING)


def test_a_passage_beats_a_loop_nonsense_and_blanks(judge):
    book = judge.of_the_text(200)
    passage = judge.measure(TEXT[1000:1200])
    assert passage.verbatim == 1 and passage.varied > 0.5
    word = max(TEXT.split(), key=TEXT.split().count)
    for poor in ((word + " ") * 50, TEXT[1000:1020] * 10, "qzx wvj kk " * 18, " " * 200, "e" * 200):
        measured = judge.measure(poor[:200])
        assert measured.varied < passage.varied / 3
        assert measured.verbatim < 0.15
        assert abs(measured.bits - book.bits) > 2 * abs(passage.bits - book.bits), poor


def test_words_and_passages_count_once():
    text = "the cat sat on the mat and the dog ran off to sea "
    judge = Judge(numpy.array(d2l.Vocab(list(text))[list(text)]), d2l.Vocab(list(text)), len(text))
    # The last word may be cut off; "dig" is no word of the text.
    found = judge.measure("the dig the cat the mat an")
    assert found.varied == pytest.approx(len("thecatmat") / 26)
    # Of 13 runs of ten characters: "the cat sa", twice, "he cat sat" and "e cat sat ".
    assert judge.measure("the cat sat the cat sa").verbatim == pytest.approx(3 / 13)
    assert judge.measure("").varied == judge.measure(" ").varied == 0


def test_the_n_gram_model_is_a_distribution_and_its_bits_are_of_the_unread_part(judge):
    for context in ("", "t", "the ", "qqqq"):
        chances = [judge._probability(context, c) for c in VOCAB.idx_to_token]
        assert math.isclose(sum(chances), 1) and min(chances) > 0
    assert judge.measure(TEXT[3000:3200]).bits < judge.measure(TEXT[1000:1200]).bits


def test_the_perplexity_of_frequencies():
    tokens, vocab = numpy.array([1, 2] * 50), d2l.Vocab(list("ab"))
    assert len(vocab) == 3
    # Both are as frequent; the unknown token counts once.
    assert Judge(tokens, vocab, 80).frequencies(20) == pytest.approx(83 / 41)
