"""A model's weights as plain arrays, by layer, direction and gate: one form for all cells."""

import dataclasses
import json
from importlib import metadata

import numpy
from mxnet.gluon import rnn as layers

from gluon_gru.engine.layout import book_layout, gluon_layout
from gluon_gru.errors import InputError
from gluon_gru.models import RNNModel, RNNModelScratch, fused, scratch

#: Cell -> what to call it.
CELLS = {
    "rnn_tanh": "RNN (tanh)",
    "rnn_relu": "RNN (relu)",
    "lstm": "LSTM",
    "gru_before": "GRU (reset gate before the product, the book's)",
    "gru_after": "GRU (reset gate after the product, Gluon's)",
}
_FUNCTIONS = {scratch.rnn: "rnn_tanh", scratch.gru: "gru_before", scratch.lstm: "lstm"}
_LAYERS = (
    layers.RNN,
    layers.GRU,
    layers.LSTM,
    fused.RNN,
    fused.GRU,
    fused.LSTM,
    fused.GRUResetBefore,
)
_PARTS = ("W_x", "W_h", "b_x", "b_h")


@dataclasses.dataclass
class Layer:
    """The weights of one layer in one direction, float32, a matrix or vector a gate.

    The gates are in the book's order: update, reset, candidate; or input, forget, output,
    candidate; or the only one. A bias that the model hasn't is zero.

    Attributes:
        W_x: (gates, num_hiddens, num_inputs).
        W_h: (gates, num_hiddens, num_hiddens).
        b_x, b_h: (gates, num_hiddens), beside the product with the inputs and that with the state.
    """

    W_x: numpy.ndarray
    W_h: numpy.ndarray
    b_x: numpy.ndarray
    b_h: numpy.ndarray


@dataclasses.dataclass
class Weights:
    """The weights of a language model.

    Attributes:
        cell: a key of `CELLS`.
        layers: from the lowest up, a list of `Layer` each: forwards, then maybe backwards.
        W_q, b_q: of the output layer, (vocab_size, num_hiddens * directions) and (vocab_size,).
    """

    cell: str
    layers: list
    W_q: numpy.ndarray
    b_q: numpy.ndarray

    @property
    def num_hiddens(self):
        """Return the number of hidden units of a layer in one direction."""
        return self.layers[0][0].W_h.shape[2]

    @property
    def directions(self):
        """Return 1 or 2."""
        return len(self.layers[0])

    @property
    def vocab_size(self):
        """Return how many tokens there are."""
        return len(self.b_q)

    def __str__(self):
        many = f"{len(self.layers)} layer{'s' * (len(self.layers) > 1)}"
        return (
            f"{CELLS[self.cell]}, {many}{', bidirectional' * (self.directions == 2)}, "
            f"{self.num_hiddens} hidden units, {self.vocab_size} tokens"
        )


def of(model):
    """Return the `Weights` of a model.

    Args:
        model: an `RNNModelScratch` of the book's RNN, GRU or LSTM, or an `RNNModel` over Gluon's
            layers, either kind on the engine or not, its sizes known (as `restore` leaves it).

    Raises:
        InputError: for another cell, a reader's own or part of a GRU, and for a layer with a
            projection or clipped states.
    """
    if isinstance(model, RNNModelScratch):
        return _of_scratch(model)
    if isinstance(model, RNNModel):
        return _of_concise(model)
    raise InputError(
        f"a {type(model).__name__} can't be exported: an RNNModel or RNNModelScratch can"
    )


def _of_scratch(model):
    function = model.forward_fn
    cell = _FUNCTIONS.get(function, getattr(function, "cell", None))
    if cell not in CELLS:
        raise InputError(
            f"a model whose forward_fn is {getattr(function, '__name__', 'unnamed')!r} can't be "
            "exported: no other program has that cell; rnn, gru, lstm and the layers of Gluon can"
        )
    *params, W_q, b_q = [param.asnumpy() for param in model.params]
    layer = _layer(book_layout(cell, model.vocab_size, model.num_hiddens), params)
    return Weights(cell, [[layer]], W_q.T, b_q)


def _of_concise(model):
    rnn = model.rnn
    if type(rnn) not in _LAYERS or rnn._projection_size or rnn._lstm_state_clip_min is not None:
        raise InputError(
            f"a model over {rnn!r} can't be exported: RNN, GRU and LSTM can, without "
            "projection and clipped states"
        )
    cell = (
        rnn.cell()
        if isinstance(rnn, fused.Layer)
        else ("gru_after" if rnn._mode == "gru" else rnn._mode)
    )
    found = []
    for i in range(rnn._num_layers):
        found.append([])
        for side in "lr"[: rnn._dir]:
            num_inputs = getattr(rnn, f"{side}{i}_i2h_weight").shape[1]
            layout = gluon_layout(cell, num_inputs, rnn._hidden_size)
            names = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")[: len(layout.shapes)]
            found[-1].append(
                _layer(
                    layout, [getattr(rnn, f"{side}{i}_{name}").data().asnumpy() for name in names]
                )
            )
    return Weights(
        cell, found, model.dense.weight.data().asnumpy(), model.dense.bias.data().asnumpy()
    )


def _layer(layout, params):
    """Return the `Layer` of parameters that are laid out so."""
    arrays = {}
    for part in _PARTS[: len(layout.places)]:
        shape = layout.shapes[layout.places[part][0][0]]
        size = numpy.prod(shape) // (1 if not layout.transposed else len(layout.places[part]))
        gates = [params[i].reshape(-1)[start : start + size] for i, start in layout.places[part]]
        if part.startswith("b"):
            arrays[part] = numpy.stack(gates)
        elif layout.transposed:
            arrays[part] = numpy.stack([gate.reshape(-1, shape[1]) for gate in gates])
        else:
            arrays[part] = numpy.stack([gate.reshape(shape).T for gate in gates])
    arrays.setdefault("b_h", numpy.zeros_like(arrays["b_x"]))
    return Layer(**arrays)


def facts(vocab, config):
    """Return what a file should say about a model beside its weights, a dict of strings.

    ``vocab`` is the list of tokens by index, ``config`` the checkpoint's facts, and ``text`` how a
    text becomes tokens, all as JSON; ``made_by`` names this package and its version.

    Args:
        vocab: the model's `gluon_gru.Vocab`.
        config: its checkpoint's.
    """
    text = config.get("text") or {
        "tokens": "characters",
        "case": "fold",
        "lines": "all but the letters a to z is one space, none at a line's start and end",
    }
    return {
        "vocab": json.dumps(list(vocab.idx_to_token)),
        "text": json.dumps(text),
        "config": json.dumps(config),
        "made_by": f"gluon_gru {metadata.version('gluon_gru')}",
    }
