"""A study's results: the trials as its record holds them, and what came out at each point."""

from __future__ import annotations

import collections
import dataclasses
import math
import statistics
from typing import Any, Callable, Sequence

from gluon_gru.studies.sweep import storage
from gluon_gru.studies.sweep.space import AXES
from gluon_gru.studies.sweep.storage import FrozenTrial, optuna

#: Importance is for being among this share of the trials, the best ones.
QUANTILE = 0.25

#: Importance takes this many complete trials: Optuna needs five among the best.
FEWEST_TRIALS = 20


def results(study: optuna.Study, needed: int) -> dict[str, Any]:
    """Return the results of a study, as JSON holds them.

    Args:
        study: the Optuna study.
        needed: how many trials it needs.

    Returns:
        A dict: ``needed``; ``trials``, a list of those that are finished; ``importance``. A trial
        is a dict: ``number``; ``state``: ``complete`` or ``diverged``; the
        hyperparameters and the ``seed``; ``perplexity``, of the validation after the last epoch,
        None unless complete; ``epochs``; and what `gluon_gru.studies.sweep.trial.train_point`
        returns, with ``worker``, the process that ran it, and ``written``, the
        `gluon_gru.studies.sweep.writing.Measures` of its continuation.
    """
    return {
        "needed": max(needed, storage.count(study)),
        "trials": [_trial(trial) for trial in storage.finished(study)],
        "importance": _importance(study),
    }


def _trial(trial: FrozenTrial) -> dict[str, Any]:
    result = trial.user_attrs["result"]
    return {
        "number": trial.number,
        "state": "diverged" if result["diverged"] else "complete",
        **trial.params,
        "perplexity": None if result["diverged"] else trial.value,
        "epochs": len(result["validation"]),
        **result,
    }


def _importance(study: optuna.Study) -> dict[str, Any]:
    """Return the importance of each hyperparameter, or the reason why there is none."""
    trials = storage.complete(study)
    values = {axis: {trial.params[axis] for trial in trials} for axis in AXES}
    several = [axis for axis in AXES if len(values[axis]) > 1]
    if len(trials) < FEWEST_TRIALS or not several:
        return {
            "reason": f"it takes {FEWEST_TRIALS} complete trials that differ, and there are "
            f"{len(trials)}"
        }
    evaluate: Any = optuna.importance.PedAnovaImportanceEvaluator
    try:
        evaluator = evaluate(target_quantile=QUANTILE)
    except TypeError:
        # What Optuna 4 calls it.
        evaluator = evaluate(baseline_quantile=QUANTILE)
    importance = {
        "quantile": QUANTILE,
        "trials": len(trials),
        "values": optuna.importance.get_param_importances(
            study, evaluator=evaluator, params=several
        ),
    }
    at = collections.Counter(tuple(trial.params[axis] for axis in AXES) for trial in trials)
    if len(set(at.values())) == 1 and len(at) == math.prod(map(len, values.values())):
        importance["variance"] = {axis: _variance_share(trials, axis) for axis in several}
    return importance


def _variance_share(trials: list[FrozenTrial], axis: str) -> float:
    """Return the share of the variance of log perplexity that an axis explains on its own.

    Over a whole grid this is exactly functional ANOVA's main effect.
    """
    logs: dict[Any, list[float]] = {}
    for trial in trials:
        assert trial.value is not None
        logs.setdefault(trial.params[axis], []).append(math.log(trial.value))
    whole = statistics.pvariance(sum(logs.values(), []))
    return statistics.pvariance(map(statistics.mean, logs.values())) / whole if whole else 0.0


@dataclasses.dataclass
class Outcome:
    """What came out at a point, over its seeds.

    Attributes:
        point: the hyperparameters.
        complete: its trials that trained to the end, as the record holds them.
        diverged: its other trials.
    """

    point: dict[str, Any]
    complete: list[dict[str, Any]]
    diverged: list[dict[str, Any]]

    @property
    def named(self) -> str:
        """Return the hyperparameters in words."""
        return ", ".join(f"{axis} {in_words(value)}" for axis, value in self.point.items())

    @property
    def last(self) -> list[float]:
        """Return the validation perplexities after the last epoch."""
        return [trial["perplexity"] for trial in self.complete]

    @property
    def best(self) -> list[float]:
        """Return the lowest validation perplexities of all epochs."""
        return [min(trial["validation"]) for trial in self.complete]

    @property
    def best_epoch(self) -> float:
        """Return the epoch that validated best, the median of the seeds."""
        return self.median(lambda trial: 1 + trial["validation"].index(min(trial["validation"])))

    @property
    def written(self) -> list[float]:
        """Return the median `gluon_gru.studies.sweep.writing.Measures`; version 0.1.0 had none."""
        measured = [trial["written"].values() for trial in self.complete if "written" in trial]
        return [statistics.median(values) for values in zip(*measured)]

    def median(self, value: Callable[[dict[str, Any]], float]) -> float:
        """Return the median of a value over the complete trials."""
        return statistics.median(map(value, self.complete))

    def of(self, name: str) -> float:
        """Return the median of a field over the complete trials."""
        return self.median(lambda trial: trial[name])


def in_words(value: Any) -> str:
    """Return a hyperparameter's value in words."""
    return value if isinstance(value, str) else f"{value:g}"


def outcomes(trials: Sequence[dict[str, Any]]) -> list[Outcome]:
    """Return what came out at each point, the best first, by the last epoch; then the others."""
    found: dict[tuple, dict[int, dict[str, Any]]] = {}
    for trial in trials:
        # Version 0.1.0 recorded trials that it lost, and neither seeds nor initialisations.
        if trial["state"] != "lost":
            point = tuple(trial.get(axis, "normal") for axis in AXES)
            found.setdefault(point, {}).setdefault(trial.get("seed", 1), trial)
    all_of_them = [
        Outcome(
            dict(zip(AXES, point)),
            [trial for trial in by_seed.values() if trial["state"] == "complete"],
            [trial for trial in by_seed.values() if trial["state"] != "complete"],
        )
        for point, by_seed in found.items()
    ]
    return sorted(
        all_of_them, key=lambda one: statistics.median(one.last) if one.last else math.inf
    )
