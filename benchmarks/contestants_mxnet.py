"""The contestants on MXNet: the engine, Gluon's layers and the book's models, each in a loop.

In every minibatch the book's loop waits for the gradient's norm and the loss, and it squares, clips
and updates parameter by parameter; this package's waits for nothing until an epoch ends.
"""

from __future__ import annotations

import collections
import math
from typing import Callable, Iterator

import gluon_gru  # noqa: F401  (first: it makes "import mxnet" work)

# isort: split
import mxnet as mx
from mxnet import autograd, gluon, np

from gluon_gru.models.parameters import set_params
from gluon_gru.runs.restore import build
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.generation import predict_ch8
from gluon_gru.training.learner import CLIP_NORM
from gluon_gru.training.loop import train_epoch
from gluon_gru.training.metrics import Accumulator
from gluon_gru.training.updates import sgd, trained_params

_CTX = mx.cpu()


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts of a job; see `benchmarks.catalogue.jobs`.

    A step is a minibatch, whose outcome is the mean loss per token, or a generated character, whose
    outcome is the text.
    """
    model = _model(job)
    facts = {"mxnet": mx.__version__}
    if job["task"] == "generation":
        vocab = Vocab(collections.Counter(dict(job["token_freqs"])))
        return (
            lambda steps: predict_ch8(job["prefix"], steps, model, vocab, _CTX),
            {**facts, "work": 1},
        )
    shape = job["batch_size"], job["num_steps"]
    loop = _books_loop if "book's loop" in job["options"] else _our_loop
    epoch = loop(model, job["lr"])

    def run(steps):
        return epoch(_Minibatches(minibatches, job["tokens"], *shape, steps))

    return run, {**facts, "work": math.prod(shape)}


class _Minibatches:
    """Minibatches as `gluon_gru.SeqDataLoader` gives them: MXNet's arrays, or NumPy's."""

    def __init__(self, minibatches: Callable, *args: object) -> None:
        self.minibatches, self.args = minibatches, args

    def in_numpy(self):
        return self.minibatches(*self.args)

    def __iter__(self) -> Iterator[tuple]:
        for minibatch in self.in_numpy():
            yield tuple(map(np.array, minibatch))


def _model(job):
    """Return the job's model with its weights: the book's, or one over a layer."""
    books = job["function"] == "book"
    config = {
        "model": "RNNModelScratch" if books else "RNNModel",
        "cell": job["cell"],
        "on_engine": "engine" in job["options"],
        "vocab_size": job["vocab_size"],
        "num_hiddens": job["num_hiddens"],
        "num_layers": 1,
        "directions": 1,
        "dropout": 0,
    }
    model = build(config, _CTX)
    set_params(model, job["books_params" if books else "params"])
    return model


def _our_loop(model, lr):
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    return lambda train_iter: math.log(train_epoch(model, train_iter, loss, lr, _CTX)[0])


def _books_loop(model, lr):
    """Return the book's loop over an epoch, a function of the minibatches.

    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch", as an
    algorithm.
    """
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    if isinstance(model, gluon.Block):
        updater = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": lr}).step
    else:

        def updater(batch_size):
            sgd(model.params, lr, batch_size)

    def epoch(train_iter):
        state, sums = None, Accumulator(2)
        for X, Y in train_iter:
            if state is None:
                state = model.begin_state(batch_size=X.shape[0], ctx=_CTX)
            labels = Y.T.reshape(-1)
            with autograd.record():
                logits, state = model(X, state)
                mean_loss = loss(logits, labels).mean()
            mean_loss.backward()
            _clip_and_read_norm(model)
            updater(batch_size=1)
            sums.add(mean_loss * labels.size, labels.size)
        # The last update belongs to the epoch's time too.
        mx.nd.waitall()
        return sums[0] / sums[1]

    return epoch


def _clip_and_read_norm(model):
    params = trained_params(model)
    norm = math.sqrt(sum((param.grad**2).sum() for param in params))
    if norm > CLIP_NORM:
        for param in params:
            param.grad[:] *= CLIP_NORM / norm
