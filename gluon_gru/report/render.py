"""Filling a template; what reports write in Markdown's manner, and pictures, inside of a page."""

import base64
import io
import re

import jinja2
from markupsafe import Markup, escape
from PIL import Image

_CODE_OR_BOLD = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")


def prose(text):
    """Return a report's sentence or cell as `markupsafe.Markup`: `` `code` `` and ``**bold**``.

    Everything else in it is text, whatever it holds.
    """
    text, parts, end = str(text), [], 0
    for found in _CODE_OR_BOLD.finditer(text):
        code, bold = found.groups()
        parts += [
            escape(text[end : found.start()]),
            Markup("<code>{}</code>").format(code)
            if code
            else Markup("<strong>{}</strong>").format(bold),
        ]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def pieces(text, spans):
    """Cut a text at spans, ``[[start, end], ...]`` in order; pairs of a piece and whether it is in
    one.
    """
    cuts = [0, *(place for span in spans for place in span), len(text)]
    return [
        (text[start:end], bool(i % 2))
        for i, (start, end) in enumerate(zip(cuts, cuts[1:]))
        if start < end
    ]


def picture(png):
    """Return the bytes of a PNG file as a ``data:`` address, with a palette of 256 colours.

    Pictures of ours have few colours; the palette takes a half to two thirds off a page.
    """
    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            small, "PNG", optimize=True
        )
    return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"


# Strict, since a name that is missing would else leave a hole in a page that nobody sees.
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader(__package__),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
_ENVIRONMENT.filters.update(prose=prose, pieces=pieces, picture=picture)


def render(template, **shown):
    """Return a page as the bytes of an HTML file.

    Args:
        template: its file in ``templates/``.
        shown: what the template names; all of it, and nothing that is text can become markup.
    """
    return _ENVIRONMENT.get_template(template).render(shown).encode()
