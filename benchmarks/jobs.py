"""What the contestants are told: the tokens, the weights, and how many steps show that they agree."""

from __future__ import annotations

from typing import Any

import numpy

from benchmarks import weights
from benchmarks.catalogue import CELLS_OF, LENGTH, TEMPERATURE, TOP_K, Contest, Contestant
from gluon_gru.cells import CELLS

LR = 1

# How many tokens of a drawn text: more than any minibatch here has.
_NUM_WORDS = 40000
# After so many tokens, of some minibatches, it shows whether contestants agree.
_CHECKED_TOKENS = 1200
# Of a text that is to be continued.
_PREFIX_TOKENS = 14


def operations(contest: Contest, num_characters: int) -> int:
    """Return how many floating-point operations a token takes, in matrix products.

    2 * (gates * H * H * (2 * layers - 1) + H * V), with H hidden units, V tokens in the vocabulary,
    and 3, 4 or 1 gates (GRU, LSTM, RNN): each weight is multiplied and added. The first layer's
    input takes none: a token picks a row. Training takes three times as many: in the backward pass
    each weight is multiplied twice, for the gradients of its input and of itself. For the
    chapter's GRU that is 1.2 million.

    Args:
        contest: training or scoring.
        num_characters: the size of the vocabulary if the contest has no words.
    """
    gates = len(CELLS[CELLS_OF[contest.cell]["book"]].gates)
    hidden, size = contest.num_hiddens, contest.vocab_size or num_characters
    forward = 2 * hidden * (gates * hidden * (2 * contest.num_layers - 1) + size)
    return 3 * forward if contest.task == "training" else forward


def draw_words(vocab_size: int) -> numpy.ndarray:
    """Return tokens as frequent as words are, by Zipf's law: the n-th has 1/n of the first's places.

    The same every time: int32 (num_tokens,), of which 0 is the most frequent.
    """
    chances = 1 / numpy.arange(1, vocab_size + 1)
    rng = numpy.random.default_rng(1)
    words = rng.choice(vocab_size, _NUM_WORDS, p=chances / chances.sum())
    return words.astype(numpy.int32)


def agreeing(contest: Contest, one: Contestant) -> str:
    """Return a name that a contestant shares with those that have to have the same outcomes."""
    if contest.task == "training" and contest.dropout:
        # Each drops other units.
        return one.name
    # Two weights that are multiplied learn something else than their product does.
    embedding = contest.task == "training" and "embedding" in one.options
    over = " over an embedding" if embedding else ""
    return f"{one.function}{over}, {one.batch_size or contest.batch_size}"


def jobs(contest: Contest, tokens: numpy.ndarray, num_characters: int) -> dict[str, dict[str, Any]]:
    """Return what each contestant of a contest is told: name -> dict.

    All of them: ``task`` and sizes, ``lr``, ``temperature``, ``top_k`` and ``length``; the
    ``tokens``, and the ``prefix`` to continue; how many ``check_steps`` to begin with. Each: its own
    row, and the weights to start from, ``params``.

    Args:
        contest: of `benchmarks.catalogue.contests`.
        tokens: the text as characters, integers (num_tokens,).
        num_characters: the size of their vocabulary.
    """
    size = contest.vocab_size or num_characters
    if contest.vocab_size:
        tokens = draw_words(size)
    told = {
        **contest._asdict(),
        "vocab_size": size,
        "lr": LR,
        "temperature": TEMPERATURE,
        "top_k": TOP_K,
        "length": LENGTH,
        "tokens": tokens,
        "prefix": tokens[:_PREFIX_TOKENS].tolist(),
    }
    del told["contestants"], told["goals"]
    # The book's weights learn at its rate. Untrained, they know nothing that contestants could differ
    # in; and still larger ones make a text that wanders instead of repeating its likeliest character.
    root = contest.num_hiddens**0.5
    scale = {"training": 0.01, "generation": 2 / root}.get(contest.task, 1 / root)
    drawn = weights.draw(
        CELLS_OF[contest.cell]["layer"],
        size,
        contest.num_hiddens,
        contest.num_layers,
        scale,
        embedding=bool(contest.vocab_size),
    )
    return {
        one.name: {**told, **_own(contest, one), "params": _params(contest, one, drawn)}
        for one in contest.contestants
    }


def _own(contest: Contest, one: Contestant) -> dict[str, Any]:
    batch_size = one.batch_size or contest.batch_size
    # With large minibatches a few steps show whether the contestants agree; a text is one step.
    steps = min(20, max(1, _CHECKED_TOKENS // (batch_size * contest.num_steps)))
    if contest.task == "writing":
        steps = 1
    return {**one._asdict(), "batch_size": batch_size, "check_steps": steps}


def _params(contest: Contest, one: Contestant, drawn: weights.Params) -> weights.Params:
    """Return the weights as a contestant's model has them."""
    if "embedding" in one.options:
        return drawn
    params = weights.without_embedding(drawn)
    if one.function == "layer":
        return params
    layer = CELLS_OF[contest.cell]["layer"]
    if contest.num_layers == 1 and one.needs != "jax" and "block" not in one.options:
        return weights.as_books(layer, params)
    return weights.without_second_bias(params)
