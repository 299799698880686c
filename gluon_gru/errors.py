"""The errors that a user can cause and fix; the command prints them as one line."""

from __future__ import annotations

import math
import numbers
import re


class InputError(ValueError):
    """Input from the user can't be used; the message names it, its value and the remedy."""


class InstallError(ImportError):
    """Something the package needs is missing or unusable; the message has the command to fix it."""


class TrainingDiverged(ArithmeticError):
    """The training loss is no longer finite; the message names the epoch and what to try."""


def not_installed(what: str, package: str, extra: str) -> InstallError:
    """Return the error that something takes a package which isn't there, and how to get it.

    Args:
        what: takes it.
        package: as people call it.
        extra: of this package, that installs it.
    """
    return InstallError(
        f"{what} takes {package}, which is not installed: pip install 'gluon_gru[{extra}]'"
    )


# Control characters, other ends of lines, changes of direction, and parts of what is no UTF-8.
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(name: object) -> str:
    """Return the name of a file, or a message, as it is shown and recorded: in one line, and UTF-8.

    What isn't printed is escaped as in Python: a newline is ``\\n``, a byte E7 that is no UTF-8
    ``\\udce7``.
    """
    return _UNSHOWN.sub(lambda sign: sign[0].encode("unicode_escape").decode(), str(name))


def check_positive(name: str, value: object, whole: bool = True) -> None:
    """Raise InputError for a value that isn't a number (by default, a whole number) above 0."""
    kind = numbers.Integral if whole else numbers.Real
    number = float(value) if isinstance(value, kind) and not isinstance(value, bool) else math.nan
    if not 0 < number < math.inf:
        raise InputError(
            f"{name} is {value!r}: it must be a {'whole ' if whole else ''}number above 0"
        )
