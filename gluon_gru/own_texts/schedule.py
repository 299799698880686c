"""The number of steps, the length of a round and the learning rates of a training."""

from __future__ import annotations

import math

from gluon_gru.own_texts.settings import Settings

#: A round is whole epochs of this many tokens at least, or a part of one of this many at most.
ROUND_TOKENS = 20_000, 1_000_000


class Schedule:
    """The course of a training in steps, each of which trains on a minibatch.

    Args:
        settings: of the training.
        num_training: the number of tokens to train on.

    Attributes:
        minibatch_size: tokens that a step trains on.
        num_steps: steps to the planned end.
        round_steps: steps in a round, after each of which the held-out part is scored.
    """

    def __init__(self, settings: Settings, num_training: int) -> None:
        self._lr, self._decay = settings.lr, settings.decay
        self.minibatch_size = settings.batch_size * settings.num_steps
        # The random offset can make an epoch one minibatch longer or shorter.
        self._epoch_steps = epoch = max(1, (num_training - 1) // self.minibatch_size)
        self.num_steps = max(1, round(settings.epochs * epoch))
        least, most = ROUND_TOKENS
        if num_training < most:
            self.round_steps = epoch * math.ceil(least / num_training)
        else:
            self.round_steps = math.ceil(epoch / math.ceil(num_training / most))

    def step_after(self, number: int) -> int:
        """Return how many steps are done after so many rounds, of which the last may be shorter."""
        return min(number * self.round_steps, self.num_steps)

    def epoch_after(self, done: int) -> float:
        """Return how many epochs so many steps are: a whole number where an epoch ends."""
        return round(done / self._epoch_steps, 4)

    def seconds_after(self, done: int, step_seconds: float, num_held_out: int) -> float:
        """Return about how long the training takes from a step to the planned end.

        Args:
            done: how many steps are done.
            step_seconds: what a step takes.
            num_held_out: how many tokens are scored after each round. That takes a third of the
                time of training on them, which goes backwards too, at twice the cost.
        """
        steps = self.num_steps - done
        scoring = num_held_out / self.minibatch_size * step_seconds / 3
        return steps * step_seconds + math.ceil(steps / self.round_steps) * scoring

    def lr_at(self, step: int) -> float:
        """Return the learning rate at a step, counted from 0: half a cosine from lr to lr * decay.

        It needs no tuning and no state, and suits less than an epoch as well as many.
        """
        share = step / max(1, self.num_steps - 1)
        return self._lr * (self._decay + (1 - self._decay) * (1 + math.cos(math.pi * share)) / 2)
