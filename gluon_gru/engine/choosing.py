"""How the next token is chosen by its logits: the likeliest one, or one that is drawn."""

from __future__ import annotations

import dataclasses
import math
import numbers

import numpy

from gluon_gru.errors import InputError


@dataclasses.dataclass(frozen=True)
class Choosing:
    """How tokens are chosen, never ``<unk>``.

    The temperature comes first, then top_k, then top_p (the nucleus of Holtzman et al., 2020) among
    the tokens that are left, whose probabilities add up to 1 again. Of tokens that are equally
    likely, top_k and top_p keep the first.

    Attributes:
        temperature: the divisor of the logits; 0 takes the likeliest token.
        top_k: the number of likeliest tokens to draw from; None for all.
        top_p: draw from as few of the likeliest tokens as have this probability or more together;
            None for all.
        unk: ``<unk>``; None if there is none.

    Raises:
        InputError: for a negative temperature, a top_k below 1, and a top_p that isn't above 0 and at
            most 1.
    """

    temperature: float = 0
    top_k: int | None = None
    top_p: float | None = None
    unk: int | None = None

    def __post_init__(self) -> None:
        temperature, top_k, top_p = self.temperature, self.top_k, self.top_p
        if not (isinstance(temperature, numbers.Real) and 0 <= temperature < math.inf):
            raise InputError(
                f"temperature is {temperature!r}: it must be a number, 0 (the likeliest token each "
                "time) or more (0.8 is usual)"
            )
        if top_k is not None and not (isinstance(top_k, numbers.Integral) and top_k >= 1):
            raise InputError(
                f"top_k is {top_k!r}: it must be a whole number from 1 on, or left out"
            )
        if top_p is not None and not (isinstance(top_p, numbers.Real) and 0 < top_p <= 1):
            raise InputError(
                f"top_p is {top_p!r}: it must be a number above 0 and at most 1 (all tokens), or left out"
            )


def choose(logits: numpy.ndarray, how: Choosing, place: float) -> int:
    """Return the token that is at a place in the sum of the probabilities, in the tokens' order.

    ``drawn`` of the engine's ``writing.h`` does the same.

    Args:
        logits: (vocab_size,).
        how: the choice.
        place: a random number, at least 0 and below 1.
    """
    logits = logits.astype(numpy.float64)
    known = len(logits)
    if how.unk is not None:
        logits[how.unk], known = -numpy.inf, known - 1
    if how.temperature == 0:
        return int(logits.argmax())
    tokens = _largest(logits, min(how.top_k or known, known))
    # The largest exponent is 0; one that overflows has no chance beside it.
    with numpy.errstate(over="ignore"):
        chances = numpy.exp((logits[tokens] - logits[tokens].max()) / how.temperature)
    if how.top_p is not None and how.top_p < 1:
        sums = numpy.sort(chances)[::-1].cumsum()
        kept = _largest(chances, int(numpy.searchsorted(sums, how.top_p * sums[-1])) + 1)
        tokens, chances = tokens[kept], chances[kept]
    sums = chances.cumsum()
    drawn = numpy.searchsorted(sums, place * sums[-1], side="right")
    return int(tokens[min(drawn, len(tokens) - 1)])


def _largest(of: numpy.ndarray, count: int) -> numpy.ndarray:
    """Return the places of the largest numbers, in their order; of equal ones, of the first."""
    return numpy.sort(numpy.argsort(-of, kind="stable")[:count])
