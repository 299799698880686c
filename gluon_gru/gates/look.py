"""A report on the gates of trained models over any text: tables, pictures, and a page to explore."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any, Mapping

from gluon_gru.errors import InputError
from gluon_gru.gates.inspection import (
    Gates,
    boundary_correlation,
    check_known,
    has_ends,
    inspect,
    memory,
    resets,
)
from gluon_gru.gates.picture import heat_maps
from gluon_gru.gates.walk import walk
from gluon_gru.report import write
from gluon_gru.report.document import Code, Document, Heading, Paragraph, Table, Walk, code, plain
from gluon_gru.runs import checkpoint
from gluon_gru.runs.files import make_folder
from gluon_gru.runs.restore import checkpoint_of, vocabulary
from gluon_gru.text.editions import DEFAULT, UNNAMED, edition_of, is_of_letters
from gluon_gru.text.rules import Rules
from gluon_gru.text.textfile import tidy

if TYPE_CHECKING:
    from gluon_gru.text.vocabulary import Vocab

# Units in a table, and the occurrences that a character needs for its mean to count.
_SHOWN, _OFTEN = 8, 20


@dataclasses.dataclass
class Look:
    """What the gates of some models' layers do over a text.

    Attributes:
        tables: two for each layer.
        walks: of each layer, as `gluon_gru.gates.walk.walk` returns them.
    """

    tables: list[Table] = dataclasses.field(default_factory=list)
    walks: list[dict] = dataclasses.field(default_factory=list)


def look(
    folder: pathlib.Path,
    models: Mapping[str, Any],
    text: str,
    ctx: object = None,
    command: str = "",
) -> Look:
    """Inspect gates over a text; write ``report.md``, ``report.html`` and pictures into a folder.

    Args:
        folder: it is made if it doesn't exist.
        models: name -> path of a GRU's checkpoint.
        text: a string. A model trained on a text of one's own reads it as it read that (its ends of
            lines, its letters' form, and their case if that was folded); any other, as the book
            reads its corpus if the model knows only small letters.
        ctx: has no effect; callers of version 0.1.0 give a device.
        command: the command line, for the record.

    Raises:
        InputError: for a text with no known character, a checkpoint of another cell, and a folder
            that can't be written to.
    """
    seen = Look()
    for name, path in models.items():
        file = checkpoint_of(path)
        saved = checkpoint.load(file)
        with checkpoint.naming(file):
            vocab = vocabulary(saved.vocab, saved.config.get("vocab_size"))
        known = _as_trained(text, path, saved.config, vocab)
        for layer in range(saved.config.get("num_layers") or 1):
            gates = inspect(saved, vocab, known, layer=layer)
            title = f"{name}, layer {layer}"
            seen.tables += tables_of(title, gates)
            seen.walks.append(walk(name, gates))
    make_folder(folder)
    write(document(text, seen, command), folder)
    return seen


def _as_trained(text: str, path: Any, config: Mapping[str, Any], vocab: Vocab) -> str:
    """Return a text as the model of a checkpoint was trained to read it."""
    rules = Rules.of(config)
    if "text" not in config:
        return as_the_model_reads(tidy(text), vocab, config.get("edition", UNNAMED))
    if rules.tokens != "characters":
        raise InputError(
            f"{str(path)!r} is a model of {rules.tokens}, but gates are shown character by "
            "character: give a model of characters"
        )
    return rules.read(text)


def as_the_model_reads(text: str, vocab: Vocab, edition: str = DEFAULT) -> str:
    """Return a text as a model with this vocabulary, of the book's text's edition, reads it.

    Raises:
        InputError: if the vocabulary knows none of its characters.
    """
    books = is_of_letters(vocab.idx_to_token)
    known = edition_of(edition).line(text.replace("\n", " ")) if books else text
    # What the book's text has for another sign is a space.
    check_known(known.strip() or text, vocab)
    return known


def tables_of(name: str, gates: Gates) -> list[Table]:
    """Return tables of a layer's units by their memory, and of the characters that reset them."""
    order, taus = memory(gates)
    characters, means, by_unit = resets(gates)
    counts = [gates.text.count(character) for character in characters]
    # In a short text every character is rare.
    often = [i for i, count in enumerate(counts) if count >= _OFTEN]
    ranked = often or range(len(counts))
    ends = [
        boundary_correlation(gates, gate) if has_ends(gates) else None
        for gate in ("update", "reset")
    ]

    def row(unit):
        least = sorted(ranked, key=lambda i: by_unit[i, unit])[:3]
        return [
            str(unit),
            f"{taus[unit]:.1f}",
            f"{gates.update[:, unit].mean():.2f}",
            *("" if values is None else f"{values[unit]:+.2f}" for values in ends),
            " ".join(code(characters[i]) for i in least),
        ]

    units = dict.fromkeys([*order[:_SHOWN], *order[-_SHOWN // 2 :]])
    return [
        Table(
            ["unit", "remembers", "mean Z", "Z and ends", "R and ends", "reset by"],
            [row(unit) for unit in units],
            f"{plain(name)}: the units that remember longest and shortest (time constant in characters, "
            "by the unit's own Z alone: what comes back through other units is not counted), "
            "their mean Z, the correlation of Z and of R with the ends of words, and the "
            "characters with the lowest R",
        ),
        Table(
            ["character", "R", "occurs"],
            [[code(characters[i]), f"{means[i]:.3f}", str(counts[i])] for i in ranked],
            f"{plain(name)}: the characters that reset, most first (R, mean over all units"
            + (f"; those that occur {_OFTEN} times or more)" if often else ")"),
        ),
    ]


def document(text: str, look: Look, command: str) -> Document:
    """Return the report, whose page lets the reader explore the text."""
    return Document(
        "The gates of trained GRUs over a text",
        [
            Paragraph(f"Made by {code(command)}."),
            Heading("The text, character by character", "text"),
            *map(Walk, look.walks),
            Code(text),
            Heading("Units and characters", "units"),
            *look.tables,
            Heading("Pictures"),
            *heat_maps(look.walks),
        ],
    )
