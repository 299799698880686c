"""Any bytes are a text or an error that names the way out, from files, pipes and the standard input."""

import contextlib
import encodings.aliases
import io
import os
import threading

import hypothesis
import pytest
from hypothesis import strategies

from gluon_gru.errors import InputError
from gluon_gru.text import textfile
from gluon_gru.text.textfile import TextFile, tidy

GERMAN = "Schöne Grüße aus der Straße. Über allen Gipfeln ist Ruh; große Vögel hören zu.\n" * 9
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 9


def read(path, encoding="utf-8"):
    return "".join(TextFile(path, encoding).blocks())


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file of bytes and returns its path."""

    def write(data):
        (tmp_path / "text.txt").write_bytes(data)
        return tmp_path / "text.txt"

    return write


@pytest.fixture
def pipe(tmp_path):
    """Return a function that makes a pipe through which bytes come; it returns the path."""
    writers = []

    def pipe(data):
        path = tmp_path / "pipe"
        os.mkfifo(path)

        def feed():
            with contextlib.suppress(BrokenPipeError):
                path.write_bytes(data)

        writers.append(threading.Thread(target=feed))
        writers[-1].start()
        return path

    yield pipe
    for writer in writers:
        writer.join()


@pytest.fixture
def stdin(tmp_path):
    """Return a function that has bytes come through the standard input; it returns ``-``."""
    before = os.dup(0)

    def stdin(data):
        (tmp_path / "stdin").write_bytes(data)
        file = os.open(tmp_path / "stdin", os.O_RDONLY)
        os.dup2(file, 0)
        os.close(file)
        return "-"

    yield stdin
    os.dup2(before, 0)
    os.close(before)


@pytest.mark.parametrize(
    "data, encoding",
    [
        (GERMAN.encode("latin1"), "cp1252"),
        (GERMAN.encode("utf-16"), "utf_16"),
        (GERMAN.encode("utf-32"), "utf_32"),
        (GERMAN.encode("utf-16-le"), "utf_16_le"),
        (GERMAN.encode("utf-16-be"), "utf_16_be"),
        (JAPANESE.encode("shift_jis"), "shift_jis"),
        (JAPANESE.encode("euc_jp"), "euc_jp"),
        (b"plain\n" * 500_000 + GERMAN.encode("latin1"), "cp1252"),
        (b"plain line here\n" * 20 + "ein Bär\n".encode("latin1"), "cp1252"),
    ],
)
@pytest.mark.parametrize("source", ["write", "pipe", "stdin"])
def test_another_encoding_is_named_and_then_read(request, source, data, encoding):
    path = request.getfixturevalue(source)(data)
    with pytest.raises(InputError) as error:
        read(path)
    said = str(error.value)
    assert f"it looks like {encoding}: name that (--encoding {encoding}), or convert" in said
    assert repr(str(path)) in said and "\n" not in said
    if source == "write":
        assert read(path, encoding) == data.decode(encoding)
        with pytest.raises(InputError, match=f"looks like {encoding}: convert it to UTF-8"):
            read(path, None)


def test_an_encoding_is_told_from_what_follows_the_first_block_too(write, monkeypatch):
    monkeypatch.setattr(textfile, "_BLOCK", 1)
    with pytest.raises(InputError, match="it looks like shift_jis"):
        read(write(JAPANESE.encode("shift_jis")))


def test_half_a_character_is_no_text(write):
    with pytest.raises(InputError, match="is binary data|utf-7"):
        read(write(b"+2AA- and more"), "utf-7")


@pytest.mark.parametrize("source", ["write", "pipe", "stdin"])
def test_a_text_is_the_same_from_anywhere(request, source):
    data = GERMAN.encode("cp1252")
    file = TextFile(request.getfixturevalue(source)(data), "cp1252")
    assert "".join(file.blocks()) == GERMAN
    assert file.size == len(data)
    assert file.name == {"write": "text.txt", "pipe": "pipe", "stdin": "standard input"}[source]


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
def test_binary_data_is_told_from_text(write, data):
    for encoding in ("utf-8", "latin1"):
        with pytest.raises(InputError, match="is binary data, not text"):
            read(write(data), encoding)


def test_a_damaged_byte_is_told_from_another_encoding(write):
    data = GERMAN.encode()
    with pytest.raises(InputError, match=r"UTF-8, but damaged at byte 1: .* iconv -c "):
        read(write(data[:1] + b"\xff" + data[2:]))
    data = JAPANESE.encode("euc_jp")
    with pytest.raises(InputError, match=r"euc-jp, but damaged at byte 8: mend it"):
        read(write(data[:8] + b"\xff" + data[9:]), "euc-jp")


@pytest.mark.parametrize("block", [1, 2, 7, 1 << 20])
def test_the_place_of_a_damaged_byte_counts_a_byte_order_mark(write, monkeypatch, block):
    monkeypatch.setattr(textfile, "_BLOCK", block)
    with pytest.raises(InputError, match=r"at byte 12\b"):
        read(write(b"\xef\xbb\xbf" + "some ä ".encode() + b"x\xff" + b" y" * 9))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path, said in ((tmp_path / "none.txt", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=said) as error:
            read(path)
        assert repr(str(path)) in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "undefined", "", "a\0b", "\ud800", 8])
def test_what_is_no_encoding_is_named(encoding):
    with pytest.raises(InputError) as error:
        TextFile("text.txt", encoding)
    assert str(error.value).startswith(f"encoding {encoding!r} is unknown: give one of Python's")


@pytest.mark.campaign
@hypothesis.given(
    strategies.binary(max_size=80) | strategies.text().map(str.encode),
    strategies.just("utf-8")
    | strategies.sampled_from(sorted({*encodings.aliases.aliases.values()})),
    strategies.sampled_from([1, 5, 1 << 20]),
)
def test_any_bytes_are_a_text_or_an_input_error(tmp_path_factory, data, encoding, block):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "_BLOCK", block)
        try:
            blocks = list(TextFile(path, encoding).blocks())
        except InputError as error:
            assert "\n" not in str(error)
            return
    text = "".join(blocks)
    assert "\r" not in text and "\0" not in text
    text.encode("utf-8")
    assert all(later[0].isspace() for later in blocks[1:])
    if encoding == "utf-8":
        assert text == tidy(data.decode())


@pytest.mark.campaign
@hypothesis.given(
    strategies.lists(strategies.sampled_from(["\ufeff", "\r", "\n", "\r\n", "\u2028", "a", " "]))
)
def test_a_string_is_tidied_as_a_file_is_read(tmp_path_factory, pieces):
    text, path = "".join(pieces), tmp_path_factory.getbasetemp() / "tidy.txt"
    path.write_bytes(text.encode())
    assert (
        tidy(text)
        == read(path)
        == io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8-sig").read()
    )
