"""A trial of the study: a GRU (cuDNN's, as ``rnn.GRU``) trained and validated on a text's windows.

The data is that of ``TimeMachine`` in the book's later editions. The text is this edition's: lines
follow each other directly, where later editions put a space between them.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any, Callable, Iterable, Mapping, Sequence

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

#: The standard deviation of the initial weights; biases start at zero.
SIGMA = 0.01

_MODEL: dict[str, Any] = {
    "model": "RNNModel",
    "cell": "gru_after",
    "on_engine": False,
    "num_layers": 1,
    "directions": 1,
    "dropout": 0,
}


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
    if device in ("cpu", "cpu(0)"):
        return "cpu(0)"
    from gluon_gru.training.device import context

    return str(context(device))


def new_learner(space: Space, num_hiddens: int, vocab_size: int, device: str = "auto") -> Learner:
    """Return the learner of a new model: on a CPU the engine's, without importing MXNet.

    Args:
        space: the protocol.
        num_hiddens, vocab_size: sizes.
        device: see `gluon_gru.training.device.context`.
    """
    rng, params = numpy.random.RandomState(space.seed), {}
    for name, shape in model_shapes(_MODEL["cell"], vocab_size, num_hiddens).items():
        values = rng.normal(0, SIGMA, shape) if len(shape) > 1 else numpy.zeros(shape)
        params[name] = values.astype(numpy.float32)
    config = {**_MODEL, "num_hiddens": num_hiddens, "vocab_size": vocab_size}
    name = device_name(device)
    if name.startswith("cpu"):
        return learner_from(params, config)
    from gluon_gru.runs.restore import build
    from gluon_gru.training.device import context

    ctx = context(name)
    return learner_of(build(config, ctx, params), ctx)


def mean_perplexity(loss: Callable[..., Any], minibatches: Iterable, *args: Any) -> float:
    """Return exp of the mean of ``loss(X, Y, *args, from_zeros=True)`` per token."""
    losses, sizes = [], []
    for X, Y in minibatches:
        losses.append(loss(X, Y, *args, from_zeros=True))
        sizes.append(Y.size)
    # Some losses may only be computed here.
    return perplexity(float(numpy.average(list(map(float, losses)), weights=sizes)))


def train_point(
    space: Space,
    point: Mapping[str, Any],
    tokens: numpy.ndarray,
    vocab: Vocab,
    device: str = "auto",
    medians: Sequence[float] = (),
) -> dict[str, Any]:
    """Train and validate the GRU of one point of a space.

    The hidden state starts at zero in every minibatch, gradients are clipped to norm 1, plain SGD.

    Args:
        space: the protocol.
        point: num_steps, num_hiddens and lr.
        tokens, vocab: the text, an integer array (num_tokens,), and its `Vocab`.
        device: see `gluon_gru.training.device.context`.
        medians: other trials' validation perplexities by epoch. From a tenth of the epochs on,
            training ends if its best one so far is above the epoch's.

    Returns:
        A dict: ``validation`` and ``training``, perplexities by epoch; ``seconds`` of training and
        validation together; ``tokens_per_sec`` trained in the median epoch; ``continuation``, the
        text that starts with `PREFIX`; ``diverged``, whether a perplexity was not finite, which
        ends the training: that one is not listed, and the continuation is empty; ``device``.
    """
    start, rates = time.perf_counter(), []
    train_iter, valid_iter = loaders(space, point["num_steps"], tokens)
    curves: dict[str, list[float]] = {"validation": [], "training": []}
    diverged, continuation = False, ""
    with new_learner(space, point["num_hiddens"], len(vocab), device) as learner, CtrlC() as ctrl_c:
        for epoch in range(1, space.epochs + 1):
            began = time.perf_counter()
            minibatches = ctrl_c.between(learner.minibatches(train_iter))
            trained = mean_perplexity(learner.step, minibatches, point["lr"])
            learner.finish()
            rates.append(train_iter.count * train_iter.num_steps / (time.perf_counter() - began))
            scored = mean_perplexity(learner.score, ctrl_c.between(valid_iter.in_numpy()))
            diverged = not (math.isfinite(trained) and math.isfinite(scored))
            if diverged:
                break
            curves["training"].append(trained)
            curves["validation"].append(scored)
            late = space.epochs // 10 <= epoch <= len(medians)
            if late and min(curves["validation"]) > medians[epoch - 1]:
                break
        seconds = time.perf_counter() - start
        if not diverged:
            added = learner.generate(vocab[list(PREFIX)], NUM_PREDICTS)
            continuation = PREFIX + "".join(vocab.to_tokens(added))
    return {
        **curves,
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
        num_steps, num_hiddens: of the trial; its learning rate has no effect on the cost.
        seconds: how long to measure; at least two minibatches of each kind are run.
    """
    rows = min(space.batch_size, space.train_windows, space.valid_windows)
    one = WindowLoader(tokens, num_steps, rows, 0, rows)

    def clock(work: Callable[[], object]) -> float:
        work()
        times: list[float] = []
        while sum(times) < seconds / 2:
            before = time.perf_counter()
            work()
            times.append(time.perf_counter() - before)
        return statistics.median(times) / rows

    def train() -> None:
        mean_perplexity(learner.step, learner.minibatches(one), 0.01)
        learner.finish()

    with new_learner(space, num_hiddens, len(vocab), device) as learner:
        trained = clock(train)
        valid = clock(lambda: mean_perplexity(learner.score, one.in_numpy()))
    return trained * space.train_windows + valid * space.valid_windows, num_steps / trained
