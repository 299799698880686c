"""The reports of the exercises: every statement with its verdict, tables, pictures, walks."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

from gluon_gru.published.judging import WORDS
from gluon_gru.report import terminal
from gluon_gru.report.document import (
    Bullets,
    Details,
    Document,
    Heading,
    Judged,
    Paragraph,
    Picture,
    Quote,
    Table,
    Verdicts,
    Walk,
    anchor_of,
)
from gluon_gru.studies.exercises.catalogue import EXERCISES, STATEMENTS
from gluon_gru.studies.provenance import environments, trained_on


def document(answers: dict[str, Any], folder: pathlib.Path) -> Document:
    """Return the report.

    Args:
        answers: name of the exercise -> what its JSON file holds.
        folder: it holds the pictures.
    """
    texts = {answer["text"]["sha1"]: answer["text"] for answer in answers.values()}
    verdicts = [verdict for answer in answers.values() for verdict in answer["verdicts"]]
    given = {verdict["verdict"] for verdict in verdicts}
    meanings = [f"“{word}”: {meaning}" for word, meaning in WORDS.items() if word in given]
    return Document(
        "The chapter's exercises and its readers' notes, answered by running them",
        [
            Heading("All statements", "verdicts", short="Verdicts"),
            Verdicts(
                [
                    Judged(anchor_of(id), id, verdict["verdict"], STATEMENTS[id].reported)
                    for verdict in verdicts
                    for id in [verdict["claim"]]
                ]
            ),
            Paragraph(f"{'; '.join(meanings)}. Each rests on the runs named with it."),
            *(
                Paragraph("Text: " + trained_on(text, "the figures belong to this text alone"))
                for text in texts.values()
            ),
            *(block for name in answers for block in _exercise(name, answers[name], folder)),
            *environments(
                [
                    (f"`{made['command']}` ({name})", made["environment"])
                    for name, answer in answers.items()
                    for made in answer["invocations"]
                ]
            ),
        ],
    )


def table(answers: dict[str, Any]) -> str:
    """Return statements and verdicts as a table for the terminal."""
    rows = [
        [verdict["claim"], verdict["evidence"], verdict["verdict"]]
        for answer in answers.values()
        for verdict in answer["verdicts"]
    ]
    return terminal.text([Table(["statement", "evidence", "verdict"], rows)])


def _exercise(name: str, answer: dict[str, Any], folder: pathlib.Path) -> Iterator[Any]:
    exercise = EXERCISES[name]
    yield Heading(f"{name}: {exercise.question}", f"exercise-{name}", short=name)
    yield Paragraph(exercise.reasoning)
    for verdict in answer["verdicts"]:
        claim = STATEMENTS[verdict["claim"]]
        yield Heading(claim.id, level=3, verdict=verdict["verdict"])
        yield Quote(claim.says, str(claim.source))
        yield Bullets(
            [
                *([f"Put to the test: {claim.tested}"] if claim.tested else ()),
                f"Ran: {verdict['ran']}",
                f"Evidence: {verdict['evidence']}",
            ]
        )
    yield from map(Walk, answer["walks"])
    for table in answer["tables"]:
        yield Table(table["headers"], table["rows"], table["title"])
    for file, caption in answer["pictures"].items():
        # Records are passed on without them.
        if (folder / file).exists():
            yield Picture(caption, file, (folder / file).read_bytes())
    if answer["trainings"]:
        seeds = f"Seeds 1 to {answer['seeds']}." if answer["seeds"] > 1 else "Seed 1."
        yield Details(f"{seeds} Trained by:", answer["trainings"])
