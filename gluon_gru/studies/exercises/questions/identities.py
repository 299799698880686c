"""What the notes state and a moment shows: an identity, shapes, untrained texts, clipping."""

from __future__ import annotations

import functools
import statistics

import numpy

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import NOTES
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
    "(batch_size, num_hiddens), states of rnn.RNN (1, batch_size, num_hiddens).",
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
    return Answer([_concatenation(), shapes, meaning, _clipping(context)], [table, texts])


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


def _shapes(context: Context) -> tuple[Verdict, Table]:
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
    return judged(
        SHAPES,
        f"Each model on a minibatch (batch_size {batch}, num_steps {n}, num_hiddens {hiddens}, "
        f"vocabulary {vocab_size}).",
        f"Outputs {(n * batch, vocab_size)}; states {(batch, hiddens)} from scratch, "
        f"{(1, batch, hiddens)} concise; an LSTM has two of them.",
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
