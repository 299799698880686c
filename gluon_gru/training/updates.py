"""From gradients to new parameters: clipping, and SGD.

`grad_clipping` and `sgd` are the book's, parameter by parameter; `clipped_sgd` does both in about
ten operators, for any number of parameters. None of them reads anything back from the device.
"""

from __future__ import annotations

from typing import Any, Sequence

import mxnet as mx
from mxnet import gluon

# MXNet's operators on several arrays can take this many.
_MANY = 60


def _trained(model: Any) -> list[tuple[Any, float]]:
    """Return the trained parameters of a model, arrays with ``grad``, and Gluon's ``lr_mult``."""
    if isinstance(model, gluon.Block):
        return [
            (param.data(), param.lr_mult)
            for param in model.collect_params().values()
            if param.grad_req != "null"
        ]
    return [(param, 1) for param in model.params if param.grad is not None]


def trained_params(model: Any) -> list[Any]:
    """Return the trained parameters of a model, a list of arrays with ``grad``."""
    return [param for param, _ in _trained(model)]


def sgd(params: Sequence[Any], lr: float, batch_size: int) -> None:
    """Minibatch stochastic gradient descent: subtract lr * gradient / batch_size, in place.

    Source: the book's section "Linear Regression Implementation from Scratch".
    """
    for param in params:
        param[:] = param - lr * param.grad / batch_size


def _clip_scale(grads, theta):
    """Return the factor by which clipping scales the gradients, (1,), on the device."""
    squares = [
        mx.nd.multi_sum_sq(*grads[i : i + _MANY], num_arrays=len(grads[i : i + _MANY]))
        for i in range(0, len(grads), _MANY)
    ]
    return mx.nd.minimum(1, theta / mx.nd.sqrt(mx.nd.concat(*squares, dim=0).sum()))


def grad_clipping(model: Any, theta: float) -> None:
    """Scale the gradients, in place, so that their norm is at most ``theta``.

    All the parameters' gradients count as one vector g, which becomes min(1, theta / ||g||) g.
    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch".
    """
    grads = [param.grad for param in trained_params(model)]
    scale = _clip_scale([grad.as_nd_ndarray() for grad in grads], theta).as_np_ndarray()
    for grad in grads:
        grad *= scale


def clipped_sgd(model: Any, theta: float, lr: float) -> None:
    """Do what ``grad_clipping(model, theta)`` and ``sgd(params, lr, 1)`` do, in a few operators.

    The ``lr_mult`` of Gluon's parameters multiply the learning rate, as in ``gluon.Trainer``.
    """
    params, lr_mults = zip(*_trained(model))
    weights = [param.as_nd_ndarray() for param in params]
    grads = [param.grad.as_nd_ndarray() for param in params]
    scale = lr * _clip_scale(grads, theta)
    for i in range(0, len(weights), _MANY):
        w, g = weights[i : i + _MANY], grads[i : i + _MANY]
        rates = mx.nd.broadcast_to(scale, shape=(len(w),))
        if any(lr_mult != 1 for lr_mult in lr_mults[i : i + _MANY]):
            rates = rates * mx.nd.array(lr_mults[i : i + _MANY], ctx=rates.context)
        mx.nd.preloaded_multi_sgd_update(
            *[array for pair in zip(w, g) for array in pair],
            rates,
            mx.nd.zeros_like(rates),
            num_weights=len(w),
            out=w,
        )
