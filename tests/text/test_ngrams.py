"""Predictions by counts of n-grams: those that a few lines of plain Python make, and no others."""

import collections
import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_gru.text import ngrams
from gluon_gru.text.ngrams import MAX_ORDER, best_prediction, chances_by_order


def chance(training, context, token, vocab_size):
    """Return a token's chance after a context (a tuple), as the definition has it."""
    lower = chance(training, context[1:], token, vocab_size) if context else 1 / vocab_size
    length = len(context)
    after = collections.Counter(
        training[i] for i in range(length, len(training)) if training[i - length : i] == context
    )
    if not after:
        return lower
    return (after[token] + len(after) * lower) / (sum(after.values()) + len(after))


texts = st.lists(st.integers(0, 3), min_size=1, max_size=30).map(tuple)


@given(texts, st.lists(st.integers(0, 4), min_size=2, max_size=12).map(tuple))
@settings(max_examples=60)
def test_chances_are_those_of_the_definition(training, scored):
    # Of five tokens, one never occurs in the training text.
    found = list(chances_by_order(numpy.array(training), numpy.array(scored), 5))
    assert len(found) == min(MAX_ORDER, len(training))
    for order, chances in enumerate(found, 1):
        expected = [
            chance(training, scored[max(0, i - order + 1) : i], scored[i], 5)
            for i in range(1, len(scored))
        ]
        assert chances == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int64"])
def test_the_chances_of_all_tokens_sum_up_to_one(kind):
    rng = numpy.random.RandomState(0)
    training, context = rng.randint(0, 7, 400).astype(kind), rng.randint(0, 9, 8).astype(kind)
    each = [
        [
            chances[-1]
            for chances in chances_by_order(training, numpy.append(context, token).astype(kind), 9)
        ]
        for token in range(9)
    ]
    assert numpy.sum(each, axis=0) == pytest.approx(numpy.ones(MAX_ORDER), rel=1e-12)


def test_the_order_is_the_one_that_predicts_best():
    rng = numpy.random.RandomState(0)
    # Each token is the sum of the two before it, but for a tenth.
    tokens = [0, 1]
    for _ in range(3000):
        tokens.append(rng.randint(7) if rng.rand() < 0.1 else (tokens[-1] + tokens[-2]) % 7)
    tokens = numpy.array(tokens, "uint8")
    found = best_prediction(tokens[:2700], tokens[2700:], 7)
    losses = [
        -numpy.log(chances).mean() for chances in chances_by_order(tokens[:2700], tokens[2700:], 7)
    ]
    assert found == (3, pytest.approx(min(losses)), 2700)
    # A little more than the source's own entropy.
    right, wrong = 0.9 + 0.1 / 7, 0.1 / 7
    entropy = -right * math.log(right) - 6 * wrong * math.log(wrong)
    assert entropy < found.loss < 1.3 * entropy


def test_of_a_long_text_the_end_is_counted(monkeypatch):
    monkeypatch.setattr(ngrams, "MAX_COUNTED", 50)
    rng = numpy.random.RandomState(0)
    training, held_out = rng.randint(0, 3, 300), rng.randint(0, 3, 40)
    found = best_prediction(training, held_out, 4)
    assert found.num_counted == 50
    assert found == best_prediction(training[-50:], held_out, 4)


def test_the_large_numbers_of_many_words_fit():
    # Of 20,000 words, the last ones: an index for a pair is above 2^31, and a word's above 255.
    scored = numpy.array([19_999, 19_998] * 3, "uint16")
    *_, chances = chances_by_order(numpy.tile(scored, 50), scored, 20_000)
    assert (chances[1:] > 0.9).all()
