"""How well a model predicts a text: perplexity and bits per character."""

import dataclasses

from gluon_gru.errors import InputError
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import checkpoint_of, restore
from gluon_gru.text.minibatches import columns, rows
from gluon_gru.text.reading import read_as
from gluon_gru.training.learner import learner_of
from gluon_gru.training.metrics import perplexity

# Rows of this many tokens at least, so that starting without a past weighs little; no more rows
# than keep two cores busy.
_ROW, _MAX_ROWS, _NUM_STEPS = 2_000, 32, 64


@dataclasses.dataclass(frozen=True)
class Score:
    """What `evaluate` found.

    Attributes:
        perplexity: exp of the mean loss a token.
        bits_per_character: the total loss in bits over the number of characters.
        num_tokens, num_characters: that were predicted: all but the first token.
        num_unknown: of the tokens, those that the vocabulary doesn't have.
    """

    perplexity: float
    bits_per_character: float
    num_tokens: int
    num_characters: int
    num_unknown: int


def mean_loss(losses, tokens, check=lambda: None):
    """Return the mean loss in nats a token of a text, from its second token on.

    The text is cut into at most 32 rows of at least 2,000 tokens, which are read side by side,
    each from a state of zeros to its end; the few tokens that this leaves over are one more row.

    Args:
        losses: ``losses(X, Y, from_zeros)``, see `gluon_gru.training.learner.Learner.score`.
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
            total += losses(x, y, i == 0) * x.size
    return total / num_predicted


def evaluate(run, text):
    """Score a text by a trained model; return a `Score`.

    Tokens that the vocabulary doesn't have are read and predicted as ``<unk>``; the figures of two
    models can be compared where neither has many. How the text is read: see `mean_loss`.

    Args:
        run: a run's folder, or a checkpoint file, also of the chapter's models.
        text: the path of a UTF-8 file.

    Raises:
        InputError: for a run or a text that can't be read, a text of fewer than two tokens or of
            mostly unknown ones, and a model that reads in both directions.
    """
    path = checkpoint_of(run)
    config = checkpoint.load(path).config
    if config.get("directions") == 2:
        raise InputError(
            f"{str(path)!r} reads in both directions, so sees what it is to predict: "
            "evaluate a model in one direction"
        )
    model, vocab = restore(path)
    read = read_as(text, vocab, config)
    num_unknown = int((read.tokens == vocab.unk).sum())
    if len(read.tokens) < 2:
        raise InputError(f"text {str(text)!r} has {len(read.tokens)} tokens: it takes two at least")
    if num_unknown * 2 > len(read.tokens):
        raise InputError(
            f"text {str(text)!r} has {len(read.tokens):,} tokens, of which {num_unknown:,} are not "
            f"in the model's vocabulary: evaluate a text of the language that {str(run)!r} was "
            "trained on"
        )
    nats = mean_loss(learner_of(model).score, read.tokens)
    return Score(
        perplexity(nats),
        read.bits_per_character(nats),
        len(read.tokens) - 1,
        read.num_characters,
        num_unknown,
    )
