"""What a trained GRU's gates do, character by character: which units remember, and what resets them.

With the update gate Z_t and the reset gate R_t, both between 0 and 1, a unit keeps the fraction
Z_t of its hidden state (H_t = Z_t * H_{t-1} + (1 - Z_t) * candidate), and the candidate sees the
fraction R_t of the previous state. This holds for both GRUs, the book's and Gluon's
(`gluon_gru.models`).
"""

from __future__ import annotations

import dataclasses
import reprlib
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import check_model
from gluon_gru.engine.numpy_network import numpy_layers, zeros
from gluon_gru.errors import InputError
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import JSONObject
from gluon_gru.runs.restore import check_ours

# The tokens that are read at a time: a layer keeps more of each than its gates.
_PIECE = 1000

if TYPE_CHECKING:
    import mxnet

    from gluon_gru.text.vocabulary import Vocab


@dataclasses.dataclass
class Gates:
    """The gates of one layer over a text.

    Attributes:
        text: the tokens that were read, strings; unknown ones are ``<unk>``.
        update: Z, a NumPy array (num_tokens, num_hiddens): row t is of the step that reads
            ``text[t]``.
        reset: R, of the same shape.
        layer: the layer's number, from 0.
    """

    text: list[str]
    update: numpy.ndarray
    reset: numpy.ndarray
    layer: int


def written_out(model: Any) -> tuple[Callable, list[list[mxnet.np.ndarray]]]:
    """Return a model that is a GRU as ``(forward, layers)``.

    ``forward`` is `gru` or `gru_reset_after`; ``layers`` has a list of its parameters for every
    layer, lowest first, which ends with those of the model's output layer.

    Raises:
        InputError: for any other cell, and for a bidirectional layer.
    """
    from mxnet.gluon import rnn

    from gluon_gru import models
    from gluon_gru.models import fused

    forward_fn, layer = getattr(model, "forward_fn", None), getattr(model, "rnn", None)
    if isinstance(model, models.RNNModelScratch) and forward_fn in (models.gru, fused.gru):
        return models.gru, [model.params]
    if isinstance(model, models.RNNModel) and isinstance(layer, rnn.GRU):
        if layer._dir == 2:
            raise _both_ways()
        numbers = range(layer._num_layers)
        if isinstance(layer, fused.GRUResetBefore):
            output = [model.dense.weight.data().T, model.dense.bias.data()]
            return models.gru, [[*layer.book_params(i), *output] for i in numbers]
        return models.gru_reset_after, [models.reset_after_params(model, i) for i in numbers]
    cell = forward_fn or type(model if layer is None else layer)
    raise _no_gru(getattr(cell, "__name__", type(cell).__name__))


def _no_gru(name: str) -> InputError:
    return InputError(
        f"the model's cell is {name}, which lacks a GRU's two gates: give a model "
        "of gluon_gru.gru or of Gluon's rnn.GRU"
    )


def _both_ways() -> InputError:
    return InputError(
        "the model's rnn.GRU is bidirectional: its gates at a character also depend on the "
        "text after it; give a model of a single direction"
    )


def _taken(model: Any) -> tuple[Mapping[str, numpy.ndarray], JSONObject]:
    """Return the parameters and the config, as in checkpoints, of a model that is a GRU."""
    if isinstance(model, Checkpoint):
        check_ours(model.config)
        cell = CELLS[model.config["cell"]]
        if cell.gates != CELLS["gru_before"].gates:
            raise _no_gru(cell.title)
        if model.config.get("directions") == 2:
            raise _both_ways()
        check_model(model.params, model.config)
        return model.params, model.config
    _, layers = written_out(model)

    from gluon_gru import models
    from gluon_gru.models.parameters import params_of

    from_scratch = isinstance(model, models.RNNModelScratch)
    # The equations with 12 parameters have a second bias.
    cell = CELLS["gru_after" if len(layers[0]) == 12 else "gru_before"]
    return params_of(model), {
        "model": "RNNModelScratch" if from_scratch else "RNNModel",
        "cell": cell.name,
        "vocab_size": model.vocab_size,
        "num_hiddens": layers[0][1].shape[0],
        "num_layers": len(layers),
    }


def check_known(text: Sequence[str], vocab: Vocab) -> None:
    """Raise InputError for a text without any token that the vocabulary knows."""
    if not any(token in vocab.token_to_idx for token in text):
        some = ", ".join(map(repr, vocab.idx_to_token[1:6]))
        raise InputError(
            f"text {reprlib.repr(text)} has no token that the model knows: use those "
            f"of its vocabulary, such as {some}"
        )


def inspect(
    model: Any, vocab: Vocab, text: Sequence[str], ctx: mxnet.Context | None = None, layer: int = 0
) -> Gates:
    """Read a text with a trained GRU, from a state of zeros; return its `Gates`.

    NumPy computes them, from the model's parameters.

    Args:
        model: an `RNNModelScratch` of `gru`, or an `RNNModel` of ``rnn.GRU``; or the
            `gluon_gru.runs.checkpoint.Checkpoint` of one, for which no MXNet is needed.
        vocab: the `gluon_gru.Vocab` that it was trained with.
        text: a string for a model of characters, read as it is (the book's corpus has only small
            letters and spaces); a list of words for a model of words. Tokens outside the
            vocabulary become ``<unk>``.
        ctx: has no effect; callers of version 0.1.0 give the device that the model is on.
        layer: the layer's number, from 0.

    Raises:
        InputError: for a text without any known token, a vocabulary or layer that isn't the
            model's, and a cell that isn't a GRU.
    """
    params, config = _taken(model)
    layers = [one for (one,) in numpy_layers(params, config)[0]]
    if layer not in range(len(layers)):
        raise InputError(
            f"layer is {layer!r}, but the model has {len(layers)}: give one from 0 "
            f"to {len(layers) - 1}"
        )
    if len(vocab) != config["vocab_size"]:
        raise InputError(
            f"the vocabulary has {len(vocab)} tokens, but the model was made for "
            f"{config['vocab_size']}: give the one that it was trained with"
        )
    check_known(text, vocab)
    indices = vocab[list(text)]
    states = [zeros(config["cell"], 1, config["num_hiddens"]) for _ in layers]
    seen: dict[str, list[numpy.ndarray]] = {"Z": [], "R": []}
    for at in range(0, len(indices), _PIECE):
        hiddens = numpy.array(indices[at : at + _PIECE])[:, None]
        for i, one in enumerate(layers[: layer + 1]):
            hiddens, states[i] = one.forward(hiddens, states[i])
        for gate in seen:
            seen[gate] += [step[gate] for step in one.steps]
    update, reset = (numpy.concatenate(seen[gate]) for gate in "ZR")
    return Gates(vocab.to_tokens(indices), update, reset, layer)


def memory(gates: Gates) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Rank the units by how long they remember; ``(order, taus)``.

    Over n tokens a unit keeps the fraction Z_1 * ... * Z_n of its state, which on average decays as
    exp(-n / tau) with the time constant tau = -1 / mean(log Z), in tokens. What a unit regains
    through other units (W_hh) is not counted.

    Returns:
        The units, longest memory first, and the tau of every unit in the units' own order, both
        (num_hiddens,). A unit whose Z was always 1 has an infinite tau, one whose Z was ever 0 has
        tau 0.
    """
    with numpy.errstate(divide="ignore"):
        taus = 1 / numpy.abs(numpy.log(gates.update.astype(numpy.float64)).mean(axis=0))
    return numpy.argsort(-taus, kind="stable"), taus


def resets(gates: Gates) -> tuple[list[str], numpy.ndarray, numpy.ndarray]:
    """Rank the text's distinct tokens by their mean R; ``(tokens, means, by_unit)``.

    The token that resets most comes first; unit i is reset most by
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
    masks = [tokens == token for token in dict.fromkeys(gates.text)]
    mean = values.mean(axis=0)
    between = sum(mask.mean() * (values[mask].mean(axis=0) - mean) ** 2 for mask in masks)
    return _where_changing(values, between, values.var(axis=0))


def _values(gates: Gates, gate: str) -> numpy.ndarray:
    if gate not in ("reset", "update"):
        raise InputError(f"gate {gate!r} is unknown: use 'reset' or 'update'")
    return getattr(gates, gate).astype(numpy.float64)


def _where_changing(values: numpy.ndarray, over: Any, under: numpy.ndarray) -> numpy.ndarray:
    """Return ``over / under`` by unit; 0 for a constant gate, of which rounding leaves a variance."""
    changes = numpy.ptp(values, axis=0) > 0
    return numpy.divide(over, under, out=numpy.zeros(len(changes)), where=changes)


def _ends(gates: Gates) -> numpy.ndarray:
    return numpy.array([not token.isalpha() for token in gates.text])


def has_ends(gates: Gates) -> bool:
    """Return whether a text has both letters and ends of words."""
    return len(set(_ends(gates))) == 2


def boundary_correlation(gates: Gates, gate: str = "reset") -> numpy.ndarray:
    """Return the correlation of a gate with the ends of words, by unit, (num_hiddens,).

    Pearson's, -1 to 1, between the gate and whether the character just read is no letter and so
    ends a word; ``<unk>`` is no letter either. A unit whose gate never changes has 0.

    Args:
        gates: the gates of a model of characters.
        gate: ``"reset"`` or ``"update"``.

    Raises:
        InputError: for another ``gate``, and for a text of nothing but letters or without any.
    """
    values, ends = _values(gates, gate), _ends(gates)
    if not has_ends(gates):
        raise InputError(
            f"text {reprlib.repr(''.join(gates.text))} has "
            f"{'nothing but' if ends.all() else 'no'} ends of words: give one with letters and spaces"
        )
    apart, ends = values - values.mean(axis=0), ends - ends.mean()
    sizes = numpy.sqrt((apart**2).sum(axis=0) * (ends**2).sum())
    return _where_changing(values, ends @ apart, sizes)
