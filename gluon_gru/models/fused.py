"""Recurrent layers on the native engine: the same functions, several times faster on a CPU.

The functions ``fused.rnn``, ``fused.gru`` and ``fused.lstm`` replace the book's cells of the same
names in an `RNNModelScratch`, with the same parameters; ``fused.gru_reset_after`` is Gluon's GRU
with the parameters of `gluon_gru.models.gru_reset_after`. The Gluon layers `RNN`, `GRU` and `LSTM`
replace those of ``mxnet.gluon.rnn``, with the same calls, parameters and files; `GRUResetBefore` is
the book's GRU as such a layer. All of them work under ``autograd.record()`` with any loss;
`gluon_gru.train_ch8` and `gluon_gru.predict_ch8` run whole models of them on the engine, from
tokens to updated parameters.

Without the engine (no compiler at installation, ``GLUON_GRU_ENGINE=off``, a GPU, float64, a
hybridized layer) they run on MXNet's own operators.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Sequence

import mxnet as mx
from mxnet import autograd, np, npx
from mxnet.gluon import rnn as layers

from gluon_gru import engine
from gluon_gru.cells import CELLS, of_mode, of_scratch
from gluon_gru.engine.layout import book_layout, gluon_layout, gluon_parts
from gluon_gru.errors import InputError
from gluon_gru.models import scratch
from gluon_gru.models.operator import recurrent, runs_here


def is_usual(layer: Any) -> bool:
    """Return whether a Gluon layer has no sequence lengths, projection or clipped states."""
    return not (
        layer._use_sequence_length
        or layer._projection_size
        or layer._lstm_state_clip_min is not None
    )


def loses_dropout(layer: Any, ctx: mx.Context) -> bool:
    """Return whether MXNet's operator would ignore a Gluon layer's dropout, here and now.

    It does so for several layers at once, in training, on a CPU (oneDNN has no dropout).
    """
    return bool(
        getattr(layer, "_dropout", 0)
        and getattr(layer, "_num_layers", 1) > 1
        and ctx.device_type == "cpu"
        and autograd.is_training()
    )


def _fused(
    forward_fn: Callable, cell_name: str = "", stack: Callable[[Sequence], list] | None = None
) -> Callable:
    """Return ``forward_fn`` of `gluon_gru.models.scratch` on the engine.

    Args:
        forward_fn: the function.
        cell_name: of its cell, if the book has no function for that.
        stack: returns the weights as a Gluon layer has them; without it they are as in the book.
    """
    name = forward_fn.__name__
    cell = CELLS[cell_name] if cell_name else of_scratch(name)
    assert cell is not None
    needed = 3 * len(cell.gates) + 2 + bool(stack)
    extra = ", a second bias of the candidate" * bool(stack)

    @functools.wraps(forward_fn)
    def fused(inputs, state, params):
        if len(params) != needed or params[0].ndim != 2:
            raise InputError(
                f"the parameters have the shapes {[param.shape for param in params]}: "
                f"{name} needs three for each gate{extra} and two for the output layer, "
                "the first of them (vocab_size, num_hiddens)"
            )
        *weights, W_hq, b_q = params
        dense = inputs.ndim == 3
        no_rows = 0 in inputs.shape[1:2]
        if no_rows or not runs_here(*state, *params, *([inputs] if dense else [])):
            if not dense:
                inputs = npx.one_hot(inputs, weights[0].shape[0])
            return forward_fn(inputs, state, params)
        layout = book_layout(cell.name, *weights[0].shape)
        if stack:
            shapes = [*layout.shapes, (layout.num_hiddens,)]
            for i, (weight, shape) in enumerate(zip(weights, shapes)):
                if weight.shape != shape:
                    raise InputError(
                        f"parameter {i} has the shape {weight.shape}: it must be {shape}"
                    )
            layout = gluon_layout(cell.name, *weights[0].shape)
            weights = stack(weights)
        hiddens, state = recurrent(cell.name, layout, inputs, state, weights)
        outputs = np.dot(hiddens.reshape(-1, hiddens.shape[-1]), W_hq) + b_q
        return outputs, tuple(state)

    fused.__doc__ = (
        f"Run `gluon_gru.models.{name}` on the engine; ``inputs`` may also be tokens, (num_steps, "
        "batch_size). InputError for shapes that don't fit, and for tokens out of range."
    )
    # Checkpoints distinguish them, since their sums are computed in another order.
    fused.__name__ = f"fused.{name}"
    vars(fused)["reads_tokens"] = True
    return fused


rnn, gru, lstm = _fused(scratch.rnn), _fused(scratch.gru), _fused(scratch.lstm)
gru_reset_after = _fused(scratch.gru_reset_after, "gru_after", scratch.stacked)


class Layer:
    """What the layers add to Gluon's: the engine where it can run, otherwise MXNet's operator."""

    _mode: str  # Gluon's, as is the next.
    _layout: str

    @property
    def fused_name(self) -> str:
        """Return the layer's name in checkpoints."""
        return f"fused.{self._mode}"

    @property
    def cell(self) -> str:
        """Return the cell's name in `gluon_gru.cells.CELLS`."""
        cell = of_mode(self._mode)
        assert cell is not None
        return cell.name

    def weight_names(self, i: int, side: str = "l") -> list[str]:
        """Return the names of layer i's parameters, in the order of its layout."""
        return [f"{side}{i}_{part}" for part in gluon_parts(self.cell)]

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the layer, as Gluon's; InputError for inputs that have no time steps or no rows."""
        if isinstance(inputs, mx.nd.NDArray) and len(inputs.shape) != 3:
            sizes = {"T": "num_steps", "N": "batch_size", "C": "num_inputs"}
            raise InputError(
                f"inputs have the shape {inputs.shape}: {type(self).__name__} of the layout "
                f"{self._layout} takes ({', '.join(sizes[axis] for axis in self._layout)})"
            )
        return super().__call__(inputs, *args, **kwargs)  # type: ignore[misc]

    def _forward_kernel(self, F, inputs, states, sequence_length, **params):
        wanted = len(self.state_info())
        if F is mx.ndarray and len(states) != wanted:
            raise InputError(
                f"states has {len(states)} arrays: {type(self).__name__} takes {wanted}, as "
                "begin_state() returns them"
            )
        imperative = F is mx.ndarray and is_usual(self)
        if imperative and 0 in inputs.shape[:2]:
            return self._layer_by_layer(self._nothing, inputs, states, params)
        if imperative and runs_here(inputs, *states, *params.values()):
            return self._layer_by_layer(self._engine, inputs, states, params)
        return self._without_engine(imperative, F, inputs, states, sequence_length, **params)

    def _without_engine(self, imperative, F, inputs, states, sequence_length, **params):
        if F is mx.ndarray and loses_dropout(self, inputs.ctx):
            if imperative:
                return self._layer_by_layer(self._operator, inputs, states, params)
            engine.warn_once(
                f"MXNet ignores the dropout of {type(self).__name__} on a CPU with sequence lengths, "
                "a projection or clipped states"
            )
        # Gluon also traces a layer to learn the sizes of its weights.
        if self._active and F is mx.symbol and is_usual(self) and engine.kernels() is not None:
            engine.warn_once(
                f"a hybridized {type(self).__name__} runs on MXNet's operator instead of the "
                "engine, several times slower, and on a CPU without dropout: don't hybridize it"
            )
        return super()._forward_kernel(F, inputs, states, sequence_length, **params)

    def _layer_by_layer(self, run, inputs, states, params):
        """Run layer by layer, each in one direction after the other; ``(outputs, states)``.

        ``run(inputs, states, weights)`` runs a layer in one direction, over arrays (num_steps,
        batch_size, num_inputs), and returns what this returns, its states a list. All arrays in
        between are ``mx.np``'s, in MXNet's old mode too.
        """
        hiddens, states = inputs.as_np_ndarray(), [state.as_np_ndarray() for state in states]
        ends = []
        if self._layout == "NTC":
            hiddens = hiddens.swapaxes(0, 1)
        for i in range(self._num_layers):
            if i and self._dropout:
                hiddens = npx.dropout(hiddens, p=self._dropout)
            outputs = []
            for side in "lr"[: self._dir]:
                weights = [params[name].as_np_ndarray() for name in self.weight_names(i, side)]
                X = np.flip(hiddens, 0) if side == "r" else hiddens
                out, end = run(X, [state[len(ends)] for state in states], weights)
                outputs.append(np.flip(out, 0) if side == "r" else out)
                ends.append(end)
            hiddens = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        if self._layout == "NTC":
            hiddens = hiddens.swapaxes(0, 1)
        states = [np.stack(parts) for parts in zip(*ends)]
        if not npx.is_np_array():
            return hiddens.as_nd_ndarray(), [state.as_nd_ndarray() for state in states]
        return hiddens, states

    def _engine(self, inputs, states, weights):
        layout = gluon_layout(self.cell, weights[0].shape[1], self._hidden_size)
        return recurrent(self.cell, layout, inputs, states, weights)

    def _nothing(self, inputs, states, weights):
        """Return what Gluon's layers return for no time steps, or no rows."""
        shape = *inputs.shape[:2], self._hidden_size
        return np.zeros(shape, inputs.dtype, ctx=inputs.ctx), states

    def _operator(self, inputs, states, weights):
        """Run one layer, in one direction, by MXNet's operator."""
        outputs, *ends = npx.rnn(
            inputs,
            np.concatenate([weight.reshape(-1) for weight in weights]),
            *(state[None] for state in states),
            state_size=self._hidden_size,
            num_layers=1,
            state_outputs=True,
            mode=self._mode,
        )
        return outputs, [end[0] for end in ends]


class RNN(Layer, layers.RNN):
    """``mxnet.gluon.rnn.RNN`` on the engine; the same arguments and parameters."""


class LSTM(Layer, layers.LSTM):
    """``mxnet.gluon.rnn.LSTM`` on the engine; the same arguments and parameters.

    With a projection, clipped states or sequence lengths, MXNet's own operator runs.
    """


class GRU(Layer, layers.GRU):
    """``mxnet.gluon.rnn.GRU`` on the engine; the same arguments and parameters.

    This is not the book's GRU, which is `GRUResetBefore`: see `gluon_gru.models`.
    """


class GRUResetBefore(Layer, layers.GRU):
    """The book's GRU, `gluon_gru.gru`, as a Gluon layer.

    The arguments and parameters (reset gate, update gate, candidate) are those of
    ``mxnet.gluon.rnn.GRU``, without ``h2h_bias``: the book's equations have one bias.
    """

    fused_name = "fused.gru_before"
    cell = "gru_before"

    def _register_param(self, name, shape, init, dtype):
        if name.endswith("h2h_bias"):
            return None
        return super()._register_param(name, shape, init, dtype)

    def infer_shape(self, inputs: Any, *_: Any) -> None:
        """Learn the size of the inputs from the first input, as Gluon's layers do."""
        for side in "lr"[: self._dir]:
            weight = getattr(self, f"{side}0_i2h_weight")
            weight.shape = (weight.shape[0], inputs.shape[2])
            for i in range(1, self._num_layers):
                weight = getattr(self, f"{side}{i}_i2h_weight")
                weight.shape = (weight.shape[0], self._hidden_size * self._dir)

    def book_params(self, i: int = 0, side: str = "l") -> list[np.ndarray]:
        """Return layer i's weights in the book's layout, ``[W_xz, W_hz, b_z, W_xr, ...]``."""
        return scratch.book_params(
            *(getattr(self, name).data() for name in self.weight_names(i, side))
        )

    def load_book_params(self, params: Sequence[np.ndarray]) -> None:
        """Copy a scratch model's weights, ``[W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, ...]``.

        Those of the output layer, which follow (``W_hq``, ``b_q``), are ignored.

        Raises:
            InputError: for weights of other shapes, and for several layers or directions.
        """
        hiddens = self._hidden_size
        if self._num_layers != 1 or self._dir != 1:
            raise InputError(
                "the book's parameters are of one layer in one direction: this layer "
                f"has {self._num_layers} and {self._dir}"
            )
        shapes = [param.shape for param in params[:9]]
        vocab_size = shapes[0][0] if shapes else 0
        if shapes != [(vocab_size, hiddens), (hiddens, hiddens), (hiddens,)] * 3:
            raise InputError(
                f"parameters of the shapes {shapes}: a GRU of {hiddens} hidden units needs three "
                "times a weight for inputs, one for the hidden state, and a bias"
            )
        update, reset, candidate = params[:3], params[3:6], params[6:9]
        for name, parts in zip(self.weight_names(0), zip(reset, update, candidate)):
            parameter = getattr(self, name)
            value = np.concatenate([part.T for part in parts])
            parameter.shape = value.shape
            parameter.initialize(ctx=value.ctx, force_reinit=True)
            parameter.set_data(value)

    def _without_engine(self, imperative, F, inputs, states, sequence_length, **params):
        if not imperative:
            raise InputError(
                "GRUResetBefore can't be hybridized and takes no sequence lengths: MXNet has no "
                "operator for it"
            )
        return self._layer_by_layer(self._operator, inputs, states, params)

    def _operator(self, inputs, states, weights):
        """Run the scratch cell, with an output layer that changes nothing."""
        same = np.eye(self._hidden_size, dtype=inputs.dtype, ctx=inputs.ctx)
        nothing = np.zeros(self._hidden_size, inputs.dtype, ctx=inputs.ctx)
        params = [*scratch.book_params(*weights), same, nothing]
        outputs, ends = scratch.gru(inputs, states, params)
        return outputs.reshape(*inputs.shape[:2], -1), ends
