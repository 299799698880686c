"""What a trained GRU loses when its gates are held: how much, and over which distance.

``held`` says which gates are held, and at what: a dict with ``"update"`` (Z), ``"reset"`` (R) or
both as keys; its values are numbers from 0 to 1, or ``"mean"``, every unit's own mean over the
text, with which the gate no longer depends on what is read. ``{"update": 0}`` always takes the
candidate, ``{"update": 1}`` always keeps the state, ``{"reset": 0}`` hides the state from the
candidate, ``{"reset": 1}`` never does; ``{}`` holds nothing.
"""

from __future__ import annotations

import functools
import numbers
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence, Union

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.errors import InputError, check_positive
from gluon_gru.gates.inspection import written_out
from gluon_gru.text import minibatches
from gluon_gru.training.learner import learner_of
from gluon_gru.training.metrics import perplexity

if TYPE_CHECKING:
    from gluon_gru.models import RNNModelScratch

#: Gates to hold -> what they are held at.
Held = Mapping[str, Union[float, str]]

# The chapter's minibatches: rows side by side, cut to a multiple of so many steps. Training hardly
# sees what is left of a row, so a model that knows its text by heart doesn't know that.
_ROWS, _STEPS = 32, 35

# A gate is held for one step at so many places of the text, each after reading so many tokens.
_PLACES, _WARM_UP = 500, 50


def with_gates(model: Any, gates: Callable | None) -> RNNModelScratch:
    """Return a trained GRU written out as equations, both gates passing through a function.

    Args:
        model: an `RNNModelScratch` of `gru`, or an `RNNModel` of one ``rnn.GRU`` layer.
        gates: see `gluon_gru.gru`.

    Raises:
        InputError: for another model.
    """
    forward, params = _one_layer(model)
    return _written(model, params, functools.partial(forward, gates=gates))


def _one_layer(model: Any) -> tuple[Callable, list[Any]]:
    """Return a GRU of one layer as ``(forward, params)``; see `written_out`."""
    forward, layers = written_out(model)
    if len(layers) != 1:
        raise InputError(f"the model has {len(layers)} layers: gates are held in a GRU of one")
    return forward, layers[0]


def _written(model: Any, params: list[Any], forward: Callable) -> RNNModelScratch:
    """Return a model as equations, ``forward``, with parameters as `written_out` returns them."""
    from gluon_gru.models import RNNModelScratch, init_gru_state

    return RNNModelScratch(
        model.vocab_size,
        params[1].shape[0],
        params[0].ctx,
        lambda *_: params,
        init_gru_state,
        forward,
    )


def hold(model: Any, tokens: Sequence[int] | numpy.ndarray, held: Held) -> RNNModelScratch:
    """Return a trained GRU whose gates are held, on the engine; means are those over ``tokens``.

    Args and errors: see `perplexity_when_held`.
    """
    return _with_held(model, _values(model, held, rows(tokens)[0]))


# The sigmoid of this is 1 to the last digit of a float32, and that of its negative 0.
_CERTAIN = 100.0


def _with_held(model: Any, values: Mapping[str, Any]) -> RNNModelScratch:
    """Return a trained GRU whose gates are held: one without weights is the sigmoid of its bias.

    Args:
        model: see `with_gates`.
        values: ``update``, ``reset`` -> a number, or one for each unit (num_hiddens,).
    """
    from mxnet import np

    from gluon_gru.models import fused, gru

    forward, params = _one_layer(model)
    params = list(params)
    for gate, value in values.items():
        place = 3 * CELLS["gru_before"].gates.index(gate)
        shape = params[place + 2].shape
        value = numpy.broadcast_to(numpy.asarray(value, "float64"), shape)
        with numpy.errstate(divide="ignore"):
            bias = numpy.log(value) - numpy.log1p(-value)
        bias = bias.clip(-_CERTAIN, _CERTAIN).astype("float32")
        for i, weight in enumerate((0, 0, np.array(bias, ctx=params[0].ctx)), place):
            params[i] = np.zeros_like(params[i]) + weight
    return _written(model, params, fused.gru if forward is gru else fused.gru_reset_after)


def _run(model: Any, X: numpy.ndarray, state: Any = None) -> tuple[Any, Any]:
    """Read X, (batch_size, num_steps), from zeros if no state is given; ``(logits, state)``."""
    from mxnet import np

    ctx = model.params[0].ctx
    return model(np.array(X, dtype="int32", ctx=ctx), state or model.begin_state(len(X), ctx))


def _values(model: Any, held: Held, X: numpy.ndarray) -> dict[str, Any]:
    """Return what gates are held at; means are those over X, (batch_size, num_steps)."""
    for gate, value in held.items():
        if gate not in ("update", "reset"):
            raise InputError(f"held {held!r} names {gate!r}: a GRU has 'update' and 'reset'")
        if value != "mean" and not (isinstance(value, numbers.Real) and 0 <= value <= 1):
            raise InputError(
                f"held {held!r} has {gate!r} at {value!r}: give a number from 0 to 1, or 'mean'"
            )
    means = []

    def look(t, Z, R):
        means.append((Z.mean(axis=0), R.mean(axis=0)))
        return Z, R

    if "mean" in held.values():
        _run(with_gates(model, look), X)
    mean = dict(zip(("update", "reset"), (sum(gate) / len(means) for gate in zip(*means))))
    return {
        gate: mean[gate].asnumpy() if value == "mean" else value for gate, value in held.items()
    }


def perplexity_when_held(model: Any, tokens: Sequence[int] | numpy.ndarray, held: Held) -> float:
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
    when_held = hold(model, tokens, held)
    with learner_of(when_held, when_held.params[0].ctx) as learner:
        return perplexity(learner.score(X, Y, from_zeros=True))


def rows(tokens: Sequence[int] | numpy.ndarray) -> list[numpy.ndarray]:
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
    model: Any, tokens: Sequence[int] | numpy.ndarray, held: Held, max_distance: int
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
    from mxnet import gluon, np

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
    X, labels = windows[:, _WARM_UP:-1], windows[:, _WARM_UP + 1 :].T
    when_held = _with_held(model, _values(model, held, windows[:, :-1]))
    free = _with_held(model, {})
    _, state = _run(free, windows[:, :_WARM_UP])

    def losses(first):
        """Return the losses if ``first`` reads the first token, and the free model the others."""
        logits, after = _run(first, X[:, :1], state)
        logits = np.concatenate([logits, _run(free, X[:, 1:], after)[0]])
        of_each = gluon.loss.SoftmaxCrossEntropyLoss()(
            logits, np.array(labels.reshape(-1), dtype="int32", ctx=logits.ctx)
        )
        return of_each.asnumpy().astype(numpy.float64).reshape(labels.shape)

    return (losses(when_held) - losses(free)).mean(axis=1)


def half_distance(curve: Sequence[float] | numpy.ndarray) -> float:
    """Return the distance, in steps, within which half of the damage has happened.

    The entries of ``curve`` (see `damage_by_distance`), negative ones taken as 0, are summed up;
    entry d counts as spread evenly from d to d + 1, so the result lies between whole numbers. It is
    NaN if no entry is positive, and too small where the curve ends before the damage does.
    """
    damage = numpy.maximum(curve, 0)
    reached = numpy.concatenate([[0], numpy.cumsum(damage)])
    half = reached[-1] / 2
    if not half > 0:
        return float("nan")
    last = int((reached >= half).argmax()) - 1
    return float(last + (half - reached[last]) / damage[last])
