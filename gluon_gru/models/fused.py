"""Recurrent layers on the native engine: the same functions, several times faster on a CPU.

The functions ``fused.rnn``, ``fused.gru`` and ``fused.lstm`` replace the book's cells of those
names in an `RNNModelScratch`, with the same parameters. The Gluon layers `RNN`, `GRU` and `LSTM`
replace those of ``mxnet.gluon.rnn``, with the same calls, parameters and files; `GRUResetBefore` is
the book's GRU as such a layer. All of them work under ``autograd.record()`` with any loss;
`gluon_gru.train_ch8` and `gluon_gru.predict_ch8` run whole models of them on the engine, from
tokens to updated parameters.

Without the engine (no compiler at installation, ``GLUON_GRU_ENGINE=off``, a GPU, a type other than
float32) they run on MXNet's own operators.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Sequence

import mxnet as mx
from mxnet import autograd, np, npx
from mxnet.gluon import rnn as layers

from gluon_gru.cells import of_mode
from gluon_gru.engine.layout import Layout, book_layout, gluon_layout, gluon_parts
from gluon_gru.errors import InputError
from gluon_gru.models import registry, scratch
from gluon_gru.models.operator import recurrent, runs_here


def _fused(cell: str, forward_fn: Callable, init_state: Callable) -> Callable:
    """Return ``forward_fn`` of `gluon_gru.models.scratch` on the engine."""

    @functools.wraps(forward_fn)
    def fused(inputs, state, params):
        *weights, W_hq, b_q = params
        if not runs_here(*state, *params):
            if inputs.ndim == 2:
                inputs = npx.one_hot(inputs, weights[0].shape[0])
            return forward_fn(inputs, state, params)
        layout = book_layout(cell, *weights[0].shape)
        hiddens, state = recurrent(cell, layout, inputs, state, weights)
        outputs = np.dot(hiddens.reshape(-1, hiddens.shape[-1]), W_hq) + b_q
        return outputs, tuple(state)

    name = forward_fn.__name__
    fused.__doc__ = (
        f"Run `gluon_gru.models.{name}` on the engine; ``(outputs, state)``.\n\n"
        "    ``inputs`` may also be tokens, (num_steps, batch_size), which are then looked up.\n\n"
        "    Raises:\n        InputError: for shapes that don't fit, and for tokens out of range."
    )
    # Checkpoints distinguish them, since their sums are computed in another order.
    fused.__name__ = f"fused.{name}"
    vars(fused).update(cell=cell, reads_tokens=True)
    registry.register_function(fused, init_state, cell, on_engine=True)
    return fused


rnn = _fused("rnn_tanh", scratch.rnn, scratch.init_rnn_state)
gru = _fused("gru_before", scratch.gru, scratch.init_gru_state)
lstm = _fused("lstm", scratch.lstm, scratch.init_lstm_state)


class Layer:
    """What the layers add to Gluon's: the engine where it can run, otherwise MXNet's operator."""

    # Gluon's.
    _mode: str
    _layout: str
    _hidden_size: int
    _num_layers: int
    _dir: int
    _dropout: float

    @property
    def fused_name(self) -> str:
        """Return the layer's name in checkpoints."""
        return f"fused.{self._mode}"

    def cell(self) -> str:
        """Return the cell's name in `gluon_gru.cells.CELLS`."""
        cell = of_mode(self._mode)
        assert cell is not None
        return cell.name

    def layout(self, i: int) -> Layout:
        """Return the layout of layer i's parameters, in either direction."""
        weight = getattr(self, f"l{i}_i2h_weight")
        return gluon_layout(self.cell(), weight.shape[1], self._hidden_size)

    def weight_names(self, i: int, side: str = "l") -> list[str]:
        """Return the names of layer i's parameters, in the order of its layout."""
        return [f"{side}{i}_{part}" for part in gluon_parts(self.cell())]

    def _forward_kernel(self, F, inputs, states, sequence_length, **params):
        if (
            F is not mx.ndarray
            or registry.unusual(self)
            or not runs_here(inputs, *states, *params.values())
        ):
            return self._without_engine(F, inputs, states, sequence_length, **params)
        if self._layout == "NTC":
            inputs = inputs.swapaxes(0, 1)
        states, ends = [s.as_np_ndarray() for s in states], []
        hiddens = inputs.as_np_ndarray()
        for i in range(self._num_layers):
            if i:
                hiddens = npx.dropout(hiddens, p=self._dropout) if self._dropout else hiddens
            outputs = []
            for direction, side in enumerate("lr"[: self._dir]):
                n = i * self._dir + direction
                weights = [params[name].as_np_ndarray() for name in self.weight_names(i, side)]
                X = np.flip(hiddens, 0) if direction else hiddens
                out, end = recurrent(
                    self.cell(), self.layout(i), X, [s[n] for s in states], weights
                )
                outputs.append(np.flip(out, 0) if direction else out)
                ends.append(end)
            hiddens = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        ends = [np.stack(parts) for parts in zip(*ends)]
        if self._layout == "NTC":
            hiddens = hiddens.swapaxes(0, 1)
        return hiddens, ends

    def _without_engine(self, F, inputs, states, sequence_length, **params):
        if (
            F is mx.ndarray
            and self._dropout
            and self._num_layers > 1
            and autograd.is_training()
            and inputs.ctx.device_type == "cpu"
            and not registry.unusual(self)
        ):
            return self._layer_by_layer(F, inputs, states, **params)
        return super()._forward_kernel(F, inputs, states, sequence_length, **params)

    def _layer_by_layer(self, F, inputs, states, **params):
        """Run Gluon's operator layer by layer: for several at once, it ignores dropout on CPUs."""
        hiddens, ends, sides = inputs, [], "lr"[: self._dir]
        if self._layout == "NTC":
            hiddens = hiddens.swapaxes(0, 1)
        for i in range(self._num_layers):
            hiddens = npx.dropout(hiddens, p=self._dropout) if i else hiddens
            flat = F.np._internal.rnn_param_concat(
                *(
                    params[f"{side}{i}_{source}_{kind}"].reshape(-1)
                    for kind in ("weight", "bias")
                    for side in sides
                    for source in ("i2h", "h2h")
                ),
                dim=0,
            )
            rows = slice(i * self._dir, (i + 1) * self._dir)
            hiddens, *end = npx.rnn(
                hiddens,
                flat,
                *(state[rows] for state in states),
                state_size=self._hidden_size,
                num_layers=1,
                bidirectional=self._dir == 2,
                state_outputs=True,
                mode=self._mode,
            )
            ends.append(end)
        ends = [np.concatenate(parts) for parts in zip(*ends)]
        return (hiddens.swapaxes(0, 1) if self._layout == "NTC" else hiddens), ends


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
    """The book's GRU, `gluon_gru.models.gru`, as a Gluon layer.

    The arguments and parameters (reset gate, update gate, candidate) are those of
    ``mxnet.gluon.rnn.GRU``, except that it has no ``h2h_bias``: the book's equations have one bias.
    """

    fused_name = "fused.gru_before"

    def _register_param(self, name, shape, init, dtype):
        if name.endswith("h2h_bias"):
            return None
        return super()._register_param(name, shape, init, dtype)

    def cell(self) -> str:
        """Return the cell's name in `gluon_gru.cells.CELLS`."""
        return "gru_before"

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
        W_x, W_h, b = (getattr(self, name).data() for name in self.weight_names(i, side))
        return _book_params(W_x, W_h, b)

    def load_book_params(self, params: Sequence[np.ndarray]) -> None:
        """Copy a scratch model's weights, ``[W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, ...]``.

        What follows those of the three gates (``W_hq``, ``b_q``) belongs to the output layer, and
        is ignored.

        Raises:
            InputError: for weights of other shapes, and if there are several layers or directions.
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
                f"parameters of the shapes {shapes}: a GRU of {hiddens} hidden units "
                "has three times a weight for inputs, one for the hidden state, and "
                "a bias"
            )
        gates = [params[3:6], params[0:3], params[6:9]]
        W_x, W_h = (np.concatenate([gate[i].T for gate in gates]) for i in range(2))
        for name, value in zip(
            self.weight_names(0), (W_x, W_h, np.concatenate([gate[2] for gate in gates]))
        ):
            parameter = getattr(self, name)
            parameter.shape = value.shape
            parameter.initialize(ctx=value.ctx, force_reinit=True)
            parameter.set_data(value)

    def _without_engine(self, F, inputs, states, sequence_length, **params):
        if F is not mx.ndarray:
            raise InputError("GRUResetBefore can't be hybridized: MXNet has no operator for it")
        if self._layout == "NTC":
            inputs = inputs.swapaxes(0, 1)
        hiddens, ends = inputs.as_np_ndarray(), []
        # The scratch cell, with an output layer that does nothing.
        same = np.eye(self._hidden_size, ctx=inputs.ctx)
        nothing = np.zeros(self._hidden_size, ctx=inputs.ctx)
        for i in range(self._num_layers):
            hiddens = npx.dropout(hiddens, p=self._dropout) if i and self._dropout else hiddens
            outputs = []
            for direction, side in enumerate("lr"[: self._dir]):
                weights = [params[name].as_np_ndarray() for name in self.weight_names(i, side)]
                X = np.flip(hiddens, 0) if direction else hiddens
                out, (end,) = scratch.gru(
                    X,
                    (states[0].as_np_ndarray()[len(ends)],),
                    [*_book_params(*weights), same, nothing],
                )
                out = out.reshape(*X.shape[:2], -1)
                outputs.append(np.flip(out, 0) if direction else out)
                ends.append(end)
            hiddens = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        return (hiddens.swapaxes(0, 1) if self._layout == "NTC" else hiddens), [np.stack(ends)]


def _book_params(W_x, W_h, b):
    """Return Gluon's stacked weights of a GRU with one bias as the book's nine."""
    hiddens = W_h.shape[1]
    reset, update, candidate = (slice(i * hiddens, (i + 1) * hiddens) for i in range(3))
    return [
        array
        for gate in (update, reset, candidate)
        for array in (W_x[gate].T, W_h[gate].T, b[gate])
    ]


for _kind in (RNN, GRU, LSTM):
    registry.register_layer(_kind, on_engine=True)
registry.register_layer(GRUResetBefore, "gru_before", on_engine=True)
