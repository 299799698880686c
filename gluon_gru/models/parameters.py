"""A model's parameters by their names in checkpoints: reading them, and setting them."""

from __future__ import annotations

from typing import Any, Mapping

import numpy
from mxnet import gluon, np

from gluon_gru.engine.layout import plain_name
from gluon_gru.errors import InputError


def named_params(model: Any) -> dict[str, Any]:
    """Return name -> parameter, with Gluon's names; from scratch, ``params.00`` and so on."""
    if isinstance(model, gluon.Block):
        params = model._collect_params_with_prefix()
        return {plain_name(name): param for name, param in params.items()}
    return {f"params.{i:02}": param for i, param in enumerate(model.params)}


def params_of(model: Any) -> dict[str, numpy.ndarray]:
    """Return name -> the parameter's numbers, a copy."""
    return {
        name: (param.data() if isinstance(param, gluon.Parameter) else param).asnumpy()
        for name, param in named_params(model).items()
    }


def set_params(model: Any, values: Mapping[str, numpy.ndarray]) -> None:
    """Set a model's parameters; ``values`` must have exactly one array for each.

    Raises:
        InputError: for names or shapes that differ from the model's.
    """
    params = named_params(model)
    # Gluon has -1 (or 0, as old code does) for sizes that it only learns from the first minibatch.
    wrong = sorted(
        name
        for name in {*params, *values}
        if name not in params
        or name not in values
        or len(params[name].shape) != values[name].ndim
        or any(a not in (-1, 0, b) for a, b in zip(params[name].shape, values[name].shape))
    )
    if wrong:
        shapes = [
            tuple(some[wrong[0]].shape) if wrong[0] in some else "missing"
            for some in (values, params)
        ]
        raise InputError(
            f"these are the parameters of another model: {wrong[0]} is {shapes[0]}, and the model "
            f"needs {shapes[1]}"
        )
    for name, param in params.items():
        value = np.array(values[name])
        if isinstance(param, gluon.Parameter):
            param.set_data(value)
        else:
            param[:] = value.as_in_ctx(param.ctx)
