"""What a trained model is worth: beside counts of its text's n-grams, and how much it copies."""

from __future__ import annotations

from gluon_gru.own_texts.settings import Settings
from gluon_gru.own_texts.writing import generate
from gluon_gru.published.verbatim import VERBATIM_RUN, verbatim_share
from gluon_gru.runs.files import JSONObject, StrPath
from gluon_gru.text import reading
from gluon_gru.text.ngrams import MAX_COUNTED, best_prediction

# The characters of the sample, and of the held-out part's start that is looked for in the same way.
_SAMPLE, _HELD_OUT = 300, 1000

# A model whose bits per character are not below this share of the n-grams' is barely better.
_BARELY = 0.95


def comparison(run: StrPath, text: reading.Text, settings: Settings) -> JSONObject:
    """Return what a run's record says of its best model beside counts.

    Its fields: ``order``, ``num_counted`` and ``bits_per_character`` of the n-grams (see
    `gluon_gru.text.ngrams.Prediction`), which are counted over the training part and score the
    held-out part; ``sample``, what the model writes with the training's seed; ``copied``, the share
    of it that lies in runs of `VERBATIM_RUN` or more characters of what is counted; and
    ``held_out_copied``, that of the start of the held-out part, which nobody copied.

    Args:
        run: the run's folder.
        text, settings: those of its training.
    """
    training = text.tokens[: text.num_training]
    counted = best_prediction(training, text.held_out, len(text.vocab))
    # A token has at least one character.
    sample = "".join(generate(run, length=_SAMPLE, seed=settings.seed))[:_SAMPLE]
    original = "".join(text.vocab.to_tokens(training[-MAX_COUNTED:]))
    held_out = "".join(text.vocab.to_tokens(text.held_out[:_HELD_OUT]))[:_HELD_OUT]
    return {
        "order": counted.order,
        "num_counted": counted.num_counted,
        "bits_per_character": text.bits_per_character(counted.loss),
        "sample": sample,
        "copied": verbatim_share(sample, original),
        "held_out_copied": verbatim_share(held_out, original),
    }


def verdict(record: JSONObject) -> str:
    """Return in sentences what a finished run's comparison shows.

    Args:
        record: the content of its ``record.json``.
    """
    found, text, settings = record["comparison"], record["text"], record["settings"]
    of = "letter" if settings["tokens"] == "characters" else "word"
    ours, counts = record["best"]["bits_per_character"], found["bits_per_character"]
    part = ""
    if found["num_counted"] < text["num_training"]:
        part = f" (of the last {found['num_counted']:,} {settings['tokens']})"
    said = (
        f"A count of {of} sequences ({found['order']}-gram) reaches {counts:.3f} bits a character "
        f"on the held-out part, this model {ours:.3f}; {found['copied']:.0%} of this sample is "
        f"copied from the text{part}, in runs of {VERBATIM_RUN} characters or more "
        f"({found['held_out_copied']:.0%} of the held-out part is there, too)."
    )
    if ours < _BARELY * counts:
        return said
    how = "no better" if ours >= counts else "barely better"
    if record["best"] == record["rounds"][-1]:
        why = "it was still improving when training ended, so more epochs would help"
    else:
        size = f"{text['size'] / 1000:,.0f} kB"
        why = f"it learned what it could from {size}; a longer text would teach it more"
    return f"{said} So the model is {how} than counting: {why}."
