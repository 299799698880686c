"""How fast models train, an epoch of each in turn: what disturbs one disturbs all."""

import dataclasses
import random
import statistics
import time

from mxnet import gluon, init

from gluon_gru.studies.exercises.trainings import PROTOCOLS
from gluon_gru.studies.reproduce.study import MODELS
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.loop import set_seed, train_epoch
from gluon_gru.training.updates import trained_params

_ROUNDS, _QUICK_ROUNDS = 25, 1


@dataclasses.dataclass
class Speed:
    """What a model costs.

    Attributes:
        tokens_per_sec, seconds: an entry a round; an epoch's.
        num_params: trained numbers.
    """

    tokens_per_sec: list
    seconds: list
    num_params: int

    @property
    def rate(self):
        """Return the median of tokens/sec."""
        return statistics.median(self.tokens_per_sec)

    @property
    def epoch(self):
        """Return the median of the seconds that an epoch takes."""
        return statistics.median(self.seconds)


def in_turns(names, setting):
    """Train an epoch of each model in turn, for some rounds; return name -> `Speed`.

    Args:
        names: of protocols, keys of `gluon_gru.studies.exercises.trainings.PROTOCOLS`.
        setting: a `gluon_gru.studies.exercises.setting.Setting`.
    """
    loss, epochs, speeds = gluon.loss.SoftmaxCrossEntropyLoss(), {}, {}
    rounds = _QUICK_ROUNDS if setting.quick else _ROUNDS
    with CtrlC() as ctrl_c:
        for name in ctrl_c.between(names):
            protocol, model = PROTOCOLS[name], untrained(name, setting)
            loader = SeqDataLoader(
                protocol.batch_size,
                protocol.num_steps,
                protocol.use_random_iter,
                protocol.max_tokens,
                setting.source,
                random.Random(1),
            )
            epochs[name] = (model, loader, loss, protocol.lr, setting.ctx, protocol.use_random_iter)
            # The first epoch sets things up, and is not counted.
            train_epoch(*epochs[name])
            speeds[name] = Speed([], [], sum(param.size for param in trained_params(model)))
        for name in ctrl_c.between(rounds * list(names)):
            start = time.perf_counter()
            _, rate = train_epoch(*epochs[name])
            speeds[name].tokens_per_sec.append(rate)
            speeds[name].seconds.append(time.perf_counter() - start)
    return speeds


def times_as_long(speed, other):
    """Return how many times as long an epoch takes as the other's, an entry a round, sorted."""
    return sorted(a / b for a, b in zip(speed.seconds, other.seconds))


def untrained(name, setting, seed=1):
    """Return the model of a protocol as it is before its training.

    Args:
        name, setting: see `in_turns`.
        seed: of the weights.
    """
    set_seed(seed)
    protocol = PROTOCOLS[name]
    model = MODELS[protocol.model].make(protocol, len(setting.source[1]), setting.ctx)
    if isinstance(model, gluon.Block):
        model.initialize(ctx=setting.ctx, init=init.Normal(0.01))
    return model
