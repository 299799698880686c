"""Text from a trained model: the book's greedy ``predict_ch8``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

from gluon_gru.errors import InputError
from gluon_gru.training.learner import learner_of

if TYPE_CHECKING:
    import mxnet as mx

    from gluon_gru.text.vocabulary import Vocab


def predict_ch8(
    prefix: str | Sequence[str], num_predicts: int, model: Any, vocab: Vocab, ctx: mx.Context | None
) -> str:
    """Continue ``prefix`` by ``num_predicts`` tokens, each time the likeliest one.

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
    indices = [vocab[token] for token in prefix]
    with learner_of(model, ctx) as learner:
        indices += learner.generate(indices, num_predicts)
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(indices))
