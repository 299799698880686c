"""Which cases of a test are among the fast ones."""

import pytest


def slow_but(fast, cases):
    """Return a test's cases, those marked slow that are not among ``fast``.

    For cases that are quick alone but take seconds together.
    """
    return [
        case
        if case in fast
        else pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow)
        for case in cases
    ]
