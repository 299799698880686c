"""Texts of one's own become the tokens that plain Python finds in them; what can't is told."""

import collections
import hashlib
import shutil
import subprocess

import hypothesis
import numpy
import pytest
from hypothesis import strategies

from gluon_gru.errors import InputError
from gluon_gru.text import reading
from gluon_gru.text.encodings import NOT_ICONVS, iconvs

TEXTS = {
    "English": "It's late, he said.  \"Don't go!\"\n\n\tIt's cold; it's dark.\n" * 3,
    "German": "Die Straße über den Fluß. ÄÖÜ äöü\nDie Straße.\n" * 3,
    "Greek": "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ ΟΔΟΣ\nΣ ΑΣ\n" * 3,
    "Japanese": "吾輩は猫である。名前はまだ無い。\n吾輩は 猫である。\n" * 3,
    "emoji": "👩‍🚀 to the 🌙! 👩‍🚀 🌙🌙\n\u2028 to the 🌙\n" * 3,
    "ends of lines": "one\r\ntwo\rthree\r\r\nfour\n\r\n" * 3,
    "mark": "\ufeffone two one\n",
}


def write(tmp_path, data):
    path = tmp_path / "text.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def plain(text, case):
    text = text.encode().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return text.lower() if case == "fold" else text


@pytest.mark.parametrize("block", [7, 1 << 20])
@pytest.mark.parametrize("case", reading.CASES)
@pytest.mark.parametrize("name", TEXTS)
def test_characters_are_those_of_plain_python(tmp_path, monkeypatch, name, case, block):
    monkeypatch.setattr(reading, "_BLOCK", block)
    path, text = write(tmp_path, TEXTS[name]), plain(TEXTS[name], case)
    found = reading.read(path, "characters", case)
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
@pytest.mark.parametrize("case", reading.CASES)
@pytest.mark.parametrize("name", TEXTS)
def test_words_are_split_alike_in_blocks_of_any_size(tmp_path, monkeypatch, name, case, block):
    monkeypatch.setattr(reading, "_BLOCK", block)
    path, text = write(tmp_path, TEXTS[name]), plain(TEXTS[name], case)
    words = reading.split(text, "words")
    counts = collections.Counter(words)
    if sum(count for count in counts.values() if count > 1) * 2 < len(words):
        with pytest.raises(InputError, match="more than half occur once"):
            reading.read(path, "words", case)
        return
    found = reading.read(path, "words", case)
    assert found.vocab.to_tokens(found.tokens) == [
        word if counts[word] > 1 else "<unk>" for word in words
    ]
    assert found.vocab.idx_to_token[1:] == sorted(
        (word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word)
    )


@hypothesis.given(strategies.text())
def test_words_joined_by_nothing_are_the_text(text):
    assert "".join(reading.split(text, "words")) == text


def test_words_are_what_people_call_words():
    assert reading.split("It's a dog's -- life,  isn’t it?\n\nYes.", "words") == [
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
    words = reading.read(path, "words", num_training=lambda n: 16)
    assert set(words.vocab.idx_to_token) == {"<unk>", " b", " a"}
    assert (words.tokens == 0).sum() == len(words.tokens) - 15
    characters = reading.read(path, "characters", num_training=lambda n: 32)
    assert set(characters.vocab.idx_to_token) == {"<unk>", *"ab Qq"}
    assert "".join(characters.vocab.to_tokens(characters.held_out)) == "Q q " * 3
    assert characters.num_characters == 11


def test_the_most_frequent_words_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_WORDS", 3)
    found = reading.read(write(tmp_path, "x" + " a" * 9 + " b" * 5 + " d d c c"), "words")
    assert found.vocab.idx_to_token == ["<unk>", " a", " b", " c"]


def test_more_than_256_characters_take_two_bytes(tmp_path):
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300))) * 2
    found = reading.read(write(tmp_path, text))
    assert found.tokens.dtype == numpy.uint16
    assert "".join(found.vocab.to_tokens(found.tokens)) == text


def test_a_trained_models_vocabulary_reads_another_text(tmp_path):
    vocab = reading.read(write(tmp_path, "abcab\n")).vocab
    config = {"text": {"tokens": "characters", "case": "fold"}}
    found = reading.read_as(write(tmp_path, "ABzC"), vocab, config)
    assert found.vocab.to_tokens(found.tokens) == ["a", "b", "<unk>", "c"]
    found = reading.read_as(write(tmp_path, "  A, B\nc!d\n"), vocab, {})
    assert found.vocab.to_tokens(found.tokens) == ["a", "<unk>", "b", "c", "<unk>", "<unk>"]


GERMAN = "Schöne Grüße aus der Straße. Über allen Gipfeln ist Ruh; große Vögel hören zu.\n" * 9
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 9


@pytest.mark.parametrize(
    "data, encoding",
    [
        (GERMAN.encode("latin1"), "CP1252"),
        (GERMAN.encode("utf-16"), "UTF-16"),
        (GERMAN.encode("utf-16-le"), "UTF-16LE"),
        (GERMAN.encode("utf-16-be"), "UTF-16BE"),
        (JAPANESE.encode("shift_jis"), "SHIFT-JIS"),
        (JAPANESE.encode("euc_jp"), "EUC-JP"),
        (b"plain\n" * 500_000 + GERMAN.encode("latin1"), "CP1252"),
    ],
)
def test_another_encoding_is_named_with_what_converts_it(tmp_path, data, encoding):
    path = write(tmp_path, data)
    with pytest.raises(InputError) as error:
        reading.read(path)
    assert f"it looks like {encoding}: convert it with  iconv -f {encoding} " in str(error.value)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 40,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(0, 256, 3)) * 99,
        b"text with one \0 in it\n" * 5,
        b"\x7fELF\2\1\1" + b"\0" * 99,
        bytes([1, 2, 3]) * 99,
    ],
)
def test_binary_data_is_told_from_text(tmp_path, data):
    with pytest.raises(InputError, match="is binary data, not text"):
        reading.read(write(tmp_path, data))


def test_a_damaged_byte_is_told_from_another_encoding(tmp_path):
    data = GERMAN.encode()
    with pytest.raises(InputError, match=r"UTF-8, but damaged at byte 1: .* iconv -c "):
        reading.read(write(tmp_path, data[:1] + b"\xff" + data[2:]))


@pytest.mark.parametrize("block", [1, 2, 7, 1 << 20])
def test_the_place_of_a_damaged_byte_counts_a_byte_order_mark(tmp_path, monkeypatch, block):
    monkeypatch.setattr(reading, "_BLOCK", block)
    with pytest.raises(InputError, match=r"at byte 12\b"):
        reading.read(write(tmp_path, b"\xef\xbb\xbf" + "some ä ".encode() + b"x\xff" + b" y" * 9))


@pytest.mark.parametrize(
    "data, said", [(b"", "is empty"), (b"\xef\xbb\xbf", "is empty"), (b"zzzzzz", "nothing but 'z'")]
)
def test_what_has_nothing_to_learn_is_refused(tmp_path, data, said):
    with pytest.raises(InputError, match=said):
        reading.read(write(tmp_path, data))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path, said in ((tmp_path / "none.txt", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=said) as error:
            reading.read(path)
        assert repr(str(path)) in str(error.value)


def test_one_sign_beyond_ascii_is_enough_to_tell_a_western_text(tmp_path):
    with pytest.raises(InputError, match="looks like CP1252"):
        reading.read(write(tmp_path, b"plain line here\n" * 20 + "ein Bär\n".encode("latin1")))


@pytest.mark.skipif(not shutil.which("iconv"), reason="no iconv here")
def test_the_names_of_encodings_are_iconvs():
    from charset_normalizer.constant import IANA_SUPPORTED

    unknown = [
        name
        for name in sorted({*IANA_SUPPORTED, "utf_16", "utf_32"} - {*NOT_ICONVS})
        if subprocess.run(
            ["iconv", "-f", iconvs(name), "-t", "UTF-8"], input=b"", capture_output=True
        ).returncode
    ]
    assert unknown == []
