"""What a hyperparameter study tries: the values, and how points are chosen from them."""

from __future__ import annotations

import dataclasses
import itertools

from gluon_gru.errors import InputError, check_positive

#: The hyperparameters that a study tries.
AXES = ("num_steps", "num_hiddens", "lr")

#: How points are chosen from the values.
SAMPLERS = ("grid", "random", "tpe")


@dataclasses.dataclass(frozen=True)
class Space:
    """What a study tries: values for each hyperparameter, and the protocol of every trial.

    Attributes:
        num_steps, num_hiddens, lr: tuples of the values to try.
        epochs: how many each trial trains for.
        batch_size: windows in a minibatch.
        train_windows, valid_windows: the number of windows to train on, and of those after them to
            validate on.
        seed: of the weights and the shuffling, the same in every trial.

    Raises:
        InputError: for values that aren't positive numbers, or that a list holds twice.
    """

    num_steps: tuple[int, ...]
    num_hiddens: tuple[int, ...]
    lr: tuple[float, ...]
    epochs: int = 100
    batch_size: int = 1024
    train_windows: int = 10000
    valid_windows: int = 5000
    seed: int = 1

    def __post_init__(self) -> None:
        for axis in AXES:
            values = getattr(self, axis)
            if not values or len(set(values)) < len(values):
                raise InputError(
                    f"{axis} is {list(values)}: give at least one value, and each only once"
                )
            for value in values:
                check_positive(axis, value, whole=axis != "lr")
        for name in ("epochs", "batch_size", "train_windows", "valid_windows"):
            check_positive(name, getattr(self, name))

    def points(self) -> list[dict[str, float]]:
        """Return every combination, a list of dicts; those that take longest come first."""
        # So the workers that end with the short ones end at about the same time.
        longest_first = (sorted(self.num_steps)[::-1], sorted(self.num_hiddens)[::-1], self.lr)
        return [dict(zip(AXES, values)) for values in itertools.product(*longest_first)]


#: The book's exercise in full, and the part of it that is the default.
FULL = Space((8, 16, 32, 64, 128), (8, 16, 32, 64, 128), (0.01, 0.1, 1.0, 10.0))
REDUCED = Space((8, 16, 32), (8, 32, 64), (0.1, 1.0, 10.0))
