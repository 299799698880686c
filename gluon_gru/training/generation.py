"""Text from a trained model: the book's greedy ``predict_ch8``."""

from mxnet import np

from gluon_gru.errors import InputError
from gluon_gru.models.fused_network import fused_network


def predict_ch8(prefix, num_predicts, model, vocab, ctx):
    """Continue ``prefix`` by the ``num_predicts`` tokens that the model finds likeliest each time.

    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch".

    Args:
        prefix: a string for a model of characters; a list of words for one of words. Tokens that
            the vocabulary doesn't have become ``<unk>``.
        num_predicts: how many tokens to add.
        model: an `RNNModel` or `RNNModelScratch`.
        vocab: its `gluon_gru.Vocab`.
        ctx: the device that the model is on.

    Returns:
        Prefix and continuation, a string: characters joined by nothing, words by spaces.

    Raises:
        InputError: for an empty prefix or a negative ``num_predicts``.
    """
    if not len(prefix):
        raise InputError("the prefix is empty: give at least one token to start from")
    if num_predicts < 0:
        raise InputError(f"num_predicts is {num_predicts}: it can't be negative")
    prefix_indices = [vocab[token] for token in prefix]
    network = fused_network(model)
    if network:
        with network:
            predicted = network.generate(prefix_indices, num_predicts)
    else:
        predicted = _predict(prefix_indices, num_predicts, model, ctx)
    indices = prefix_indices + [int(index) for index in predicted]
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(indices))


def _predict(prefix_indices, num_predicts, model, ctx):
    """Return what follows, a list of arrays of one token."""
    inputs = np.array([prefix_indices], dtype="int32", ctx=ctx)
    state = model.begin_state(batch_size=1, ctx=ctx)
    predicted = []
    for _ in range(num_predicts):
        Y, state = model(inputs, state)
        # The next input stays on the device: reading it here would wait for every step.
        inputs = Y[-1:].argmax(axis=1).reshape(1, 1)
        predicted.append(inputs)
    return predicted
