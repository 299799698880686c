"""An MXNet model's parameters by their names in checkpoints: reading, setting, and for the engine."""

from __future__ import annotations

from typing import Any, Mapping

import numpy
from mxnet import gluon, np

from gluon_gru.engine.layout import check_params
from gluon_gru.engine.network import Parameter, runs_on_engine
from gluon_gru.models.operator import address, memory_of, runs_here


def named_params(model: Any) -> dict[str, Any]:
    """Return name -> parameter, with Gluon's names; from scratch, ``params.00`` and so on."""
    if isinstance(model, gluon.Block):
        # Gluon's own method has other names for a layer's, and fails for more than ten layers.
        params = dict(model._reg_params)
        for block, child in model._children.items():
            params.update({f"{block}.{name}": p for name, p in named_params(child).items()})
        return params
    return {f"params.{i:02}": param for i, param in enumerate(model.params)}


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    """Return name -> the parameter's array, whose ``grad`` is None if it isn't trained."""
    return {
        name: param.data() if isinstance(param, gluon.Parameter) else param
        for name, param in named_params(model).items()
    }


def lr_mults_of(model: Any) -> dict[str, float]:
    """Return name -> Gluon's multiplier of the learning rate, of the parameters that are trained."""
    return {
        name: getattr(param, "lr_mult", 1)
        for name, param in named_params(model).items()
        if (
            param.grad_req != "null"
            if isinstance(param, gluon.Parameter)
            else param.grad is not None
        )
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
        value = np.array(values[name], dtype=param.dtype)
        if isinstance(param, gluon.Parameter):
            param.set_data(value)
        else:
            param[:] = value.as_in_ctx(param.ctx)


def engine_params(model: Any) -> dict[str, Parameter] | None:
    """Return name -> parameter, for the engine; None if the engine can't run the whole model.

    It can run an `RNNModelScratch` of ``fused.rnn``, ``fused.gru``, ``fused.lstm``, and an
    `RNNModel` of a fused layer in one direction, on a CPU, in float32. The parameters are the
    memory of the model's own: use them for an epoch or a text, since they don't follow when a
    parameter moves to other memory.
    """
    config = model.config() if hasattr(model, "config") else {}
    if not (config.get("on_engine") and runs_on_engine(config)):
        return None
    if isinstance(model, gluon.Block):
        params = model.collect_params().values()
        if any(param.grad_req == "add" or len(param.list_ctx()) > 1 for param in params):
            return None
        if any(param._deferred_init for param in params):
            learn_sizes(model)
    arrays = arrays_of(model)
    lr_mults = lr_mults_of(model)
    grads = {name: arrays[name].grad for name in lr_mults}
    if not runs_here(*arrays.values(), *grads.values()):
        return None
    if len({address(array) for array in arrays.values()}) < len(arrays):
        # One array in several places: autograd adds up the gradients by all of them.
        return None
    return {
        name: Parameter(
            memory_of(array),
            memory_of(grads[name]) if name in grads else None,
            lr_mults.get(name, 1),
        )
        for name, array in arrays.items()
    }


def draw_seed() -> int:
    """Return a seed that follows from MXNet's random state, and advance that."""
    return int(np.random.randint(0, 2**31 - 1))


def learn_sizes(model: gluon.Block) -> None:
    """Make Gluon learn the sizes of a model's weights and allocate them, as the first use does."""
    ctx = model.dense.weight.list_ctx()[0]
    model(np.zeros((1, 1), dtype="int32", ctx=ctx), model.begin_state(batch_size=1, ctx=ctx))
