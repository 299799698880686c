"""Reports: a study builds a `gluon_gru.report.document.Document`, and this room renders it.

`write` turns it into ``report.md``, ``report.html`` and pictures; `terminal.text` returns what a
command prints. `style` gives each model its looks, `axes` computes the places of curves and ticks,
and `pictures` (Matplotlib) and `charts` (the page's SVG) draw them. Nothing here knows a study.
"""

from __future__ import annotations

import pathlib

from gluon_gru.report.document import Document
from gluon_gru.runs.files import write_whole


def write(document: Document, folder: pathlib.Path) -> None:
    """Write ``report.md``, ``report.html`` and the document's pictures into a folder.

    Raises:
        InputError: if the folder can't be written to.
    """
    from gluon_gru.report.markdown import markdown
    from gluon_gru.report.page import page
    from gluon_gru.report.pictures import pictures

    drawn = pictures(document.unfolded)
    for file, png in drawn.items():
        write_whole(folder / file, png)
    write_whole(folder / "report.md", markdown(document).encode("utf-8", "backslashreplace"))
    write_whole(folder / "report.html", page(document, drawn))
