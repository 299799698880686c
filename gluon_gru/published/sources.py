"""Where things are published: the chapter, its slides, and what readers wrote about it."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Source:
    """Where something is published."""

    title: str
    section: str
    edition: str

    def __str__(self) -> str:
        """Return it as a report cites it."""
        return f"{self.title}, {self.section} ({self.edition})"


_BOOK = "Dive into Deep Learning"
GRU_SECTION = "Gated Recurrent Units (GRU)"

CHAPTER = Source(_BOOK, GRU_SECTION, "MXNet edition, build of 17 February 2020")
QUESTION = dataclasses.replace(CHAPTER, section=f"{GRU_SECTION}, exercises")
SUMMARY = Source(_BOOK, f"{GRU_SECTION}, summary", "editions of 2020 and later")
LSTM_SUMMARY = Source(
    _BOOK, "Long Short-Term Memory (LSTM), summary", "MXNet edition, build of 17 February 2020"
)
SLIDES = Source(f"Slides of the chapter {GRU_SECTION}", "training output", "3 July 2019")
#: By the edition of the text (`gluon_gru.text.editions`).
BUILDS = {
    "2019": "MXNet edition, builds of 18 December 2019 to 11 August 2020",
    "2020-09": "MXNet edition, builds of 18 September 2020 to 10 July 2022",
}
SOLUTION = Source("A reader's published solutions", "exercises of Gated Recurrent Units", "2023")
NOTES = Source("Readers' published notes", "on the chapters RNN, GRU and LSTM", "2019 and later")

#: What nobody said, but what an answer needs.
OURS = Source("gluon_gru", "a hypothesis of this package's own", "2026")


def builds(section: str, edition: str) -> Source:
    """Return the builds of a section that were made with an edition of the text."""
    return Source(_BOOK, section, BUILDS[edition])


def slides(section: str) -> Source:
    """Return the slides of a section, of the day of the chapter's own."""
    return dataclasses.replace(SLIDES, title=f"Slides of the chapter {section}")
