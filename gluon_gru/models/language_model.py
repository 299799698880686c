"""The language models: a cell's three functions from scratch, or a recurrent layer of Gluon's.

A checkpoint names a cell only if the function or class that computes it IS this package's or
Gluon's: a reader's own ``gru``, or a subclass of ``rnn.GRU``, may compute something else.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Sequence

import mxnet as mx
from mxnet import np, npx
from mxnet.gluon import nn, rnn

from gluon_gru import engine
from gluon_gru.cells import CELLS
from gluon_gru.errors import check_positive
from gluon_gru.models import fused, scratch


def _first(matches: Iterable[tuple[str, bool]]) -> tuple[str | None, bool]:
    """Return the first (only) cell's name, and whether the engine computes it; else None, False."""
    return next(iter(matches), (None, False))


class RNNModelScratch:
    """A language model from three functions such as `get_gru_params`, `init_gru_state`, `gru`.

    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch".

    Args:
        vocab_size, num_hiddens: sizes.
        ctx: the ``mxnet.Context`` that the parameters are made on.
        get_params: ``(vocab_size, num_hiddens, ctx)`` -> list of parameters with ``attach_grad``.
        init_state: ``(batch_size, num_hiddens, ctx)`` -> the first state.
        forward_fn: ``(inputs, state, params)`` -> ``(outputs, state)``; with an attribute
            ``reads_tokens`` that is true, ``inputs`` are tokens, (num_steps, batch_size).

    Raises:
        InputError: for sizes that aren't positive whole numbers.
    """

    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        ctx: mx.Context,
        get_params: Callable[[int, int, mx.Context], list[np.ndarray]],
        init_state: Callable[[int, int, mx.Context], Sequence[np.ndarray]],
        forward_fn: Callable,
    ) -> None:
        check_positive("vocab_size", vocab_size)
        check_positive("num_hiddens", num_hiddens)
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, ctx)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(
        self, X: np.ndarray, state: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, Sequence[np.ndarray]]:
        """Run over tokens X (batch_size, num_steps) from ``state``; ``(outputs, state)``.

        The outputs are logits (num_steps * batch_size, vocab_size), time step by time step.
        """
        tokens = getattr(self.forward_fn, "reads_tokens", False)
        inputs = X.T if tokens else npx.one_hot(X.T, self.vocab_size)
        return self.forward_fn(inputs, state, self.params)

    def config(self) -> dict[str, Any]:
        """Return the facts of this model that checkpoints hold, as JSON has them.

        ``cell`` is None for a subclass of this class, and for functions of the reader's own.
        """
        cell, on_engine = _first(
            (cell.name, module is fused)
            for cell in CELLS.values()
            for module in (scratch, fused)
            if type(self) is RNNModelScratch
            and cell.scratch
            and self.init_state is getattr(scratch, cell.functions[1])
            and self.forward_fn is getattr(module, cell.scratch, None)
        )
        return {
            "model": "RNNModelScratch",
            "forward_fn": getattr(self.forward_fn, "__name__", "unnamed"),
            "cell": cell,
            "on_engine": on_engine,
            "num_hiddens": self.num_hiddens,
            "vocab_size": self.vocab_size,
        }

    def begin_state(self, batch_size: int, ctx: mx.Context) -> Sequence[np.ndarray]:
        """Return the first state."""
        return self.init_state(batch_size, self.num_hiddens, ctx)


class RNNModel(nn.Block):
    """A language model over ``rnn.RNN``, ``rnn.GRU`` or ``rnn.LSTM``, any layers and directions.

    Gluon's GRU differs from the book's: see `gluon_gru.models`. A bidirectional layer reads the
    token that it is to predict, so its perplexity is meaningless.

    Source: the book's section "Concise Implementation of Recurrent Neural Networks".

    Args:
        rnn_layer: a layer of ``mxnet.gluon.rnn``, in its default layout.
        vocab_size: how many tokens there are.

    Raises:
        InputError: for a ``vocab_size`` that isn't a positive whole number.
    """

    def __init__(self, rnn_layer: Any, vocab_size: int, **kwargs: Any) -> None:
        check_positive("vocab_size", vocab_size)
        super().__init__(**kwargs)
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.dense = nn.Dense(vocab_size)

    def forward(
        self, inputs: np.ndarray, state: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, Sequence[np.ndarray]]:
        """Run over tokens (batch_size, num_steps) from ``state``; ``(outputs, state)``.

        The outputs are logits (num_steps * batch_size, vocab_size), time step by time step.
        """
        if not isinstance(self.rnn, fused.Layer) and fused.loses_dropout(self.rnn, inputs.ctx):
            name = type(self.rnn).__name__
            engine.warn_once(
                f"MXNet ignores the dropout of rnn.{name} on a CPU: use fused.{name} of "
                "gluon_gru.models, the same layer with dropout"
            )
        hiddens, state = self.rnn(npx.one_hot(inputs.T, self.vocab_size), state)
        return self.dense(hiddens.reshape(-1, hiddens.shape[-1])), state

    def config(self) -> dict[str, Any]:
        """Return the facts of this model that checkpoints hold, as JSON has them.

        ``cell`` is None for a subclass of this class, and for a layer of the reader's own, which is
        also one with options that change what it computes. A layer of the reader's own may lack
        some of the other facts.
        """
        layer = self.rnn
        cell, on_engine = _first(
            (cell.name, isinstance(layer, fused.Layer))
            for cell in CELLS.values()
            for module, name in ((rnn, cell.layer), (fused, cell.fused_layer))
            if type(self) is RNNModel
            and name
            and type(layer) is getattr(module, name)
            and cell.mode in ("", layer._mode)
            and fused.is_usual(layer)
            and layer._layout == "TNC"
        )
        return {
            "model": "RNNModel",
            "layer": getattr(layer, "fused_name", getattr(layer, "_mode", None)),
            "cell": cell,
            "on_engine": on_engine,
            "vocab_size": self.vocab_size,
            "num_hiddens": getattr(layer, "_hidden_size", None),
            "num_layers": getattr(layer, "_num_layers", None),
            "directions": getattr(layer, "_dir", None),
            "dropout": getattr(layer, "_dropout", None),
        }

    def begin_state(self, *args: Any, **kwargs: Any) -> list[np.ndarray]:
        """Return the layer's first state, ``begin_state(batch_size, ctx=...)``.

        A list of one array (two for an LSTM), (num_layers * directions, batch_size, num_hiddens).
        """
        return self.rnn.begin_state(*args, **kwargs)
