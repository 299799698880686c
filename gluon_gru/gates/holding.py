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
from gluon_gru.training.metrics import perplexity

#: Gates to hold -> what they are held at.
Held = Mapping[str, Union[float, str]]

# The chapter's minibatches: rows side by side, cut to a multiple of so many steps. Training hardly
# sees what is left of a row, so a model that knows its text by heart doesn't know that.
_ROWS, _STEPS = 32, 35

# A gate is held for one step at so many places of the text, each after reading so many tokens.
_PLACES, _WARM_UP = 500, 50


def _read(
    model: Any,
    X: numpy.ndarray,
    Y: numpy.ndarray,
    gates: Callable | None = None,
    state: Sequence[Any] | None = None,
) -> tuple[numpy.ndarray, Sequence[Any]]:
    """Read X, (batch_size, num_steps); return the losses in predicting Y, and the last state.

    Losses are in nats, (num_steps, batch_size). The first state is zeros if not given.
    """
    from mxnet import gluon, np, npx

    from gluon_gru.models import init_gru_state

    forward, layers = written_out(model)
    if len(layers) != 1:
        raise InputError(f"the model has {len(layers)} layers: gates are held in a GRU of one")
    params, ctx = layers[0], layers[0][0].ctx
    state = state or init_gru_state(len(X), params[1].shape[0], ctx)
    inputs, labels = (np.array(tokens.T, dtype="int32", ctx=ctx) for tokens in (X, Y))
    logits, state = forward(npx.one_hot(inputs, model.vocab_size), state, params, gates=gates)
    losses = gluon.loss.SoftmaxCrossEntropyLoss()(logits, labels.reshape(-1))
    return losses.asnumpy().astype(numpy.float64).reshape(labels.shape), state


def _hook(model: Any, held: Held, X: numpy.ndarray, Y: numpy.ndarray) -> Callable:
    """Return the ``gates`` argument of `gluon_gru.gru` that holds gates; means are those over X."""
    for gate, value in held.items():
        if gate not in ("update", "reset"):
            raise InputError(f"held {held!r} names {gate!r}: a GRU has 'update' and 'reset'")
        if value != "mean" and not (isinstance(value, numbers.Real) and 0 <= value <= 1):
            raise InputError(
                f"held {held!r} has {gate!r} at {value!r}: give a number from 0 to 1, or 'mean'"
            )
    seen = []

    def look(t: int, Z: Any, R: Any) -> tuple[Any, Any]:
        seen.append((Z.mean(axis=0), R.mean(axis=0)))
        return Z, R

    if "mean" in held.values():
        _read(model, X, Y, look)
    means = dict(zip(("update", "reset"), (sum(gate) / len(seen) for gate in zip(*seen))))
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
    X, Y = rows(tokens)
    losses, _ = _read(model, X, Y, _hook(model, held, X, Y))
    return perplexity(losses.mean())


def hook(model: Any, tokens: Sequence[int], held: Held) -> Callable:
    """Return the ``gates`` argument, as `gluon_gru.gru` takes it, that holds gates.

    Args and errors: see `perplexity_when_held`; means are taken over ``tokens``.
    """
    return _hook(model, held, *rows(tokens))


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
        InputError: for another model, a text too short, gates that can't be held so, and a
            distance below 1.
    """
    check_positive("max_distance", max_distance)
    needed = _WARM_UP + max_distance + 2
    if len(tokens) < needed:
        raise InputError(
            f"a text of {len(tokens)} tokens is too short for a distance of "
            f"{max_distance}: give at least {needed}"
        )
    last = len(tokens) - needed
    starts = numpy.linspace(0, last, min(_PLACES, last + 1)).astype(int)
    windows = numpy.asarray(tokens)[starts[:, None] + numpy.arange(needed)]
    X, Y = windows[:, :-1], windows[:, 1:]
    hold = _hook(model, held, X, Y)
    _, state = _read(model, X[:, :_WARM_UP], Y[:, :_WARM_UP])
    X, Y = X[:, _WARM_UP:], Y[:, _WARM_UP:]
    with_held, _ = _read(model, X, Y, lambda t, Z, R: (Z, R) if t else hold(t, Z, R), state)
    free, _ = _read(model, X, Y, None, state)
    return (with_held - free).mean(axis=1)


def half_distance(curve: Sequence[float]) -> float:
    """Return the distance, in steps, within which half of the damage has happened.

    The smallest d for which the entries 0 to d of ``curve`` (see `damage_by_distance`) sum up to
    half of all entries, negative ones taken as 0; NaN if none is positive. It is too small where
    the curve ends before the damage does.
    """
    damage = numpy.cumsum(numpy.maximum(curve, 0))
    return int((damage >= damage[-1] / 2).argmax()) if damage[-1] > 0 else float("nan")
