"""A model's parameters by their names in checkpoints: reading them, and setting them."""

from __future__ import annotations

from typing import Any, Mapping

import numpy
from mxnet import gluon, np

from gluon_gru.engine.layout import check_params, plain_name


def named_params(model: Any) -> dict[str, Any]:
    """Return name -> parameter, with Gluon's names; from scratch, ``params.00`` and so on."""
    if isinstance(model, gluon.Block):
        params = model._collect_params_with_prefix()
        return {plain_name(name): param for name, param in params.items()}
    return {f"params.{i:02}": param for i, param in enumerate(model.params)}


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    """Return name -> the parameter's array, whose ``grad`` is None if it isn't trained."""
    return {
        name: param.data() if isinstance(param, gluon.Parameter) else param
        for name, param in named_params(model).items()
    }


def params_of(model: Any) -> dict[str, numpy.ndarray]:
    """Return name -> the parameter's numbers, a copy."""
    return {name: array.asnumpy() for name, array in arrays_of(model).items()}


def set_params(model: Any, values: Mapping[str, numpy.ndarray]) -> None:
    """Set a model's parameters; ``values`` must have exactly one array for each.

    Raises:
        InputError: for names or shapes that differ from the model's.
    """
    params = named_params(model)
    check_params(values, {name: param.shape for name, param in params.items()})
    for name, param in params.items():
        value = np.array(values[name])
        if isinstance(param, gluon.Parameter):
            param.set_data(value)
        else:
            param[:] = value.as_in_ctx(param.ctx)
