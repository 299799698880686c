"""Everything that a training on a text of one's own is set to, and what it is by default."""

import dataclasses
import math
import numbers
import typing

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.errors import InputError, check_positive
from gluon_gru.text.minibatches import shortest_corpus
from gluon_gru.text.reading import CASES, TOKENS
from gluon_gru.training.learner import OPTIMIZERS

#: ``gru`` is the book's, whose reset gate acts before the recurrent product; ``gru-after`` is
#: Gluon's and cuDNN's.
CELLS = tuple(OPTIONS)

SAMPLINGS = ("sequential", "random")

#: The held-out part never takes more tokens than this: its perplexity is then known to 1% or so,
#: and scoring it after every round takes little of the time.
MAX_VALIDATION = 200_000

# MXNet's arrays count their entries with a sign in 32 bits.
_LARGEST = 2**31

#: What two cores reach in training, in operations a second; see `num_operations`.
_RATE = 100e9


#: The book's learning rate, which `filled` gives to its optimizer.
SGD_LR = 1


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


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run is trained with; see `gluon_gru.own_texts.train` for what each means.

    Raises:
        InputError: for a value that can't be; it names the setting, its value and the way out.
    """

    tokens: str = "characters"
    case: str = "keep"
    cell: str = "gru"
    num_hiddens: int = 256
    num_layers: int = 1
    dropout: float = 0.0
    optimizer: str = "adam"
    lr: float = 2e-3
    decay: float = 0.1
    batch_size: int = 32
    num_steps: int = 64
    sampling: str = "sequential"
    validation: float = 0.1
    patience: int = 5
    epochs: float = 30
    seed: int = 1

    def __post_init__(self):
        for name, choices in (
            ("tokens", TOKENS),
            ("case", CASES),
            ("cell", CELLS),
            ("optimizer", OPTIMIZERS),
            ("sampling", SAMPLINGS),
        ):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}: choose from {', '.join(choices)}"
                )
        for name in ("num_hiddens", "num_layers", "batch_size", "num_steps", "patience"):
            check_positive(name, getattr(self, name))
        for name in ("lr", "epochs"):
            check_positive(name, getattr(self, name), whole=False)
        _check_share("epochs", self.epochs, self.epochs <= 1e6, "at most 1,000,000")
        _check_share("decay", self.decay, 0 < _real(self.decay) <= 1, "above 0 and at most 1")
        _check_share(
            "validation",
            self.validation,
            0 < _real(self.validation) <= 0.5,
            "above 0 and at most 0.5",
        )
        _check_share(
            "dropout", self.dropout, 0 <= _real(self.dropout) < 1, "at least 0 and below 1"
        )
        seed = self.seed
        if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**31:
            raise InputError(f"seed is {seed!r}: it must be a whole number from 0 to {2**31 - 1}")
        # NumPy's numbers, which JSON and MXNet don't take.
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, numpy.number):
                object.__setattr__(self, field.name, value.item())


def _real(value):
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return value if real else math.nan


def _check_share(name, value, good, what):
    if not good:
        raise InputError(f"{name} is {value!r}: it must be a number {what}")


def num_validation(num_tokens, validation):
    """Return how many tokens at a text's end are held out, for a share of them."""
    # One token is predicted from the other.
    return max(2, min(math.ceil(num_tokens * validation), MAX_VALIDATION))


def default(name: str) -> str:
    """Return what a setting is by default, in words: its value, or what it ranges over by size."""
    if name in _Size._fields:
        values = [f"{value:g}" for value in sorted({getattr(size, name) for size in _SIZES})]
    else:
        values = [str(getattr(Settings, name))]
    return " or ".join(values) if len(values) < 3 else f"{values[0]} to {values[-1]}"


def num_operations(settings, vocab_size):
    """Return the operations (multiplications and additions) that training on a token takes."""
    hiddens, layers = settings.num_hiddens, settings.num_layers
    matrices = (
        len(OPTIONS[settings.cell].gates) * hiddens**2 * (2 * layers - 1) + hiddens * vocab_size
    )
    # Forwards, and backwards by inputs and by weights; the first layer only looks inputs up.
    return 6 * matrices


def filled(given, num_tokens, vocab_size):
    """Return the `Settings` of a text with what wasn't given set to what is sensible.

    Args:
        given: name -> value.
        num_tokens: of the training part.
        vocab_size: how many tokens there are.

    Raises:
        InputError: see `Settings`; and for a text too short for a minibatch.
    """
    size = next(size for size in _SIZES if num_tokens < size.below)
    found = {**size._asdict(), **given}
    minutes = found.pop("minutes")
    found.pop("below")
    if found.get("num_layers") == 1:
        # There is nothing for it to act between.
        found["dropout"] = given.get("dropout", 0)
    if found.get("optimizer") == "sgd":
        found["lr"] = given.get("lr", SGD_LR)
    settings = Settings(**found)
    if settings.dropout and settings.num_layers == 1:
        raise InputError(
            f"dropout is {settings.dropout!r}, but acts between layers, and "
            "num_layers is 1: ask for more layers, or leave dropout out"
        )
    hiddens, layers = settings.num_hiddens, settings.num_layers
    weights = (
        len(OPTIONS[settings.cell].gates) * hiddens * (vocab_size + (2 * layers - 1) * hiddens)
        + hiddens * vocab_size
    )
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
    if "epochs" not in given:
        affordable = minutes * 60 * _RATE / (num_operations(settings, vocab_size) * num_tokens)
        settings = dataclasses.replace(
            settings, epochs=min(settings.epochs, float(f"{affordable:.2g}"))
        )
    return settings
