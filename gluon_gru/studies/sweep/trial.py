"""A trial of the study: a GRU (cuDNN's, as ``rnn.GRU``) trained and validated on a text's windows.

The protocol is that of a published solution, made with the book's later editions: their
``TimeMachine`` cuts the windows, their ``Trainer`` clips and updates, and PyTorch draws the initial
weights. The text is the one of the edition that is asked for, where those editions have another.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any, Callable, Iterator, Mapping

import numpy

from gluon_gru.engine.layout import model_shapes
from gluon_gru.studies.sweep.space import Space
from gluon_gru.text.minibatches import WindowLoader
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import Learner, learner_from, learner_of
from gluon_gru.training.metrics import perplexity

#: What every trained model continues, and by how many characters.
PREFIX, NUM_PREDICTS = "time traveller ", 200

_MODEL: dict[str, Any] = {
    "model": "RNNModel",
    "cell": "gru_after",
    "on_engine": False,
    "num_layers": 1,
    "directions": 1,
    "dropout": 0,
}


def loaders(
    space: Space, num_steps: int, tokens: numpy.ndarray, seed: int = 1
) -> tuple[WindowLoader, WindowLoader]:
    """Return the loader of the windows that train, and of those that validate, in one minibatch.

    Raises:
        InputError: for a text that is too short.
    """
    rng = numpy.random.RandomState(seed)
    first, count = space.train_windows, space.valid_windows
    return (
        WindowLoader(tokens, num_steps, space.batch_size, 0, first, rng),
        WindowLoader(tokens, num_steps, count, first, count),
    )


def device_name(device: str) -> str:
    """Return the name of the device that ``device`` stands for; a CPU's without importing MXNet.

    Args and errors: see `gluon_gru.training.device.context`.
    """
    if device in ("cpu", "cpu(0)"):
        return "cpu(0)"
    from gluon_gru.training.device import context

    return str(context(device))


def new_model(
    point: Mapping[str, Any], vocab_size: int
) -> tuple[dict[str, numpy.ndarray], dict[str, Any]]:
    """Return an untrained model as a checkpoint holds it: its parameters and its config.

    Args:
        point: ``num_hiddens``, ``init`` (see `gluon_gru.studies.sweep.space.INITS`) and ``seed``.
        vocab_size: the number of tokens.
    """
    num_hiddens, rng = point["num_hiddens"], numpy.random.RandomState(point["seed"])
    bound, params = num_hiddens**-0.5, {}
    for name, shape in model_shapes(_MODEL["cell"], vocab_size, num_hiddens).items():
        if point["init"] == "pytorch":
            values = rng.uniform(-bound, bound, shape)
        else:
            values = rng.normal(0, 0.01, shape) if len(shape) > 1 else numpy.zeros(shape)
        params[name] = values.astype(numpy.float32)
    return params, {**_MODEL, "num_hiddens": num_hiddens, "vocab_size": vocab_size}


def new_learner(point: Mapping[str, Any], vocab_size: int, device: str = "auto") -> Learner:
    """Return the learner of a new model: on a CPU the engine's, without importing MXNet.

    Args:
        point, vocab_size: see `new_model`.
        device: see `gluon_gru.training.device.context`.
    """
    params, config = new_model(point, vocab_size)
    name = device_name(device)
    if name.startswith("cpu"):
        return learner_from(params, config)
    from gluon_gru.runs.restore import build
    from gluon_gru.training.device import context

    ctx = context(name)
    return learner_of(build(config, ctx, params), ctx)


def epochs(
    learner: Any, train_iter: WindowLoader, valid_iter: WindowLoader, lr: float, ctrl_c: CtrlC
) -> Iterator[tuple[float, float, float]]:
    """Train epoch by epoch, without end: plain SGD, a state of zeros in every minibatch.

    Yields:
        Training perplexity, validation perplexity, and the seconds of the training alone.
    """
    ((valid_X, valid_Y),) = valid_iter.in_numpy()
    while True:
        began, losses, sizes = time.perf_counter(), [], []
        for X, Y in ctrl_c.between(learner.minibatches(train_iter)):
            losses.append(learner.step(X, Y, lr, from_zeros=True))
            sizes.append(Y.size)
        # On MXNet, losses may only be computed here.
        trained = float(numpy.average(list(map(float, losses)), weights=sizes))
        learner.finish()
        seconds = time.perf_counter() - began
        scored = learner.score(valid_X, valid_Y, from_zeros=True)
        yield perplexity(trained), perplexity(scored), seconds


def train_point(
    space: Space,
    point: Mapping[str, Any],
    tokens: numpy.ndarray,
    vocab: Vocab,
    device: str = "auto",
) -> dict[str, Any]:
    """Train and validate the GRU of one point of a space.

    Args:
        space: the protocol.
        point: a value for each of `AXES`, and the seed.
        tokens, vocab: the text, an integer array (num_tokens,), and its `Vocab`.
        device: see `gluon_gru.training.device.context`.

    Returns:
        A dict: ``validation`` and ``training``, perplexities by epoch; ``seconds`` of training and
        validation together; ``tokens_per_sec`` trained in the median epoch; ``continuation``, the
        text that starts with `PREFIX`; ``diverged``, whether a perplexity was not finite, which
        ends the training: that one is not listed, and the continuation is empty; ``device``.
    """
    start, rates = time.perf_counter(), []
    train_iter, valid_iter = loaders(space, point["num_steps"], tokens, point["seed"])
    curves: dict[str, list[float]] = {"validation": [], "training": []}
    diverged, continuation = False, ""
    with new_learner(point, len(vocab), device) as learner, CtrlC() as ctrl_c:
        for trained, scored, seconds in epochs(
            learner, train_iter, valid_iter, point["lr"], ctrl_c
        ):
            rates.append(train_iter.count * train_iter.num_steps / seconds)
            diverged = not (math.isfinite(trained) and math.isfinite(scored))
            if diverged:
                break
            curves["training"].append(trained)
            curves["validation"].append(scored)
            if len(curves["validation"]) == space.epochs:
                break
        took = time.perf_counter() - start
        if not diverged:
            added = learner.generate(vocab[list(PREFIX)], NUM_PREDICTS)
            continuation = PREFIX + "".join(vocab.to_tokens(added))
    return {
        **curves,
        "diverged": diverged,
        "seconds": took,
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
) -> tuple[float, float]:
    """Measure a trial's cost; return ``(seconds per epoch, tokens/sec trained)``.

    One minibatch is trained on and the validation text scored, for a quarter of a second each, and
    at least twice: the first time, when memory is allocated, doesn't count.

    Args:
        space, tokens, vocab, device: see `train_point`.
        num_steps, num_hiddens: of the trial; the rest of it has no effect on the cost.
    """
    train_iter, valid_iter = loaders(space, num_steps, tokens)
    minibatch, ((valid_X, valid_Y),) = next(train_iter.in_numpy()), valid_iter.in_numpy()
    point = {"num_hiddens": num_hiddens, "init": "pytorch", "seed": 1}

    def clock(work: Callable[[], object]) -> float:
        work()
        times: list[float] = []
        while sum(times) < 0.25:
            before = time.perf_counter()
            work()
            times.append(time.perf_counter() - before)
        return statistics.median(times)

    def train() -> None:
        float(learner.step(*minibatch, 0.01, from_zeros=True))
        learner.finish()

    with new_learner(point, len(vocab), device) as learner:
        trained = clock(train) * space.train_windows / len(minibatch[0])
        scored = clock(lambda: learner.score(valid_X, valid_Y, from_zeros=True))
    return trained + scored, space.train_windows * num_steps / trained
