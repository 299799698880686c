"""What the notes state and a moment shows: an identity, shapes, untrained texts, clipping."""

from __future__ import annotations

import functools
import statistics
from typing import TYPE_CHECKING

import numpy

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import CHAPTER, NOTES
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.exercise import Answer, Context, Exercise, judged
from gluon_gru.studies.exercises.questions.compare_cells import ALL_CELLS
from gluon_gru.studies.exercises.trained import minibatches, protocol, title, untrained
from gluon_gru.training.learner import CLIP_NORM, learner_of
from gluon_gru.training.metrics import perplexity

CONCATENATION = Claim("identities/concatenation", NOTES, "X W_xh + H W_hh = [X, H] [W_xh; W_hh].")
SHAPES = Claim(
    "identities/shapes",
    NOTES,
    "Outputs are (num_steps * batch_size, vocab_size), states from scratch "
    "(batch_size, num_hiddens), states of rnn.RNN (1, batch_size, num_hiddens); two sequences of "
    "five characters become (5, 2, 28), and the hidden states of the chapter's minibatch are "
    "(35, 32, 256).",
)
BATCH = Claim("identities/where-is-the-batch", NOTES, "Where is the batch?", quantity="question")
STATE_RANGE = Claim(
    "identities/state-range",
    CHAPTER,
    "The values of the hidden state stay within (-1, 1), since tanh makes the candidate.",
)
UNTRAINED = Claim(
    "identities/untrained",
    NOTES,
    "An untrained model continues a prefix with a text without meaning.",
)
CLIPPING = Claim(
    "identities/clipping",
    NOTES,
    "Clipping never changes the direction of the gradient, and caps its norm.",
)

if TYPE_CHECKING:
    import mxnet
    from mxnet import np

_OF = "gru-scratch"


@Exercise(
    "identities",
    "Statements of readers' notes that a moment shows.",
    "Multiplying [X, H], side by side, with [W_xh; W_hh], one above the other, is by "
    "definition the sum of both products. The outputs of all time steps are stacked in one "
    "matrix, so that one loss takes them all. Untrained weights are close to zero, so every "
    "token is as likely as any other. Clipping multiplies all gradients by one number.",
)
def identities(context: Context) -> Answer:
    """Look at untrained models; nothing is trained."""
    shapes, table = _shapes(context)
    meaning, texts = _untrained(context)
    verdicts = [
        _concatenation(),
        shapes,
        _batch(context),
        _state_range(),
        meaning,
        _clipping(context),
    ]
    words = [one.verdict for one in verdicts if one.verdict != "answered"]
    return Answer(
        f"{words.count('holds')} of {len(words)} statements hold.", verdicts, [table, texts]
    )


def _concatenation() -> Verdict:
    from mxnet import np

    def both_sides(np, X, H, W_xh, W_hh):
        joined = np.concatenate([X, H], axis=1), np.concatenate([W_xh, W_hh], axis=0)
        return np.dot(X, W_xh) + np.dot(H, W_hh), np.dot(*joined)

    n, d, h = 32, 28, 256
    arrays = [np.random.normal(size=shape) for shape in ((n, d), (n, h), (d, h), (h, h))]
    _, exact = both_sides(numpy, *(array.asnumpy().astype(float) for array in arrays))
    apart, joined = (
        float(numpy.abs(side.asnumpy() - exact).max() / numpy.abs(exact).max())
        for side in both_sides(np, *arrays)
    )
    return judged(
        CONCATENATION,
        f"Both sides with random matrices ({n} rows, {d} inputs, {h} hidden units) in float32, "
        "against float64.",
        f"The largest deviations, relative to the largest entry, are {apart:.1g} and {joined:.1g}.",
        [max(apart, joined) < 1e-5],
        {"apart": apart, "joined": joined},
    )


def rnn_layer(X: np.ndarray, vocab_size: int, num_hiddens: int, ctx: mxnet.Context) -> np.ndarray:
    """Return the hidden states of an rnn.RNN over tokens (batch_size, num_steps), all steps."""
    from mxnet import npx
    from mxnet.gluon import rnn

    layer = rnn.RNN(num_hiddens)
    layer.initialize(ctx=ctx)
    return layer(npx.one_hot(X.as_in_ctx(ctx).T, vocab_size))


def _batch(context: Context) -> Verdict:
    """Find the rows of one sequence in the outputs of a minibatch."""
    from mxnet import np

    X, _ = next(iter(minibatches(_OF, context.source)))
    batch, n = X.shape
    model, place = untrained(_OF, context), batch // 2
    for param in model.params:
        # Weights near zero would give much the same outputs for every sequence; with large ones the
        # model is chaotic, and differences in rounding grow with every step.
        param[:] = np.random.normal(scale=0.06, size=param.shape, ctx=context.ctx)
    together, _ = model(X.as_in_ctx(context.ctx), model.begin_state(batch, context.ctx))
    alone, _ = model(X[place : place + 1].as_in_ctx(context.ctx), model.begin_state(1, context.ctx))
    apart, off = (_apart(together[place + shift :: batch], alone) for shift in (0, 1))
    return judged(
        BATCH,
        "The outputs of the GRU from scratch for a minibatch, beside those for one of its sequences "
        "alone.",
        f"A minibatch is (batch_size, num_steps), here {X.shape}; the model transposes it, so that "
        f"the cell reads (num_steps, batch_size, vocab_size), {(n, batch, model.vocab_size)}, step by "
        f"step, and stacks its outputs: row t * batch_size + b, of {len(together)}, is of sequence b "
        f"at step t. Those of sequence {place} differ from its outputs alone by {apart:.1g} (those "
        f"of the next one by {off:.2g}).",
        [],
        {"apart": apart, "next": off},
    )


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(abs(one - other).max())


def _state_range() -> Verdict:
    """Run the cells with large random weights."""
    import mxnet as mx
    from mxnet import np

    from gluon_gru import models

    largest = {}
    for name in ("rnn", "gru", "lstm"):
        get_params, init_state = (
            getattr(models, f"{start}_{name}_{end}") for start, end in _FUNCTIONS
        )
        params = get_params(28, 64, mx.cpu())
        for param in params:
            param[:] = np.random.normal(scale=2, size=param.shape)
        _, states = getattr(models, name)(
            np.random.normal(scale=5, size=(200, 4, 28)), init_state(4, 64, mx.cpu()), params
        )
        largest[name.upper()] = [float(abs(state).max()) for state in states]
    hidden = {name: values[0] for name, values in largest.items()}
    return judged(
        STATE_RANGE,
        "200 steps of the RNN, the GRU and the LSTM from scratch with weights and inputs that are "
        "large (standard deviations 2 and 5), from a state of zeros.",
        "The largest number in the hidden state: "
        + ", ".join(f"{name} {value:.3f}" for name, value in hidden.items())
        + f"; in float32 tanh reaches 1 itself. The LSTM's memory cell, which has no such bound, "
        f"reaches {largest['LSTM'][1]:.3g}.",
        [value <= 1 for value in hidden.values()],
        largest,
    )


_FUNCTIONS = (("get", "params"), ("init", "state"))


def _shapes(context: Context) -> tuple[Verdict, Table]:
    from mxnet import np, npx

    of, vocab_size = protocol(_OF), len(context.source[1])
    n, batch, hiddens = of.num_steps, of.batch_size, of.num_hiddens
    X, _ = next(iter(minibatches(_OF, context.source)))
    rows, right = [], []
    for name in ALL_CELLS:
        model = untrained(name, context)
        state = model.begin_state(batch_size=batch, ctx=context.ctx)
        outputs, state = model(X.as_in_ctx(context.ctx), state)
        expected = (batch, hiddens) if name.endswith("scratch") else (1, batch, hiddens)
        shapes = [array.shape for array in state]
        right += [
            outputs.shape == (n * batch, vocab_size),
            shapes == [expected] * (2 if name.startswith("lstm") else 1),
        ]
        rows.append([title(name), str(outputs.shape), ", ".join(map(str, shapes))])
    two_by_five = npx.one_hot(np.arange(10).reshape(2, 5).T, vocab_size).shape
    hiddens_of_all = rnn_layer(X, vocab_size, hiddens, context.ctx).shape
    right += [two_by_five == (5, 2, vocab_size), hiddens_of_all == (n, batch, hiddens)]
    return judged(
        SHAPES,
        f"Each model on a minibatch (batch_size {batch}, num_steps {n}, num_hiddens {hiddens}, "
        f"vocabulary {vocab_size}).",
        f"Outputs {(n * batch, vocab_size)}; states {(batch, hiddens)} from scratch, "
        f"{(1, batch, hiddens)} concise; an LSTM has two of them. Two sequences of five characters, "
        f"one-hot: {two_by_five}; the hidden states of rnn.RNN: {hiddens_of_all}.",
        [all(right)],
        {row[0]: row[1:] for row in rows},
    ), Table(["model", "outputs", "states"], rows, "Shapes")


def _untrained(context: Context) -> tuple[Verdict, Table]:
    """See what untrained models write, and how far from guessing they are."""
    from gluon_gru.training.generation import predict_ch8

    prefix, (_, vocab), ctx = "time traveller", context.source, context.ctx
    rows, perplexities, words = [], [], []
    known = {word for word in context.text().split() if len(word) > 2}
    X, Y = next(minibatches(_OF, context.source).in_numpy())
    for name in ALL_CELLS:
        for seed in range(1, 4):
            model = untrained(name, context, seed)
            perplexities.append(perplexity(learner_of(model, ctx).score(X, Y)))
            text = predict_ch8(prefix, 50, model, vocab, ctx)
            words += [word for word in text[len(prefix) :].split() if word in known]
            if seed == 1:
                rows.append([title(name), f"`{text}`", f"{perplexities[-1]:.2f}"])
    middle = statistics.median(perplexities)
    return judged(
        UNTRAINED,
        f"Continuations by 50 characters and the perplexity of {len(ALL_CELLS)} untrained models, "
        "3 seeds each.",
        f"Words of the text (of three letters or more) among all of them: {len(words)}. The "
        f"perplexity is {middle:.2f}; guessing among {len(vocab)} tokens has {len(vocab)}.",
        [not words and abs(middle / len(vocab) - 1) < 0.01],
        {"perplexity": perplexities, "words": words},
    ), Table(["model", "text", "perplexity"], rows, "Untrained continuations (seed 1)")


def _clipping(context: Context) -> Verdict:
    """Clip gradients longer and shorter than the limit."""
    from mxnet import gluon

    from gluon_gru.training.loop import train_epoch
    from gluon_gru.training.updates import grad_clipping, trained_params

    def gradient(model):
        grads = [param.grad.asnumpy().astype(float) for param in trained_params(model)]
        return numpy.concatenate([grad.ravel() for grad in grads])

    def clip(model):
        before = gradient(model)
        grad_clipping(model, CLIP_NORM)
        after = gradient(model)
        long, clipped = (float(numpy.linalg.norm(vector)) for vector in (before, after))
        rows.append((long, clipped, float(before @ after / long / clipped)))

    rows: list[tuple[float, float, float]] = []
    for scale in (0.01, 1, 100):
        # So weighted, the gradients are shorter and longer than the limit.
        loss = gluon.loss.SoftmaxCrossEntropyLoss(weight=scale)
        model, loader = untrained(_OF, context), minibatches(_OF, context.source)
        update = functools.partial(clip, model)
        train_epoch(model, loader, loss, 0, context.ctx, True, update=update)
    norms, clipped, cosines = zip(*rows)
    turned = max(1 - cosine for cosine in cosines)
    off = max(abs(short / min(long, CLIP_NORM) - 1) for long, short, _ in rows)
    return judged(
        CLIPPING,
        f"{len(rows)} gradients of the GRU from scratch on the text, the loss times 0.01, 1 and "
        f"100, before and after clipping to {CLIP_NORM}, norms and cosines in float64.",
        f"Norms from {min(norms):.2g} to {max(norms):.2g} become {min(clipped):.2g} to "
        f"{max(clipped):.4g}; the cosine between both is 1 to within {max(turned, 0):.0e}.",
        [turned < 1e-6 and off < 1e-5],
        {"norms_and_cosines": rows},
    )
