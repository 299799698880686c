"""How well a model predicts a text: perplexity and bits per character."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy

from gluon_gru.errors import InputError, check_positive
from gluon_gru.own_texts.model import load_trained
from gluon_gru.runs.files import StrPath
from gluon_gru.text.minibatches import columns, rows
from gluon_gru.text.reading import read_as
from gluon_gru.text.textfile import TextFile
from gluon_gru.training.metrics import perplexity

# Rows are long, so that their first tokens, read without a past, weigh little; more of them than
# these would not keep two cores busier.
_ROW, _MAX_ROWS, _NUM_STEPS = 2_000, 32, 64


@dataclasses.dataclass(frozen=True)
class Score:
    """How well a model predicts a text.

    Attributes:
        perplexity: exp of the mean loss per token.
        bits_per_character: the total loss in bits over the number of characters.
        bits_per_character_spelled_out: the same with the bits that it takes to spell the unknown
            tokens, to compare models of different vocabularies by: see `gluon_gru.text.spelling`.
        num_tokens, num_characters: how many were predicted: all but the first token.
        num_unknown: how many tokens are not in the vocabulary.
    """

    perplexity: float
    bits_per_character: float
    bits_per_character_spelled_out: float
    num_tokens: int
    num_characters: int
    num_unknown: int


def mean_loss(
    score: Callable[[numpy.ndarray, numpy.ndarray, bool], float],
    tokens: numpy.ndarray,
    check: Callable[[], object] = lambda: None,
    window: int | None = None,
) -> float:
    """Return the mean loss of a text in nats per token, from its second token on.

    Up to 32 rows of at least 2,000 tokens are read side by side, each from a state of zeros; the
    few tokens left over are one more row.

    Args:
        score: see `gluon_gru.training.base_learner.Learner.score`.
        tokens: integers (num_tokens,), at least two.
        check: called before every minibatch, to raise an error that ends the scoring.
        window: read rows of so many tokens instead.
    """
    num_predicted = len(tokens) - 1
    length = window or num_predicted // min(_MAX_ROWS, max(1, num_predicted // _ROW))
    num_rows = num_predicted // length
    whole, left_over = tokens[: num_rows * length + 1], tokens[num_rows * length :]
    total = 0.0
    for part, count in ((whole, num_rows), (left_over, 1)):
        for first in range(0, count, _MAX_ROWS):
            X, Y = (side[first : first + _MAX_ROWS] for side in rows(part, count))
            for i, (x, y) in enumerate(columns(X, Y, _NUM_STEPS)):
                check()
                total += score(x, y, i == 0) * x.size
    return total / num_predicted


def evaluate(
    run: StrPath, text: StrPath, encoding: str = "utf-8", window: int | None = None
) -> Score:
    """Score a text by a trained model; see `mean_loss`.

    Unknown tokens are read and predicted as ``<unk>``.

    Args:
        run: a run's folder, or a checkpoint file, also of the chapter's models.
        text: the path of a text file, a pipe, or ``-``, the standard input.
        encoding: of the text, by the name that Python has for it.
        window: read so many tokens at a time, each time from a state of zeros, as models are scored
            that see no more than that; by default the state is carried on.

    Raises:
        InputError: for a run or a text that can't be read, a text of fewer than two tokens or
            mostly unknown ones, a bidirectional model, and a window that isn't a whole number above
            0.
    """
    if window is not None:
        check_positive("window", window)
    learner, vocab, config = load_trained(run)
    scored = read_as(TextFile(text, encoding), vocab, config)
    num_tokens, num_unknown = len(scored.tokens), int((scored.tokens == vocab.unk).sum())
    if num_tokens < 2:
        raise InputError(f"text {str(text)!r} has {num_tokens} tokens: give one of two or more")
    if num_unknown * 2 > num_tokens:
        raise InputError(
            f"text {str(text)!r} has {num_tokens:,} tokens, of which {num_unknown:,} are not "
            f"in the model's vocabulary: evaluate a text of the language that {str(run)!r} was "
            "trained on"
        )
    with learner:
        nats = mean_loss(learner.score, scored.tokens, window=window)
    bits = scored.bits_per_character(nats)
    return Score(
        perplexity(nats),
        bits,
        bits + scored.spelling_bits_per_character,
        num_tokens - 1,
        scored.num_characters,
        num_unknown,
    )
