"""A study's results as its record holds them: the trials, and the importance of hyperparameters."""

from __future__ import annotations

import math
import statistics
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from gluon_gru.studies.sweep import storage
from gluon_gru.studies.sweep.space import AXES

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
        is a dict: ``number``; ``state``: ``complete``, ``pruned`` or ``diverged``; the three
        hyperparameters; ``perplexity``, of the validation after the last epoch, None unless
        complete; ``epochs``; ``worker``, the process that ran it; and what
        `gluon_gru.studies.sweep.trial.train_point` returns.
    """
    return {
        "needed": needed,
        "trials": [_trial(trial) for trial in storage.finished(study)],
        "importance": _importance(study),
    }


def _trial(trial: FrozenTrial) -> dict[str, Any]:
    result = trial.user_attrs["result"]
    complete = trial.state == TrialState.COMPLETE
    return {
        "number": trial.number,
        "state": "diverged" if result["diverged"] else "complete" if complete else "pruned",
        **{axis: trial.params[axis] for axis in AXES},
        "perplexity": trial.value if complete else None,
        "epochs": len(result["validation"]),
        # Version 0.1.0 kept it beside the result.
        "worker": trial.user_attrs.get("worker"),
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
    points = {tuple(trial.params[axis] for axis in AXES) for trial in trials}
    if len(trials) == len(points) == math.prod(map(len, values.values())):
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
