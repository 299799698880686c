"""Trained models side by side: what they cost, what they reach, what they write."""

from __future__ import annotations

import dataclasses
import statistics
import time
from typing import Any, Mapping, NamedTuple, Sequence

from gluon_gru.published.judging import spread
from gluon_gru.published.two_samples import Shift, shift
from gluon_gru.report.document import Curve, Curves, Table
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.trained import (
    TrainedModel,
    minibatches,
    protocol,
    title,
    trained,
    untrained,
)
from gluon_gru.training.interrupt import CtrlC

_ROUNDS, _QUICK_ROUNDS = 25, 1

# Single epochs stand out by chance: an LSTM that was at 1.14 may end at 1.31. So models are compared
# by the median of so many.
_LAST = 10


class Speed(NamedTuple):
    """What training a model costs.

    Attributes:
        tokens_per_sec, seconds: of an epoch, an entry per round.
        num_params: trained numbers.
    """

    tokens_per_sec: list[float]
    seconds: list[float]
    num_params: int


@dataclasses.dataclass
class Comparison:
    """Models trained alike, by the names of their protocols.

    Attributes:
        models: the trained models, one per seed.
        speeds: what training them costs.
    """

    models: Mapping[str, Sequence[TrainedModel]]
    speeds: Mapping[str, Speed]

    def ends(self, name: str) -> list[float]:
        """Return the perplexity at the end, an entry per seed."""
        return [model.history.perplexity[-1] for model in self.models[name]]

    def settled(self, name: str) -> list[float]:
        """Return the median perplexity of the last ten epochs, an entry per seed."""
        return [statistics.median(model.history.perplexity[-_LAST:]) for model in self.models[name]]

    def median(self, name: str) -> float:
        """Return the median of `settled`."""
        return statistics.median(self.settled(name))

    def shown(self, name: str) -> str:
        """Return `settled` and `ends`, the median of the seeds and their range, for reports."""
        settled, ends = (
            spread(values, "{:.3f}".format) for values in (self.settled(name), self.ends(name))
        )
        return f"{settled}, last epoch {ends}"

    def shift(self, name: str, other: str) -> Shift:
        """Return how much higher `settled` is than that of another model, over the seeds."""
        return shift(self.settled(name), self.settled(other))

    def epoch(self, name: str) -> float:
        """Return the median of the seconds that an epoch takes."""
        return statistics.median(self.speeds[name].seconds)

    def times_as_long(self, name: str, other: str) -> list[float]:
        """Return how many times as long as the other's an epoch takes, by round, sorted."""
        rounds = zip(self.speeds[name].seconds, self.speeds[other].seconds)
        return sorted(one / another for one, another in rounds)

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """The numbers behind the tables, as JSON holds them."""
        return {
            name: {
                "perplexity": self.ends(name),
                "last ten": self.settled(name),
                "tokens_per_sec": self.speeds[name].tokens_per_sec,
                "num_params": self.speeds[name].num_params,
            }
            for name in self.models
        }

    def tables(self) -> list[Table]:
        """Return tables of what the models cost and reach, and of what they write."""
        last = len(next(iter(self.models.values()))[0].history)
        stops = sorted({min(epoch, last) for epoch in (50, 100, 250, last)})
        costs, texts = [], []
        for name, seeds in self.models.items():
            speed, histories = self.speeds[name], [seed.history for seed in seeds]
            costs.append(
                [
                    title(name),
                    f"{speed.num_params:,}",
                    f"{statistics.median(speed.tokens_per_sec):,.0f}",
                    f"{self.epoch(name):.2f}",
                    f"{statistics.median(sum(of.seconds) for of in histories) / 60:.1f}",
                    *(
                        spread([of.perplexity[stop - 1] for of in histories], "{:.3f}".format)
                        for stop in stops
                    ),
                    spread(self.settled(name), "{:.3f}".format),
                ]
            )
            texts += [[title(name), f"`{text}`"] for text in histories[0].continuations[str(last)]]
        return [
            Table(
                ["model", "parameters", "tokens/sec", "seconds per epoch", "minutes"]
                + [f"perplexity at {epoch}" for epoch in stops]
                + ["last ten epochs"],
                costs,
                "Side by side: perplexity is the median over the seeds (and the range), that of the "
                "last ten epochs of their median; tokens/sec and seconds per epoch are of MXNet's "
                "operators, medians over epochs taken in turns; minutes are those of a whole "
                "training on the engine beside whatever else ran then",
            ),
            Table(["model", "text"], texts, "Continuations (seed 1)"),
        ]

    def curves(self, file: str, caption: str) -> Curves:
        """Return perplexity by epoch."""
        curves = [
            Curve(title(name), [seed.history.perplexity for seed in seeds], name)
            for name, seeds in self.models.items()
        ]
        return Curves(caption, file, curves)


def compare(names: Sequence[str], context: Context) -> Comparison:
    """Train the models of protocols with every seed; time epochs of theirs in turns.

    In turns, so that whatever else runs disturbs all alike.

    Raises:
        InputError, TrainingDiverged: see `gluon_gru.studies.exercises.trained.trained`.
    """
    from mxnet import gluon

    from gluon_gru.training.loop import train_epoch
    from gluon_gru.training.updates import trained_params

    models, loss = trained(names, context), gluon.loss.SoftmaxCrossEntropyLoss()
    epochs, speeds = {}, {}
    with CtrlC() as ctrl_c:
        for name in ctrl_c.between(names):
            of, model = protocol(name), untrained(name, context)
            loader = minibatches(name, context.source)
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
    return Comparison(models, speeds)
