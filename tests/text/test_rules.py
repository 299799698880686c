"""What a model's texts become: words of all scripts, in the form and case that it was trained on."""

import unicodedata

import hypothesis
import pytest
from hypothesis import strategies

from gluon_gru.errors import InputError
from gluon_gru.text.noticing import Noticed
from gluon_gru.text.rules import FORMS, Rules

# A text -> how many words a reader of it would count (those of no spaces: between spaces).
SCRIPTS = {
    "العَرَبِيَّة لُغَةٌ": 2,  # Arabic, with vowels
    "می‌خواهم بروم": 2,  # Persian, with the joiner that keeps letters apart
    "שָׁלוֹם עוֹלָם צה״ל ג׳ורג׳": 4,  # Hebrew, with points, an acronym and a foreign sound
    "ที่นี่ ปี": 2,  # Thai
    "हिन्दी में किताबें": 3,  # Devanagari
    "Tiếng Việt có dấu": 4,  # Vietnamese
    "한국어 글자": 2,  # Korean; decomposed, these are jamo
    "中文字 汉语": 2,  # Chinese
    "l'été était né": 3,  # French
    "👩‍🚀 ❤️ 🏳️‍🌈🇫🇷 1️⃣": 4,  # emoji of several characters
    "soft\u00adened words": 2,
    "សួស្តី\u200bពិភពលោក": 3,  # Khmer: words about a zero width space
}
PIECES = strategies.sampled_from([*SCRIPTS, *"'’״׳ \n\t\u200b\u200d\u0301\x1c\x85_", "--"])
TEXTS = strategies.lists(PIECES | strategies.text(max_size=5), max_size=8).map("".join)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text, number", SCRIPTS.items())
def test_words_are_whole_in_every_script_and_form(text, number, form):
    text = unicodedata.normalize(form, text)
    words = Rules("words").split(text)
    assert "".join(words) == text and len(words) == number


def test_models_of_version_0_1_0_keep_the_words_that_they_were_trained_on():
    older = Rules.of({"text": {"tokens": "words", "case": "keep"}})
    assert older.split("la vé l'été ที่นี่") == ["la", " vé", " l'été", " ท", "ี่", "น", "ี่"]
    decomposed = unicodedata.normalize("NFD", "né")
    assert older.split(older.read(decomposed)) == ["ne", "\u0301"]


def test_words_of_a_later_version_are_refused():
    later = Rules.of({"text": {"tokens": "words", "case": "keep", "form": "NFC", "words": 3}})
    with pytest.raises(InputError, match="words are of rule 3, which a later version"):
        later.split("a")


@pytest.mark.campaign
@pytest.mark.parametrize("words", [1, 2])
@hypothesis.given(TEXTS)
def test_words_joined_by_nothing_are_the_text(words, text):
    assert "".join(Rules("words", words=words).split(text)) == text


@pytest.mark.campaign
@hypothesis.given(TEXTS)
def test_words_cut_before_white_space_are_the_same(text):
    """So blocks of a file have the words of the whole."""
    split = Rules("words").split
    for i, sign in enumerate(text):
        if sign.isspace():
            assert split(text[:i]) + split(text[i:]) == split(text)


@pytest.mark.campaign
@pytest.mark.parametrize("case", ["keep", "fold"])
@pytest.mark.parametrize("form", [*FORMS, None])
@hypothesis.given(TEXTS)
def test_folding_twice_is_folding_once_and_forms_are_one(case, form, text):
    rules = Rules("characters", case, form)
    once = rules.fold(text)
    assert rules.fold(once) == once
    if form:
        assert unicodedata.is_normalized(form, once)
        for other in FORMS:
            assert rules.fold(unicodedata.normalize(other, text)) == once


@pytest.mark.campaign
@hypothesis.given(TEXTS, strategies.sampled_from(FORMS), strategies.integers(0, 40))
def test_a_text_reads_the_same_by_the_form_that_was_noticed(text, form, cut):
    text = unicodedata.normalize(form, text)
    noticed = Noticed()
    blocks = (
        [text[:cut], f" {text[cut:]}"] if unicodedata.is_normalized(form, text[:cut]) else [text]
    )
    assert "".join(noticed.watch(blocks)) == "".join(blocks)
    assert noticed.form in (form, "NFC")
    assert Rules(form=noticed.form).fold("".join(blocks)) == "".join(blocks)


@pytest.mark.parametrize(
    "text, form", [("plain", "NFC"), ("né", "NFC"), ("ne\u0301", "NFD"), ("né ne\u0301", None)]
)
def test_the_form_of_a_text_is_noticed(text, form):
    noticed = Noticed()
    list(noticed.watch([text]))
    assert noticed.form == form


def test_the_order_of_lines_is_noticed_across_blocks():
    lines = [f"{chr(97 + i // 26)}{chr(97 + i % 26)}\n" for i in range(200)]
    text = "".join(lines)
    for blocks in ([text], [text[i : i + 2] for i in range(0, len(text), 2)]):
        noticed = Noticed()
        list(noticed.watch(blocks))
        assert (noticed.num_lines, noticed.in_order) == (200, 1)
    noticed = Noticed()
    list(noticed.watch(["".join(reversed(lines))]))
    # The first line comes after none.
    assert noticed.in_order == 199 / 200
