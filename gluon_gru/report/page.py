"""A report as ``report.html``, a page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import functools
import io
import re
from typing import TYPE_CHECKING, Any, Sequence

from gluon_gru.report import charts, walks
from gluon_gru.report.document import Document
from gluon_gru.report.pictures import pictures
from gluon_gru.report.style import COLOURS

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

_CODE_OR_BOLD = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")


def page(document: Document, drawn: dict[str, bytes] | None = None) -> bytes:
    """Return a document as the bytes of an HTML file; nothing that is text can become markup.

    Args:
        document: a `gluon_gru.report.document.Document`.
        drawn: its pictures, if they are drawn already (`gluon_gru.report.pictures.pictures`).
    """
    if drawn is None:
        # Curves and bars are drawn by the page itself.
        kinds = {"HeatMap", "Picture"}
        drawn = pictures([one for one in document.blocks if type(one).__name__ in kinds])
    return (
        _environment()
        .get_template("page.html")
        .render(document=document, colours=COLOURS, pictures=drawn)
        .encode()
    )


def prose(text: Any) -> Markup:
    """Return a report's sentence or cell as `markupsafe.Markup`: `` `code` `` and ``**bold**``.

    Everything else in it is text, whatever it holds.
    """
    from markupsafe import Markup, escape

    text, parts, end = str(text), [], 0
    for match in _CODE_OR_BOLD.finditer(text):
        code, bold = match.groups()
        parts += [
            escape(text[end : match.start()]),
            Markup("<code>{}</code>").format(code)
            if code
            else Markup("<strong>{}</strong>").format(bold),
        ]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def pieces(text: str, spans: Sequence[Sequence[int]]) -> list[tuple[str, bool]]:
    """Cut a text at spans, ``[[start, end], ...]`` in order; pairs of a piece and whether it is in
    one.
    """
    cuts = [0, *(place for span in spans for place in span), len(text)]
    return [
        (text[start:end], bool(i % 2))
        for i, (start, end) in enumerate(zip(cuts, cuts[1:]))
        if start < end
    ]


# A study writes its report again and again, with most of its pictures unchanged.
@functools.lru_cache(maxsize=32)
def picture(png: bytes) -> str:
    """Return the bytes of a PNG file as a ``data:`` address, with a palette of 256 colours.

    Pictures of ours have few colours; the palette takes a half to two thirds off a page.
    """
    from PIL import Image

    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            small, "PNG", optimize=True
        )
    return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"


@functools.lru_cache(maxsize=None)
def _environment() -> jinja2.Environment:
    import jinja2

    # Strict, since a name that is missing would else leave a hole in a page that nobody sees.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters.update(
        prose=prose,
        pieces=pieces,
        picture=picture,
        chart=charts.curves,
        lengths=charts.bars,
        words=walks.words,
        kind=lambda block: type(block).__name__,
    )
    return environment
