"""Reports: a study builds one `gluon_gru.report.document.Document`, and everything else follows.

`write` makes ``report.md`` and ``report.html`` of it, with its pictures; `terminal.text` what a
command prints. `style` says how each model is drawn, `axes` where curves and ticks go; `pictures`
(Matplotlib) and `charts` (the page's own SVG) draw that. Nothing here knows a study.
"""

from __future__ import annotations

import pathlib

from gluon_gru.report.document import Document
from gluon_gru.runs.files import write_whole


def write(document: Document, folder: pathlib.Path) -> None:
    """Write a document into a folder: ``report.md``, ``report.html``, and its pictures.

    Raises:
        InputError: if it can't be written.
    """
    from gluon_gru.report.markdown import markdown
    from gluon_gru.report.page import page
    from gluon_gru.report.pictures import pictures

    drawn = pictures(document.blocks)
    for file, png in drawn.items():
        write_whole(folder / file, png)
    write_whole(folder / "report.md", markdown(document).encode())
    write_whole(folder / "report.html", page(document, drawn))
