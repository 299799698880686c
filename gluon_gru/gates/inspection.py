"""What a trained GRU's gates do, character by character: who remembers, and what resets.

With the update gate Z_t and the reset gate R_t, both between 0 and 1, a unit keeps the fraction
Z_t of its hidden state (H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate), and the candidate sees the
fraction R_t of the states before. Both GRUs are meant, the book's and Gluon's (`gluon_gru.models`).
"""

from __future__ import annotations

import dataclasses
import reprlib
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy

from gluon_gru.errors import InputError

if TYPE_CHECKING:
    import mxnet

    from gluon_gru.text.vocabulary import Vocab


@dataclasses.dataclass
class Gates:
    """The gates of one layer over a text.

    Attributes:
        text: the tokens read, a list of strings, as the vocabulary has them: unknown ones are
            ``<unk>``.
        update: Z, a NumPy array (num_tokens, num_hiddens): row t is of the step that reads
            ``text[t]``.
        reset: R, of the same shape.
        layer: which one, from 0.
    """

    text: list[str]
    update: numpy.ndarray
    reset: numpy.ndarray
    layer: int


def written_out(model: Any) -> tuple[Callable, list[list[mxnet.np.ndarray]]]:
    """Return a model that is a GRU as ``(forward, layers)``.

    ``forward`` is `gru` or `gru_reset_after`, and ``layers`` its parameters for every layer,
    lowest first, a list of lists that each end with the model's output layer.

    Raises:
        InputError: for any other cell, and for a bidirectional layer.
    """
    from mxnet.gluon import rnn

    from gluon_gru.models import (
        RNNModel,
        RNNModelScratch,
        fused,
        gru,
        gru_reset_after,
        reset_after_params,
    )

    if isinstance(model, RNNModelScratch) and model.forward_fn in (gru, fused.gru):
        return gru, [model.params]
    if isinstance(model, RNNModel) and isinstance(model.rnn, rnn.GRU):
        if model.rnn._dir == 2:
            raise InputError(
                "the model's rnn.GRU is bidirectional: its gates at a character "
                "depend on the text behind it too; give one of a single direction"
            )
        if isinstance(model.rnn, fused.GRUResetBefore):
            output = [model.dense.weight.data().T, model.dense.bias.data()]
            return gru, [
                [*model.rnn.book_params(layer), *output] for layer in range(model.rnn._num_layers)
            ]
        return gru_reset_after, [
            reset_after_params(model, layer) for layer in range(model.rnn._num_layers)
        ]
    cell = model
    if isinstance(model, RNNModelScratch):
        cell = model.forward_fn
    elif isinstance(model, RNNModel):
        cell = type(model.rnn)
    name = getattr(cell, "__name__", type(cell).__name__)
    raise InputError(
        f"the model's cell is {name}, which hasn't a GRU's two gates: give a model "
        "of gluon_gru.gru or of Gluon's rnn.GRU"
    )


def inspect(
    model: Any, vocab: Vocab, text: Sequence[str], ctx: mxnet.Context | None = None, layer: int = 0
) -> Gates:
    """Read a text with a trained GRU, from a state of zeros; return its `Gates`.

    Args:
        model: an `RNNModelScratch` of `gru`, or an `RNNModel` of ``rnn.GRU``.
        vocab: its `gluon_gru.Vocab`.
        text: a string for a model of characters, taken as it is (the book's corpus is small
            letters and spaces); a list of words for one of words. Tokens that the vocabulary
            doesn't have become ``<unk>``.
        ctx: the device that the model is on; by default the one that its parameters are on.
        layer: which one of the model's layers, from 0.

    Raises:
        InputError: for a text without any known token, a vocabulary or layer that isn't the
            model's, and a cell that isn't a GRU.
    """
    from mxnet import np, npx

    from gluon_gru.models import init_gru_state

    forward, layers = written_out(model)
    if layer not in range(len(layers)):
        raise InputError(
            f"layer is {layer!r}, but the model has {len(layers)}: give one from 0 "
            f"to {len(layers) - 1}"
        )
    if len(vocab) != model.vocab_size:
        raise InputError(
            f"the vocabulary has {len(vocab)} tokens, but the model was made for "
            f"{model.vocab_size}: give the one that it was trained with"
        )
    tokens = list(text)
    if not any(token in vocab.token_to_idx for token in tokens):
        some = ", ".join(map(repr, vocab.idx_to_token[1:6]))
        raise InputError(
            f"text {reprlib.repr(text)} has no token that the model knows: use those "
            f"of its vocabulary, such as {some}"
        )
    indices, seen = vocab[tokens], []
    ctx = ctx or layers[0][0].ctx
    inputs = npx.one_hot(np.array([indices], dtype="int32", ctx=ctx).T, model.vocab_size)
    state = init_gru_state(1, layers[layer][1].shape[0], ctx)
    for params in layers[:layer]:
        # An output layer that changes nothing: what comes out are the hidden states.
        same = [np.eye(state[0].shape[1], ctx=ctx), np.zeros(state[0].shape[1], ctx=ctx)]
        hiddens, _ = forward(inputs, state, params[:-2] + same)
        inputs = hiddens.reshape(len(tokens), 1, -1)

    def look(t, Z, R):
        seen.append((Z, R))
        return Z, R

    forward(inputs, state, layers[layer], gates=look)
    update, reset = (np.concatenate(gate, axis=0).asnumpy() for gate in zip(*seen))
    return Gates(vocab.to_tokens(indices), update, reset, layer)


def memory(gates: Gates) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Rank the units by how long they remember; ``(order, taus)``.

    Over n tokens a unit keeps the fraction Z_1 * ... * Z_n of its state: on average it decays as
    exp(-n / tau) with the time constant tau = -1 / mean(log Z), in tokens. What a unit gets back
    by way of other units (through W_hh) is not counted.

    Returns:
        The units, longest memory first, and tau of every unit (by unit, not by rank), both
        (num_hiddens,): ``taus[order]`` is sorted. A unit whose Z was 1 throughout has an infinite
        tau, one whose Z was ever 0 has tau 0.
    """
    with numpy.errstate(divide="ignore"):
        taus = 1 / numpy.abs(numpy.log(gates.update.astype(numpy.float64)).mean(axis=0))
    return numpy.argsort(-taus, kind="stable"), taus


def resets(gates: Gates) -> tuple[list[str], numpy.ndarray, numpy.ndarray]:
    """Rank the text's distinct tokens by their mean R; ``(tokens, means, by_unit)``.

    What makes the units forget comes first. Unit i is reset most by
    ``tokens[by_unit[:, i].argmin()]``.

    Returns:
        The tokens, a list of strings; their mean over all units and occurrences, (num_distinct,),
        ascending; and by unit, (num_distinct, num_hiddens).
    """
    tokens = numpy.array(gates.text)
    distinct = list(dict.fromkeys(gates.text))
    by_unit = numpy.array(
        [gates.reset[tokens == token].mean(axis=0, dtype=numpy.float64) for token in distinct]
    )
    order = numpy.argsort(by_unit.mean(axis=1), kind="stable")
    by_unit = by_unit[order]
    return [distinct[i] for i in order], by_unit.mean(axis=1), by_unit


def explained_by_token(gates: Gates, gate: str = "reset") -> numpy.ndarray:
    """Return the share of a gate's variance that the token just read explains, (num_hiddens,).

    The correlation ratio eta squared, between 0 and 1: the variance of the means by token over the
    variance. In a short text, where most tokens occur once, it is close to 1 whatever the gate
    does. A unit whose gate never changes has 0.

    Args:
        gates: a `Gates`.
        gate: ``"reset"`` or ``"update"``.

    Raises:
        InputError: for another ``gate``.
    """
    values, tokens = _values(gates, gate), numpy.array(gates.text)
    between = sum(
        (tokens == token).mean() * (values[tokens == token].mean(axis=0) - values.mean(axis=0)) ** 2
        for token in dict.fromkeys(gates.text)
    )
    changes = numpy.ptp(values, axis=0) > 0
    return numpy.where(changes, between / numpy.where(changes, values.var(axis=0), 1), 0)


def _values(gates, gate):
    if gate not in ("reset", "update"):
        raise InputError(f"gate {gate!r} is unknown: use 'reset' or 'update'")
    return getattr(gates, gate).astype(numpy.float64)


def has_ends(gates: Gates) -> bool:
    """Return whether a text has both letters and ends of words."""
    ends = [not token.isalpha() for token in gates.text]
    return any(ends) and not all(ends)


def boundary_correlation(gates: Gates, gate: str = "reset") -> numpy.ndarray:
    """Return the correlation of a gate with the ends of words, by unit, (num_hiddens,).

    Pearson's, -1 to 1, between the gate and whether the character just read is no letter, so that
    a word has ended; ``<unk>`` counts as none, as corpora are normalised that way. A unit whose
    gate never changes has 0.

    Args:
        gates: of a model of characters.
        gate: ``"reset"`` or ``"update"``.

    Raises:
        InputError: for another ``gate``, and for a text of nothing but letters or without any.
    """
    values = _values(gates, gate)
    ends = numpy.array([not token.isalpha() for token in gates.text], numpy.float64)
    if not has_ends(gates):
        raise InputError(
            f"text {reprlib.repr(''.join(gates.text))} has "
            f"{'nothing but' if ends.all() else 'no'} ends of words: give one with "
            "letters and spaces"
        )
    changes = numpy.ptp(values, axis=0) > 0
    values, ends = values - values.mean(axis=0), ends - ends.mean()
    sizes = numpy.sqrt((values**2).sum(axis=0) * (ends**2).sum())
    # Rounding leaves something of a constant too, which correlates with anything.
    return numpy.where(changes, ends @ values / numpy.where(changes, sizes, 1), 0)
