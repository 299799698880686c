"""What a model writes: tokens drawn from its predictions, one after the other, without end."""

import numpy

from gluon_gru.training.learner import learner_of


def choose(logits, temperature, top_k, rng):
    """Return a token drawn from logits; never token 0, which is ``<unk>``.

    Args:
        logits: (vocab_size,), a NumPy array.
        temperature: logits are divided by it; 0 takes the likeliest.
        top_k: only so many of the likeliest are drawn from; None: all.
        rng: a ``numpy.random.Generator``.
    """
    logits = logits[1:].astype(numpy.float64)
    if temperature == 0 or len(logits) == 1:
        return 1 + int(logits.argmax())
    tokens = numpy.arange(len(logits))
    if top_k is not None and top_k < len(logits):
        tokens = numpy.argpartition(-logits, top_k - 1)[:top_k]
        # In an order that doesn't depend on how the partition was found.
        tokens.sort()
    # The largest becomes 0, whatever the temperature; what overflows is impossible beside it.
    with numpy.errstate(over="ignore"):
        chances = numpy.exp((logits[tokens] - logits[tokens].max()) / temperature).cumsum()
    drawn = numpy.searchsorted(chances, rng.random() * chances[-1], side="right")
    return 1 + int(tokens[min(drawn, len(tokens) - 1)])


def continuation(model, prefix, temperature=0.8, top_k=None, seed=None):
    """Yield tokens that follow a prefix, without end; each is read before the next is drawn.

    Args:
        model: an `RNNModel` or `RNNModelScratch` on the CPU.
        prefix: tokens to start from, at least one; ``<unk>`` (0) may be among them.
        temperature, top_k: see `choose`.
        seed: of the draws; by default another one each time.
    """
    rng, read, tokens = numpy.random.default_rng(seed), learner_of(model).reader(), prefix
    while True:
        token = choose(read(tokens), temperature, top_k, rng)
        yield token
        tokens = [token]
