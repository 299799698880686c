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


CHAPTER = Source("Dive into Deep Learning", "Gated Recurrent Units (GRU)", "MXNet edition, 2019")
QUESTION = dataclasses.replace(CHAPTER, section=f"{CHAPTER.section}, exercises")
SUMMARY = Source(
    "Dive into Deep Learning", "Gated Recurrent Units (GRU), summary", "editions of 2020 and later"
)
SLIDES = Source(
    "Slides of the chapter Gated Recurrent Units", "training output", "MXNet edition, 2019"
)
SOLUTION = Source("A reader's published solutions", "exercises of Gated Recurrent Units", "2023")
NOTES = Source("Readers' published notes", "on the chapters RNN, GRU and LSTM", "2019 and later")
