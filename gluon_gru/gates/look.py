"""A look at the gates of trained models over any text: tables, pictures, a page to walk through."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from typing import TYPE_CHECKING, Any, Mapping

import numpy

from gluon_gru.errors import InputError
from gluon_gru.gates.inspection import (
    Gates,
    boundary_correlation,
    has_ends,
    inspect,
    memory,
    resets,
    written_out,
)
from gluon_gru.report import write
from gluon_gru.report.document import Code, Document, Heading, Paragraph, Picture, Table, Walk
from gluon_gru.runs.files import make_folder
from gluon_gru.text.editions import DEFAULT, UNNAMED, edition_of
from gluon_gru.text.reading import fold

if TYPE_CHECKING:
    import mxnet

    from gluon_gru.text.vocabulary import Vocab

# Units in a table, and how often a character must occur for its mean to count.
_SHOWN, _OFTEN = 8, 20

#: Of a picture of a model's gates.
CAPTION = "{}: the gates of the units that remember longest, character by character"


@dataclasses.dataclass
class Look:
    """What the gates of some models' layers do over a text.

    Attributes:
        tables: two for each layer.
        pictures: of each layer: file name -> (caption, PNG bytes).
        walks: of each layer, as `gluon_gru.gates.walk.walk` returns them.
    """

    tables: list[Table] = dataclasses.field(default_factory=list)
    pictures: dict[str, tuple[str, bytes]] = dataclasses.field(default_factory=dict)
    walks: list[dict] = dataclasses.field(default_factory=list)


def look(
    folder: pathlib.Path,
    models: Mapping[str, Any],
    text: str,
    ctx: mxnet.Context,
    command: str = "",
) -> Look:
    """Look at gates over a text; write ``report.md``, ``report.html`` and pictures into a folder.

    Args:
        folder: it is made if it isn't there.
        models: name -> path of a checkpoint, of a GRU.
        text: a string; taken as it is by models of texts of one's own (in small letters if those
            were), and else read as the book's corpus is if the model knows small letters alone.
        ctx: the device.
        command: the command line, for the record.

    Raises:
        InputError: for a text with no known character, a checkpoint of another cell, and a folder
            that can't be written to.
    """
    from gluon_gru.gates.picture import picture
    from gluon_gru.gates.walk import walk
    from gluon_gru.runs.restore import restore

    seen = Look()
    for name, path in models.items():
        model, vocab = restore(path, ctx)
        known = _as_trained(text, path, vocab)
        for layer in range(len(written_out(model)[1])):
            gates = inspect(model, vocab, known, ctx, layer)
            shown = f"{name}, layer {layer}"
            seen.tables += tables_of(shown, gates)
            file = f"gates-{len(seen.pictures) + 1}.png"
            seen.pictures[file] = CAPTION.format(shown), picture(gates)
            seen.walks.append(walk(name, gates))
    make_folder(folder)
    write(document(text, seen, command), folder)
    return seen


def _as_trained(text, path, vocab):
    """Return a text as the model of a checkpoint reads it: as it was trained to."""
    from gluon_gru.runs import checkpoint
    from gluon_gru.runs.restore import checkpoint_of

    config = checkpoint.load(checkpoint_of(path)).config
    own = config.get("text")
    if own is None:
        return as_the_model_reads(text, vocab, config.get("edition", UNNAMED))
    if own["tokens"] != "characters":
        raise InputError(
            f"{str(path)!r} reads {own['tokens']}, and gates are looked at character "
            "by character: give a model of characters"
        )
    return fold(text, own["case"])


def as_the_model_reads(text: str, vocab: Vocab, edition: str = DEFAULT) -> str:
    """Return a text as a model with this vocabulary, of the book's text's edition, reads it.

    Raises:
        InputError: if it has no character that the vocabulary knows.
    """
    if all(re.fullmatch("[a-z ]|<.+>", token) for token in vocab.idx_to_token):
        known = edition_of(edition).line(text.replace("\n", " "))
    else:
        known = text
    if not any(character in vocab.token_to_idx for character in known):
        raise InputError(
            f"text {text!r} has no character that the model knows: use those of its "
            f"vocabulary, such as {', '.join(map(repr, vocab.idx_to_token[1:6]))}"
        )
    return known


def tables_of(name: str, gates: Gates) -> list[Table]:
    """Return tables of the units by their memory, and of the characters that reset them.

    Args:
        name: of the model.
        gates: of a layer.
    """
    order, taus = memory(gates)
    characters, _, by_unit = resets(gates)
    counts = [gates.text.count(character) for character in characters]
    # In a short text every character is rare.
    often = [i for i, count in enumerate(counts) if count >= _OFTEN] or list(range(len(counts)))
    characters, counts = [characters[i] for i in often], [counts[i] for i in often]
    by_unit = by_unit[often]
    ends = {
        gate: boundary_correlation(gates, gate) if has_ends(gates) else None
        for gate in ("update", "reset")
    }

    def row(unit):
        least = [characters[i] for i in numpy.argsort(by_unit[:, unit], kind="stable")[:3]]
        return [
            str(unit),
            f"{taus[unit]:.1f}",
            f"{gates.update[:, unit].mean():.2f}",
            *("" if values is None else f"{values[unit]:+.2f}" for values in ends.values()),
            " ".join(f"`{character}`" for character in least),
        ]

    units = dict.fromkeys([*order[:_SHOWN], *order[-_SHOWN // 2 :]])
    means = by_unit.mean(axis=1)
    return [
        Table(
            ["unit", "remembers", "mean Z", "Z and ends", "R and ends", "reset by"],
            [row(unit) for unit in units],
            f"{name}: the units that remember longest and shortest (time constant in characters, "
            "by the unit's own Z alone: what comes back through other units is not counted), "
            "their mean Z, the correlation of Z and of R with the ends of words, and the "
            "characters with the lowest R",
        ),
        Table(
            ["character", "R", "occurs"],
            [
                [f"`{character}`", f"{mean:.3f}", str(count)]
                for character, mean, count in zip(characters, means, counts)
            ],
            f"{name}: the characters that reset, most first (R, mean over all units"
            + (f"; those that occur {_OFTEN} times or more)" if min(counts) >= _OFTEN else ")"),
        ),
    ]


def document(text: str, look: Look, command: str) -> Document:
    """Return the report of a look, whose page one walks through the text on.

    Args:
        text: the string.
        look: what was seen.
        command: the command line.
    """
    return Document(
        "The gates of trained GRUs over a text",
        [
            Paragraph(f"Made by `{command}`."),
            Heading("The text, character by character", "text"),
            *map(Walk, look.walks),
            Code(text),
            Heading("Units and characters", "units"),
            *look.tables,
            Heading("Pictures"),
            *(Picture(caption, file, png) for file, (caption, png) in look.pictures.items()),
        ],
    )
