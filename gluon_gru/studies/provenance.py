"""What every report says of its making: which text, which commands, on which machines."""

from __future__ import annotations

from typing import Any, Sequence

from gluon_gru.report.document import Bullets, Facts, Heading, plain


def trained_on(text: dict[str, Any], otherwise: str) -> str:
    """Return in a sentence which text was read.

    Args:
        text: ``name``, ``sha1``, ``is_books`` and ``note`` of a `gluon_gru.text.corpus.Corpus`, and
            the ``edition`` where all that was read is of one.
        otherwise: what follows if it is not the book's.
    """
    comparable = (
        "byte for byte the book's corpus"
        if text["is_books"]
        else f"**NOT the book's corpus: {otherwise}**"
    )
    edition = f", edition {text['edition']}" if "edition" in text else ""
    return f"{plain(text['name'])} (SHA-1 `{text['sha1']}`), {comparable}{edition}. {text['note']}".rstrip()


def environments(made: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Return the section of a report that has the commands, and the environments they ran in.

    Args:
        made: pairs of a command, or a sentence with one, and its environment.
    """
    commands: dict[tuple[tuple[str, Any], ...], list[str]] = {}
    for command, environment in made:
        commands.setdefault(tuple(environment.items()), []).append(command)
    blocks: list[Any] = [Heading("Environment")]
    for facts, some in commands.items():
        blocks += [Bullets(some), Facts(dict(facts))]
    return blocks
