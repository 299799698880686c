"""What a report is made of: a title, and blocks in the order in which they are read.

A study builds its `Document` once, and `gluon_gru.report` renders it.
Sentences and cells of tables may mark code (```x```) and ``**bold**`` (`MARKED`); everything else in
them is plain text. What a user named goes through `code` or `plain`.

Blocks that have a ``file`` are drawn as a PNG picture of that name, which ``report.md`` shows;
blocks with the same file are the panels of one picture.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable, NamedTuple, Sequence, Union

# What stands for tokens that would be invisible, or wide.
_SYMBOLS = {" ": "\N{OPEN BOX}", "<unk>": "\N{REPLACEMENT CHARACTER}"}


#: A piece of code, between as many backticks, or of bold.
MARKED = re.compile(r"(?P<fence>`+)(?P<code>.+?)(?<!`)(?P=fence)(?!`)|\*\*(?P<bold>.+?)\*\*", re.S)


def code(text: str) -> str:
    """Return a text marked as code, whatever is in it: between more backticks than it has in a row."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if len(fence) > 1 else f"{fence}{text}{fence}"


def plain(text: str) -> str:
    """Return a text that is shown as it is: as code, if anything in it could be a mark."""
    return code(text) if re.search(r"`|\*\*", text) else text


def grouped(items: Sequence[Any], attribute: str) -> dict[Any, list[Any]]:
    """Return items by the value of one of their attributes, in the order of first occurrence."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(getattr(item, attribute), []).append(item)
    return groups


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        text: its words.
        anchor: the name that links use; by default the one that hosts of Markdown derive.
        level: 2 for a section, which the page's navigation lists, or 3.
        short: the text in the navigation, if it differs.
        verdict: the verdict on the section's subject, if there is one.
    """

    text: str
    anchor: str = ""
    level: int = 2
    short: str = ""
    verdict: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", self.anchor or anchor_of(self.text))


def anchor_of(heading: str) -> str:
    """Return the anchor that hosts of Markdown derive from a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph of prose."""

    text: str


@dataclasses.dataclass(frozen=True)
class Link:
    """A paragraph that begins with a link to a file beside the report.

    Attributes:
        text: the link's words.
        file: the file's name.
        rest: of the paragraph.
    """

    text: str
    file: str
    rest: str


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Quote:
    """A quotation and its source."""

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


class Judged(NamedTuple):
    """A verdict: the anchor and the name of what was judged, and the statement's text if any."""

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
        """Return the verdicts by their word, such as ``holds``."""
        return grouped(self.judged, "verdict")


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        headers, rows: the columns' titles, and rows of cells, which may be numbers.
        title: a sentence.
        anchors: the rows' names for links.
        verdict_column: the index of the column that holds verdicts.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    anchors: Sequence[str] | None = None
    verdict_column: int | None = None


class Curve(NamedTuple):
    """A line: its label, and a list of values for each seed.

    ``model`` gives its style (`gluon_gru.report.style`), ``x`` the places of its values (by default
    1, 2, ...). If it isn't ``joined``, only its points are drawn; if ``dashed``, it stands beside a
    solid line of the same model.
    """

    label: str
    runs: Sequence[Sequence[float]]
    model: str = ""
    x: Sequence[float] | None = None
    joined: bool = True
    dashed: bool = False

    @property
    def xs(self) -> Sequence[float]:
        """Return the places of the longest run's values."""
        return range(1, max(map(len, self.runs), default=0) + 1) if self.x is None else self.x

    @property
    def is_line(self) -> bool:
        """Return whether a page draws a line: one value alone would leave nothing to see."""
        return self.joined and len(self.xs) > 1


class Point(NamedTuple):
    """A point with a label, a note for the legend, and if ``across`` a line at its height."""

    x: float
    y: float
    label: str
    note: str = ""
    across: bool = True


@dataclasses.dataclass(frozen=True)
class Curves:
    """Curves in one pair of axes: of several seeds the median as a line and their range as a band.

    Attributes:
        title: a sentence.
        file: the picture's name.
        curves, points: lists of `Curve` and `Point`.
        xlabel, ylabel: the axes' labels.
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
    def bands(self) -> str:
        """Return what lines and bands are, where there are bands."""
        several = any(len(curve.runs) > 1 for curve in self.curves)
        return "line: the median of the seeds; band: their range" if several else ""

    @property
    def by_epoch(self) -> bool:
        """Return whether every curve has one value per epoch."""
        return all(curve.x is None and curve.joined for curve in self.curves)


class Bar(NamedTuple):
    """A bar: its label and a note, its length, and the range drawn over it.

    ``model`` gives its colour; ``fill`` is ``full``, ``striped`` or ``hollow``.
    """

    label: str
    note: str
    value: float
    span: tuple[float, float] | None = None
    model: str = ""
    fill: str = "full"

    @property
    def end(self) -> float:
        """Return the end of the bar or of its range, whichever is farther."""
        return max(self.value, *(self.span or (0,)))


@dataclasses.dataclass(frozen=True)
class Bars:
    """Bars, one below the other.

    Attributes:
        title: a sentence.
        file: the picture's name.
        bars: a list of `Bar`.
        form: the format of a value, for ``str.format``.
        limit: a value that is drawn as a line across all bars, with its ``limit_label``.
        note: a sentence on all panels of the picture, such as the hardware.
        key: the meaning of each ``fill``, where the title doesn't give it.
    """

    title: str
    file: str
    bars: Sequence[Bar]
    form: str = "{:,.0f}"
    limit: float | None = None
    limit_label: str = ""
    note: str = ""
    key: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def longest(self) -> float:
        """Return the value at which the longest bar, or the limit, ends; 1 where all are 0."""
        return max(self.limit or 0, *(bar.end for bar in self.bars)) or 1

    @property
    def caption(self) -> str:
        """Return the text under the bars, which a heading introduces."""
        return self.note or self.title


@dataclasses.dataclass(frozen=True)
class HeatMap:
    """Values as colours, in one grid or in several.

    Attributes:
        title: a sentence.
        file: the picture's name.
        rows, columns: their labels.
        grids: a grid's title -> rows of cells, each a value (or None) and its text.
        xlabel, ylabel: the axes' labels.
        legend: of the colours; without one they show on which side of 1 a value lies, and how far.
        across: how many grids are side by side; by default all.
        scale: ``log``, or ``share``: linear from 0 to 1.
    """

    title: str
    file: str
    rows: Sequence[str]
    columns: Sequence[str]
    grids: dict[str, Sequence[Sequence[tuple[float | None, str]]]]
    xlabel: str = ""
    ylabel: str = ""
    legend: str = ""
    across: int = 0
    scale: str = "log"

    @property
    def has_texts(self) -> bool:
        """Return whether cells are written; otherwise they can be as small as a letter."""
        return any(text for grid in self.grids.values() for row in grid for _, text in row)


class DotRow(NamedTuple):
    """A row of dots: its label and a note, its values, and the model that gives their colour.

    Dots of ``hollow`` values stand above those of ``filled`` ones.
    """

    label: str
    note: str
    hollow: Sequence[float]
    filled: Sequence[float]
    model: str = ""


@dataclasses.dataclass(frozen=True)
class Dots:
    """Distributions, one below the other, a dot for every value.

    Attributes:
        title: a sentence that says what hollow and filled dots are.
        file: the picture's name.
        rows: a list of `DotRow`.
        xlabel: what the values are.
        low, high: the ends of the axis; values above are at its end, and written out.
    """

    title: str
    file: str
    rows: Sequence[DotRow]
    xlabel: str
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Picture:
    """A finished picture of an earlier version's: its caption, file, and the bytes of a PNG."""

    title: str
    file: str
    png: bytes


class Continuation(NamedTuple):
    """A text: its subject, its origin, and the share of it that is copied.

    ``spans``, ``[[start, end], ...]`` in order, are the places of the copied pieces.
    """

    of: str
    made: str
    text: str
    share: str
    spans: Sequence[Sequence[int]] = ()


@dataclasses.dataclass(frozen=True)
class Texts:
    """Texts side by side, a list of `Continuation`; ``of`` names the kind of their subjects."""

    of: str
    texts: Sequence[Continuation]

    @property
    def groups(self) -> dict[str, list[Continuation]]:
        """Return the texts by their subject."""
        return grouped(self.texts, "of")


def shown(token: str) -> str:
    """Return a token as pictures show it: a visible sign for a space and for ``<unk>``."""
    return _SYMBOLS.get(token, token)


@dataclasses.dataclass(frozen=True)
class Walk:
    """Gates over a text, which a page lets the reader explore: see `gluon_gru.gates.walk.walk`."""

    walk: dict[str, Any]

    @property
    def words(self) -> list[list[tuple[int, str]]]:
        """Return the tokens in groups that no line break splits, each with its place."""
        groups: list[list[tuple[int, str]]] = [[]]
        for place, token in enumerate(self.walk["tokens"]):
            groups[-1].append((place, shown(token)))
            if not token.strip() or len(token) > 1 and token != "<unk>":
                groups.append([])
        return [group for group in groups if group]


@dataclasses.dataclass(frozen=True)
class Fold:
    """A section that the page folds away under its heading and a sentence.

    Attributes:
        heading: of level 2.
        summary: what is worth knowing without opening it.
        blocks: any but a fold.
    """

    heading: Heading
    summary: str
    blocks: Sequence[Any]


@dataclasses.dataclass(frozen=True)
class Document:
    """A report: its title and its blocks."""

    title: str
    blocks: Sequence[Any]

    @property
    def unfolded(self) -> list[Any]:
        """Return the blocks with those of folds in their places, after heading and summary."""
        flat: list[Any] = []
        for block in self.blocks:
            if isinstance(block, Fold):
                flat += [block.heading, Paragraph(block.summary), *block.blocks]
            else:
                flat.append(block)
        return flat


#: What draws values, and can be kept as JSON.
Chart = Union[Curves, Bars, HeatMap]


def as_json(chart: Chart) -> dict[str, Any]:
    """Return a chart as JSON holds it, its numbers with six digits, and its class as ``kind``."""
    return {"kind": type(chart).__name__, **_json(vars(chart))}


def _json(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, Iterable):
        return list(map(_json, value))
    return value if isinstance(value, int) else float(f"{value:.6g}")


def chart(found: dict[str, Any]) -> Chart:
    """Return the chart that `as_json` gave."""
    fields = {name: value for name, value in found.items() if name != "kind"}
    kind = {"Curves": Curves, "Bars": Bars, "HeatMap": HeatMap}[found["kind"]]
    for name, part in (("curves", Curve), ("points", Point), ("bars", Bar)):
        if name in fields:
            fields[name] = [part(**one) for one in fields[name]]
    return kind(**fields)
