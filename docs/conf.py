"""The site: the repository's pages as they are, and the reference, made from the docstrings.

Sphinx reads the repository from its root, so that the pages' links mean the same on the site as on
a Git host.
"""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import re
import shutil
import sys
import types
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import gluon_gru  # noqa: E402

project = "gluon_gru"
html_title = "gluon_gru"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md"]
# Without these, Sphinx walks through them in search of pages.
exclude_patterns = [".*", "build", "gluon_gru", "results", "runs", "tests"]

# Headings get the anchors that a Git host gives them.
myst_heading_anchors = 4

# In docstrings, `name` is a reference, and one that leads nowhere is an error. Annotations also name
# the types of other libraries, whose sites aren't asked; so does an error.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*"), ("py:exc", "BrokenExecutor")]
# Some constants, and defaults of arguments, are whole tables of claims, which Sphinx takes minutes to parse.
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True, "no-value": True}
autodoc_member_order = "bysource"
# There are none, and the search for them takes most of the time.
autodoc_use_type_comments = False
maximum_signature_line_length = 80

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["site"]
html_css_files = ["site.css"]
# Those of the package's reports: gluon_gru/report/templates/style.css.
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b57a4",
        "color-brand-content": "#0b57a4",
        "color-brand-visited": "#0b57a4",
        "color-background-secondary": "#f3f3f1",
        "color-code-background": "#f3f3f1",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8cc4ff",
        "color-brand-content": "#8cc4ff",
        "color-brand-visited": "#8cc4ff",
        "color-background-primary": "#16181a",
        "color-background-secondary": "#23262a",
        "color-code-background": "#23262a",
    },
}

#: Modules that the reference leaves out: the command, whose options are its interface, and the
#: exercises, which `gluon_gru.studies.exercises.answering` runs; and the forms of files.
NOT_LISTED = r"gluon_gru\.(cli|runs\.schemas|studies\.exercises\.questions)(\.|$)|.*\._"


def pages_of(table: str) -> list[str]:
    """Return the pages that the rows of a page's tables begin with."""
    text = (ROOT / table).read_text(encoding="utf-8")
    folder = pathlib.PurePosixPath(table).parent
    return [str(folder / page) for page in re.findall(r"^\| \[[^]]*\]\(([\w-]+\.md)\)", text, re.M)]


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the tables of pages into the menu, since a page in no menu is a warning."""
    if docname == root_doc:
        guide = ["docs/README.md", *pages_of("docs/README.md")]
        parts = {
            "Guide": [page for page in guide if page != "docs/releasing.md"],
            "Reference": ["docs/reference/README.md", *pages_of("docs/reference/README.md")],
            "Project": ["CONTRIBUTING.md", "docs/releasing.md", "CHANGELOG.md"],
        }
        for caption, pages in parts.items():
            source[0] += "\n```{toctree}\n:hidden:\n:caption: " + caption + "\n\n"
            source[0] += "\n".join(pages) + "\n```\n"


def link_reports(app: Sphinx, doctree: nodes.document) -> None:
    """Let links into results/ lead to the pages there, which the site has in the same place."""
    links = (*doctree.findall(download_reference), *doctree.findall(pending_xref))
    for link in links:
        target = re.sub(r"report(\.md)?$", "report.html", link["reftarget"])
        if not (link.get("reftype") == "myst" and "results/" in target):
            continue
        path = ROOT / target[target.index("results/") :]
        if not path.is_file():
            logging.getLogger(__name__).warning("no such file: %s", path, location=link)
        up = "../" * app.env.docname.count("/")
        reference = nodes.reference("", "", *link.children, refuri=f"{up}{path.relative_to(ROOT)}")
        link.replace_self(reference)


def find_anywhere(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Resolve `name` of another module: the book's, or the only one of that name."""
    if node.get("refdomain") != "py":
        return None
    domain, name = env.domains.python_domain, node["reftarget"]
    if name.startswith("gluon_gru."):
        # By its module, and described in the package that hands it on; or the other way round.
        name = name.rpartition(".")[2]
    book = domain.objects.get(f"gluon_gru.{name}")
    found = (
        [book] if book else [place for _, place in domain.find_obj(env, None, None, name, None, 1)]
    )
    places = {(place.docname, place.node_id) for place in found}
    if len(places) != 1:
        return None
    return make_refnode(app.builder, node["refdoc"], *places.pop(), content)


def handed_on() -> dict[tuple[str, int], str]:
    """Return the packages that hand things on, by the name and the identity of these."""
    homes: dict[tuple[str, int], str] = {}
    for package in ("gluon_gru", "gluon_gru.models", "gluon_gru.gates", "gluon_gru.own_texts"):
        module = importlib.import_module(package)
        for name in module.__all__:
            homes.setdefault((name, id(getattr(module, name))), package)
    return homes


HANDED_ON = handed_on()


def skip_member(app: Sphinx, what: str, name: str, member: Any, skip: bool, _: Any) -> bool:
    """Describe a name once, in the package that users import it from."""
    if skip or what not in ("module", "class"):
        return skip
    if what == "class":
        # The docstring of the class describes its attributes.
        return not (callable(member) or isinstance(member, property)) or isinstance(
            member, types.BuiltinFunctionType
        )
    if not isinstance(member, (type, types.FunctionType, types.BuiltinFunctionType)):
        return False
    here = app.env.current_document.autodoc_module
    elsewhere = HANDED_ON.get((name, id(member)), here) != here
    return elsewhere or not member.__module__.startswith("gluon_gru")


def check_complete(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of a module that is on no page of the reference."""
    listed = set(env.domains.python_domain.modules)
    for module in pkgutil.walk_packages(gluon_gru.__path__, "gluon_gru."):
        if module.name not in listed and not re.match(NOT_LISTED, module.name):
            logging.getLogger(__name__).warning("%s is on no page of the reference", module.name)


def add_files(app: Sphinx, exception: Exception | None) -> None:
    """Add the reports, and the first page under the name that servers look for."""
    if exception or app.builder.name != "html":
        return
    for path in ROOT.glob("results/**/*.html"):
        copy = pathlib.Path(app.outdir) / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    shutil.copyfile(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


def setup(app: Sphinx) -> None:
    """Let the functions above take part in the build."""
    app.connect("source-read", add_contents)
    # Before Sphinx takes such links for files to download.
    app.connect("doctree-read", link_reports, priority=400)
    app.connect("missing-reference", find_anywhere)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("env-check-consistency", check_complete)
    app.connect("build-finished", add_files)
