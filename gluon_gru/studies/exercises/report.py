"""The exercises' answers as a table for the terminal, as ``report.md``, and as a page."""

from tabulate import tabulate

from gluon_gru.gates.walk import words
from gluon_gru.published.statements import STATEMENTS
from gluon_gru.report.render import render
from gluon_gru.runs.checkpoint import write_whole
from gluon_gru.studies.exercises.catalogue import EXERCISES

_STATEMENTS = {statement.id: statement for statement in STATEMENTS}


def write(answers, folder):
    """Write ``report.md`` and ``report.html`` into a folder.

    Args:
        answers: name of the exercise -> what its JSON file holds.
        folder: a `pathlib.Path`, which holds the pictures.

    Raises:
        InputError: if it can't be written.
    """
    write_whole(folder / "report.md", markdown(answers).encode())
    write_whole(folder / "report.html", html(answers, folder))


def table(answers):
    """Return statements and verdicts as a table for the terminal."""
    return tabulate(
        [
            [finding["statement"], finding["found"], finding["verdict"]]
            for answer in answers.values()
            for finding in answer["findings"]
        ],
        ["statement", "found", "verdict"],
        maxcolwidths=[None, 70, None],
        disable_numparse=True,
    )


def _cells(rows):
    """Return rows whose texts can stand in a Markdown table."""
    return [[str(cell).replace("|", "\\|") for cell in row] for row in rows]


_TITLE = "The chapter's exercises and its readers' notes, answered by running them"
_HOW_JUDGED = (
    "A verdict is “holds”, “does not hold” or “depends”, which means that the figures "
    "say yes in one case and no in another. Each rests on the runs named with it."
)


def markdown(answers):
    """Return the report: all verdicts, then every exercise with its tables and pictures."""
    findings = [finding for answer in answers.values() for finding in answer["findings"]]
    parts = [
        f"# {_TITLE}",
        "\n".join(_provenance(answers)),
        "## All statements",
        tabulate(
            _cells(
                [
                    f"[`{finding['statement']}`](#{_anchor(finding['statement'])})",
                    " ".join(
                        filter(
                            None,
                            [
                                _STATEMENTS[finding["statement"]].says,
                                _STATEMENTS[finding["statement"]].tested,
                            ],
                        )
                    ),
                    finding["verdict"],
                ]
                for finding in findings
            ),
            ["statement", "what it says", "verdict"],
            tablefmt="github",
            disable_numparse=True,
        ),
        _HOW_JUDGED,
    ]
    for name, answer in answers.items():
        parts += _exercise(name, answer)
    parts += ["## Environment"]
    for commands, environment in _environments(answers):
        parts += [
            "\n".join(f"- {command}" for command in commands),
            tabulate(environment.items(), ["", ""], tablefmt="github", disable_numparse=True),
        ]
    return "\n\n".join(parts) + "\n"


def html(answers, folder):
    """Return the same as a page, ``report.html``; ``folder`` holds the pictures."""
    verdicts, exercises = {}, []
    for name, answer in answers.items():
        for finding in answer["findings"]:
            verdicts.setdefault(finding["verdict"], []).append(
                (_anchor(finding["statement"]), finding["statement"])
            )
        exercises.append(
            {
                "name": name,
                "question": EXERCISES[name].question,
                "reasoning": EXERCISES[name].reasoning,
                "findings": [
                    {
                        **finding,
                        "anchor": _anchor(finding["statement"]),
                        "text": _STATEMENTS[finding["statement"]].says,
                        "source": _STATEMENTS[finding["statement"]].source,
                        "tested": _STATEMENTS[finding["statement"]].tested,
                    }
                    for finding in answer["findings"]
                ],
                # Older answers have none.
                "walks": [(walk, words(walk)) for walk in answer.get("walks", [])],
                "tables": answer["tables"],
                "pictures": [
                    ((folder / file).read_bytes(), caption)
                    for file, caption in answer["pictures"].items()
                ],
                "trainings": answer["record"]["trainings"],
                "seeds": _seeds(answer["record"]),
            }
        )
    return render(
        "exercises.html",
        title=_TITLE,
        made=_provenance(answers),
        verdicts=verdicts,
        how_judged=_HOW_JUDGED,
        exercises=exercises,
        environments=_environments(answers),
    )


def _environments(answers):
    """Return pairs of the commands that were run in one environment, and that environment."""
    environments = {}
    for name, answer in answers.items():
        environments.setdefault(tuple(answer["record"]["environment"].items()), []).append(
            f"`{answer['record']['command']}` ({name})"
        )
    return [(commands, dict(environment)) for environment, commands in environments.items()]


def _anchor(statement):
    # As hosts of Markdown make it from a heading.
    return statement.replace("/", "")


def _provenance(answers):
    texts = {
        (corpus["name"], corpus["sha1"], corpus["is_books"], corpus["note"])
        for corpus in (answer["record"]["corpus"] for answer in answers.values())
    }
    return [
        f"Text: {name} (SHA-1 `{sha1}`), "
        + (
            "byte for byte the book's corpus."
            if is_books
            else f"**NOT the book's corpus: the figures belong to this text alone.** {note}".rstrip()
        )
        for name, sha1, is_books, note in texts
    ]


def _exercise(name, answer):
    exercise = EXERCISES[name]
    yield f"## {name}: {exercise.question}"
    yield exercise.reasoning
    for finding in answer["findings"]:
        statement = _STATEMENTS[finding["statement"]]
        yield f"### {finding['statement']}"
        tested = f"- Put to the test: {statement.tested}\n" if statement.tested else ""
        yield (
            f"> {statement.says}\n>\n> {statement.source}\n\n{tested}"
            f"- Ran: {finding['ran']}\n- Found: {finding['found']}\n"
            f"- Verdict: **{finding['verdict']}**"
        )
    yield from _tables_and_pictures(
        [(table["title"], table["headers"], table["rows"]) for table in answer["tables"]],
        answer["pictures"],
    )
    made = answer["record"]
    if made["trainings"]:
        yield f"{_seeds(made)} Trained by:\n\n" + "\n".join(
            f"- {line}" for line in made["trainings"]
        )


def _seeds(made):
    return f"Seeds 1 to {made['seeds']}." if made["seeds"] > 1 else "Seed 1."


def _tables_and_pictures(tables, captions):
    for heading, headers, rows in tables:
        yield f"**{heading}**"
        yield tabulate(_cells(rows), headers, tablefmt="github", disable_numparse=True)
    for file, caption in captions.items():
        yield f"![{caption}]({file})\n\n{caption}."


_TITLE_OF_A_TEXT = "The gates of trained GRUs over a text"


def of_a_text(text, answer, command):
    """Return the report of a look at the gates over a text, in Markdown.

    Args:
        text: the string.
        answer: a `gluon_gru.studies.exercises.answers.Answer`.
        command: the command line.
    """
    return (
        "\n\n".join(
            [
                f"# {_TITLE_OF_A_TEXT}",
                f"Made by `{command}`.",
                "    " + text.replace("\n", "\n    "),
                *_tables_and_pictures(
                    [(table.title, table.headers, table.rows) for table in answer.tables],
                    {file: caption for file, (caption, _) in answer.pictures.items()},
                ),
            ]
        )
        + "\n"
    )


def page_of_a_text(answer, command):
    """Return the same as a page, on which one walks through the text; see `of_a_text`."""
    return render(
        "gates.html",
        title=_TITLE_OF_A_TEXT,
        made=f"Made by `{command}`.",
        walks=[(walk, words(walk)) for walk in answer.walks],
        tables=answer.tables,
        pictures=[(png, caption) for caption, png in answer.pictures.values()],
    )
