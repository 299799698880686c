"""What a trained model writes, piece by piece as it comes."""

import itertools
import math
import numbers

from gluon_gru.errors import InputError
from gluon_gru.own_texts.sampling import continuation
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import checkpoint_of, restore
from gluon_gru.text.reading import fold, split


def opening(vocab):
    """Return the token that a text without a prefix follows: the end of a line.

    Where the vocabulary has none, it is the most frequent token.
    """
    return vocab.token_to_idx.get("\n", 1)


def generate(run, prefix="", length=500, temperature=0.8, top_k=None, seed=None):
    """Continue a prefix; return an iterator of strings: the prefix, then a token at a time.

    Args:
        run: a run's folder, or a checkpoint file, also of the chapter's models.
        prefix: what to continue. It is put in lower case if the run's text was; if it is empty,
            the text starts as after the end of a line (`opening`). Of words, white space at its
            end is dropped: words have the space before them.
        length: how many tokens to add.
        temperature: predictions are made flatter (above 1) or steeper (below 1); 0 takes the
            likeliest token each time, as `gluon_gru.predict_ch8` does, but never ``<unk>``.
        top_k: draw from so many of the likeliest tokens only; by default from all.
        seed: of the draws; by default another one each time.

    Raises:
        InputError: at once, for a run that can't be read, unknown characters or words in the
            prefix, a negative length or temperature, a top_k that is below 1 or above the
            vocabulary, a negative seed.
    """
    for name, value in (("length", length), ("seed", 0 if seed is None else seed)):
        if not isinstance(value, numbers.Integral) or value < 0:
            raise InputError(f"{name} is {value!r}: it must be a whole number, 0 or more")
    if not (isinstance(temperature, numbers.Real) and 0 <= temperature < math.inf):
        raise InputError(
            f"temperature is {temperature!r}: it must be a number, 0 (the likeliest "
            "each time) or more (0.8 is usual)"
        )
    path = checkpoint_of(run)
    config = checkpoint.load(path).config
    if config.get("directions") == 2:
        raise InputError(
            f"{str(path)!r} reads in both directions, so can't write what comes next: "
            "generate with a model in one direction"
        )
    model, vocab = restore(path)
    known = len(vocab) - 1
    if top_k is not None and not (isinstance(top_k, numbers.Integral) and 1 <= top_k <= known):
        raise InputError(
            f"top_k is {top_k!r}: it must be a whole number from 1 to {known}, the "
            "size of the vocabulary, or left out"
        )
    pieces = _prefix(prefix, vocab, config.get("text", {"tokens": "characters", "case": "keep"}))
    tokens = vocab[pieces] or [opening(vocab)]
    added = itertools.islice(continuation(model, tokens, temperature, top_k, seed), length)
    return itertools.chain(filter(None, ["".join(pieces)]), map(vocab.to_tokens, added))


def _prefix(prefix, vocab, settings):
    """Return a prefix's tokens, strings that the vocabulary has."""
    prefix = fold(prefix, settings["case"])
    words = settings["tokens"] == "words"
    pieces = split(prefix.rstrip() if words else prefix, settings["tokens"])
    if words and pieces and pieces[0] not in vocab.token_to_idx:
        # A text's first word has no space before it; nearly all that it was learned from do.
        pieces[0] = f" {pieces[0]}"
    unknown = list(dict.fromkeys(p for p in pieces if p not in vocab.token_to_idx))
    if unknown:
        named = ", ".join(repr(piece.strip() if words else piece) for piece in unknown[:5])
        some = ", ".join(map(repr, vocab.idx_to_token[1:13]))
        raise InputError(
            f"prefix {prefix!r} has {'words' if words else 'characters'} that the model has not "
            f"learned: {named}; it knows {len(vocab) - 1:,}, such as {some}"
        )
    return pieces
