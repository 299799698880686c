"""Text from a trained model: tokens drawn from its predictions, one at a time."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
import reprlib
import unicodedata
from collections.abc import Iterator, Sequence

import numpy

from gluon_gru.engine.choosing import Choosing
from gluon_gru.errors import InputError
from gluon_gru.own_texts.model import load_trained
from gluon_gru.runs.files import StrPath
from gluon_gru.text.rules import FORMS, Rules
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.learner import Learner

#: The usual temperature.
TEMPERATURE = 0.8

# The most tokens that are written before the first of them is returned.
_AT_ONCE = 32


def generate(
    run: StrPath,
    prefix: str = "",
    length: int = 500,
    temperature: float = TEMPERATURE,
    top_k: int | None = None,
    seed: int | None = None,
    top_p: float | None = None,
) -> Iterator[str]:
    """Continue a prefix; return an iterator of strings: the prefix, then one token at a time.

    Args:
        run: a run's folder, or a checkpoint file, also of the chapter's models.
        prefix: read as the run's text was: its ends of lines, its letters' form, and their case if
            that was folded. With words, white space at its end is dropped, since words have the
            space before them. If it is empty, the text starts as after the end of a line
            (`opening`).
        length: the number of tokens to add.
        temperature: predictions are made flatter (above 1) or steeper (below 1); 0 takes the
            likeliest token each time, as `gluon_gru.predict_ch8` does, but never ``<unk>``.
        top_k: draw only from this many of the likeliest tokens; by default from all.
        seed: of the draws; by default another one each time.
        top_p: draw only from as few of the likeliest tokens as have this probability, above 0 and
            at most 1, together; by default from all. `gluon_gru.engine.choosing.Choosing` has the
            order of the three.

    Raises:
        InputError: at once, for a run that can't be read, unknown characters or words in the
            prefix, a negative length, temperature or seed, a top_k below 1 or above the size of
            the vocabulary, or a top_p out of its range.
    """
    for name, value in (("length", length), ("seed", 0 if seed is None else seed)):
        if not isinstance(value, numbers.Integral) or value < 0:
            raise InputError(f"{name} is {value!r}: it must be a whole number, 0 or more")
    how = Choosing(temperature, top_p=top_p)
    learner, vocab, config = load_trained(run)
    known = len(vocab) - (vocab.unk is not None)
    if top_k is not None and not (isinstance(top_k, numbers.Integral) and 1 <= top_k <= known):
        raise InputError(
            f"top_k is {top_k!r}: it must be a whole number from 1 to {known}, the size of the "
            "vocabulary, or left out"
        )
    pieces = _prefix(prefix, vocab, Rules.of(config))
    start = vocab[pieces] or [opening(vocab)]
    how = dataclasses.replace(how, top_k=top_k, unk=vocab.unk)
    added = itertools.islice(continuation(learner, start, how, seed), length)
    return itertools.chain(filter(None, ["".join(pieces)]), map(vocab.to_tokens, added))


def opening(vocab: Vocab) -> int:
    """Return the token before a text without a prefix: the end of a line, or the most frequent."""
    return vocab.token_to_idx.get("\n", 1 if vocab.unk == 0 else 0)


def _prefix(prefix: str, vocab: Vocab, rules: Rules) -> list[str]:
    """Return the tokens of a prefix, all of which the vocabulary has."""
    prefix, words, known = rules.read(prefix), rules.tokens == "words", vocab.token_to_idx
    pieces = rules.split(prefix.rstrip() if words else prefix)
    if words and pieces and pieces[0] not in known:
        # Nearly all words were learned with a space before them.
        pieces[0] = f" {pieces[0]}"
    unknown = list(dict.fromkeys(piece for piece in pieces if piece not in known))
    if unknown:
        named = ", ".join(repr(piece.strip() if words else piece) for piece in unknown[:5])
        learned = [token for token in vocab.idx_to_token if token != "<unk>"]
        some = ", ".join(map(repr, learned[:12]))
        raise InputError(
            f"prefix {reprlib.repr(prefix)} has {'words' if words else 'characters'} that the model has not "
            f"learned: {named}; it knows {len(learned):,}, such as {some}"
            + _in_another_form("".join(pieces), vocab, rules)
        )
    return pieces


def _in_another_form(prefix: str, vocab: Vocab, rules: Rules) -> str:
    """Return a clause that names the form in which the model knows a prefix, if there is one."""
    for form in FORMS:
        if vocab.token_to_idx.keys() >= {*rules.split(unicodedata.normalize(form, prefix))}:
            return f": it knows the prefix in Unicode's form {form}, so give it in that"
    return ""


def continuation(
    learner: Learner, prefix: Sequence[int], how: Choosing, seed: int | None = None
) -> Iterator[int]:
    """Yield tokens that follow a prefix, without end.

    Args:
        learner: of the model.
        prefix: at least one token, maybe ``<unk>``.
        how: the choice of each.
        seed: of the draws; by default another one each time.
    """
    rng, write, tokens, count = numpy.random.default_rng(seed), learner.writer(how), prefix, 1
    while True:
        added = write(tokens, rng.random(count))
        yield from added
        # The first token comes at once, later ones some at a time: each call takes microseconds.
        tokens, count = added[-1:], min(2 * count, _AT_ONCE)
