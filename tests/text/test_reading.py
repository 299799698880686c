"""Texts of one's own become the tokens that plain Python finds in them; what can't is told."""

import collections
import hashlib

import numpy
import pytest

from gluon_gru.errors import InputError
from gluon_gru.text import reading, rules, spelling, textfile

TEXTS = {
    "English": "It's late, he said.  \"Don't go!\"\n\n\tIt's cold; it's dark.\n" * 3,
    "German": "Die Straße über den Fluß. ÄÖÜ äöü\nDie Straße.\n" * 3,
    "Greek": "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ ΟΔΟΣ\nΣ ΑΣ\n" * 3,
    "Japanese": "吾輩は猫である。名前はまだ無い。\n吾輩は 猫である。\n" * 3,
    "emoji": "👩‍🚀 to the 🌙! 👩‍🚀 🌙🌙\n\u2028 to the 🌙\n" * 3,
    "ends of lines": "one\r\ntwo\rthree\r\r\nfour\n\r\n" * 3,
    "mark": "\ufeffone two one\n",
}


WORDS = rules.Rules("words")


def read(path, tokens="characters", case="keep", **options):
    return reading.read(textfile.TextFile(path), rules.Rules(tokens, case), **options)[0]


def write(tmp_path, data):
    path = tmp_path / "text.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def plain(text, case):
    text = text.encode().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return text.lower() if case == "fold" else text


@pytest.mark.parametrize("block", [7, 1 << 20])
@pytest.mark.parametrize("case", rules.CASES)
@pytest.mark.parametrize("name", TEXTS)
def test_characters_are_those_of_plain_python(tmp_path, monkeypatch, name, case, block):
    monkeypatch.setattr(textfile, "_BLOCK", block)
    path, text = write(tmp_path, TEXTS[name]), plain(TEXTS[name], case)
    found = read(path, "characters", case)
    assert "".join(found.vocab.to_tokens(found.tokens)) == text
    counts = collections.Counter(text)
    assert found.vocab.idx_to_token == [
        "<unk>",
        *sorted(counts, key=lambda token: (-counts[token], token)),
    ]
    assert found.tokens.dtype == numpy.uint8
    assert found.size == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("block", [7, 1 << 20])
@pytest.mark.parametrize("case", rules.CASES)
@pytest.mark.parametrize("name", TEXTS)
def test_words_are_split_alike_in_blocks_of_any_size(tmp_path, monkeypatch, name, case, block):
    monkeypatch.setattr(textfile, "_BLOCK", block)
    path, text = write(tmp_path, TEXTS[name]), plain(TEXTS[name], case)
    words = WORDS.split(text)
    counts = collections.Counter(words)
    if sum(count for count in counts.values() if count > 1) * 2 < len(words):
        with pytest.raises(InputError, match="more than half occur once"):
            read(path, "words", case)
        return
    found = read(path, "words", case)
    assert found.vocab.to_tokens(found.tokens) == [
        word if counts[word] > 1 else "<unk>" for word in words
    ]
    assert found.vocab.idx_to_token[1:] == sorted(
        (word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word)
    )


def test_words_are_what_people_call_words():
    assert WORDS.split("It's a dog's -- life,  isn’t it?\n\nYes.") == [
        "It's",
        " a",
        " dog's",
        " --",
        " life",
        ",",
        " ",
        " isn’t",
        " it",
        "?",
        "\n",
        "\n",
        "Yes",
        ".",
    ]


def test_the_vocabulary_of_words_is_the_training_parts_and_that_of_characters_the_texts(tmp_path):
    path = write(tmp_path, "a b " * 8 + "Q q " * 3)
    words = read(path, "words", num_training=lambda n: 16)
    assert set(words.vocab.idx_to_token) == {"<unk>", " b", " a"}
    assert (words.tokens == 0).sum() == len(words.tokens) - 15
    characters = read(path, "characters", num_training=lambda n: 32)
    assert set(characters.vocab.idx_to_token) == {"<unk>", *"ab Qq"}
    assert "".join(characters.vocab.to_tokens(characters.held_out)) == "Q q " * 3
    assert characters.num_characters == 11


def test_the_most_frequent_words_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_WORDS", 3)
    found = read(write(tmp_path, "x" + " a" * 9 + " b" * 5 + " d d c c"), "words")
    assert found.vocab.idx_to_token == ["<unk>", " a", " b", " c"]


def test_more_than_256_characters_take_two_bytes(tmp_path):
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300))) * 2
    found = read(write(tmp_path, text))
    assert found.tokens.dtype == numpy.uint16
    assert "".join(found.vocab.to_tokens(found.tokens)) == text


def test_a_trained_models_vocabulary_reads_another_text(tmp_path):
    vocab = read(write(tmp_path, "abcab\n")).vocab
    config = {"text": {"tokens": "characters", "case": "fold"}}
    found = reading.read_as(textfile.TextFile(write(tmp_path, "ABzC")), vocab, config)
    assert found.vocab.to_tokens(found.tokens) == ["a", "b", "<unk>", "c"]
    found = reading.read_as(textfile.TextFile(write(tmp_path, "  A, B\nc!d\n")), vocab, {})
    assert found.vocab.to_tokens(found.tokens) == ["a", "<unk>", "b", "c", "<unk>", "<unk>"]


@pytest.mark.parametrize(
    "data, said", [(b"", "is empty"), (b"\xef\xbb\xbf", "is empty"), (b"zzzzzz", "nothing but 'z'")]
)
def test_what_has_nothing_to_learn_is_refused(tmp_path, data, said):
    with pytest.raises(InputError, match=said):
        read(write(tmp_path, data))


def test_lines_are_shuffled_by_a_seed_and_what_ends_in_none_stays_last(tmp_path):
    lines = [f"{i} line\n" for i in range(200)]
    path = write(tmp_path, "".join(lines) + "the end")
    first, again, other = (
        "".join(found.vocab.to_tokens(found.tokens))
        for found in (read(path, shuffle=1), read(path, shuffle=1), read(path, shuffle=2))
    )
    assert first == again != other and first.endswith("\nthe end")
    assert sorted(first.splitlines(keepends=True)) == sorted([*lines, "the end"])
    assert first[: len("".join(lines))] != "".join(lines)
    with pytest.raises(InputError, match="fewer than two lines to shuffle"):
        read(write(tmp_path, "one\nand no more"), shuffle=1)


def test_the_unknown_words_of_the_held_out_part_are_counted_and_spelled(tmp_path):
    found = read(write(tmp_path, "a b " * 8 + "Q Q b"), "words", num_training=lambda n: 16)
    # The first token, whatever it is, nothing predicts.
    assert (found.num_unknown, found.unknown_share) == (1, 0.5)
    assert found.spelling_bits == spelling.Spelling([" a", " b"]).bits(" Q")
    assert found.spelling_bits_per_character == found.spelling_bits / 4
