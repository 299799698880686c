"""The exercises' answers as a table for the terminal, and as ``report.md``."""
from tabulate import tabulate

from ..checkpoint import write_whole
from .catalogue import EXERCISES
from .statements import STATEMENTS

_STATEMENTS = {statement.id: statement for statement in STATEMENTS}


def write(answers, folder):
    """Write ``report.md`` into a folder.

    Args:
        answers: name of the exercise -> what its JSON file holds.
        folder: a `pathlib.Path`.

    Raises:
        InputError: if it can't be written.
    """
    write_whole(folder / "report.md", markdown(answers).encode())


def table(answers):
    """Return statements and verdicts as a table for the terminal."""
    return tabulate(
        [[finding["statement"], finding["found"], finding["verdict"]]
         for answer in answers.values() for finding in answer["findings"]],
        ["statement", "found", "verdict"], maxcolwidths=[None, 70, None], disable_numparse=True)


def _cells(rows):
    """Return rows whose texts can stand in a Markdown table."""
    return [[str(cell).replace("|", "\\|") for cell in row] for row in rows]


def markdown(answers):
    """Return the report: all verdicts, then every exercise with its tables and pictures."""
    findings = [finding for answer in answers.values() for finding in answer["findings"]]
    parts = [
        "# The chapter's exercises and its readers' notes, answered by running them",
        _provenance(answers),
        "## All statements",
        tabulate(_cells(
            [f"[`{finding['statement']}`](#{_anchor(finding['statement'])})",
             " ".join(filter(None, [_STATEMENTS[finding["statement"]].text,
                                    _STATEMENTS[finding["statement"]].tested])),
             finding["verdict"]]
            for finding in findings),
            ["statement", "what it says", "verdict"], tablefmt="github", disable_numparse=True),
        "A verdict is “holds”, “does not hold” or “depends”, which means that the figures say yes "
        "in one case and no in another. Each rests on the runs named with it.",
    ]
    for name, answer in answers.items():
        parts += _exercise(name, answer)
    parts += ["## Environment"]
    environments = {}
    for name, answer in answers.items():
        environments.setdefault(tuple(answer["record"]["environment"].items()), []).append(
            f"`{answer['record']['command']}` ({name})")
    for environment, commands in environments.items():
        parts += ["\n".join(f"- {command}" for command in commands),
                  tabulate(environment, ["", ""], tablefmt="github", disable_numparse=True)]
    return "\n\n".join(parts) + "\n"


def _anchor(statement):
    # As hosts of Markdown make it from a heading.
    return statement.replace("/", "")


def _provenance(answers):
    texts = {(corpus["name"], corpus["sha1"], corpus["is_books"], corpus["note"])
             for corpus in (answer["record"]["corpus"] for answer in answers.values())}
    return "\n".join(
        f"Text: {name} (SHA-1 `{sha1}`), "
        + ("byte for byte the book's corpus." if is_books else
           f"**NOT the book's corpus: the figures belong to this text alone.** {note}".rstrip())
        for name, sha1, is_books, note in texts)


def _exercise(name, answer):
    exercise = EXERCISES[name]
    yield f"## {name}: {exercise.question}"
    yield exercise.reasoning
    for finding in answer["findings"]:
        statement = _STATEMENTS[finding["statement"]]
        yield f"### {finding['statement']}"
        tested = f"- Put to the test: {statement.tested}\n" if statement.tested else ""
        yield (f"> {statement.text}\n>\n> {statement.source}\n\n{tested}"
               f"- Ran: {finding['ran']}\n- Found: {finding['found']}\n"
               f"- Verdict: **{finding['verdict']}**")
    yield from _tables_and_pictures(
        [(table["title"], table["headers"], table["rows"]) for table in answer["tables"]],
        answer["pictures"])
    made = answer["record"]
    seeds = f"Seeds 1 to {made['seeds']}." if made["seeds"] > 1 else "Seed 1."
    if made["trainings"]:
        yield f"{seeds} Trained by:\n\n" + "\n".join(f"- {line}" for line in made["trainings"])


def _tables_and_pictures(tables, captions):
    for heading, headers, rows in tables:
        yield f"**{heading}**"
        yield tabulate(_cells(rows), headers, tablefmt="github", disable_numparse=True)
    for file, caption in captions.items():
        yield f"![{caption}]({file})\n\n{caption}."


def of_a_text(text, answer, command):
    """Return the report of a look at the gates over a text, in Markdown.

    Args:
        text: the string.
        answer: a `gluon_gru.exercises.answers.Answer`.
        command: the command line.
    """
    return "\n\n".join([
        "# The gates of trained GRUs over a text", f"Made by `{command}`.",
        "    " + text.replace("\n", "\n    "), *_tables_and_pictures(
            [(table.title, table.headers, table.rows) for table in answer.tables],
            {file: caption for file, (caption, _) in answer.pictures.items()})]) + "\n"
