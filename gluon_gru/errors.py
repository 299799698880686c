"""The errors that a user can cause and mend; command lines print them as one line."""

from __future__ import annotations

import math
import numbers


class InputError(ValueError):
    """Something the user gave can't be used: the message names it, its value and the way out."""


class InstallError(ImportError):
    """Something that this package needs is missing or unusable: the message has the command that mends it."""


class TrainingDiverged(ArithmeticError):
    """The training loss stopped being finite: the message names the epoch and what to try."""


def check_positive(name: str, value: object, whole: bool = True) -> None:
    """Raise InputError, naming it, for a value that isn't a number (a whole one) above 0."""
    kind = numbers.Integral if whole else numbers.Real
    number = float(value) if isinstance(value, kind) and not isinstance(value, bool) else math.nan
    if not 0 < number < math.inf:
        raise InputError(
            f"{name} is {value!r}: it must be a {'whole ' if whole else ''}number above 0"
        )
