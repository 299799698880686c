"""The spelling of words takes as many bits as an honest code of them would."""

import itertools
import sys

import pytest

from gluon_gru.text.spelling import Spelling


def test_a_spelling_by_hand():
    model = Spelling(["ab", "a"])
    # a, b, another character, the end: four choices at each place.
    start_a, a_b, b_end, a_end = (2 + 1) / (2 + 4), (1 + 1) / (2 + 4), (1 + 1) / (1 + 4), 2 / 6
    assert 2 ** -model.bits("ab") == pytest.approx(start_a * a_b * b_end)
    assert 2 ** -model.bits("a") == pytest.approx(start_a * a_end)
    other = 1 / 6 / (sys.maxunicode + 1) * 1 / 4
    assert 2 ** -model.bits("é") == pytest.approx(other) == 2 ** -model.bits("字")


@pytest.mark.parametrize("words", [["ab", "a"], ["a"], []])
def test_the_chances_of_all_words_sum_up_to_one(words):
    """By counting a character outside of the words as often as there are such."""
    model, letters = Spelling(words), sorted({*"".join(words)})
    others = sys.maxunicode + 1
    total = sum(
        2 ** -model.bits("".join(word)) * others ** word.count("é")
        for length in range(11)
        for word in itertools.product([*letters, "é"], repeat=length)
    )
    left = sum(
        2 ** -model.bits("".join(word)) * others ** word.count("é")
        for word in itertools.product([*letters, "é"], repeat=10)
    )
    # Of longer words there is little left, and less of each length than of the one before.
    assert total < 1 and 1 - total < 20 * left + 1e-3
