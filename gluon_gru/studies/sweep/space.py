"""What a hyperparameter study tries: the values, and how points are chosen from them."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

from gluon_gru.errors import InputError, check_positive

#: The hyperparameters that a study tries.
AXES = ("num_steps", "num_hiddens", "lr", "init")

#: How initial weights are drawn: as PyTorch draws them, or as the chapter does.
INITS = {
    "pytorch": "all weights and biases uniform within 1/sqrt(num_hiddens)",
    "normal": "weights N(0, 0.01), biases 0",
}

#: How points are chosen from the values.
SAMPLERS = ("grid", "random", "tpe")


@dataclasses.dataclass(frozen=True)
class Space:
    """What a study tries: values for each hyperparameter, and the protocol of every trial.

    Attributes:
        num_steps, num_hiddens, lr, init: tuples of the values to try; of ``init``, keys of `INITS`.
        epochs: how many each trial trains for.
        batch_size: windows in a minibatch.
        train_windows, valid_windows: the number of windows to train on, and of those after them to
            validate on.
        seeds: every point is tried with the seeds 1 to this, of the weights and the shuffling.

    Raises:
        InputError: for values that aren't positive numbers, for an unknown ``init``, and for values
            that a list holds twice.
    """

    num_steps: tuple[int, ...]
    num_hiddens: tuple[int, ...]
    lr: tuple[float, ...]
    init: tuple[str, ...] = ("pytorch",)
    epochs: int = 100
    batch_size: int = 1024
    train_windows: int = 10000
    valid_windows: int = 5000
    seeds: int = 1

    def __post_init__(self) -> None:
        for axis in AXES:
            values = getattr(self, axis)
            if not values or len(set(values)) < len(values):
                raise InputError(
                    f"{axis} is {list(values)}: give at least one value, and each only once"
                )
            for value in values:
                if axis != "init":
                    check_positive(axis, value, whole=axis != "lr")
                elif value not in INITS:
                    raise InputError(f"init {value!r} is unknown: choose from {', '.join(INITS)}")
        for name in ("epochs", "batch_size", "train_windows", "valid_windows", "seeds"):
            check_positive(name, getattr(self, name))

    def points(self) -> list[dict[str, Any]]:
        """Return every combination with every seed, a list of dicts.

        One seed of all comes after the other, and in each the fast ones come first, so that a study
        that is ended early has the whole grid, and as many further seeds of it as possible.
        """
        values = [getattr(self, axis) for axis in AXES]
        points = [dict(zip(AXES, point)) for point in itertools.product(*values)]
        points.sort(key=lambda point: point["num_steps"] * point["num_hiddens"])
        return [{**point, "seed": seed} for seed in range(1, self.seeds + 1) for point in points]


#: Grids by name. ``full`` is the published one; ``last-cell`` is the model that the chapter's later
#: editions end with.
GRIDS = {
    "full": Space((8, 16, 32, 64, 128), (8, 16, 32, 64, 128), (0.01, 0.1, 1.0, 10.0)),
    "reduced": Space((8, 16, 32), (8, 32, 64), (0.1, 1.0, 10.0)),
    "initialisation": Space((8,), (8, 32), (0.01, 0.1, 1.0, 10.0), tuple(INITS)),
    "last-cell": Space((32,), (32,), (4.0,), epochs=50),
}
