"""The contestants on MXNet: Gluon's layers and the book's models, each in a loop, and a block.

In every minibatch the book's loop waits for the gradient's norm and the loss, and it squares, clips
and updates parameter by parameter; this package's waits for nothing until an epoch ends. The block
computes its layer on the engine, and everything else as Gluon's users do.
"""

from __future__ import annotations

import math
import statistics
from typing import Any, Callable, Iterator

import gluon_gru  # noqa: F401  (first: it makes "import mxnet" work)

# isort: split
import mxnet as mx
from mxnet import autograd, gluon, np

from benchmarks.contestants_engine import config_of
from gluon_gru.cells import CELLS
from gluon_gru.models.parameters import set_params
from gluon_gru.runs.restore import build
from gluon_gru.training.learner import CLIP_NORM, learner_of
from gluon_gru.training.loop import train_epoch
from gluon_gru.training.metrics import Accumulator
from gluon_gru.training.updates import grad_clipping, sgd, trained_params

_CTX = mx.cpu()


def make(job: dict, minibatches: Callable) -> tuple[Callable, dict]:
    """Return ``run(steps)`` and the facts of a job; see `benchmarks.jobs.jobs`.

    A step is a minibatch, whose outcome is the mean loss per token, or a token of a text, whose
    outcome is the text, the likeliest one.
    """
    model, facts = _model(job), {"mxnet": mx.__version__}
    if job["task"] == "generation":
        return lambda steps: _likeliest(model, job["prefix"], steps), {**facts, "work": 1}
    shape = job["batch_size"], job["num_steps"]
    loops = {"book's loop": _books_loop, "block": _blocks_loop}
    epoch = _scoring
    if job["task"] == "training":
        epoch = next((loops[one] for one in job["options"] if one in loops), _our_loop)

    def run(steps):
        return epoch(model, _Minibatches(minibatches, job["tokens"], *shape, steps), job["lr"])

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


class _OverEmbedding(gluon.Block):
    """A layer over an embedding of the tokens, then a dense layer to logits: an `RNNModel` but for
    the embedding."""

    def __init__(self, layer: Any, vocab_size: int, num_hiddens: int) -> None:
        super().__init__()
        self.embedding = gluon.nn.Embedding(vocab_size, num_hiddens)
        self.rnn, self.dense = layer, gluon.nn.Dense(vocab_size)

    def forward(self, inputs: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        hiddens, state = self.rnn(self.embedding(inputs.T), state)
        return self.dense(hiddens.reshape(-1, hiddens.shape[-1])), state

    def begin_state(self, *args: Any, **kwargs: Any) -> Any:
        return self.rnn.begin_state(*args, **kwargs)


def _model(job):
    """Return the job's model with its weights: the book's, or one over a layer."""
    if "embedding" not in job["options"]:
        return build(config_of(job), _CTX, job["params"])
    cell, num_hiddens = CELLS[job["cell"]], job["num_hiddens"]
    options = {"activation": cell.activation} if cell.activation else {}
    layer = getattr(gluon.rnn, cell.layer)(num_hiddens, job["num_layers"], **options)
    model = _OverEmbedding(layer, job["vocab_size"], num_hiddens)
    model.initialize(ctx=_CTX)
    model(np.zeros((1, 1), dtype="int32"), model.begin_state(1, ctx=_CTX))
    set_params(model, job["params"])
    return model


def _likeliest(model, prefix, steps):
    with learner_of(model, _CTX) as learner:
        return prefix + learner.generate(prefix, steps)


def _scoring(model, minibatches, lr):
    losses = []
    with learner_of(model, _CTX) as learner:
        for X, Y in minibatches.in_numpy():
            losses.append(learner.score(X, Y))
    return statistics.fmean(losses)


def _our_loop(model, minibatches, lr):
    return math.log(train_epoch(model, minibatches, None, lr, _CTX)[0])


def _blocks_loop(model, minibatches, lr):
    """Train as Gluon's users do, and wait for the losses when the epoch ends."""
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": lr})
    state, losses = None, []
    for X, Y in minibatches:
        if state is None:
            state = model.begin_state(X.shape[0], ctx=_CTX)
        with autograd.record():
            logits, state = model(X, [one.detach() for one in state])
            mean_loss = loss(logits, Y.T.reshape(-1)).mean()
        mean_loss.backward()
        grad_clipping(model, CLIP_NORM)
        trainer.step(batch_size=1)
        losses.append(mean_loss)
    # The last update belongs to the epoch's time too.
    mx.nd.waitall()
    return statistics.fmean(map(float, losses))


def _books_loop(model, minibatches, lr):
    """Train as the book's loop does.

    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch", as an
    algorithm.
    """
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    if isinstance(model, gluon.Block):
        updater = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": lr}).step
    else:

        def updater(batch_size):
            sgd(model.params, lr, batch_size)

    state, sums = None, Accumulator(2)
    for X, Y in minibatches:
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


def _clip_and_read_norm(model):
    params = trained_params(model)
    norm = math.sqrt(sum((param.grad**2).sum() for param in params))
    if norm > CLIP_NORM:
        for param in params:
            param.grad[:] *= CLIP_NORM / norm
