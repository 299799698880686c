"""A report as ``report.md``; its pictures are files beside it."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Iterator, Sequence

from gluon_gru.report import document as d

# What Markdown would take for markup in plain text: a sign that could open some. Between letters or
# before a space it couldn't.
_MARKUP = re.compile(
    r"[\\`]|\*(?=\S)|(?<!\w)_|~(?=~)|<(?=[A-Za-z/!?])|&(?=#|\w+;)|\[(?=[^\]]*\][(\[:])"
)


def markdown(document: d.Document) -> str:
    """Return a `gluon_gru.report.document.Document` in GitHub's Markdown."""
    return "\n\n".join([f"# {document.title}", *_parts(document.unfolded)]) + "\n"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)


def _prose(text: Any) -> str:
    """Return a sentence or cell with its marks, and everything else in it made plain."""
    parts, end = [], 0
    for mark in d.MARKED.finditer(str(text)):
        parts += [_plain(str(text)[end : mark.start()]), mark[0]]
        end = mark.end()
    return "".join([*parts, _plain(str(text)[end:])])


def _parts(blocks: Sequence[Any]) -> Iterator[str]:
    anchors = {block.anchor for block in blocks if isinstance(block, d.Heading)}
    drawn = set()
    for block in blocks:
        if isinstance(block, d.Verdicts):
            yield _verdicts(block, anchors)
        elif isinstance(block, (d.Curves, d.Bars, d.HeatMap, d.Dots, d.Picture)):
            # The panels of a picture share its file, which is shown once.
            if block.file not in drawn:
                drawn.add(block.file)
                caption = _plain(block.caption if isinstance(block, d.Bars) else block.title)
                yield f"![{caption}]({block.file})\n\n{caption.rstrip('.')}."
        elif not isinstance(block, d.Walk):
            yield _RENDERERS[type(block)](block)


def _heading(block: d.Heading) -> str:
    heading = f"{'#' * block.level} {_plain(block.text)}"
    return f"{heading}\n\nVerdict: **{block.verdict}**" if block.verdict else heading


def _verdicts(block: d.Verdicts, anchors: set[str]) -> str:
    def name(one):
        return f"[`{one.name}`](#{one.anchor})" if one.anchor in anchors else f"`{one.name}`"

    if any(one.text for one in block.judged):
        rows = [(name(one), _prose(one.text), one.verdict) for one in block.judged]
        return table(("", "what it says", "verdict"), rows)
    return "\n".join(
        f"- {word}, {len(judged)}: {', '.join(map(name, judged))}"
        for word, judged in block.by_word.items()
    )


def table(headers: Sequence[str], rows: Sequence[Iterable[Any]]) -> str:
    """Return a table of cells in Markdown, with bars and line breaks in its cells made harmless."""
    cells = [
        [str(cell).replace("|", "\\|").replace("\n", " ") for cell in row]
        for row in (headers, *rows)
    ]
    widths = [max(3, *map(len, column)) for column in zip(*cells)]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in cells]
    lines.insert(1, f"|{'|'.join('-' * (have + 2) for have in widths)}|")
    return "\n".join(lines)


def _bullets(block: Any) -> str:
    return "\n".join(f"- {_prose(line)}" for line in block.lines)


def _table(block: d.Table) -> str:
    title = f"**{_prose(block.title)}**\n\n" if block.title else ""
    headers, *rows = (list(map(_prose, row)) for row in (block.headers, *block.rows))
    return title + table(headers, rows)


def _texts(block: d.Texts) -> str:
    rows = [
        ("" if number else of, one.made, d.code(one.text), one.share)
        for of, texts in block.groups.items()
        for number, one in enumerate(texts)
    ]
    return table((block.of, "", "text", "verbatim"), rows)


_RENDERERS: dict[type, Callable[[Any], str]] = {
    d.Heading: _heading,
    d.Paragraph: lambda block: _prose(block.text),
    d.Link: lambda block: f"[{_plain(block.text)}]({block.file}){_prose(block.rest)}",
    d.Bullets: _bullets,
    d.Quote: lambda block: f"> {_prose(block.text)}\n>\n> {_plain(block.source)}",
    d.Code: lambda block: "    " + block.text.replace("\n", "\n    "),
    d.Facts: lambda block: table(("", ""), [map(_prose, fact) for fact in block.values.items()]),
    d.Table: _table,
    d.Texts: _texts,
}
