"""What an exercise gives: findings about statements, tables and pictures."""

import dataclasses


@dataclasses.dataclass
class Finding:
    """What became of a statement.

    Attributes:
        statement: the `gluon_gru.published.statements.Statement`'s id.
        ran: what was run, a sentence.
        found: what came of it, with the figures, a sentence.
        verdict: ``holds``, ``does not hold`` or ``depends``; ``cut short`` if it rests on trainings
            that are shorter than the chapter's.
        figures: the same numbers for programs, as JSON holds them.
    """

    statement: str
    ran: str
    found: str
    verdict: str
    figures: dict


@dataclasses.dataclass
class Table:
    """A table of a report: a title, the columns' headers, rows of strings."""

    title: str
    headers: list
    rows: list


@dataclasses.dataclass
class Answer:
    """The answer to an exercise.

    Attributes:
        findings: a list of `Finding`.
        tables: a list of `Table`.
        pictures: file name -> (caption, PNG bytes).
        walks: gates over a text for a page, as `gluon_gru.gates.walk.walk` returns them.
    """

    findings: list
    tables: list = dataclasses.field(default_factory=list)
    pictures: dict = dataclasses.field(default_factory=dict)
    walks: list = dataclasses.field(default_factory=list)


def verdict(cases):
    """Return the word for a list of cases, each true or false: all, some or none are true."""
    cases = list(cases)
    return "holds" if all(cases) else "depends" if any(cases) else "does not hold"
