"""How well a model predicts a text: perplexity and bits per character."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy

from gluon_gru.errors import InputError
from gluon_gru.own_texts.model import load_trained
from gluon_gru.runs.files import StrPath
from gluon_gru.text.minibatches import columns, rows
from gluon_gru.text.reading import read_as
from gluon_gru.training.metrics import perplexity

# Rows of this many tokens at least, so that starting without a past weighs little; no more rows
# than keep two cores busy.
_ROW, _MAX_ROWS, _NUM_STEPS = 2_000, 32, 64


@dataclasses.dataclass(frozen=True)
class Score:
    """How well a model predicts a text.

    Attributes:
        perplexity: exp of the mean loss per token.
        bits_per_character: the total loss in bits over the number of characters.
        num_tokens, num_characters: that were predicted: all but the first token.
        num_unknown: of the tokens, those that the vocabulary doesn't have.
    """

    perplexity: float
    bits_per_character: float
    num_tokens: int
    num_characters: int
    num_unknown: int


def mean_loss(
    score: Callable[[numpy.ndarray, numpy.ndarray, bool], float],
    tokens: numpy.ndarray,
    check: Callable[[], object] = lambda: None,
) -> float:
    """Return the mean loss of a text in nats per token, from its second token on.

    The text is cut into at most 32 rows of at least 2,000 tokens, which are read side by side,
    each from a state of zeros to its end; the few tokens that this leaves over are one more row.

    Args:
        score: ``score(X, Y, from_zeros)``, see `gluon_gru.training.learner.Learner.score`.
        tokens: an integer array (num_tokens,), at least two.
        check: called before every minibatch; an error that it raises ends the scoring.
    """
    num_predicted = len(tokens) - 1
    num_rows = min(_MAX_ROWS, max(1, num_predicted // _ROW))
    left_over = tokens[num_predicted // num_rows * num_rows :]
    total = 0.0
    for X, Y in (rows(tokens, num_rows), rows(left_over, 1)):
        for i, (x, y) in enumerate(columns(X, Y, _NUM_STEPS)):
            check()
            total += score(x, y, i == 0) * x.size
    return total / num_predicted


def evaluate(run: StrPath, text: StrPath) -> Score:
    """Score a text by a trained model.

    Tokens that the vocabulary doesn't have are read and predicted as ``<unk>``; the figures of two
    models can be compared where neither has many. How the text is read: see `mean_loss`.

    Args:
        run: a run's folder, or a checkpoint file, also of the chapter's models.
        text: the path of a UTF-8 file.

    Raises:
        InputError: for a run or a text that can't be read, a text of fewer than two tokens or of
            mostly unknown ones, and a model that reads in both directions.
    """
    learner, vocab, config = load_trained(run)
    scored = read_as(text, vocab, config)
    num_tokens, num_unknown = len(scored.tokens), int((scored.tokens == vocab.unk).sum())
    if num_tokens < 2:
        raise InputError(f"text {str(text)!r} has {num_tokens} tokens: it takes two at least")
    if num_unknown * 2 > num_tokens:
        raise InputError(
            f"text {str(text)!r} has {num_tokens:,} tokens, of which {num_unknown:,} are not "
            f"in the model's vocabulary: evaluate a text of the language that {str(run)!r} was "
            "trained on"
        )
    with learner:
        nats = mean_loss(learner.score, scored.tokens)
    return Score(
        perplexity(nats),
        scored.bits_per_character(nats),
        num_tokens - 1,
        scored.num_characters,
        num_unknown,
    )
