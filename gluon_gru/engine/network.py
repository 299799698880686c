"""A whole language model on the engine: from tokens to updated parameters, or to more tokens.

All data are NumPy arrays. They may come from a checkpoint, or be the memory of an MXNet model
(`gluon_gru.models.parameters.engine_params`), which the kernels read and write in place.
"""

from __future__ import annotations

import typing
from typing import Any, Callable, Mapping, Sequence

import numpy

from gluon_gru import engine
from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.engine.layout import (
    MODELS,
    book_layout,
    check_params,
    gluon_layout,
    model_shapes,
    scratch_shapes,
    set_weights,
)
from gluon_gru.errors import InputError

#: Adam's decay rates and epsilon, as Kingma and Ba (2015) recommend them.
ADAM = (0.9, 0.999, 1e-8)


class Parameter(typing.NamedTuple):
    """A parameter of a network, arrays of float32, contiguous.

    Attributes:
        value: its numbers, which training updates in place.
        grad: memory of the same shape for its gradient; None if it isn't trained.
    """

    value: numpy.ndarray
    grad: numpy.ndarray | None


def check_tokens(tokens: Any, vocab_size: int) -> numpy.ndarray:
    """Return tokens as a contiguous NumPy array of int32.

    Raises:
        InputError: if one of them isn't a whole number from 0 to ``vocab_size - 1``.
    """
    tokens = numpy.asarray(tokens)
    whole = numpy.ascontiguousarray(tokens, numpy.int32)
    wrong = (tokens < 0) | (tokens >= vocab_size) | (whole != tokens)
    if wrong.any():
        raise InputError(
            f"token {tokens[wrong][0]} is not a whole number from 0 to {vocab_size - 1}: the "
            f"vocabulary has {vocab_size} tokens"
        )
    return whole


class Network:
    """A whole model on the engine.

    The hidden state starts as zeros and is kept from call to call. A ``with`` block calls `close`
    at its end.

    Args:
        params: name, as in checkpoints -> parameter.
        config: the model's facts, as in checkpoints; `runs_on_engine` must hold. Training drops the
            share ``dropout`` of the hidden units between layers, and scales the others up to make
            up for it.
        seed: decides, with ``steps``, which units are dropped; a number, or a function that is
            called before the first are drawn.
        adam: update by Adam instead of SGD.

    Attributes:
        steps: the number of training steps so far.
        moments: for Adam, name -> the means of the parameter's gradient and of its square.

    Raises:
        InputError: for parameters of another model.
    """

    def __init__(
        self,
        params: Mapping[str, Parameter],
        config: Mapping[str, Any],
        seed: int | Callable[[], int] = 0,
        adam: bool = False,
    ) -> None:
        kernels = engine.kernels()
        assert kernels is not None, "there is no engine here"
        self._kernels, self._params = kernels, params
        self._seed, self._adam, self._dropout = seed, adam, config.get("dropout") or 0
        self.steps = 0
        self.moments: dict[str, tuple[numpy.ndarray, numpy.ndarray]] = {}
        self._updated: list[native.Parameter] = []
        cell, vocab_size, num_hiddens = (config[k] for k in ("cell", "vocab_size", "num_hiddens"))
        self._cell, self._vocab_size = CELLS[cell], vocab_size
        from_scratch = config["model"] == "RNNModelScratch"
        if from_scratch:
            layouts = [book_layout(cell, vocab_size, num_hiddens)]
            shapes = scratch_shapes(cell, vocab_size, num_hiddens)
        else:
            inputs = [vocab_size] + (config["num_layers"] - 1) * [num_hiddens]
            layouts = [gluon_layout(cell, num_inputs, num_hiddens) for num_inputs in inputs]
            shapes = model_shapes(cell, vocab_size, num_hiddens, len(layouts))
        check_params({name: param.value for name, param in params.items()}, shapes)
        addresses = [self._use(name) for name in shapes]
        (W_q, dW_q), (b_q, db_q) = addresses[-2:]
        self._layers = (native.Layer * len(layouts))()
        for layer, layout in zip(self._layers, layouts):
            layer.cell, layer.transposed = self._cell.number, layout.transposed
            layer.num_inputs, layer.num_hiddens = layout.num_inputs, layout.num_hiddens
            weights, grads = zip(*addresses[: len(layout.shapes)])
            del addresses[: len(layout.shapes)]
            set_weights(layer, layout, weights)
            set_weights(layer, layout, grads, "d")
        self._network = native.Network(
            num_layers=len(layouts),
            layers=self._layers,
            output_transposed=not from_scratch,
            num_threads=native.num_threads(),
            logits_size=vocab_size,
            W_q=W_q,
            b_q=b_q,
            dW_q=dW_q,
            db_q=db_q,
        )
        self._parameters = (native.Parameter * len(self._updated))(*self._updated)
        self._workspace: Any = None
        self._states: list[numpy.ndarray] = []

    def _use(self, name: str) -> tuple[int, int | None]:
        """Return the addresses of a parameter and its gradient; note it if it is to be updated."""
        value, grad = self._params[name]
        weight = value.ctypes.data
        if grad is None:
            return weight, None
        updated = native.Parameter(weight, grad.ctypes.data, size=value.size)
        if self._adam:
            mean, square = (numpy.zeros(value.shape, numpy.float32) for _ in range(2))
            self.moments[name] = mean, square
            updated.mean, updated.square = mean.ctypes.data, square.ctypes.data
        self._updated.append(updated)
        return weight, updated.grad

    def _begin(self, tokens: numpy.ndarray, training: bool) -> None:
        """Allocate memory for minibatches of this shape, and start from a state of zeros."""
        self.close()
        network = self._network
        network.num_steps, network.batch_size = tokens.shape
        network.training, network.tokens = training, tokens.ctypes.data
        # Its size depends on which layers have masks, that is, on which of these are NULL.
        for layer in self._layers[:-1]:
            layer.mask = 1 if training and self._dropout else None
        self._states = [
            numpy.zeros((2, network.batch_size, layer.num_hiddens), numpy.float32)
            for layer in self._layers
        ]
        for layer, states in zip(self._layers, self._states):
            for i in range(2 if self._cell.has_memory else 1):
                layer.start[i] = layer.end[i] = states[i].ctypes.data
        self._workspace = native.workspaces.take(self._kernels.workspace_size(network))
        network.workspace = self._workspace.ctypes.data

    def _read(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool, training: bool) -> None:
        """Enter the minibatch and state that the next call reads."""
        if X.ndim != 2 or X.shape != Y.shape or not X.size:
            raise InputError(
                f"a minibatch has X of the shape {X.shape} and Y of {Y.shape}: both must be "
                "(batch_size, num_steps), and not empty"
            )
        X, Y = (check_tokens(tokens.T, self._vocab_size) for tokens in (X, Y))
        network = self._network
        if self._workspace is None or X.shape != (network.num_steps, network.batch_size):
            before = self._states if self._workspace is not None else []
            same_rows = X.shape[1] == network.batch_size
            self._begin(X, training)
            for states, old in zip(self._states, before if same_rows else []):
                states[:] = old
        if from_zeros:
            for states in self._states:
                states[:] = 0
        network.tokens, network.labels = X.ctypes.data, Y.ctypes.data
        # Kept alive, since the kernels have their addresses.
        self._minibatch = X, Y

    def _draw_masks(self) -> None:
        """Draw the dropout masks of all layers but the last."""
        if callable(self._seed):
            self._seed = self._seed()
        rng, self._masks = numpy.random.default_rng([self._seed, self.steps]), []
        for layer in self._layers[:-1]:
            shape = self._network.num_steps, self._network.batch_size, layer.num_hiddens
            kept = rng.random(shape, numpy.float32) >= self._dropout
            self._masks.append(kept * numpy.float32(1 / (1 - self._dropout)))
            layer.mask = self._masks[-1].ctypes.data

    def train_step(
        self,
        X: numpy.ndarray,
        Y: numpy.ndarray,
        clip_norm: float,
        lr: float,
        from_zeros: bool = False,
    ) -> float:
        """Train on a minibatch; return its mean loss in nats per token, before the update.

        Afterwards the parameters' ``grad`` holds the gradients as they were before clipping.

        Args:
            X, Y: tokens, and those that follow them, (batch_size, num_steps).
            clip_norm: the gradients, as one vector, are scaled down to this norm.
            lr: the learning rate.
            from_zeros: start from a state of zeros instead of the last minibatch's final state.

        Raises:
            InputError: for tokens out of range, and for other shapes.
        """
        self._read(X, Y, from_zeros, True)
        if self._dropout:
            self._draw_masks()
        self.steps += 1
        self._kernels.train_step(
            self._network,
            self._parameters,
            len(self._parameters),
            native.Optimizer(self.steps if self._adam else 0, clip_norm, lr, *ADAM),
        )
        return self._network.loss

    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        """Return the mean loss of a minibatch in nats per token, without training or dropout.

        Args and errors: see `train_step`. Use separate networks for scoring and for training, since
        both continue from the network's state.
        """
        self._read(X, Y, from_zeros, False)
        self._kernels.score(self._network)
        return self._network.loss

    def generate(self, prefix: Sequence[int], num_predicts: int) -> numpy.ndarray:
        """Return ``num_predicts`` tokens after a prefix of at least one, each time the likeliest.

        Raises:
            InputError: for tokens out of range.
        """
        tokens = check_tokens(prefix, self._vocab_size)
        added = numpy.empty(num_predicts, numpy.int32)
        self._begin(tokens[:1, None], False)
        self._kernels.generate(
            self._network, tokens.ctypes.data, tokens.size, added.ctypes.data, added.size
        )
        return added

    def read(self, tokens: Sequence[int]) -> numpy.ndarray:
        """Read tokens one after the other; return the logits of the next one, (vocab_size,).

        The state is carried over from call to call; the first call starts from zeros.

        Raises:
            InputError: for tokens out of range.
        """
        checked = check_tokens(tokens, self._vocab_size)
        logits = numpy.empty(self._vocab_size, numpy.float32)
        if self._workspace is None:
            self._begin(checked[:1, None], False)
            self._kernels.begin(self._network)
        for token in checked:
            self._kernels.read_token(self._network, int(token), logits.ctypes.data)
        return logits

    def close(self) -> None:
        """Free the memory for intermediate results; the next call starts from a state of zeros."""
        if self._workspace is not None:
            native.workspaces.give_back(self._workspace)
            self._workspace = None

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def runs_on_engine(config: Mapping[str, Any]) -> bool:
    """Return whether there is an engine that can run the model of a checkpoint's config."""
    cell = CELLS.get(config.get("cell") or "")
    if cell is None or cell.number is None or config.get("model") not in MODELS:
        return False
    return config.get("directions", 1) == 1 and engine.kernels() is not None
