"""A reader's question: how does the trained network decide whether to keep the hidden state?"""

import re
import statistics

import numpy

from gluon_gru.errors import InputError
from gluon_gru.gates.inspection import (
    boundary_correlation,
    explained_by_token,
    has_ends,
    inspect,
    memory,
    resets,
    written_out,
)
from gluon_gru.gates.picture import picture
from gluon_gru.gates.walk import walk
from gluon_gru.published.judging import spread
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import checkpoint_of, restore
from gluon_gru.studies.exercises.answers import Answer, Finding, Table
from gluon_gru.studies.exercises.trainings import title
from gluon_gru.text.reading import fold, normalise

MODELS = ("gru-scratch", "gru-concise")

#: What the pictures show unless a text is given.
TEXT = "the traveller said that nobody there had ever seen the machine and then he smiled again"

# So much of the corpus the figures are taken from.
_READ = 5000

# Units in a table, and how often a character must occur for its mean to count.
_SHOWN, _OFTEN = 8, 20

# A unit's gate follows something that explains so much of its variance.
_FOLLOWS = 0.1


def answer(setting):
    """Return the `Answer`; trains both GRUs with every seed."""
    tokens, vocab = setting.source
    read = "".join(vocab.to_tokens(tokens[:_READ]))
    runs = setting.trainings.get(MODELS)
    looks = {
        name: [
            inspect(*restore(training.checkpoint, setting.ctx), read, setting.ctx)
            for training in trainings
        ]
        for name, trainings in runs.items()
    }
    pictures, walks = {}, []
    for name, trainings in runs.items():
        gates = inspect(*restore(trainings[0].checkpoint, setting.ctx), TEXT, setting.ctx)
        pictures[f"gates-{name}.png"] = (_CAPTION.format(title(name)), picture(gates))
        walks.append(walk(title(name), gates))
    return Answer(
        _findings(setting, looks),
        [table for name, gates in looks.items() for table in _tables(title(name), gates[0])],
        pictures,
        walks,
    )


_CAPTION = "{}: the gates of the units that remember longest, character by character"


def look(models, text, ctx):
    """Return the gates of trained models over any text as an `Answer` without findings.

    Args:
        models: name -> path of a checkpoint.
        text: a string; taken as it is by models of texts of one's own (in small letters if those
            were), and else read as the book's corpus is if the model knows small letters alone.
        ctx: the ``mxnet.Context``.

    Raises:
        InputError: for a text with no known character, and a checkpoint of another cell.
    """
    tables, pictures, walks = [], {}, []
    for name, path in models.items():
        model, vocab = restore(path, ctx)
        known = _as_trained(text, path, vocab)
        for layer in range(len(written_out(model)[1])):
            gates = inspect(model, vocab, known, ctx, layer)
            shown = f"{name}, layer {layer}"
            tables += _tables(shown, gates)
            pictures[f"gates-{len(pictures) + 1}.png"] = (_CAPTION.format(shown), picture(gates))
            walks.append(walk(name, gates))
    return Answer([], tables, pictures, walks)


def _as_trained(text, path, vocab):
    """Return a text as the model of a checkpoint reads it: as it was trained to."""
    own = checkpoint.load(checkpoint_of(path)).config.get("text")
    if own is None:
        return as_the_model_reads(text, vocab)
    if own["tokens"] != "characters":
        raise InputError(
            f"{str(path)!r} reads {own['tokens']}, and gates are looked at character "
            "by character: give a model of characters"
        )
    return fold(text, own["case"])


def as_the_model_reads(text, vocab):
    """Return a text as a model with this vocabulary shall read it.

    Raises:
        InputError: if it has no character that the vocabulary knows.
    """
    if all(re.fullmatch("[a-z ]|<.+>", token) for token in vocab.idx_to_token):
        known = normalise(text)
    else:
        known = text
    if not any(character in vocab.token_to_idx for character in known):
        raise InputError(
            f"text {text!r} has no character that the model knows: use those of its "
            f"vocabulary, such as {', '.join(map(repr, vocab.idx_to_token[1:6]))}"
        )
    return known


def _findings(setting, looks):
    every = [gates for name in looks for gates in looks[name]]
    read = f"the text's first {len(every[0].text):,} characters"
    ran = (
        f"Z and R of every unit for every character of {read}: the share of the units in which "
        "{} explains a tenth or more of the gate's variance, model by model."
    )

    def shares(measure):
        return {
            gate: [float((measure(gates, gate) >= _FOLLOWS).mean()) for gates in every]
            for gate in ("update", "reset")
        }

    def finding(statement, what, shares, more=""):
        return Finding(
            statement,
            ran.format(what),
            f"Z: {spread(shares['update'], '{:.0%}'.format)} of the units; "
            f"R: {spread(shares['reset'], '{:.0%}'.format)}.{more}",
            setting.verdict(share > 0.5 for values in shares.values() for share in values),
            shares,
        )

    taus = [float(statistics.median(memory(gates)[1])) for gates in every]
    longest = [float(max(memory(gates)[1])) for gates in every]
    found = [
        finding(
            "gates/keep-or-not",
            "the character just read",
            shares(explained_by_token),
            f" By its own Z the median unit keeps a state for {spread(taus, '{:.1f}'.format)} "
            f"characters, the one that remembers longest for {spread(longest, '{:.1f}'.format)}.",
        )
    ]
    if has_ends(every[0]):
        found.append(
            finding(
                "gates/word-boundaries",
                "the end of a word",
                shares(lambda gates, gate: boundary_correlation(gates, gate) ** 2),
            )
        )
    return found


def _tables(name, gates):
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
            f"{name}: the units that remember longest and shortest (time constant in characters, "
            "by the unit's own Z alone: what comes back through other units is not counted), "
            "their mean Z, the correlation of Z and of R with the ends of words, and the "
            "characters with the lowest R",
            ["unit", "remembers", "mean Z", "Z and ends", "R and ends", "reset by"],
            [row(unit) for unit in units],
        ),
        Table(
            f"{name}: the characters that reset, most first (R, mean over all units"
            + (f"; those that occur {_OFTEN} times or more)" if min(counts) >= _OFTEN else ")"),
            ["character", "R", "occurs"],
            [
                [f"`{character}`", f"{mean:.3f}", str(count)]
                for character, mean, count in zip(characters, means, counts)
            ],
        ),
    ]
