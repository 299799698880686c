"""Whether a model's weights can be rounded to float16: measured on what the model itself writes."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Sequence

import numpy

from gluon_gru.training.learner import Learner, learner_from

#: How many tokens are sampled, how many prefixes are taken from them, of how many tokens, and how
#: many tokens continue each.
NUM_SAMPLED, NUM_PREFIXES, PREFIX, CONTINUATION = 1_000, 4, 50, 200

#: The largest change of the loss, as a share of it.
TOLERANCE = 1e-3


class Rounding(NamedTuple):
    """What rounding the weights to float16 changes.

    Attributes:
        num_texts: how many prefixes were continued, by the likeliest token each time.
        num_parted: how many of the continuations were other ones with rounded weights.
        loss_change: of a sampled text, as a share of the loss; infinite for weights that float16
            has no numbers for.
    """

    num_texts: int
    num_parted: int
    loss_change: float

    @property
    def is_harmless(self) -> bool:
        """Whether no text was another one, and the loss changed by at most `TOLERANCE`."""
        return not self.num_parted and self.loss_change <= TOLERANCE

    def __str__(self) -> str:
        if self.loss_change == numpy.inf:
            return "float16 has no numbers for some of the weights"
        return (
            f"rounded to float16, {self.num_parted} of {self.num_texts} greedy texts of "
            f"{CONTINUATION} tokens are other ones, and the loss of {NUM_SAMPLED:,} sampled tokens "
            f"changes by {self.loss_change:.1g} of it"
        )


def rounding(
    params: Mapping[str, numpy.ndarray], config: Mapping[str, Any], opening: int, unk: int | None
) -> Rounding:
    """Measure what rounding a model's weights to float16 changes.

    A text is sampled from the model. Pieces of it, and the opening alone, are continued by the model
    and by the rounded one; both read the whole of it.

    Args:
        params, config: a `gluon_gru.runs.checkpoint.Checkpoint`'s, of one direction.
        opening: the token that the text starts after.
        unk: the token that is never written; None if there is none.
    """
    rounded = {name: in_half(array).astype(numpy.float32) for name, array in params.items()}
    if not all(numpy.isfinite(array).all() for array in rounded.values()):
        return Rounding(0, 0, numpy.inf)
    with learner_from(params, config) as exact, learner_from(rounded, config) as other:
        rng = numpy.random.default_rng(1)
        text = [opening, *_written(exact, [opening], NUM_SAMPLED, unk, rng)]
        starts = range(0, NUM_SAMPLED, NUM_SAMPLED // NUM_PREFIXES)
        prefixes = [[opening], *(text[start : start + PREFIX] for start in starts)]
        greedy = [
            [list(_written(learner, prefix, CONTINUATION, unk)) for learner in (exact, other)]
            for prefix in prefixes
        ]
        X, Y = numpy.array([text[:-1]]), numpy.array([text[1:]])
        loss, changed = (learner.score(X, Y, True) for learner in (exact, other))
    change = abs(changed - loss) / loss if loss else float(changed != loss)
    return Rounding(len(greedy), sum(a != b for a, b in greedy), change)


def in_half(array: numpy.ndarray) -> numpy.ndarray:
    """Return an array as float16; what is too large for it becomes infinite."""
    with numpy.errstate(over="ignore"):
        return array.astype(numpy.float16)


def _written(
    learner: Learner,
    prefix: Sequence[int],
    count: int,
    unk: int | None,
    rng: numpy.random.Generator | None = None,
) -> Iterator[int]:
    """Yield tokens after a prefix: drawn by their probabilities, or the likeliest without ``rng``."""
    read, tokens = learner.reader(), prefix
    for _ in range(count):
        logits = read(tokens).astype(numpy.float64)
        if unk is not None:
            logits[unk] = -numpy.inf
        if rng is not None:
            # With this noise each token has the largest sum as often as its probability says.
            logits += rng.gumbel(size=len(logits))
        tokens = [int(logits.argmax())]
        yield from tokens
