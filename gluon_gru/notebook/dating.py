"""Which edition of *The Time Machine* a notebook is of: told by its cells and its stored outputs."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from gluon_gru.notebook.reading import code
from gluon_gru.notebook.results import printed
from gluon_gru.published.runs import published_runs
from gluon_gru.published.verbatim import VERBATIM_RUN
from gluon_gru.text.editions import DEFAULT, EDITIONS


def date(notebook: Any, texts: Mapping[str, str]) -> tuple[str, str]:
    """Return the edition of a notebook, a key of `gluon_gru.text.editions.EDITIONS`, and why.

    The surest sign that there is decides: its own code that reads the text, results that a
    published build printed, the text's length, texts that a model wrote, and at last the wording
    of its cells. The text changed on 1 September 2020.

    Args:
        notebook: nbformat's, version 4.
        texts: the book's text in each edition; empty if it isn't at hand.
    """
    sources = "\n".join(cell.source for cell in code(notebook))
    for sign in (_by_code, _by_builds, _by_length, _by_spaces, _by_texts(texts), _by_wording):
        edition, why = sign(notebook, sources)
        if edition:
            return edition, why
    return DEFAULT, "nothing tells, so it is the first one"


_NOTHING = ("", "")


def _by_code(notebook: Any, sources: str) -> tuple[str, str]:
    """The editions differ in where a line is stripped."""
    why = "its own read_time_machine"
    if re.search(r"re\.sub\(.*line\.strip\(\)\.lower\(\)\)", sources):
        return "2019", why
    if re.search(r"re\.sub\(.*, line\)\.strip\(\)\.lower\(\)", sources):
        return "2020-09", why
    return _NOTHING


def _results(notebook: Any) -> list[Any]:
    return [result for cell in code(notebook) for result in printed(cell)]


def _by_builds(notebook: Any, sources: str) -> tuple[str, str]:
    known = {(run.perplexity, int(run.tokens_per_sec), *run.texts): run for run in published_runs()}
    for result in _results(notebook):
        run = known.get((result.perplexity, int(result.rate), *result.texts.values()))
        if run:
            return run.edition, f"its results are those of the build of {run.built}"
    return _NOTHING


def _by_length(notebook: Any, sources: str) -> tuple[str, str]:
    outputs = str([cell.outputs for cell in code(notebook)])
    for edition in EDITIONS.values():
        if re.search(rf"\b{edition.num_characters}\b", outputs):
            return edition.name, f"it prints {edition.num_characters} characters"
    return _NOTHING


def _by_spaces(notebook: Any, sources: str) -> tuple[str, str]:
    """Only in the first edition a space at a line's end meets the next line's first."""
    if any("  " in text for result in _results(notebook) for text in result.texts.values()):
        return "2019", "double spaces in a stored text"
    return _NOTHING


def _by_texts(texts: Mapping[str, str]) -> Callable[[Any, str], tuple[str, str]]:
    """What a model learned by heart stands in one edition as it wrote it, in the other not."""

    def by_texts(notebook: Any, sources: str) -> tuple[str, str]:
        written = [text for result in _results(notebook) for text in result.texts.values()]
        runs = [
            text[i : i + VERBATIM_RUN]
            for text in written
            for i in range(len(text) - VERBATIM_RUN + 1)
        ]
        verbatim = {name: sum(run in whole for run in runs) for name, whole in texts.items()}
        if len(set(verbatim.values())) < 2:
            return _NOTHING
        return max(verbatim, key=lambda name: verbatim[name]), "the passages in its stored texts"

    return by_texts


# In this order: by what the cells of 2019 to 2022 have and others haven't.
_WORDINGS = (
    (r"mxnet\S*==1\.[789]|d2l==(?:0\.1[5-9]|[1-9])", "2020-09", "the versions that it installs"),
    (r"mxnet\S*==1\.[56]|d2l==0\.1[0-3]", "2019", "the versions that it installs"),
    (r"^from mxnet import[^\0]*^from d2l import mxnet\b", "2020-09", "it imports mxnet before d2l"),
    (r"^import d2l\b", "2019", "import d2l, without a framework"),
    (r"\bdevice\b", "2020-09", "it says device, not ctx"),
    (r"\bctx\b", "2019", "it says ctx, not device"),
)


def _by_wording(notebook: Any, sources: str) -> tuple[str, str]:
    for pattern, edition, why in _WORDINGS:
        if re.search(pattern, sources, re.M):
            return edition, why
    return _NOTHING
