"""A whole MXNet model on the engine, which works on the memory of the model's parameters."""

from __future__ import annotations

from typing import Any

from mxnet import gluon, np

from gluon_gru import engine
from gluon_gru.engine.layout import book_layout
from gluon_gru.engine.network import Layer, Network, Parameter
from gluon_gru.models import fused, registry
from gluon_gru.models.concise import RNNModel
from gluon_gru.models.operator import memory_of, runs_here
from gluon_gru.models.parameters import named_params
from gluon_gru.models.scratch import RNNModelScratch


def network_of(
    model: Any, seed: int | None = None, adam: bool = False, trained: bool = True
) -> Network | None:
    """Return the `Network` of a model; None if the engine can't run the whole model.

    It can run an `RNNModelScratch` of ``fused.rnn``, ``fused.gru``, ``fused.lstm``, and an
    `RNNModel` of a fused layer in one direction, on a CPU, in float32. The network works on the
    memory of the model's parameters: use it for an epoch or a text, since it doesn't notice when a
    parameter moves to other memory.

    Args:
        model: the model.
        seed: see `Network`; by default one is drawn from MXNet's random state.
        adam: see `Network`.
        trained: whether gradients are needed.
    """
    if engine.kernels() is None:
        return None
    if isinstance(model, RNNModelScratch) and hasattr(model.forward_fn, "cell"):
        if not runs_here(*model.params):
            return None
        cell = model.forward_fn.cell
        *weights, W_q, b_q = [
            Parameter(
                f"params.{i:02}", memory_of(param), memory_of(param.grad) if trained else None
            )
            for i, param in enumerate(model.params)
        ]
        layers = [Layer(cell, book_layout(cell, *model.params[0].shape), weights)]
        return Network(layers, W_q, b_q, False, seed=_seed(seed), adam=adam)
    layer = getattr(model, "rnn", None)
    if type(model) is not RNNModel or not isinstance(layer, fused.Layer):
        return None
    params = named_params(model)
    if (
        layer._dir == 2
        or layer._layout != "TNC"
        or registry.unusual(layer)
        or any(param.grad_req == "add" or len(param.list_ctx()) > 1 for param in params.values())
    ):
        return None
    if any(param._deferred_init for param in params.values()):
        learn_sizes(model)
    if not runs_here(*(param.data() for param in params.values())):
        return None

    def parameter(name: str) -> Parameter:
        param = params[name]
        wanted = trained and param.grad_req != "null"
        return Parameter(name, memory_of(param.data()), memory_of(param.grad()) if wanted else None)

    layers = [
        Layer(
            layer.cell(),
            layer.layout(i),
            [parameter(f"rnn.{name}") for name in layer.weight_names(i)],
        )
        for i in range(layer._num_layers)
    ]
    return Network(
        layers,
        parameter("dense.weight"),
        parameter("dense.bias"),
        True,
        layer._dropout,
        _seed(seed),
        adam,
    )


def _seed(seed: int | None) -> Any:
    return (lambda: int(np.random.randint(0, 2**31 - 1))) if seed is None else seed


def learn_sizes(model: gluon.Block) -> None:
    """Make Gluon learn the sizes of a model's weights and allocate them, as the first use does."""
    ctx = model.dense.weight.list_ctx()[0]
    model(np.zeros((1, 1), dtype="int32", ctx=ctx), model.begin_state(batch_size=1, ctx=ctx))
