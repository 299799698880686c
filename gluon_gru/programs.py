"""What programs of the years of MXNet 1.x find missing today, beside MXNet itself."""

from __future__ import annotations

import importlib.util
import sys

#: Python's types that NumPy had as its own names until version 1.24; MXNet's own needs ``bool``.
_ALIASES = (bool, int, float, complex, object, str)


def give_back_aliases() -> None:
    """Make ``numpy.int``, ``numpy.float`` and their like Python's types again."""
    import numpy

    for alias in _ALIASES:
        vars(numpy).setdefault(alias.__name__, alias)


def stand_in_for_d2l() -> None:
    """Make ``import d2l`` and ``from d2l import mxnet as d2l`` give this package."""
    import gluon_gru

    vars(gluon_gru)["mxnet"] = gluon_gru
    sys.modules["d2l"] = sys.modules["d2l.mxnet"] = gluon_gru


def has_own_d2l() -> bool:
    """Return whether Python finds a ``d2l`` that isn't this package."""
    return "d2l" not in sys.modules and importlib.util.find_spec("d2l") is not None
