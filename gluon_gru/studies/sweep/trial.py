"""A trial of the study: a GRU (cuDNN's, as ``rnn.GRU``) trained and validated on a text's windows.

The data is that of ``TimeMachine`` in the book's later editions. The text is this edition's: lines
follow each other with nothing between them, where later editions put a space.
"""

from __future__ import annotations

import math
import re
import statistics
import time
from typing import Any, Iterable, Mapping, Sequence

import numpy

from gluon_gru.engine.layout import model_shapes
from gluon_gru.studies.sweep.space import Space
from gluon_gru.text.minibatches import WindowLoader
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import Learner, learner_from, learner_of
from gluon_gru.training.metrics import perplexity

#: What every trained model continues, and by how many characters.
PREFIX, NUM_PREDICTS = "time traveller ", 50

#: The standard deviation of the weights at the start; biases are zero.
SIGMA = 0.01

_CELL = "gru_after"


def loaders(
    space: Space, num_steps: int, tokens: numpy.ndarray
) -> tuple[WindowLoader, WindowLoader]:
    """Return the loader of the windows that train, and of those that validate.

    Raises:
        InputError: for a text that is too short.
    """
    rng = numpy.random.RandomState(space.seed)
    return (
        WindowLoader(tokens, num_steps, space.batch_size, 0, space.train_windows, rng),
        WindowLoader(tokens, num_steps, space.batch_size, space.train_windows, space.valid_windows),
    )


def device_name(device: str) -> str:
    """Return the name of the device that ``device`` stands for; a CPU's without importing MXNet.

    Args and errors: see `gluon_gru.training.device.context`.
    """
    if re.fullmatch(r"cpu(\(0\))?", device):
        return "cpu(0)"
    from gluon_gru.training.device import context

    return str(context(device))


def new_learner(space: Space, num_hiddens: int, vocab_size: int, device: str = "auto") -> Learner:
    """Return the learner of a new model: on the engine, without importing MXNet, on a CPU.

    Args:
        space: the protocol.
        num_hiddens, vocab_size: sizes.
        device: see `gluon_gru.training.device.context`.
    """
    rng = numpy.random.RandomState(space.seed)
    params = {
        name: (rng.normal(0, SIGMA, shape) if len(shape) > 1 else numpy.zeros(shape)).astype(
            numpy.float32
        )
        for name, shape in model_shapes(_CELL, vocab_size, num_hiddens).items()
    }
    config = {
        "model": "RNNModel",
        "cell": _CELL,
        "on_engine": False,
        "num_hiddens": num_hiddens,
        "num_layers": 1,
        "directions": 1,
        "dropout": 0,
        "vocab_size": vocab_size,
    }
    name = device_name(device)
    if name.startswith("cpu"):
        return learner_from(params, config)
    from gluon_gru.models.parameters import set_params
    from gluon_gru.runs.restore import build
    from gluon_gru.training.device import context

    ctx = context(name)
    model = build(config, ctx)
    set_params(model, params)
    return learner_of(model, ctx)


def train_epoch(learner: Learner, minibatches: Iterable, lr: float) -> tuple[float, float]:
    """Train on minibatches, each from a state of zeros; ``(perplexity, tokens per second)``."""
    start, losses, sizes = time.perf_counter(), [], []
    for X, Y in learner.minibatches(minibatches):
        losses.append(learner.step(X, Y, lr, from_zeros=True))
        sizes.append(Y.size)
    mean = float(numpy.average([float(loss) for loss in losses], weights=sizes))
    learner.finish()
    return perplexity(mean), sum(sizes) / (time.perf_counter() - start)


def score_perplexity(learner: Learner, minibatches: Iterable) -> float:
    """Return exp of the mean loss per token, from a state of zeros in every minibatch."""
    losses, sizes = [], []
    for X, Y in minibatches:
        losses.append(learner.score(X, Y, from_zeros=True))
        sizes.append(Y.size)
    return perplexity(float(numpy.average(losses, weights=sizes)))


class _Checked:
    """A loader that looks for Ctrl-C before each minibatch."""

    def __init__(self, loader: WindowLoader, ctrl_c: CtrlC) -> None:
        self._loader, self._ctrl_c = loader, ctrl_c

    def __iter__(self) -> Any:
        return self._ctrl_c.between(self._loader)

    def in_numpy(self) -> Any:
        return self._ctrl_c.between(self._loader.in_numpy())


def train_point(
    space: Space,
    point: Mapping[str, Any],
    tokens: numpy.ndarray,
    vocab: Vocab,
    device: str = "auto",
    medians: Sequence[float] = (),
) -> dict[str, Any]:
    """Train and validate the GRU of one point of a space; return what came of it, a dict.

    The hidden state starts at zero in every minibatch, gradients are clipped to norm 1, plain SGD.

    Args:
        space: the protocol.
        point: a dict of num_steps, num_hiddens and lr.
        tokens, vocab: the text, an integer array (num_tokens,), and its `Vocab`.
        device: see `gluon_gru.training.device.context`.
        medians: the validation perplexity by epoch of other trials; the training ends if its best
            one so far is above that, from a tenth of the epochs on.

    Returns:
        A dict: ``validation`` and ``training``, perplexities by epoch; ``seconds`` of training and
        validation together; ``tokens_per_sec`` trained in the median epoch; ``continuation``, the
        text that starts with `PREFIX`; ``diverged``, whether a perplexity was not finite, which
        ends the training: that one is not listed, and the continuation is empty; ``device``.
    """
    start, rates = time.perf_counter(), []
    train_iter, valid_iter = loaders(space, point["num_steps"], tokens)
    validation: list[float] = []
    training: list[float] = []
    diverged, continuation = False, ""
    with new_learner(space, point["num_hiddens"], len(vocab), device) as learner, CtrlC() as ctrl_c:
        for epoch in range(1, space.epochs + 1):
            trained, rate = train_epoch(learner, _Checked(train_iter, ctrl_c), point["lr"])
            scored = score_perplexity(learner, ctrl_c.between(valid_iter.in_numpy()))
            rates.append(rate)
            diverged = not (math.isfinite(trained) and math.isfinite(scored))
            if diverged:
                break
            training.append(trained)
            validation.append(scored)
            late = space.epochs // 10 <= epoch <= len(medians)
            if late and min(validation) > medians[epoch - 1]:
                break
        seconds = time.perf_counter() - start
        if not diverged:
            added = learner.generate(vocab[list(PREFIX)], NUM_PREDICTS)
            continuation = PREFIX + "".join(vocab.to_tokens(added))
    return {
        "validation": validation,
        "training": training,
        "diverged": diverged,
        "seconds": seconds,
        "tokens_per_sec": statistics.median(rates),
        "continuation": continuation,
        "device": device_name(device),
    }


def probe(
    space: Space,
    num_steps: int,
    num_hiddens: int,
    tokens: numpy.ndarray,
    vocab: Vocab,
    device: str = "auto",
    seconds: float = 0.5,
) -> tuple[float, float]:
    """Measure a trial's cost on a few minibatches; ``(seconds per epoch, tokens/sec trained)``.

    Args:
        space, tokens, vocab, device: see `train_point`.
        num_steps, num_hiddens: of the trial; its learning rate costs nothing.
        seconds: stop after so many, but not before the first minibatch of each kind is done.
    """
    rows = min(space.batch_size, space.train_windows, space.valid_windows)
    one = WindowLoader(tokens, num_steps, rows, 0, rows)

    def clock(work: Any) -> float:
        work()
        times: list[float] = []
        start = time.perf_counter()
        while not times or time.perf_counter() - start < seconds / 2:
            before = time.perf_counter()
            work()
            times.append(time.perf_counter() - before)
        return statistics.median(times) / rows

    with new_learner(space, num_hiddens, len(vocab), device) as learner:
        train = clock(lambda: train_epoch(learner, one, 0.01))
        valid = clock(lambda: score_perplexity(learner, one.in_numpy()))
    return train * space.train_windows + valid * space.valid_windows, num_steps / train
