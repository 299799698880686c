"""The schemas of what hyperparameter studies record."""

# See `checking` on the annotations.
import math
from typing import Any, Dict, List, Optional

import msgspec
from msgspec import UNSET, Meta

from gluon_gru.runs.schemas.checking import (
    Amount,
    Annotated,
    Count,
    Maybe,
    Positive,
    Share,
    Size,
    Strict,
    one_of,
    refuse,
)

#: Those of `gluon_gru.studies.sweep.space`.
Init = Annotated[str, one_of(["pytorch", "normal"])]


class Written(Strict):
    """See `gluon_gru.studies.sweep.writing.Measures`."""

    varied: Share
    verbatim: Share
    bits: Amount


class Baselines(Strict):
    """What a study's figures are held against."""

    frequencies: Positive
    text: Written


class SweepSettings(Strict):
    """See `gluon_gru.studies.sweep.space.Space`; the rest is what a study must agree in."""

    sampler: str
    num_steps: Annotated[List[Size], Meta(min_length=1)]
    num_hiddens: Annotated[List[Size], Meta(min_length=1)]
    lr: Annotated[List[Positive], Meta(min_length=1)]
    epochs: Size
    batch_size: Size
    train_windows: Size
    valid_windows: Size
    corpus: str = msgspec.field(name="corpus SHA-1")
    storage: Maybe[str] = UNSET
    init: Maybe[List[Init]] = UNSET
    # Of version 0.1.0.
    prune: Maybe[bool] = UNSET
    seed: Maybe[Count] = UNSET

    def __post_init__(self) -> None:
        axes: List[List[Any]] = [self.num_steps, self.num_hiddens, self.lr, self.init or [""]]
        points = math.prod(map(len, axes))
        refuse(points > 100_000 and points, "more points than a page can show:")


class TrialResult(Strict):
    """What `gluon_gru.studies.sweep.trial.train_point` returns, with the worker."""

    validation: List[Positive]
    training: List[Positive]
    diverged: bool
    seconds: Amount
    tokens_per_sec: Amount
    continuation: str
    device: Maybe[str] = UNSET
    worker: Maybe[Optional[str]] = UNSET
    same_as: Maybe[Count] = UNSET
    written: Maybe[Written] = UNSET


class _Hyperparameters(Strict, kw_only=True):
    num_steps: Size
    num_hiddens: Size
    lr: Positive
    # Version 0.1.0 had one of each.
    init: Maybe[Init] = UNSET
    seed: Maybe[Count] = UNSET


class StoredTrial(_Hyperparameters, kw_only=True):
    """What Optuna's storage holds of a finished trial."""

    result: TrialResult


class _Point(_Hyperparameters, tag_field="state", kw_only=True):
    number: Count
    epochs: Count
    worker: Optional[str]
    retry_of: Maybe[Optional[Count]] = UNSET


class Lost(_Point, tag="lost", kw_only=True):
    """A trial whose worker died, which version 0.1.0 recorded."""

    perplexity: None


class _Finished(_Point, kw_only=True):
    # The fields of a TrialResult again: a Struct can have one base only.
    validation: List[Positive]
    training: List[Positive]
    diverged: bool
    seconds: Amount
    tokens_per_sec: Amount
    continuation: str
    device: Maybe[str] = UNSET
    same_as: Maybe[Count] = UNSET
    written: Maybe[Written] = UNSET


class Complete(_Finished, tag="complete", kw_only=True):
    """A trial that trained to its end."""

    perplexity: Positive
    validation: Annotated[List[Positive], Meta(min_length=1)]


class Pruned(_Finished, tag="pruned", kw_only=True):
    """A trial that ended early, as it was worse than others."""

    perplexity: None


class Diverged(_Finished, tag="diverged", kw_only=True):
    """A trial whose loss was no longer finite."""

    perplexity: None


class Importance(Strict):
    """How important each hyperparameter is, or the reason why that is not known."""

    reason: Maybe[str] = UNSET
    quantile: Maybe[Share] = UNSET
    trials: Maybe[Count] = UNSET
    values: Maybe[Annotated[Dict[str, Amount], Meta(min_length=1)]] = UNSET
    variance: Maybe[Dict[str, Amount]] = UNSET

    def __post_init__(self) -> None:
        if self.reason is UNSET and UNSET in (self.quantile, self.trials, self.values):
            raise ValueError("importance has neither a reason nor quantile, trials and values")
        if self.variance is not UNSET and {*self.variance} != {*(self.values or ())}:
            raise ValueError("importance has a variance of other hyperparameters")
