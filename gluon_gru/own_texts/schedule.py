"""When a training on a text of one's own ends, how long its rounds are, and its learning rate."""

from __future__ import annotations

import dataclasses
import math

from gluon_gru.own_texts.settings import Settings

#: A round is whole epochs of this many tokens at least, or a part of one of this many at most.
ROUND_TOKENS = 20_000, 1_000_000


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The course of a training, in steps: each trains on a minibatch.

    The learning rate falls along half a cosine: a schedule without a state of its own, which needs
    no tuning, and works for less than an epoch as for many.

    Attributes:
        minibatch_size: tokens that a step trains on.
        num_steps: steps to the planned end.
        round_steps: steps in a round, after each of which the held-out part is scored.
        lr: the learning rate at the first step.
        decay: the share of it that is left at the planned end.
    """

    minibatch_size: int
    num_steps: int
    round_steps: int
    lr: float
    decay: float

    def lr_at(self, step: int) -> float:
        """Return the learning rate at a step, counted from 0."""
        share = step / max(1, self.num_steps - 1)
        return self.lr * (self.decay + (1 - self.decay) * (1 + math.cos(math.pi * share)) / 2)


def schedule(settings: Settings, num_training: int) -> Schedule:
    """Return the course of a training on so many tokens."""
    minibatch_size = settings.batch_size * settings.num_steps
    # An epoch has one minibatch more or less, as its offset falls.
    epoch = max(1, (num_training - 1) // minibatch_size)
    least, most = ROUND_TOKENS
    if num_training < most:
        round_steps = epoch * math.ceil(least / num_training)
    else:
        round_steps = math.ceil(epoch / math.ceil(num_training / most))
    num_steps = max(1, round(settings.epochs * epoch))
    return Schedule(minibatch_size, num_steps, round_steps, settings.lr, settings.decay)
