"""The exercises' answers as a table for the terminal, as ``report.md``, and as a page."""

from tabulate import tabulate

from gluon_gru.gates.look import escaped, tables_and_pictures
from gluon_gru.gates.walk import words
from gluon_gru.published.judging import WORDS
from gluon_gru.report.render import render
from gluon_gru.runs.checkpoint import write_whole
from gluon_gru.studies.exercises.catalogue import EXERCISES, STATEMENTS


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
            [verdict["claim"], verdict["evidence"], verdict["verdict"]]
            for answer in answers.values()
            for verdict in answer["verdicts"]
        ],
        ["statement", "evidence", "verdict"],
        maxcolwidths=[None, 70, None],
        disable_numparse=True,
    )


_TITLE = "The chapter's exercises and its readers' notes, answered by running them"


def _how_judged(answers):
    """Return what the words of the verdicts mean, a sentence."""
    given = {verdict["verdict"] for answer in answers.values() for verdict in answer["verdicts"]}
    meanings = [f"“{word}”: {meaning}" for word, meaning in WORDS.items() if word in given]
    return f"{'; '.join(meanings)}. Each rests on the runs named with it."


def markdown(answers):
    """Return the report: all verdicts, then every exercise with its tables and pictures."""
    verdicts = [verdict for answer in answers.values() for verdict in answer["verdicts"]]
    parts = [
        f"# {_TITLE}",
        "\n".join(_provenance(answers)),
        "## All statements",
        tabulate(
            escaped(
                [
                    f"[`{verdict['claim']}`](#{_anchor(verdict['claim'])})",
                    STATEMENTS[verdict["claim"]].reported,
                    verdict["verdict"],
                ]
                for verdict in verdicts
            ),
            ["statement", "what it says", "verdict"],
            tablefmt="github",
            disable_numparse=True,
        ),
        _how_judged(answers),
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
        for verdict in answer["verdicts"]:
            verdicts.setdefault(verdict["verdict"], []).append(
                (_anchor(verdict["claim"]), verdict["claim"])
            )
        exercises.append(
            {
                "name": name,
                "question": EXERCISES[name].question,
                "reasoning": EXERCISES[name].reasoning,
                "judged": [
                    {
                        **verdict,
                        "anchor": _anchor(verdict["claim"]),
                        "text": STATEMENTS[verdict["claim"]].says,
                        "source": STATEMENTS[verdict["claim"]].source,
                        "tested": STATEMENTS[verdict["claim"]].tested,
                    }
                    for verdict in answer["verdicts"]
                ],
                "walks": [(walk, words(walk)) for walk in answer["walks"]],
                "tables": answer["tables"],
                "pictures": [
                    ((folder / file).read_bytes(), caption)
                    for file, caption in answer["pictures"].items()
                    # Records are passed on without them.
                    if (folder / file).exists()
                ],
                "trainings": answer["trainings"],
                "seeds": _seeds(answer),
            }
        )
    return render(
        "exercises.html",
        title=_TITLE,
        made=_provenance(answers),
        verdicts=verdicts,
        how_judged=_how_judged(answers),
        exercises=exercises,
        environments=_environments(answers),
    )


def _environments(answers):
    """Return pairs of the commands that were run in one environment, and that environment."""
    environments = {}
    for name, answer in answers.items():
        for made in answer["invocations"]:
            commands = environments.setdefault(tuple(made["environment"].items()), [])
            commands.append(f"`{made['command']}` ({name})")
    return [(commands, dict(environment)) for environment, commands in environments.items()]


def _anchor(statement):
    # As hosts of Markdown make it from a heading.
    return statement.replace("/", "")


def _provenance(answers):
    texts = {
        tuple(answer["text"][fact] for fact in ("name", "sha1", "is_books", "note"))
        for answer in answers.values()
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
    for verdict in answer["verdicts"]:
        claim = STATEMENTS[verdict["claim"]]
        yield f"### {verdict['claim']}"
        tested = f"- Put to the test: {claim.tested}\n" if claim.tested else ""
        yield (
            f"> {claim.says}\n>\n> {claim.source}\n\n{tested}"
            f"- Ran: {verdict['ran']}\n- Evidence: {verdict['evidence']}\n"
            f"- Verdict: **{verdict['verdict']}**"
        )
    yield from tables_and_pictures(
        [(table["title"], table["headers"], table["rows"]) for table in answer["tables"]],
        answer["pictures"],
    )
    if answer["trainings"]:
        yield f"{_seeds(answer)} Trained by:\n\n" + "\n".join(
            f"- {line}" for line in answer["trainings"]
        )


def _seeds(made):
    return f"Seeds 1 to {made['seeds']}." if made["seeds"] > 1 else "Seed 1."
