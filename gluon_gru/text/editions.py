"""The book's two editions of one text: how each made lines, words and a vocabulary of the file.

The file never changed. Until August 2020 the book stripped a line's white space before it replaced
what is no letter by a space, so that a line that ends in punctuation ends in a space; since 1
September 2020 it strips after that. All published numbers of 2019 are of the first text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from gluon_gru.errors import InputError

_NO_LETTERS = re.compile("[^A-Za-z]+")


@dataclasses.dataclass(frozen=True)
class Edition:
    """How the book made tokens of *The Time Machine* at a time.

    Attributes:
        name: a key of `EDITIONS`.
        period: of the builds of the book that made their text so.
        num_characters: in the text that comes of the book's file.
        line: a line of the file in, the book's normalised line out.
        words: a normalised line in, its words out.
        ties: how the book orders tokens of the same frequency.
    """

    name: str
    period: str
    num_characters: int
    line: Callable[[str], str]
    words: Callable[[str], list[str]]
    ties: str

    def lines(self, blocks: Iterable[str]) -> Iterator[list[str]]:
        """Yield a text's normalised lines, in lists, as strings of any length come in."""
        rest = ""
        for block in blocks:
            *whole, rest = (rest + block).split("\n")
            yield list(map(self.line, whole))
        if rest:
            yield [self.line(rest)]

    def by_frequency(self, freqs: Mapping[str, int]) -> list[tuple[str, int]]:
        """Return ``(token, frequency)`` in the order of the book's vocabulary.

        Args:
            freqs: of the tokens, in the order of their first appearance.
        """
        if self.ties == "alphabetical":
            return sorted(freqs.items(), key=lambda pair: (-pair[1], pair[0]))
        return sorted(freqs.items(), key=lambda pair: -pair[1])


#: By name. The vocabulary of the builds of September to November 2020 still was in alphabetical
#: order where frequencies are equal, which no model of characters can tell.
EDITIONS = {
    edition.name: edition
    for edition in (
        Edition(
            "2019",
            "3 July 2019 to August 2020",
            171_489,
            lambda line: _NO_LETTERS.sub(" ", line.strip().lower()),
            # An empty line has one word, the empty string, and so has a space at a line's end.
            lambda line: line.split(" "),
            "alphabetical",
        ),
        Edition(
            "2020-09",
            "1 September 2020 to July 2022",
            170_580,
            lambda line: _NO_LETTERS.sub(" ", line).strip().lower(),
            str.split,
            "by first appearance",
        ),
    )
}

DEFAULT = "2019"


def is_of_letters(tokens: Iterable[str]) -> bool:
    """Return whether a vocabulary is the book's text's: small letters, a space, and ``<...>``."""
    return all(re.fullmatch("[a-z ]|<.+>", token) for token in tokens)


#: That of every model and record that doesn't name one: version 0.1.0 knew no other.
UNNAMED = "2020-09"


def edition_of(name: str) -> Edition:
    """Return an `Edition` by its name.

    >>> edition_of("2019").line("  'Filby,' said he,")
    ' filby said he '
    >>> edition_of("2020-09").line("  'Filby,' said he,")
    'filby said he'

    Raises:
        InputError: for a name that isn't in `EDITIONS`.
    """
    try:
        return EDITIONS[name]
    except (KeyError, TypeError):
        raise InputError(
            f"edition {name!r} is unknown: the book's text has the editions "
            + " and ".join(f"{known!r} ({EDITIONS[known].period})" for known in EDITIONS)
        ) from None
