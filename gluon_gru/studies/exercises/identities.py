"""What the notes state and a moment shows: an identity, shapes, untrained texts, clipping."""

import statistics

import numpy
from mxnet import autograd, gluon, np

from gluon_gru.studies.exercises.answers import Answer, Finding, Table, verdict
from gluon_gru.studies.exercises.timing import untrained
from gluon_gru.studies.exercises.trainings import CELLS, PROTOCOLS
from gluon_gru.studies.reproduce.study import MODELS
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.training.generation import predict_ch8
from gluon_gru.training.learner import CLIP_NORM
from gluon_gru.training.metrics import perplexity
from gluon_gru.training.updates import grad_clipping, trained_params

_LOSS = gluon.loss.SoftmaxCrossEntropyLoss()


def answer(setting):
    """Return the `Answer`; nothing is trained for it."""
    untrained, texts = _untrained(setting)
    shapes, table = _shapes(setting)
    return Answer([_concatenation(), shapes, untrained, _clipping(setting)], [table, texts])


def _loader(setting):
    protocol = PROTOCOLS["gru-scratch"]
    return SeqDataLoader(
        protocol.batch_size,
        protocol.num_steps,
        max_tokens=protocol.max_tokens,
        source=setting.source,
    )


def _concatenation():
    sizes = (32, 28, 256)
    n, d, h = sizes
    X, H, W_xh, W_hh = (np.random.normal(size=shape) for shape in ((n, d), (n, h), (d, h), (h, h)))
    apart = (np.dot(X, W_xh) + np.dot(H, W_hh)).asnumpy()
    joined = np.dot(np.concatenate([X, H], axis=1), np.concatenate([W_xh, W_hh], axis=0)).asnumpy()
    X, H, W_xh, W_hh = (array.asnumpy().astype(float) for array in (X, H, W_xh, W_hh))
    exact = numpy.hstack([X, H]) @ numpy.vstack([W_xh, W_hh])
    scale = numpy.abs(exact).max()
    apart, joined = (float(numpy.abs(sum_ - exact).max() / scale) for sum_ in (apart, joined))
    return Finding(
        "identities/concatenation",
        f"Both sides with random matrices ({n} rows, {d} inputs, {h} hidden units) in float32, "
        "against float64.",
        f"The largest deviations, relative to the largest entry, are {apart:.1g} and {joined:.1g}.",
        verdict([max(apart, joined) < 1e-5]),
        {"apart": apart, "joined": joined},
    )


def _shapes(setting):
    protocol = PROTOCOLS["gru-scratch"]
    n, batch, hiddens = protocol.num_steps, protocol.batch_size, protocol.num_hiddens
    vocab_size = len(setting.source[1])
    X, _ = next(iter(_loader(setting)))
    rows, right = [], True
    for name in CELLS:
        model = untrained(name, setting)
        outputs, state = model(
            X.as_in_ctx(setting.ctx), model.begin_state(batch_size=batch, ctx=setting.ctx)
        )
        expected = (batch, hiddens) if name.endswith("scratch") else (1, batch, hiddens)
        right &= outputs.shape == (n * batch, vocab_size)
        right &= {s.shape for s in state} == {expected}
        right &= len(state) == (2 if name.startswith("lstm") else 1)
        rows.append([MODELS[name].name, str(outputs.shape), ", ".join(str(s.shape) for s in state)])
    return Finding(
        "identities/shapes",
        f"Each model on a minibatch (batch_size {batch}, num_steps {n}, num_hiddens {hiddens}, "
        f"vocabulary {vocab_size}).",
        f"Outputs {(n * batch, vocab_size)}; states {(batch, hiddens)} from scratch, "
        f"{(1, batch, hiddens)} concise; an LSTM has two of them.",
        verdict([right]),
        {row[0]: row[1:] for row in rows},
    ), Table("Shapes", ["model", "outputs", "states"], rows)


def _untrained(setting):
    """See what untrained models write, and how far from guessing they are."""
    tokens, vocab = setting.source
    rows, perplexities, words = [], [], []
    known = {word for word in "".join(vocab.to_tokens(tokens)).split() if len(word) > 2}
    X, Y = (array.as_in_ctx(setting.ctx) for array in next(iter(_loader(setting))))
    for name in CELLS:
        for seed in range(1, 4):
            model = untrained(name, setting, seed)
            logits, _ = model(X, model.begin_state(batch_size=len(X), ctx=setting.ctx))
            perplexities.append(perplexity(float(_LOSS(logits, Y.T.reshape(-1)).mean())))
            text = predict_ch8("time traveller", 50, model, vocab, setting.ctx)
            found = text[len("time traveller") :].split()
            words += [word for word in found if word in known]
            if seed == 1:
                rows.append([MODELS[name].name, f"`{text}`", f"{perplexities[-1]:.2f}"])
    middle = statistics.median(perplexities)
    return Finding(
        "identities/untrained",
        f"Continuations by 50 characters and the perplexity of {len(CELLS)} untrained models, "
        "3 seeds each.",
        f"Words of the text (of three letters or more) among all of them: {len(words)}. The "
        f"perplexity is {middle:.2f}; guessing among {len(vocab)} tokens has {len(vocab)}.",
        verdict([not words and abs(middle / len(vocab) - 1) < 0.01]),
        {"perplexity": perplexities, "words": words},
    ), Table("Untrained continuations (seed 1)", ["model", "text", "perplexity"], rows)


def _clipping(setting):
    """Clip gradients longer and shorter than the limit."""
    rows = []
    for scale in (0.01, 1, 100):
        model = untrained("gru-scratch", setting)
        for X, Y in _loader(setting):
            X, Y = X.as_in_ctx(setting.ctx), Y.as_in_ctx(setting.ctx)
            with autograd.record():
                logits, _ = model(X, model.begin_state(batch_size=len(X), ctx=setting.ctx))
                # So scaled, the gradients are shorter and longer than the limit.
                loss = scale * _LOSS(logits, Y.T.reshape(-1)).mean()
            loss.backward()
            before = _gradient(model)
            grad_clipping(model, CLIP_NORM)
            after = _gradient(model)
            long, clipped = numpy.linalg.norm(before), numpy.linalg.norm(after)
            rows.append((float(long), float(clipped), float(before @ after / long / clipped)))
    turned = max(1 - cosine for _, _, cosine in rows)
    off = max(abs(clipped / min(long, CLIP_NORM) - 1) for long, clipped, _ in rows)
    return Finding(
        "identities/clipping",
        f"{len(rows)} gradients of the GRU from scratch on the text, the loss times 0.01, 1 and "
        f"100, before and after clipping to {CLIP_NORM}, norms and cosines in float64.",
        f"Norms from {min(r[0] for r in rows):.2g} to {max(r[0] for r in rows):.2g} become "
        f"{min(r[1] for r in rows):.2g} to {max(r[1] for r in rows):.4g}; the cosine between both "
        f"is 1 to within {max(turned, 0):.0e}.",
        verdict([turned < 1e-6 and off < 1e-5]),
        {"norms_and_cosines": rows},
    )


def _gradient(model):
    return numpy.concatenate(
        [param.grad.asnumpy().astype(float).ravel() for param in trained_params(model)]
    )
