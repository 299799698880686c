"""The settings of a training on a text of one's own: defaults and checks."""

from __future__ import annotations

import dataclasses
import math
import numbers
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.engine.layout import model_shapes
from gluon_gru.errors import InputError, check_positive
from gluon_gru.text.encodings import decoder
from gluon_gru.text.minibatches import shortest_corpus
from gluon_gru.text.rules import CASES, LINES, TOKENS
from gluon_gru.training.learner import OPTIMIZERS

#: The defaults that don't depend on the text.
DEFAULTS = {
    "tokens": "characters",  # or words
    "case": "keep",  # or fold: all in lower case
    "encoding": "utf-8",
    "lines": "keep",  # or shuffle: in random order
    "cell": "gru-after",  # the GRU of Gluon, PyTorch and ONNX; gru is the book's
    "optimizer": "adam",  # or sgd, the book's
    "decay": 0.02,  # the share of lr that is left at the planned end
    "sampling": "sequential",  # minibatches continue each other; or random
    "validation": 0.1,  # the share of the text that is held out, up to MAX_VALIDATION tokens
    "patience": 5,  # rounds without a better model before training stops
    "seed": 1,  # of the weights, the minibatches and dropout
}


class _Size(typing.NamedTuple):
    """Defaults for texts of fewer than ``below`` tokens."""

    below: float
    num_hiddens: int
    num_layers: int
    dropout: float
    batch_size: int
    num_steps: int
    lr: float
    epochs: int
    minutes: float


# The defaults that depend on the number of tokens to train on; ``epochs`` is lower where it would
# take more than ``minutes`` on two cores.
# Small texts get many updates, from small minibatches, and a model that doesn't learn them by heart
# at once: two layers, with dropout of 0.5 between them. The held-out part ends the training. Large
# texts get a model that the time allows, which has seen each character a few times when it is over, and
# minibatches that keep the cores busy. Adam needs far fewer epochs than the book's 500 with SGD.
# docs/own-texts.md has the comparisons.
_SIZES = (
    _Size(3_000, 64, 1, 0, 4, 16, 5e-3, 60, 1),
    _Size(30_000, 128, 2, 0.5, 16, 64, 5e-3, 40, 1),
    _Size(300_000, 256, 2, 0.5, 32, 64, 5e-3, 20, 5),
    _Size(3_000_000, 512, 2, 0.1, 32, 64, 4e-3, 6, 10),
    _Size(math.inf, 512, 2, 0, 64, 64, 2e-3, 10, 90),
)

#: The learning rate for sgd, whatever the size: the book's.
SGD_LR = 1

#: The most tokens that are held out: they give the perplexity to about 1%, and little time goes
#: into scoring them after every round.
MAX_VALIDATION = 200_000

CELLS = tuple(OPTIONS)
SAMPLINGS = ("sequential", "random")

# MXNet's arrays count their entries in a signed 32-bit integer.
_LARGEST = 2**31

# The speed of two cores in training, in operations per second; see `num_operations`.
_RATE = 100e9


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a training; `gluon_gru.own_texts.train` explains each."""

    tokens: str
    case: str
    encoding: str
    lines: str
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


_NAMES = [field.name for field in dataclasses.fields(Settings)]


def default(name: str) -> str:
    """Return a setting's default in words: its value, or its range over the sizes of texts."""
    if name in DEFAULTS:
        return str(DEFAULTS[name])
    values = [f"{value:g}" for value in sorted({getattr(size, name) for size in _SIZES})]
    return " or ".join(values) if len(values) < 3 else f"{values[0]} to {values[-1]}"


_CHOICES = {
    "tokens": TOKENS,
    "case": CASES,
    "lines": LINES,
    "cell": CELLS,
    "optimizer": OPTIMIZERS,
    "sampling": SAMPLINGS,
}
_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "dropout": (lambda value: 0 <= value < 1, "a number, at least 0 and below 1"),
    "lr": (lambda value: 0 < value < math.inf, "a number above 0"),
    "decay": (lambda value: 0 < value <= 1, "a number above 0 and at most 1"),
    "validation": (lambda value: 0 < value <= 0.5, "a number above 0 and at most 0.5"),
    "epochs": (lambda value: 0 < value <= 1e6, "a number above 0 and at most 1,000,000"),
    "seed": (
        lambda value: isinstance(value, numbers.Integral) and 0 <= int(value) < 2**31,
        f"a whole number from 0 to {2**31 - 1}",
    ),
}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return some or all of the settings as JSON holds them.

    Raises:
        InputError: for an unknown name or an impossible value.
    """
    unknown = sorted(set(given) - set(_NAMES))
    if unknown:
        raise InputError(f"{', '.join(unknown)} is no setting: there are {', '.join(_NAMES)}")
    for name, value in given.items():
        if name in _RANGES:
            good, what = _RANGES[name]
            if not isinstance(value, numbers.Real) or isinstance(value, bool) or not good(value):
                raise InputError(f"{name} is {value!r}: it must be {what}")
        elif name == "encoding":
            decoder(value)
        elif name not in _CHOICES:
            check_positive(name, value)
        elif value not in _CHOICES[name]:
            raise InputError(f"{name} is {value!r}: choose from {', '.join(_CHOICES[name])}")
    # JSON has no NumPy numbers.
    return {
        name: value.item() if isinstance(value, numpy.generic) else value
        for name, value in given.items()
    }


def num_validation(num_tokens: int, validation: float) -> int:
    """Return the number of tokens to hold out for ``validation``, a share of them; at least 2."""
    return max(2, min(math.ceil(num_tokens * validation), MAX_VALIDATION))


def num_operations(settings: Settings, vocab_size: int) -> int:
    """Return the number of multiplications and additions to train on one token."""
    hiddens, gates = settings.num_hiddens, len(OPTIONS[settings.cell].gates)
    # The lowest layer looks its inputs up.
    weights = gates * hiddens**2 * (2 * settings.num_layers - 1) + hiddens * vocab_size
    # Two each forwards, backwards by the inputs, and backwards by the weights.
    return 6 * weights


def filled(given: Mapping[str, Any], num_tokens: int, vocab_size: int) -> Settings:
    """Return all settings for a text: those that are given, and defaults for the others.

    Args:
        given: name -> value.
        num_tokens: the length of the training part.
        vocab_size: the number of distinct tokens.

    Raises:
        InputError: see `checked`; also for a text too short for a minibatch, more weights than an
            array can have, and dropout in a model of one layer.
    """
    size = next(size for size in _SIZES if num_tokens < size.below)
    values = {**DEFAULTS, **size._asdict(), **checked(given)}
    if values["num_layers"] == 1 and "dropout" not in given:
        values["dropout"] = 0
    if values["optimizer"] == "sgd" and "lr" not in given:
        values["lr"] = SGD_LR
    settings = Settings(**{name: values[name] for name in _NAMES})
    _check_together(settings, num_tokens, vocab_size)
    if "epochs" in given:
        return settings
    affordable = size.minutes * 60 * _RATE / (num_operations(settings, vocab_size) * num_tokens)
    return dataclasses.replace(settings, epochs=min(settings.epochs, float(f"{affordable:.2g}")))


def _check_together(settings: Settings, num_tokens: int, vocab_size: int) -> None:
    hiddens, layers = settings.num_hiddens, settings.num_layers
    if settings.dropout and layers == 1:
        raise InputError(
            f"dropout is {settings.dropout!r}, but acts between layers, and num_layers is 1: ask "
            "for more layers, or leave dropout out"
        )
    # However many layers are asked for, all but the first are alike.
    cell = OPTIONS[settings.cell].name
    shapes = (model_shapes(cell, vocab_size, hiddens, number) for number in (1, 2))
    one, two = (sum(map(math.prod, some.values())) for some in shapes)
    weights = one + (layers - 1) * (two - one)
    if weights >= _LARGEST:
        raise InputError(
            f"num_hiddens is {hiddens}, num_layers {layers}: with {vocab_size:,} tokens that would "
            f"be {weights:,} weights, and {_LARGEST:,} are too many: ask for fewer"
        )
    needed = shortest_corpus(settings.batch_size, settings.num_steps)
    if num_tokens < needed:
        raise InputError(
            f"the text is too short: {num_tokens:,} {settings.tokens} are left to train on without "
            f"the held-out part, and a minibatch (batch_size {settings.batch_size}, num_steps "
            f"{settings.num_steps}) takes {needed:,}: give a longer text, or smaller ones"
        )
