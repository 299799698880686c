"""The reports of the exercises: every statement with its verdict, tables, pictures, walks."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

from gluon_gru.gates.picture import heat_maps
from gluon_gru.published.judging import WORDS
from gluon_gru.report import terminal
from gluon_gru.report.document import (
    Bullets,
    Document,
    Fold,
    Heading,
    Judged,
    Paragraph,
    Picture,
    Quote,
    Table,
    Verdicts,
    Walk,
    anchor_of,
    chart,
    code,
)
from gluon_gru.studies.exercises.catalogue import EXERCISES, STATEMENTS
from gluon_gru.studies.exercises.exercise import Exercise
from gluon_gru.studies.provenance import environments, trained_on


def document(answers: dict[str, Any], folder: pathlib.Path) -> Document:
    """Return the report.

    Args:
        answers: name of the exercise -> what its JSON file holds.
        folder: it holds the pictures of an earlier version.
    """
    texts = {
        (answer["text"]["sha1"], answer["text"]["edition"]): answer["text"]
        for answer in answers.values()
    }
    verdicts = [
        (STATEMENTS[verdict["claim"]], verdict)
        for answer in answers.values()
        for verdict in answer["verdicts"]
    ]
    given = {verdict["verdict"] for _, verdict in verdicts}
    meanings = [f"“{word}”: {meaning}" for word, meaning in WORDS.items() if word in given]
    return Document(
        "The chapter's exercises and its readers' notes, answered by running them",
        [
            Heading("All statements", "verdicts", short="Verdicts"),
            Verdicts(
                [
                    Judged(anchor_of(claim.id), claim.id, verdict["verdict"], claim.reported)
                    for claim, verdict in verdicts
                ]
            ),
            Paragraph(f"{'; '.join(meanings)}. Each rests on the runs named with it."),
            *(
                Paragraph("Text: " + trained_on(text, "the figures belong to this text alone"))
                for text in texts.values()
            ),
            *(_exercise(name, answer, folder) for name, answer in answers.items()),
            *environments(
                [
                    (f"{code(made['command'])} ({name})", made["environment"])
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


def _exercise(name: str, answer: dict[str, Any], folder: pathlib.Path) -> Fold:
    exercise = EXERCISES[name]
    heading = Heading(f"{name}: {exercise.question}", f"exercise-{name}", short=name)
    # Version 0.1.0 had no answer in short.
    summary = answer["answer"] or exercise.reasoning
    return Fold(heading, summary, list(_blocks(exercise, answer, folder)))


def _blocks(exercise: Exercise, answer: dict[str, Any], folder: pathlib.Path) -> Iterator[Any]:
    yield from map(chart, answer.get("charts", ()))
    for file, caption in answer.get("pictures", {}).items():
        # Records are passed on without them.
        if (folder / file).exists():
            yield Picture(caption, file, (folder / file).read_bytes())
    yield from heat_maps(answer["walks"])
    yield from map(Walk, answer["walks"])
    yield Paragraph(exercise.reasoning)
    for verdict in answer["verdicts"]:
        claim = STATEMENTS[verdict["claim"]]
        yield Heading(claim.id, level=3, verdict=verdict["verdict"])
        yield Quote(claim.says, str(claim.source))
        tested = [f"Put to the test: {claim.tested}"] if claim.tested else []
        yield Bullets([*tested, f"Ran: {verdict['ran']}", f"Evidence: {verdict['evidence']}"])
    for table in answer["tables"]:
        yield Table(**table)
    seeds = f"Seeds 1 to {answer['seeds']}" if answer["seeds"] > 1 else "Seed 1"
    yield Paragraph(f"{seeds}.")
