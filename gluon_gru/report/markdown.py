"""A report as ``report.md``; its pictures are files beside it."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Sequence

from gluon_gru.report import document as d


def markdown(document: d.Document) -> str:
    """Return a `gluon_gru.report.document.Document` in GitHub's Markdown."""
    headings = {block.anchor for block in document.blocks if isinstance(block, d.Heading)}
    parts = [f"# {document.title}", *_parts(document.blocks, headings)]
    return "\n\n".join(parts) + "\n"


def _parts(blocks: Sequence[Any], headings: set[str]) -> Iterator[str]:
    shown = set()
    for block in blocks:
        if isinstance(block, d.Verdicts):
            yield _verdicts(block, headings)
        elif isinstance(block, (d.Curves, d.Bars, d.HeatMap, d.Picture)):
            # Panels of a picture that was shown already.
            if block.file not in shown:
                shown.add(block.file)
                caption = block.caption if isinstance(block, d.Bars) else block.title
                yield f"![{caption}]({block.file})\n\n{caption.rstrip('.')}."
        elif not isinstance(block, d.Walk):
            yield _RENDERERS[type(block)](block)


def _heading(block: d.Heading) -> str:
    heading = f"{'#' * block.level} {block.text}"
    return f"{heading}\n\nVerdict: **{block.verdict}**" if block.verdict else heading


def _verdicts(block: d.Verdicts, headings: set[str]) -> str:
    def name(one):
        return f"[`{one.name}`](#{one.anchor})" if one.anchor in headings else f"`{one.name}`"

    if any(one.text for one in block.judged):
        rows = [(name(one), one.text, one.verdict) for one in block.judged]
        return table(("", "what it says", "verdict"), rows)
    return "\n".join(
        f"- {word}, {len(judged)}: {', '.join(map(name, judged))}"
        for word, judged in block.by_word.items()
    )


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table in Markdown; no cell can break out of its place."""
    cells = [
        [str(cell).replace("|", "\\|").replace("\n", " ") for cell in row]
        for row in (headers, *rows)
    ]
    widths = [max(3, *map(len, column)) for column in zip(*cells)]
    lines = [
        f"| {' | '.join(cell.ljust(have) for cell, have in zip(row, widths))} |" for row in cells
    ]
    return "\n".join([lines[0], f"|{'|'.join('-' * (have + 2) for have in widths)}|", *lines[1:]])


def _bullets(block: Any) -> str:
    return "\n".join(f"- {line}" for line in block.lines)


def _table(block: d.Table) -> str:
    title = f"**{block.title}**\n\n" if block.title else ""
    return title + table(block.headers, block.rows)


def _texts(block: d.Texts) -> str:
    rows = [
        ("" if number else of, one.made, f"`{one.text}`", one.share)
        for of, texts in block.groups.items()
        for number, one in enumerate(texts)
    ]
    return table((block.of, "", "text", "verbatim"), rows)


_RENDERERS: dict[type, Callable[[Any], str]] = {
    d.Heading: _heading,
    d.Paragraph: lambda block: block.text,
    d.Bullets: _bullets,
    d.Details: lambda block: f"{block.summary}\n\n{_bullets(block)}",
    d.Quote: lambda block: f"> {block.text}\n>\n> {block.source}",
    d.Code: lambda block: "    " + block.text.replace("\n", "\n    "),
    d.Facts: lambda block: table(("", ""), list(block.values.items())),
    d.Table: _table,
    d.Texts: _texts,
}
