"""A report as ``report.html``, a page that needs no network and no other file."""

from __future__ import annotations

import base64
import functools
import io
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from gluon_gru.report import charts
from gluon_gru.report.axes import Axes, Axis, beyond
from gluon_gru.report.document import MARKED, Document
from gluon_gru.report.style import COLOURS

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup


def page(document: Document, pictures: dict[str, bytes]) -> bytes:
    """Return a document as the bytes of an HTML file; no text in it can become markup.

    Args:
        document: a `gluon_gru.report.document.Document`.
        pictures: file name -> PNG bytes, of every `Picture` at least.
    """
    template = _environment().get_template("page.html")
    return template.render(document=document, colours=COLOURS, pictures=pictures).encode(
        "utf-8", "backslashreplace"
    )


def model_page(name: str, about: str, facts: Mapping[str, Any], weights: bytes) -> bytes:
    """Return the bytes of an HTML file that runs a model: `gluon_gru.convert.model_page` calls it.

    Args:
        name: of the model.
        about: a line about it.
        facts: what ``templates/model/`` needs to know of it, as JSON.
        weights: in the order that ``templates/model/weights.js`` names.
    """
    template = _environment().get_template("model/page.html")
    packed = base64.b64encode(weights).decode()
    return template.render(
        name=name, about=about, facts=facts, weights=packed, colours=COLOURS
    ).encode("utf-8", "backslashreplace")


def prose(text: Any) -> Markup:
    """Return a sentence or cell with its code (```x```) and ``**bold**`` marked up, the rest escaped."""
    from markupsafe import Markup, escape

    def marked(match):
        fence, code, bold = match.groups()
        if code is None:
            return f"<strong>{bold}</strong>"
        return f"<code>{code[1:-1] if len(fence) > 1 else code}</code>"

    # The marks hold no character that escaping changes.
    return Markup(MARKED.sub(marked, str(escape(str(text)))))


def pieces(text: str, spans: Sequence[Sequence[int]]) -> list[tuple[str, bool]]:
    """Return a text's pieces, each with whether it lies in one of the spans, ``[start, end]``."""
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

    Our pictures have few colours, and the palette makes a page two to three times smaller.
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

    # Strict: a missing name is an error, not an unnoticed hole in a page.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters.update(
        prose=prose, pieces=pieces, picture=picture, kind=lambda block: type(block).__name__
    )
    environment.globals.update(charts=charts, Axes=Axes, Axis=Axis, beyond=beyond)
    return environment
