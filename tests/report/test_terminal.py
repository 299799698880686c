"""Lines for a terminal: as wide as it is, and nothing in them that commands it."""

import io

import pytest
from terminals import terminal_of

from gluon_gru.report import terminal


def test_a_terminal_says_its_width_and_a_file_has_none(tmp_path):
    with terminal_of(53) as stream:
        assert terminal.columns(stream) == 53
    with open(tmp_path / "file", "w") as file:
        assert terminal.columns(file) is None
    assert terminal.columns(io.StringIO()) is None


def test_a_terminal_that_does_not_say_its_width_has_the_usual_one():
    with terminal_of(0) as stream:
        assert terminal.columns(stream) == 80


def test_sentences_are_cut_at_spaces_on_a_terminal_only():
    text = "A sentence of several words.\n\nAnother-one-without-spaces"
    with terminal_of(12) as stream:
        assert terminal.wrapped(text, stream) == (
            "A sentence\nof several\nwords.\n\nAnother-one-without-spaces"
        )
    assert terminal.wrapped(text, io.StringIO()) == text


@pytest.mark.parametrize(
    "text, shown",
    [
        ("one two three", "  | one two\n  | three"),
        ("abcdefghijklmnop", "  | abcdefgh\n  | ijklmnop"),
        ("a\n\nb  c", "  | a\n  |\n  | b  c"),
        # Two columns each.
        ("春眠不覚曉處處", "  | 春眠不覚\n  | 曉處處"),
        ("a春眠不覚", "  | a春眠不\n  | 覚"),
        ("\x1b[2Ja", "  | \\x1b[2Ja"),
        ("", "  |"),
    ],
)
def test_what_a_model_wrote_is_quoted(text, shown):
    with terminal_of(12) as stream:
        assert terminal.quoted(text, stream) == shown


def test_a_file_gets_the_lines_as_they_are():
    assert terminal.quoted("a" * 200 + "\nb", io.StringIO()) == f"  | {'a' * 200}\n  | b"
