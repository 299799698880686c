"""The errors that a user can cause and fix; the command prints them as one line."""

from __future__ import annotations

import math
import numbers


class InputError(ValueError):
    """Input from the user can't be used; the message names it, its value and the remedy."""


class InstallError(ImportError):
    """Something the package needs is missing or unusable; the message has the command to fix it."""


class TrainingDiverged(ArithmeticError):
    """The training loss is no longer finite; the message names the epoch and what to try."""


def check_positive(name: str, value: object, whole: bool = True) -> None:
    """Raise InputError for a value that isn't a number (by default, a whole number) above 0."""
    kind = numbers.Integral if whole else numbers.Real
    number = float(value) if isinstance(value, kind) and not isinstance(value, bool) else math.nan
    if not 0 < number < math.inf:
        raise InputError(
            f"{name} is {value!r}: it must be a {'whole ' if whole else ''}number above 0"
        )
