"""Trained models side by side: what they cost, what they reach, what they write."""

from __future__ import annotations

import dataclasses
import random
import statistics
import time
from typing import Mapping, Sequence

from gluon_gru.published.judging import spread
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.trained import TrainedModel, protocol, title, untrained
from gluon_gru.text.minibatches import SeqDataLoader

_ROUNDS, _QUICK_ROUNDS = 25, 1

#: Name of a protocol -> its trained models, one per seed.
Models = Mapping[str, Sequence[TrainedModel]]


@dataclasses.dataclass
class Speed:
    """What training a model costs.

    Attributes:
        tokens_per_sec, seconds: of an epoch, an entry per round.
        num_params: trained numbers.
    """

    tokens_per_sec: list[float]
    seconds: list[float]
    num_params: int

    @property
    def rate(self) -> float:
        """Return the median of tokens/sec."""
        return statistics.median(self.tokens_per_sec)

    @property
    def epoch(self) -> float:
        """Return the median of the seconds that an epoch takes."""
        return statistics.median(self.seconds)


#: Name of a protocol -> `Speed`.
Speeds = Mapping[str, Speed]


def in_turns(names: Sequence[str], context: Context) -> dict[str, Speed]:
    """Train an epoch of each model in turn, for some rounds, so that all are disturbed alike.

    Args:
        names: of protocols; see `gluon_gru.studies.exercises.trained.protocol`.
        context: the exercise's.
    """
    from mxnet import gluon

    from gluon_gru.training.interrupt import CtrlC
    from gluon_gru.training.loop import train_epoch
    from gluon_gru.training.updates import trained_params

    loss, epochs, speeds = gluon.loss.SoftmaxCrossEntropyLoss(), {}, {}
    with CtrlC() as ctrl_c:
        for name in ctrl_c.between(names):
            of, model = protocol(name), untrained(name, context.source, context.ctx)
            loader = SeqDataLoader(
                of.batch_size,
                of.num_steps,
                of.use_random_iter,
                of.max_tokens,
                context.source,
                random.Random(1),
            )
            epochs[name] = (model, loader, loss, of.lr, context.ctx, of.use_random_iter)
            # The first epoch sets things up, and is not counted.
            train_epoch(*epochs[name])
            speeds[name] = Speed([], [], sum(param.size for param in trained_params(model)))
        rounds = _QUICK_ROUNDS if context.quick else _ROUNDS
        for name in ctrl_c.between(rounds * list(names)):
            start = time.perf_counter()
            _, rate = train_epoch(*epochs[name])
            speeds[name].tokens_per_sec.append(rate)
            speeds[name].seconds.append(time.perf_counter() - start)
    return speeds


def times_as_long(speed: Speed, other: Speed) -> list[float]:
    """Return how many times as long an epoch takes as the other's, an entry per round, sorted."""
    return sorted(a / b for a, b in zip(speed.seconds, other.seconds))


def final(models: Sequence[TrainedModel]) -> list[float]:
    """Return the perplexity at the end, an entry per seed."""
    return [model.history.perplexity[-1] for model in models]


def epochs_to(perplexity: float, model: TrainedModel) -> int | None:
    """Return after how many epochs a model first had this perplexity or less; None if never."""
    by_epoch = enumerate(model.history.perplexity, 1)
    return next((epoch for epoch, value in by_epoch if value <= perplexity), None)


def side_by_side(models: Models, speeds: Speeds) -> list[Table]:
    """Return tables of what the models cost and reach, and of what they write."""
    last = len(next(iter(models.values()))[0].history.perplexity)
    stops = sorted({min(epoch, last) for epoch in (50, 100, 250, last)})

    def perplexity(seeds, epoch):
        return spread([seed.history.perplexity[epoch - 1] for seed in seeds], "{:.3f}".format)

    costs = [
        [
            title(name),
            f"{speeds[name].num_params:,}",
            f"{speeds[name].rate:,.0f}",
            f"{speeds[name].epoch:.2f}",
            f"{statistics.median(sum(seed.history.seconds) for seed in seeds) / 60:.1f}",
            *(perplexity(seeds, epoch) for epoch in stops),
        ]
        for name, seeds in models.items()
    ]
    texts = [
        [title(name), f"`{text}`"]
        for name, seeds in models.items()
        for text in seeds[0].history.continuations[str(last)]
    ]
    return [
        Table(
            ["model", "parameters", "tokens/sec", "seconds per epoch", "minutes"]
            + [f"perplexity at {epoch}" for epoch in stops],
            costs,
            "Side by side: perplexity is the median over the seeds (and the range); tokens/sec and "
            "seconds per epoch are medians over epochs taken in turns; minutes are those of a whole "
            "training beside whatever else ran then",
        ),
        Table(["model", "text"], texts, "Continuations (seed 1)"),
    ]


def figures(models: Models, speeds: Speeds) -> dict[str, dict]:
    """Return the numbers behind `side_by_side`, as JSON holds them."""
    return {
        name: {
            "perplexity": final(seeds),
            "tokens_per_sec": speeds[name].tokens_per_sec,
            "num_params": speeds[name].num_params,
        }
        for name, seeds in models.items()
    }
