"""What a trained GRU loses when its gates are held: how much, and over which distance.

``held`` says which gates are held, and at what: a dict with ``"update"`` (Z), ``"reset"`` (R) or
both as keys; its values are numbers from 0 to 1, or ``"mean"``, every unit's own mean over the
text, with which the gate no longer depends on what is read. ``{"update": 0}`` always takes the
candidate, ``{"update": 1}`` always keeps the state, ``{"reset": 0}`` hides the state from the
candidate, ``{"reset": 1}`` never does; ``{}`` holds nothing.
"""

from __future__ import annotations

import numbers
from typing import Any, Callable, Mapping, Sequence, Union

import numpy

from gluon_gru.errors import InputError, check_positive
from gluon_gru.gates.inspection import written_out
from gluon_gru.text import minibatches

#: Gates to hold -> what they are held at.
Held = Mapping[str, Union[float, str]]

# The chapter's minibatches: rows side by side, and the steps that a row is a multiple of. What is
# left of a row is hardly trained, so a model that knows its text by heart doesn't know that.
_ROWS, _STEPS = 32, 35

# Tokens read before a gate is held for one step: the state is one that reading leads to by then.
_WARM_UP = 50

# Places at which it is held, spread over the text.
_PLACES = 500


class _GRU:
    """A trained GRU of one layer, to be run with hooks."""

    def __init__(self, model: Any) -> None:
        self.forward, layers = written_out(model)
        if len(layers) != 1:
            raise InputError(f"the model has {len(layers)} layers: gates are held in a GRU of one")
        self.params, self.vocab_size = layers[0], model.vocab_size
        self.ctx, self.num_hiddens = self.params[0].ctx, self.params[1].shape[0]

    def run(self, X, Y, state=None, gates=None):
        """Read X (batch_size, num_steps); return the losses in predicting Y, and the state.

        Losses are in nats, a NumPy array (num_steps, batch_size). The state is zeros if not given.
        """
        from mxnet import gluon, np, npx

        from gluon_gru.models import init_gru_state

        state = state or init_gru_state(len(X), self.num_hiddens, self.ctx)
        inputs = np.array(X.T, dtype="int32", ctx=self.ctx)
        labels = np.array(Y.T.reshape(-1), dtype="int32", ctx=self.ctx)
        outputs, state = self.forward(
            npx.one_hot(inputs, self.vocab_size), state, self.params, gates=gates
        )
        losses = gluon.loss.SoftmaxCrossEntropyLoss()(outputs, labels)
        return losses.asnumpy().astype(numpy.float64).reshape(Y.T.shape), state

    def means(self, X, Y):
        """Return both gates' means over X, by unit: arrays (num_hiddens,)."""
        sums = {"update": 0, "reset": 0}

        def add(t, Z, R):
            sums["update"] = sums["update"] + Z.mean(axis=0)
            sums["reset"] = sums["reset"] + R.mean(axis=0)
            return Z, R

        self.run(X, Y, gates=add)
        return {gate: total / X.shape[1] for gate, total in sums.items()}

    def hook(self, held, X, Y):
        """Return the ``gates`` argument of `run` that holds gates; means are those over X."""
        for gate, value in held.items():
            if gate not in ("update", "reset"):
                raise InputError(f"held {held!r} names {gate!r}: a GRU has 'update' and 'reset'")
            number = isinstance(value, numbers.Real) and 0 <= value <= 1
            if not number and value != "mean":
                raise InputError(
                    f"held {held!r} has {gate!r} at {value!r}: give a number from 0 to 1, or 'mean'"
                )
        means = self.means(X, Y) if "mean" in held.values() else {}
        at = {gate: means[gate] if value == "mean" else value for gate, value in held.items()}
        return lambda t, Z, R: (at.get("update", Z), at.get("reset", R))


def perplexity_when_held(model: Any, tokens: Sequence[int], held: Held) -> float:
    """Return the perplexity of a text while gates are held from its beginning to its end.

    The text is read as the chapter trains on it; see `rows`.

    Args:
        model: an `RNNModelScratch` of `gru`, or an `RNNModel` of one ``rnn.GRU`` layer.
        tokens: indices, integers (num_tokens,).
        held: see this module; ``{}`` for the perplexity to compare with.

    Raises:
        InputError: for another model, a text too short, and gates that can't be held so.
    """
    from gluon_gru.training.metrics import perplexity

    cell, (X, Y) = _GRU(model), rows(tokens)
    losses, _ = cell.run(X, Y, gates=cell.hook(held, X, Y))
    return perplexity(losses.mean())


def hook(model: Any, tokens: Sequence[int], held: Held) -> Callable:
    """Return the ``gates`` argument, as `gluon_gru.gru` takes it, that holds gates.

    Args and errors: see `perplexity_when_held`; means are taken over ``tokens``.
    """
    return _GRU(model).hook(held, *rows(tokens))


def rows(tokens: Sequence[int]) -> list[numpy.ndarray]:
    """Return a text as the chapter trains on it: ``[X, Y]``, (32, steps) each.

    32 rows of consecutive tokens, cut to whole minibatches of 35 steps if they are long enough; Y
    is X one token later.

    Raises:
        InputError: for a text too short for rows.
    """
    if len(tokens) <= _ROWS:
        raise InputError(f"a text of {len(tokens)} tokens is too short: give at least {_ROWS + 1}")
    X, Y = minibatches.rows(numpy.asarray(tokens), _ROWS)
    steps = X.shape[1] // _STEPS * _STEPS or X.shape[1]
    return [X[:, :steps], Y[:, :steps]]


def damage_by_distance(
    model: Any, tokens: Sequence[int], held: Held, max_distance: int
) -> numpy.ndarray:
    """Return what holding gates for one step costs d steps later, (max_distance + 1,).

    Entry d is the mean rise of the loss, in nats, of the prediction made d steps after the held
    one (0: of the prediction that the held step itself makes). The mean is over up to 500 places
    all over the text, each held alone and after 50 tokens read from a state of zeros.

    Args:
        model, tokens, held: see `perplexity_when_held`.
        max_distance: the largest d.

    Raises:
        InputError: for another model, a text too short, gates that can't be held so, and a distance below 1.
    """
    check_positive("max_distance", max_distance)
    cell, ids = _GRU(model), numpy.asarray(tokens)
    needed = _WARM_UP + max_distance + 2
    if len(tokens) < needed:
        raise InputError(
            f"a text of {len(tokens)} tokens is too short for a distance of "
            f"{max_distance}: give at least {needed}"
        )
    last = len(tokens) - needed
    starts = numpy.linspace(0, last, min(_PLACES, last + 1)).astype(int)
    windows = ids[starts[:, None] + numpy.arange(needed)]
    X, Y = windows[:, :-1], windows[:, 1:]
    hold = cell.hook(held, X, Y)
    _, state = cell.run(X[:, :_WARM_UP], Y[:, :_WARM_UP])
    X, Y = X[:, _WARM_UP:], Y[:, _WARM_UP:]
    with_held, _ = cell.run(X, Y, state, lambda t, Z, R: (Z, R) if t else hold(t, Z, R))
    free, _ = cell.run(X, Y, state)
    return (with_held - free).mean(axis=1)


def half_distance(curve: Sequence[float]) -> float:
    """Return the distance, in steps, within which half of the damage has happened.

    The smallest d for which the entries 0 to d of ``curve`` (see `damage_by_distance`) sum up to
    half of all entries, negative ones taken as 0; NaN if none is positive. It is too small where
    the curve ends before the damage does.
    """
    damage = numpy.cumsum(numpy.maximum(curve, 0))
    return int((damage >= damage[-1] / 2).argmax()) if damage[-1] > 0 else float("nan")
