"""What a training will be, and about how long it takes on this machine: told before it starts."""

from __future__ import annotations

import dataclasses
import time

from gluon_gru.own_texts.settings import Settings
from gluon_gru.text.reading import Text
from gluon_gru.training.learner import Learner

# A probe ends after this many steps, or after the step in which so much time has passed.
_PROBE_STEPS, _PROBE_SECONDS = 20, 0.5


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a training will be.

    Attributes:
        settings: all of them.
        num_params: the model's parameters.
        vocab_size: the distinct tokens that it knows.
        num_training, num_held_out: the tokens to train on, and those to score it by.
        epochs_done: how many epochs were done by an earlier command.
        seconds: about how long it takes from there to the planned end, by `step_seconds`.
    """

    settings: Settings
    num_params: int
    vocab_size: int
    num_training: int
    num_held_out: int
    epochs_done: float
    seconds: float


def step_seconds(learner: Learner, settings: Settings, text: Text) -> float:
    """Return how long a step of a training takes, the mean over some that this function makes.

    Args:
        learner: a copy of the one that will train, since these steps train it.
        settings, text: of the training.
    """
    shape = settings.batch_size, settings.num_steps
    size = settings.batch_size * settings.num_steps
    # The first token and the next ones, which every text to train on has.
    tokens = text.tokens[: size + 1].astype("int32")
    X, Y = tokens[:-1].reshape(shape), tokens[1:].reshape(shape)
    # The first step sets things up.
    float(learner.step(X, Y, settings.lr, True))
    start, number = time.perf_counter(), 0
    while number < _PROBE_STEPS and time.perf_counter() - start < _PROBE_SECONDS:
        float(learner.step(X, Y, settings.lr, True))
        number += 1
    return (time.perf_counter() - start) / number
