"""What to tell a user of a text before a model is trained on it."""

from __future__ import annotations

from gluon_gru.own_texts.settings import Settings
from gluon_gru.text.noticing import Noticed
from gluon_gru.text.reading import NO_SPACES, Text

# Lines in order are no chance: of at least so many, this share. Of any two lines, half would be.
_LINES, _IN_ORDER = 50, 0.9

# The share of the held-out words above which a model has learned too few of them.
_UNKNOWN = 0.25


# Bytes, rather than characters, since a Chinese one, which takes three, tells more than a letter.
_SHORT = 50_000


def advices(text: Text, noticed: Noticed, settings: Settings, started: bool) -> list[str]:
    """Return a sentence on everything of a text that makes a model, or its figures, poor.

    Args:
        text, noticed: the text, and what was noticed of it.
        settings: of the training.
        started: whether it starts from a trained model, which needn't learn all from this text.
    """
    found = []
    if text.size < _SHORT and not started:
        found.append(
            f"the text is short, {text.size:,} bytes: from fewer than some {_SHORT:,}, a model "
            "seldom learns much more than counting its letters or words would tell"
        )
    if settings.lines == "keep" and noticed.num_lines >= _LINES and noticed.in_order >= _IN_ORDER:
        found.append(
            f"{noticed.in_order:.0%} of the lines are in order, so that each tells the next one, "
            "in the held-out part too, and the model will be poor at any other lines: if their "
            "order means nothing, train with --lines shuffle (lines='shuffle')"
        )
    if text.unknown_share > _UNKNOWN:
        found.append(
            f"{text.unknown_share:.0%} of the held-out words are too rare to learn, so that <unk> "
            f"stands for them: give a longer text, or train on characters ({NO_SPACES})"
        )
    if noticed.form is None:
        found.append(
            "letters with marks are neither all composed (Unicode's form NFC) nor all decomposed "
            "(NFD), so that one letter may be several characters to the model: convert the text "
            "with unicodedata.normalize('NFC', text)"
        )
    return found
