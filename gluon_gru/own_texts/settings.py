"""What a training on a text of one's own is set to: the defaults, and what is allowed."""

from __future__ import annotations

import dataclasses
import math
import numbers
import typing
from collections.abc import Mapping
from typing import Any

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.engine.layout import model_shapes
from gluon_gru.errors import InputError, check_positive
from gluon_gru.text.minibatches import shortest_corpus
from gluon_gru.text.reading import CASES, TOKENS
from gluon_gru.training.learner import OPTIMIZERS

#: The defaults that don't depend on the text.
DEFAULTS = {
    "tokens": "characters",  # or words
    "case": "keep",  # or fold: all in lower case
    "cell": "gru",  # the book's; gru-after is Gluon's and cuDNN's
    "optimizer": "adam",  # or sgd, the book's
    "decay": 0.1,  # the share of lr that is left at the planned end
    "sampling": "sequential",  # minibatches continue each other; or random
    "validation": 0.1,  # the share of the text that is held out, up to MAX_VALIDATION tokens
    "patience": 5,  # rounds without a better model after which to stop
    "seed": 1,  # of the weights, the minibatches and dropout
}


class _Size(typing.NamedTuple):
    """What is sensible for texts of fewer than ``below`` tokens."""

    below: float
    num_hiddens: int
    num_layers: int
    dropout: float
    batch_size: int
    num_steps: int
    lr: float
    epochs: int
    minutes: float


#: The defaults that depend on how many tokens there are to train on; ``epochs`` is lower if it would
#: take more than ``minutes`` on two cores.
# Small texts: as many updates as they give, from small minibatches, in a model that doesn't learn
# them by heart at once: two layers, half of what goes from one to the other dropped. The held-out
# part ends it. Large ones: a model that time allows, in minibatches that keep the cores busy. Adam
# takes far fewer epochs than the book's 500 with SGD. docs/own-texts.md has what was compared.
_SIZES = (
    _Size(3_000, 64, 1, 0, 4, 16, 5e-3, 60, 1),
    _Size(30_000, 128, 2, 0.5, 16, 64, 5e-3, 40, 1),
    _Size(300_000, 256, 2, 0.5, 32, 64, 5e-3, 20, 5),
    _Size(3_000_000, 512, 1, 0, 32, 64, 3e-3, 20, 10),
    _Size(math.inf, 512, 2, 0, 64, 64, 2e-3, 10, 90),
)

#: The learning rate for sgd, whatever the size: the book's.
SGD_LR = 1

#: The held-out part never takes more tokens than this: its perplexity is then known to 1% or so,
#: and scoring it after every round takes little of the time.
MAX_VALIDATION = 200_000

CELLS = tuple(OPTIONS)
SAMPLINGS = ("sequential", "random")

# MXNet's arrays count their entries with a sign in 32 bits.
_LARGEST = 2**31

# What two cores reach in training, in operations per second; see `num_operations`.
_RATE = 100e9


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a training is set to; see `gluon_gru.own_texts.train` for what each means."""

    tokens: str
    case: str
    cell: str
    num_hiddens: int
    num_layers: int
    dropout: float
    optimizer: str
    lr: float
    decay: float
    batch_size: int
    num_steps: int
    sampling: str
    validation: float
    patience: int
    epochs: float
    seed: int


def default(name: str) -> str:
    """Return what a setting is by default, in words: its value, or what it ranges over by size."""
    if name in DEFAULTS:
        return str(DEFAULTS[name])
    values = [f"{value:g}" for value in sorted({getattr(size, name) for size in _SIZES})]
    return " or ".join(values) if len(values) < 3 else f"{values[0]} to {values[-1]}"


_CHOICES = {
    "tokens": TOKENS,
    "case": CASES,
    "cell": CELLS,
    "optimizer": OPTIMIZERS,
    "sampling": SAMPLINGS,
}
_RANGES = {
    "dropout": (lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "lr": (lambda value: 0 < value < math.inf, "above 0"),
    "decay": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "validation": (lambda value: 0 < value <= 0.5, "above 0 and at most 0.5"),
    "epochs": (lambda value: 0 < value <= 1e6, "above 0 and at most 1,000,000"),
}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON holds them, each of which may be.

    Args:
        given: name -> value, some or all.

    Raises:
        InputError: for a name that is no setting, and for a value that can't be; it names the
            setting, its value and the way out.
    """
    names = [field.name for field in dataclasses.fields(Settings)]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InputError(f"{', '.join(unknown)} is no setting: there are {', '.join(names)}")
    for name, value in given.items():
        _check(name, value)
    # NumPy's numbers, which JSON doesn't take.
    return {
        name: value.item() if isinstance(value, numpy.generic) else value
        for name, value in given.items()
    }


def _check(name: str, value: Any) -> None:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise InputError(f"{name} is {value!r}: choose from {', '.join(_CHOICES[name])}")
    elif name in _RANGES:
        good, what = _RANGES[name]
        if not isinstance(value, numbers.Real) or isinstance(value, bool) or not good(value):
            raise InputError(f"{name} is {value!r}: it must be a number {what}")
    elif name == "seed":
        if not isinstance(value, numbers.Integral) or not 0 <= int(value) < 2**31:
            raise InputError(f"seed is {value!r}: it must be a whole number from 0 to {2**31 - 1}")
    else:
        check_positive(name, value)


def num_validation(num_tokens: int, validation: float) -> int:
    """Return how many tokens at a text's end are held out, for a share of them."""
    # One token is predicted from the other.
    return max(2, min(math.ceil(num_tokens * validation), MAX_VALIDATION))


def num_operations(settings: Settings, vocab_size: int) -> int:
    """Return the operations (multiplications and additions) that training on a token takes."""
    hiddens, layers = settings.num_hiddens, settings.num_layers
    gates = len(OPTIONS[settings.cell].gates)
    matrices = gates * hiddens**2 * (2 * layers - 1) + hiddens * vocab_size
    # Forwards, and backwards by inputs and by weights; the first layer only looks inputs up.
    return 6 * matrices


def filled(given: Mapping[str, Any], num_tokens: int, vocab_size: int) -> Settings:
    """Return the settings for a text: those that are given, and the defaults for the others.

    Args:
        given: name -> value.
        num_tokens: of the training part.
        vocab_size: how many tokens there are.

    Raises:
        InputError: see `checked`; and for a text too short for a minibatch, more weights than an
            array can have, and dropout in a model of one layer.
    """
    size = next(size for size in _SIZES if num_tokens < size.below)
    values = {**DEFAULTS, **size._asdict(), **checked(given)}
    minutes, _ = values.pop("minutes"), values.pop("below")
    if values["num_layers"] == 1 and "dropout" not in given:
        # There is nothing for it to act between.
        values["dropout"] = 0
    if values["optimizer"] == "sgd" and "lr" not in given:
        values["lr"] = SGD_LR
    settings = Settings(**values)
    _check_together(settings, num_tokens, vocab_size)
    if "epochs" in given:
        return settings
    affordable = minutes * 60 * _RATE / (num_operations(settings, vocab_size) * num_tokens)
    return dataclasses.replace(settings, epochs=min(settings.epochs, float(f"{affordable:.2g}")))


def _check_together(settings: Settings, num_tokens: int, vocab_size: int) -> None:
    hiddens, layers = settings.num_hiddens, settings.num_layers
    if settings.dropout and layers == 1:
        raise InputError(
            f"dropout is {settings.dropout!r}, but acts between layers, and "
            "num_layers is 1: ask for more layers, or leave dropout out"
        )
    shapes = model_shapes(OPTIONS[settings.cell].name, vocab_size, hiddens, layers)
    weights = sum(map(math.prod, shapes.values()))
    if weights >= _LARGEST:
        raise InputError(
            f"num_hiddens is {hiddens}, num_layers {layers}: with {vocab_size:,} "
            f"tokens that would be {weights:,} weights, and {_LARGEST:,} are too "
            "many: ask for fewer"
        )
    needed = shortest_corpus(settings.batch_size, settings.num_steps)
    if num_tokens < needed:
        raise InputError(
            f"the text is too short: {num_tokens:,} {settings.tokens} are left to train on without "
            f"the held-out part, and a minibatch (batch_size {settings.batch_size}, num_steps "
            f"{settings.num_steps}) takes {needed:,}: give a longer text, or smaller ones"
        )
