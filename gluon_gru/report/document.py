"""What a report is made of: a title, and blocks in the order in which they are read.

A study builds its `Document` once; `gluon_gru.report.terminal`, `markdown` and `page` render it.
Sentences and cells of tables may mark `` `code` `` and ``**bold**``; everything else in them is
text, whatever it holds.

Blocks that have a ``file`` are drawn as a PNG picture of that name, which ``report.md`` shows;
blocks with the same file are the panels of one picture.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, NamedTuple, Sequence


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        text: what it says.
        anchor: what links name; by default what hosts of Markdown make of the text.
        level: 2 for a section, which the page's navigation lists, or 3.
        short: what the navigation calls it, instead of its text.
        verdict: the verdict on what the section is about, if it is about one.
    """

    text: str
    anchor: str = ""
    level: int = 2
    short: str = ""
    verdict: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", self.anchor or anchor_of(self.text))


def anchor_of(heading: str) -> str:
    """Return the anchor that hosts of Markdown make of a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph of prose."""

    text: str


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Quote:
    """What somebody else wrote, and where."""

    text: str
    source: str


@dataclasses.dataclass(frozen=True)
class Code:
    """A text whose lines and spaces stay as they are."""

    text: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names and values, such as an environment."""

    values: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Details:
    """A list of sentences that the page folds away under a summary."""

    summary: str
    lines: Sequence[str]


class Judged(NamedTuple):
    """What a verdict is on: the anchor of its place in the report, its name, and what it says."""

    anchor: str
    name: str
    verdict: str
    text: str = ""


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """All verdicts, each linked to its place: a list of `Judged`."""

    judged: Sequence[Judged]

    @property
    def by_word(self) -> dict[str, list[Judged]]:
        """Return the verdicts' words, each with what was judged so."""
        words: dict[str, list[Judged]] = {}
        for one in self.judged:
            words.setdefault(one.verdict, []).append(one)
        return words


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        headers, rows: of the columns and of cells, which may be numbers.
        title: what it shows, a sentence.
        anchors: what links to the rows name, if anything does.
        verdict_column: which column has verdicts, from 0.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    anchors: Sequence[str] | None = None
    verdict_column: int | None = None


class Curve(NamedTuple):
    """A line: its label, and a list of values for each seed.

    ``model`` says how it is drawn (`gluon_gru.report.style`), ``x`` where its values are (by
    default at 1, 2, ...); without ``joined`` only its points are drawn; ``dashed`` are those that
    stand beside a solid one of the same model.
    """

    label: str
    runs: Sequence[Sequence[float]]
    model: str = ""
    x: Sequence[float] | None = None
    joined: bool = True
    dashed: bool = False


class Point(NamedTuple):
    """A point with a label, ``note`` for the legend, and unless ``across`` is false a line."""

    x: float
    y: float
    label: str
    note: str = ""
    across: bool = True


@dataclasses.dataclass(frozen=True)
class Curves:
    """Curves in one pair of axes: of several seeds the median as a line and their range as a band.

    Attributes:
        title: what they show, a sentence.
        file: of the picture.
        curves, points: lists of `Curve` and `Point`.
        xlabel, ylabel: of the axes.
        xscale, yscale: ``linear``, ``log``, or ``near``: linear up to 10, logarithmic from there.
    """

    title: str
    file: str
    curves: Sequence[Curve]
    points: Sequence[Point] = ()
    xlabel: str = "epoch"
    ylabel: str = "perplexity"
    xscale: str = "linear"
    yscale: str = "log"

    @property
    def by_epoch(self) -> bool:
        """Return whether every curve has a value after each epoch, which can be asked for."""
        return all(curve.x is None and curve.joined for curve in self.curves)


class Bar(NamedTuple):
    """A bar: its label and a note to it, its length, and the range that is drawn over it.

    ``model`` says how it is coloured; ``fill`` is ``full``, ``striped`` or ``hollow``.
    """

    label: str
    note: str
    value: float
    span: tuple[float, float] | None = None
    model: str = ""
    fill: str = "full"

    @property
    def end(self) -> float:
        """Return where the bar ends, or its range, whichever is farther."""
        return max(self.value, *(self.span or (0,)))


@dataclasses.dataclass(frozen=True)
class Bars:
    """Bars, one below the other.

    Attributes:
        title: what they show, a sentence.
        file: of the picture.
        bars: a list of `Bar`.
        form: how their values are written.
        limit: a value that is drawn as a line across all of them, and ``limit_label``.
        note: what holds for all panels of the picture, such as the hardware.
        key: what each ``fill`` stands for, where the title doesn't say it.
    """

    title: str
    file: str
    bars: Sequence[Bar]
    form: Callable[[float], str] = "{:,.0f}".format
    limit: float | None = None
    limit_label: str = ""
    note: str = ""
    key: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def longest(self) -> float:
        """Return the value that the longest of them, or the limit, ends at."""
        return max(self.limit or 0, *(bar.end for bar in self.bars))

    @property
    def caption(self) -> str:
        """Return what stands under the bars where a heading says the rest."""
        return self.note or self.title


@dataclasses.dataclass(frozen=True)
class HeatMap:
    """Values as colours, in one grid or in several side by side.

    Attributes:
        title: what it shows, a sentence.
        file: of the picture.
        rows, columns: their labels.
        grids: a grid's title -> rows of cells, each a value (None: there is none) and what is
            written there.
        xlabel, ylabel: what rows and columns are of.
        legend: of the colours; without one their logarithm goes both ways from 1.
    """

    title: str
    file: str
    rows: Sequence[str]
    columns: Sequence[str]
    grids: dict[str, Sequence[Sequence[tuple[float | None, str]]]]
    xlabel: str = ""
    ylabel: str = ""
    legend: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture that was drawn already: its caption, file, and the bytes of a PNG."""

    title: str
    file: str
    png: bytes


class Text(NamedTuple):
    """A text: what it belongs to, how it was made, and which share of it is verbatim, and where.

    ``spans`` are ``[[start, end], ...]``, in order.
    """

    of: str
    made: str
    text: str
    share: str
    spans: Sequence[Sequence[int]] = ()


@dataclasses.dataclass(frozen=True)
class Texts:
    """Texts side by side, a list of `Text`, each ``of`` one thing of this kind."""

    of: str
    texts: Sequence[Text]

    @property
    def groups(self) -> dict[str, list[Text]]:
        """Return the texts by what they are of."""
        groups: dict[str, list[Text]] = {}
        for text in self.texts:
            groups.setdefault(text.of, []).append(text)
        return groups


@dataclasses.dataclass(frozen=True)
class Walk:
    """Gates over a text, for the reader to walk through: see `gluon_gru.gates.walk.walk`.

    Only a page can show it.
    """

    walk: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Document:
    """A report: its title, and its blocks."""

    title: str
    blocks: Sequence[Any]
