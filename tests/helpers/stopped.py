"""Trainings on texts of one's own that are stopped somewhere, and what they share with whole ones."""

import contextlib

import pytest

from gluon_gru.training.learner import EngineLearner as Learner
from gluon_gru.training.mxnet_learner import MXNetLearner


def digits(record):
    """Return what doesn't depend on the clock."""
    return [
        {name: value for name, value in done.items() if name not in ("seconds", "tokens_per_sec")}
        for done in record["rounds"]
    ]


@contextlib.contextmanager
def ctrl_c_at(number, method="step"):
    """Have Ctrl-C pressed at a call of a learner's method, counted from 1."""
    done = []

    def counting(original):
        def counted(*args, **kwargs):
            done.append(None)
            if len(done) == number:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        return counted

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        for kind in (Learner, MXNetLearner):
            patch.setattr(kind, method, counting(getattr(kind, method)))
        yield
