"""Windows of a text as examples, and a GRU trained and validated on them: a trial of the study.

The data is that of ``TimeMachine`` in the book's later editions. The text is this edition's: lines
follow each other with nothing between them, where later editions put a space.
"""

import math
import statistics
import time

import mxnet as mx
import numpy
from mxnet import gluon, init
from mxnet.gluon import rnn

from gluon_gru.models import RNNModel
from gluon_gru.text.minibatches import WindowLoader
from gluon_gru.training.generation import predict_ch8
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.loop import set_seed, train_epoch
from gluon_gru.training.metrics import perplexity

PREFIX, NUM_PREDICTS = "time traveller ", 50


def loaders(space, num_steps, tokens):
    """Return the `WindowLoader` that trains and the one that validates.

    Raises:
        InputError: see `WindowLoader`.
    """
    return (
        WindowLoader(
            tokens,
            num_steps,
            space.batch_size,
            0,
            space.train_windows,
            numpy.random.RandomState(space.seed),
        ),
        WindowLoader(tokens, num_steps, space.batch_size, space.train_windows, space.valid_windows),
    )


def validation_perplexity(model, loader, ctx):
    """Return exp of the mean loss a token, from a fresh state in every minibatch; no training."""
    loss, losses, sizes = gluon.loss.SoftmaxCrossEntropyLoss(), [], []
    for X, Y in loader:
        state = model.begin_state(batch_size=X.shape[0], ctx=ctx)
        logits, _ = model(X.as_in_ctx(ctx), state)
        losses.append(float(loss(logits, Y.T.reshape(-1).as_in_ctx(ctx)).mean()))
        sizes.append(Y.size)
    return perplexity(numpy.average(losses, weights=sizes))


def _model(space, num_hiddens, vocab, ctx):
    set_seed(space.seed)
    model = RNNModel(rnn.GRU(num_hiddens), len(vocab))
    model.initialize(ctx=ctx, init=init.Normal(0.01))
    return model


def train_point(space, point, source, ctx, on_epoch):
    """Train and validate the GRU of one point of a space; return what came of it, a dict.

    The hidden state starts at zero in every minibatch, gradients are clipped to norm 1, plain SGD.

    Args:
        space: a `Space`.
        point: a dict of num_steps, num_hiddens and lr.
        source: ``(tokens, vocab)``.
        ctx: the ``mxnet.Context``.
        on_epoch: ``on_epoch(epoch, perplexity)`` is called after every epoch (from 1), with the
            validation's; what it returns, if true, ends the training.

    Returns:
        A dict: ``validation`` and ``training``, perplexities by epoch; ``seconds`` of training and
        validation together; ``tokens_per_sec`` trained in the median epoch; ``continuation``, the
        text that starts with `PREFIX`; ``diverged``, whether a perplexity was not finite, which
        ends the training: that one is not listed, and the continuation is empty.
    """
    (tokens, vocab), start = source, time.perf_counter()
    model = _model(space, point["num_hiddens"], vocab, ctx)
    train_iter, valid_iter = loaders(space, point["num_steps"], tokens)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    result = {"validation": [], "training": [], "diverged": False}
    rates = []
    with CtrlC() as ctrl_c:
        for epoch in range(1, space.epochs + 1):
            training, rate = train_epoch(
                model, ctrl_c.between(train_iter), loss, point["lr"], ctx, use_random_iter=True
            )
            validation = validation_perplexity(model, ctrl_c.between(valid_iter), ctx)
            rates.append(rate)
            result["diverged"] = not (math.isfinite(training) and math.isfinite(validation))
            if result["diverged"]:
                break
            result["training"].append(training)
            result["validation"].append(validation)
            if on_epoch(epoch, validation):
                break
    return {
        **result,
        "seconds": time.perf_counter() - start,
        "tokens_per_sec": statistics.median(rates),
        "continuation": ""
        if result["diverged"]
        else predict_ch8(PREFIX, NUM_PREDICTS, model, vocab, ctx),
    }


def probe(space, num_steps, num_hiddens, source, ctx, seconds=0.5):
    """Measure a trial's cost on a few minibatches; ``(seconds an epoch, tokens/sec trained)``.

    Args:
        space, source, ctx: see `train_point`.
        num_steps, num_hiddens: of the trial; its learning rate costs nothing.
        seconds: stop after so many, but not before the first minibatch of each kind is done.
    """
    tokens, vocab = source
    model = _model(space, num_hiddens, vocab, ctx)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    rows = min(space.batch_size, space.train_windows, space.valid_windows)
    one = WindowLoader(tokens, num_steps, rows, 0, rows)
    tiny = WindowLoader(tokens, num_steps, 1, 0, 1)

    def clock(work):
        work(tiny)
        mx.nd.waitall()
        times, start = [], time.perf_counter()
        while not times or time.perf_counter() - start < seconds / 2:
            before = time.perf_counter()
            work(one)
            times.append(time.perf_counter() - before)
        return statistics.median(times) / rows

    train = clock(lambda loader: train_epoch(model, loader, loss, 0.01, ctx, True))
    valid = clock(lambda loader: validation_perplexity(model, loader, ctx))
    return train * space.train_windows + valid * space.valid_windows, num_steps / train
