"""How fast the training loop is, beside the book's own: paired epochs, in turn, in one process.

Machines drift; a ratio of two neighbouring epochs drifts less. Each pair trains the same
minibatches from the same weights, so that both loops also have to reach the same perplexity.
"""
import io
import json
import math
import pathlib
import random
import statistics

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mxnet import autograd, gluon, init
from tabulate import tabulate
from tqdm import tqdm

from . import corpus as corpora
from .checkpoint import make_folder, write_whole
from .claims import CONCISE, SCRATCH
from .device import context
from .environment import environment
from .errors import check_positive
from .experiments import MODELS
from .metrics import Accumulator, Timer
from .minibatches import SeqDataLoader
from .text import load_corpus
from .training import set_seed, train_epoch
from .updates import CLIP_NORM, sgd, trained_params


def book_epoch(model, train_iter, loss, updater, ctx):
    """Train an epoch the way the book's loop goes: ``(perplexity, tokens/sec)``.

    It reads the gradient's norm and the loss in every minibatch, and squares, clips and updates
    parameter by parameter. Source: the book's section "Implementation of Recurrent Neural
    Networks from Scratch", as an algorithm.
    """
    state, timer, sums = None, Timer(), Accumulator(2)
    for X, Y in train_iter:
        if state is None:
            state = model.begin_state(batch_size=X.shape[0], ctx=ctx)
        labels = Y.T.reshape(-1).as_in_ctx(ctx)
        with autograd.record():
            logits, state = model(X.as_in_ctx(ctx), state)
            mean_loss = loss(logits, labels).mean()
        mean_loss.backward()
        _clip_and_read_norm(model)
        updater(batch_size=1)
        sums.add(mean_loss * labels.size, labels.size)
    return math.exp(sums[0] / sums[1]), sums[1] / timer.stop()


def _clip_and_read_norm(model):
    params = trained_params(model)
    norm = math.sqrt(sum((param.grad ** 2).sum() for param in params))
    if norm > CLIP_NORM:
        for param in params:
            param.grad[:] *= CLIP_NORM / norm


def _contestants(protocol, source, ctx):
    """Return two functions that train an epoch each: the book's loop and this package's."""
    loss, (_, vocab) = gluon.loss.SoftmaxCrossEntropyLoss(), source

    def build():
        set_seed(1)
        model = MODELS[protocol.model].make(protocol, len(vocab), ctx)
        if isinstance(model, gluon.Block):
            model.initialize(ctx=ctx, init=init.Normal(0.01))
            # Gluon makes the weights in the first forward pass: now, from this seed.
            model(next(iter(SeqDataLoader(protocol.batch_size, protocol.num_steps, source=source)
                            ))[0].as_in_ctx(ctx), model.begin_state(protocol.batch_size, ctx=ctx))
        return model, SeqDataLoader(protocol.batch_size, protocol.num_steps, source=source,
                                    max_tokens=protocol.max_tokens, rng=random.Random(1))

    theirs, their_iter = build()
    if isinstance(theirs, gluon.Block):
        trainer = gluon.Trainer(theirs.collect_params(), "sgd", {"learning_rate": protocol.lr})
        updater = trainer.step
    else:
        def updater(batch_size):
            sgd(theirs.params, protocol.lr, batch_size)
    ours, our_iter = build()
    return (lambda: book_epoch(theirs, their_iter, loss, updater, ctx),
            lambda: train_epoch(ours, our_iter, loss, protocol.lr, ctx))


def benchmark(out, rounds=15, device="auto", corpus=None, command=""):
    """Measure both loops on both models of the chapter; write ``benchmark.json`` and a picture.

    Args:
        out: the folder to write to.
        rounds: how many pairs of epochs to count; one more goes first to warm up.
        device, corpus, command: see `gluon_gru.experiments.reproduce`.

    Returns:
        What ``benchmark.json`` holds: for each model the tokens/sec of every epoch and loop, and
        the median over pairs of the ratio, this package's loop to the book's.

    Raises:
        InputError: for arguments that can't be used.
        ArithmeticError: if the two loops don't train the same model, which would void the result.
    """
    check_positive("rounds", rounds)
    out, ctx = pathlib.Path(out), context(device)
    found = corpora.find(corpus)
    source = load_corpus(found)
    make_folder(out)
    results = {"command": command, "environment": environment(ctx), "corpus": found.name,
               "rounds": rounds, "models": {}}
    for protocol in (SCRATCH, CONCISE):
        name, loops = MODELS[protocol.model].name, _contestants(protocol, source, ctx)
        rates = ([], [])
        for number in tqdm(range(rounds + 1), desc=name, unit="pair", disable=None):
            # In turn first: whoever starts may find another machine than who follows.
            order = (0, 1) if number % 2 else (1, 0)
            measured = {i: loops[i]() for i in order}
            # Only while rounding has had no time to grow.
            if number < 3 and abs(measured[0][0] / measured[1][0] - 1) > 1e-2:
                raise ArithmeticError(f"{name}: the loops reach perplexities {measured[0][0]} and "
                                      f"{measured[1][0]}, so they don't train the same model")
            if number:
                for i in order:
                    rates[i].append(measured[i][1])
        results["models"][protocol.model] = {
            "name": name, "book": rates[0], "gluon_gru": rates[1],
            "ratio": statistics.median(b / a for a, b in zip(*rates))}
    write_whole(out / "benchmark.json", json.dumps(results, indent=1).encode())
    write_whole(out / "benchmark.png", _picture(results))
    return results


def table(results):
    """Return the medians as a table for the terminal."""
    return tabulate(
        [[model["name"], f"{statistics.median(model['book']):,.0f}",
          f"{statistics.median(model['gluon_gru']):,.0f}", f"{model['ratio']:.2f}x"]
         for model in results["models"].values()],
        ["tokens/sec, median epoch", "the book's loop", "gluon_gru", "median ratio of pairs"],
        disable_numparse=True)


def _picture(results):
    fig = Figure(figsize=(7, 3), layout="tight")
    FigureCanvasAgg(fig)
    axes = fig.subplots()
    labels = []
    for model in results["models"].values():
        for loop, colour in (("book", "0.6"), ("gluon_gru", "#0072b2")):
            median = statistics.median(model[loop])
            axes.barh(len(labels), median, color=colour)
            axes.plot(model[loop], [len(labels)] * len(model[loop]), "k|", alpha=0.4)
            ratio = f"  ({model['ratio']:.2f}x)" if loop == "gluon_gru" else ""
            axes.annotate(f"{median:,.0f}{ratio}", (max(model[loop]), len(labels)), xytext=(6, 0),
                          va="center", textcoords="offset points")
            labels.append(f"{model['name']}\n"
                          f"{'the book’s loop' if loop == 'book' else 'gluon_gru'}")
    env = results["environment"]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="tokens/sec", xlim=(0, 1.35 * axes.get_xlim()[1]))
    axes.set_title(f"Training, {results['rounds']} pairs of epochs on {env['device']}, "
                   f"{env['processor']}, {env['cores']} cores (ticks: epochs)", fontsize=9)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    picture = io.BytesIO()
    fig.savefig(picture, format="png", dpi=120)
    return picture.getvalue()
