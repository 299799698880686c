"""What the notes state and a moment shows: an identity, shapes, untrained texts, clipping."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Sequence

import numpy

from gluon_gru.published.claims import Claim
from gluon_gru.published.judging import Verdict
from gluon_gru.published.sources import NOTES
from gluon_gru.report.document import Table
from gluon_gru.studies.exercises.exercise import Answer, Context, exercise, judged
from gluon_gru.studies.exercises.questions.compare_cells import ALL_CELLS
from gluon_gru.studies.exercises.trained import minibatches, protocol, title, untrained
from gluon_gru.training.learner import CLIP_NORM
from gluon_gru.training.metrics import perplexity

if TYPE_CHECKING:
    from mxnet import np

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


@exercise(
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


def _run(model: Any, X: np.ndarray, context: Context) -> tuple[np.ndarray, Sequence[np.ndarray]]:
    """Run a model from a state of zeros; ``(logits, state)``."""
    ctx = context.ctx
    return model(X.as_in_ctx(ctx), model.begin_state(batch_size=len(X), ctx=ctx))


def _concatenation() -> Verdict:
    from mxnet import np

    n, d, h = 32, 28, 256
    X, H, W_xh, W_hh = (np.random.normal(size=shape) for shape in ((n, d), (n, h), (d, h), (h, h)))
    apart = (np.dot(X, W_xh) + np.dot(H, W_hh)).asnumpy()
    joined = np.dot(np.concatenate([X, H], axis=1), np.concatenate([W_xh, W_hh], axis=0)).asnumpy()
    X, H, W_xh, W_hh = (array.asnumpy().astype(float) for array in (X, H, W_xh, W_hh))
    exact = numpy.hstack([X, H]) @ numpy.vstack([W_xh, W_hh])
    scale = numpy.abs(exact).max()
    apart, joined = (float(numpy.abs(sum_ - exact).max() / scale) for sum_ in (apart, joined))
    return judged(
        CONCATENATION,
        f"Both sides with random matrices ({n} rows, {d} inputs, {h} hidden units) in float32, "
        "against float64.",
        f"The largest deviations, relative to the largest entry, are {apart:.1g} and {joined:.1g}.",
        [max(apart, joined) < 1e-5],
        {"apart": apart, "joined": joined},
    )


def _shapes(context: Context) -> tuple[Verdict, Table]:
    of = protocol(_OF)
    n, batch, hiddens = of.num_steps, of.batch_size, of.num_hiddens
    vocab_size = len(context.source[1])
    X, _ = next(iter(minibatches(_OF, context.source)))
    rows, right = [], True
    for name in ALL_CELLS:
        model = untrained(name, context)
        outputs, state = _run(model, X, context)
        expected = (batch, hiddens) if name.endswith("scratch") else (1, batch, hiddens)
        right &= outputs.shape == (n * batch, vocab_size)
        right &= {s.shape for s in state} == {expected}
        right &= len(state) == (2 if name.startswith("lstm") else 1)
        rows.append([title(name), str(outputs.shape), ", ".join(str(s.shape) for s in state)])
    return judged(
        SHAPES,
        f"Each model on a minibatch (batch_size {batch}, num_steps {n}, num_hiddens {hiddens}, "
        f"vocabulary {vocab_size}).",
        f"Outputs {(n * batch, vocab_size)}; states {(batch, hiddens)} from scratch, "
        f"{(1, batch, hiddens)} concise; an LSTM has two of them.",
        [right],
        {row[0]: row[1:] for row in rows},
    ), Table(["model", "outputs", "states"], rows, "Shapes")


def _untrained(context: Context) -> tuple[Verdict, Table]:
    """See what untrained models write, and how far from guessing they are."""
    from mxnet import gluon

    from gluon_gru.training.generation import predict_ch8

    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    tokens, vocab = context.source
    rows, perplexities, words = [], [], []
    known = {word for word in "".join(vocab.to_tokens(tokens)).split() if len(word) > 2}
    X, Y = next(iter(minibatches(_OF, context.source)))
    y = Y.T.reshape(-1).as_in_ctx(context.ctx)
    for name in ALL_CELLS:
        for seed in range(1, 4):
            model = untrained(name, context, seed)
            logits, _ = _run(model, X, context)
            perplexities.append(perplexity(float(loss(logits, y).mean())))
            text = predict_ch8("time traveller", 50, model, vocab, context.ctx)
            words += [word for word in text[len("time traveller") :].split() if word in known]
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
    from mxnet import autograd, gluon

    from gluon_gru.training.updates import grad_clipping, trained_params

    def gradient(model):
        grads = [param.grad.asnumpy().astype(float) for param in trained_params(model)]
        return numpy.concatenate([grad.ravel() for grad in grads])

    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    rows = []
    for scale in (0.01, 1, 100):
        model = untrained(_OF, context)
        for X, Y in minibatches(_OF, context.source):
            y = Y.T.reshape(-1).as_in_ctx(context.ctx)
            with autograd.record():
                logits, _ = _run(model, X, context)
                # So scaled, the gradients are shorter and longer than the limit.
                loss = scale * cross_entropy(logits, y).mean()
            loss.backward()
            before = gradient(model)
            grad_clipping(model, CLIP_NORM)
            after = gradient(model)
            long, clipped = numpy.linalg.norm(before), numpy.linalg.norm(after)
            rows.append((float(long), float(clipped), float(before @ after / long / clipped)))
    turned = max(1 - cosine for _, _, cosine in rows)
    off = max(abs(clipped / min(long, CLIP_NORM) - 1) for long, clipped, _ in rows)
    return judged(
        CLIPPING,
        f"{len(rows)} gradients of the GRU from scratch on the text, the loss times 0.01, 1 and "
        f"100, before and after clipping to {CLIP_NORM}, norms and cosines in float64.",
        f"Norms from {min(r[0] for r in rows):.2g} to {max(r[0] for r in rows):.2g} become "
        f"{min(r[1] for r in rows):.2g} to {max(r[1] for r in rows):.4g}; the cosine between both "
        f"is 1 to within {max(turned, 0):.0e}.",
        [turned < 1e-6 and off < 1e-5],
        {"norms_and_cosines": rows},
    )
