"""A whole language model on the engine: from tokens to updated parameters, or to more tokens.

All data are NumPy arrays. They may come from a checkpoint, or be the memory of an MXNet model
(`gluon_gru.models.parameters.engine_params`), which the kernels read and write in place.
"""

from __future__ import annotations

import math
import typing
from typing import Any, Callable, Mapping, Sequence

import numpy

from gluon_gru import engine
from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.engine.arrays import (
    Addresses,
    check_count,
    check_sizes,
    no_memory,
    own_minibatch,
    own_text,
)
from gluon_gru.engine.choosing import Choosing
from gluon_gru.engine.layout import MODELS, check_params, layouts, set_weights

#: Adam's decay rates and epsilon, as Kingma and Ba (2015) recommend them.
ADAM = (0.9, 0.999, 1e-8)


class Parameter(typing.NamedTuple):
    """A parameter of a network, arrays of float32, in C order.

    Attributes:
        value: its numbers, which training updates in place.
        grad: memory of the same shape for its gradient; None if it isn't trained.
        lr_mult: the learning rate is multiplied by it, as by that of Gluon's parameters.
    """

    value: numpy.ndarray
    grad: numpy.ndarray | None
    lr_mult: float = 1


def dropout_masks(
    dropout: float, seed: Sequence[int], shape: tuple[int, int, int, int]
) -> numpy.ndarray:
    """Return what the outputs of all layers but the last are multiplied by in training.

    Args:
        dropout: the share that becomes zero; the rest is scaled up to make up for it.
        seed: the network's, and the number of training steps before this one.
        shape: (num_layers - 1, num_steps, batch_size, num_hiddens).
    """
    # In steps of 1/65536, since four such numbers are as fast to draw as one.
    dropped, size = min(round(dropout * 65536), 65535), math.prod(shape)
    drawn = numpy.random.PCG64(seed).random_raw(-(-size // 4)).view(numpy.uint16)
    return (drawn[:size].reshape(shape) >= dropped) * numpy.float32(65536 / (65536 - dropped))


class Network:
    """A whole model on the engine.

    The hidden state starts as zeros, and is carried over from minibatch to minibatch of as many
    rows; `read` has one of its own. A ``with`` block calls `close` at its end. Threads may share a
    network: each call waits for the one before it.

    Args:
        params: name, as in checkpoints -> parameter.
        config: the model's facts, as in checkpoints; `runs_on_engine` must hold. Training drops the
            share ``dropout`` of the hidden units between layers, and scales the others up to make
            up for it.
        seed: decides, with ``steps``, which units are dropped; a number, or a function that is
            called before the first are drawn.
        adam: update by Adam instead of SGD.
        lock: held in every call. Networks of the same parameters share one; by default, a new one.

    Attributes:
        steps: the number of training steps so far.
        moments: for Adam, name -> the means of the parameter's gradient and of its square.

    Raises:
        InputError: for parameters of another model, and for sizes and a dropout that can't be.
    """

    def __init__(
        self,
        params: Mapping[str, Parameter],
        config: Mapping[str, Any],
        seed: int | Callable[[], int] = 0,
        adam: bool = False,
        lock: native.Lock | None = None,
    ) -> None:
        kernels = engine.kernels()
        assert kernels is not None, "there is no engine here"
        self._kernels, self._params, self._lock = kernels, params, lock or native.Lock()
        self._seed, self._adam, self._dropout = seed, adam, config.get("dropout") or 0
        self.steps = 0
        self.moments: dict[str, tuple[numpy.ndarray, numpy.ndarray]] = {}
        self._addresses = Addresses()
        self._updated: list[native.Parameter] = []
        check_sizes(config)
        self._cell, self._vocab_size = CELLS[config["cell"]], config["vocab_size"]
        by_direction, shapes = layouts(config)
        of_layers = [layout for (layout,) in by_direction]
        check_params({name: param.value for name, param in params.items()}, shapes)
        addresses = [self._use(name, shape) for name, shape in shapes.items()]
        (W_q, dW_q), (b_q, db_q) = addresses[-2:]
        self._layers = (native.Layer * len(of_layers))()
        for layer, layout in zip(self._layers, of_layers):
            layer.cell, layer.transposed = self._cell.number, layout.transposed
            layer.num_inputs, layer.num_hiddens = layout.num_inputs, layout.num_hiddens
            weights, grads = zip(*addresses[: len(layout.shapes)])
            del addresses[: len(layout.shapes)]
            set_weights(layer, layout, weights)
            set_weights(layer, layout, grads, "d")
        self._network = native.Network(
            num_layers=len(of_layers),
            layers=self._layers,
            output_transposed=config["model"] != "RNNModelScratch",
            logits_size=self._vocab_size,
            W_q=W_q,
            b_q=b_q,
            dW_q=dW_q,
            db_q=db_q,
        )
        self._parameters = (native.Parameter * len(self._updated))(*self._updated)
        self._workspace: Any = None
        # What the workspace is for: num_steps, batch_size, and the call.
        self._begun: tuple[int, int, str] | None = None
        self._states: list[numpy.ndarray] = []

    def _use(self, name: str, shape: tuple[int, ...]) -> tuple[int, int | None]:
        """Return the addresses of a parameter and its gradient; note it if it is to be updated."""
        value, grad, lr_mult = self._params[name]
        weight = self._addresses.of(name, value, shape)
        if grad is None:
            return weight, None
        updated = native.Parameter(
            weight,
            self._addresses.of(f"the gradient of {name}", grad, shape),
            size=value.size,
            lr_mult=lr_mult,
        )
        if self._adam:
            mean, square = (numpy.zeros(shape, numpy.float32) for _ in range(2))
            self.moments[name] = mean, square
            updated.mean = self._addresses.of(f"the mean of {name}", mean, shape)
            updated.square = self._addresses.of(f"the square of {name}", square, shape)
        self._updated.append(updated)
        return weight, updated.grad

    def _begin(self, X: numpy.ndarray, Y: numpy.ndarray | None, use: str) -> None:
        """Enter tokens, (num_steps, batch_size), and memory for what is to be done with them.

        A state of as many rows stays what it was; others start as zeros.
        """
        network, (steps, rows) = self._network, X.shape
        if (steps, rows, use) != self._begun:
            before = self._states if self._begun and self._begun[1] == rows else None
            self._begun = None
            network.num_threads = native.num_threads()
            network.num_steps, network.batch_size = steps, rows
            network.training = use == "train_step"
            # The memory's size depends on which layers have masks, that is, on which aren't NULL.
            for layer in self._layers[:-1]:
                layer.mask = 1 if network.training and self._dropout else None
            self._states = before or [
                numpy.zeros((2, rows, layer.num_hiddens), numpy.float32) for layer in self._layers
            ]
            for layer, states in zip(self._layers, self._states):
                for i in range(2 if self._cell.has_memory else 1):
                    layer.start[i] = layer.end[i] = states[i].ctypes.data
            network.tokens = X.ctypes.data
            size = self._kernels.workspace_size(network)
            # An epoch's last minibatch may be smaller: new memory for each would cost time.
            if self._workspace is None or self._workspace.size < size:
                self.close()
                self._workspace = native.workspaces.take(size)
            network.workspace = self._workspace.ctypes.data
            if use == "read":
                self._kernels.begin(network)
            # Last: what fails or is interrupted before leaves nothing that a later call would use.
            self._begun = steps, rows, use
        # Kept alive, since the kernels have their addresses.
        self._minibatch = X, Y
        network.tokens = X.ctypes.data
        network.labels = None if Y is None else Y.ctypes.data

    def _read(self, X: Any, Y: Any, from_zeros: bool, use: str) -> None:
        """Enter the minibatch and state that the next call reads."""
        X, Y = own_minibatch(X, Y, self._vocab_size)
        with no_memory(X):
            self._begin(X, Y, use)
        if from_zeros:
            for states in self._states:
                states[:] = 0

    def _draw_masks(self, seed: Any) -> None:
        """Draw the dropout masks of all layers but the last."""
        sizes = self._network.num_steps, self._network.batch_size, self._layers[0].num_hiddens
        upper = len(self._layers) - 1
        self._masks = dropout_masks(self._dropout, [seed, self.steps], (upper, *sizes))
        for layer, mask in zip(self._layers, self._masks):
            layer.mask = mask.ctypes.data

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
            InputError: for tokens out of range, other shapes, and more than fits into memory.
        """
        optimizer = native.Optimizer(0, clip_norm, lr, *ADAM)
        with self._lock:
            if self._dropout and callable(self._seed):
                self._seed = self._seed()
            self._read(X, Y, from_zeros, "train_step")
            if self._dropout:
                self._draw_masks(self._seed)
            self.steps += 1
            if self._adam:
                optimizer.step = self.steps
            self._kernels.train_step(
                self._network, self._parameters, len(self._parameters), optimizer
            )
            return self._network.loss

    def score(self, X: numpy.ndarray, Y: numpy.ndarray, from_zeros: bool = False) -> float:
        """Return the mean loss of a minibatch in nats per token, without training or dropout.

        Args and errors: see `train_step`. Use separate networks for scoring and for training, since
        both continue from the network's state.
        """
        with self._lock:
            self._read(X, Y, from_zeros, "score")
            self._kernels.score(self._network)
            return self._network.loss

    def generate(self, prefix: Sequence[int], num_predicts: int) -> numpy.ndarray:
        """Return ``num_predicts`` tokens after a prefix of at least one, each time the likeliest.

        Raises:
            InputError: for tokens out of range, and a ``num_predicts`` that isn't 0 or more.
        """
        text = own_text(prefix, self._vocab_size)
        check_count(num_predicts)
        added = numpy.empty(num_predicts, numpy.int32)
        with self._lock:
            self.close()
            self._write(text, added, Choosing(), None)
            self.close()
        return added

    def read(self, tokens: Sequence[int]) -> numpy.ndarray:
        """Read tokens one after the other; return the logits of the next one, (vocab_size,).

        The state is carried over from call to call; the first call, and the first after one of
        another kind, starts from zeros.

        Raises:
            InputError: for no tokens, and tokens out of range.
        """
        text = own_text(tokens, self._vocab_size)
        logits = numpy.empty(self._vocab_size, numpy.float32)
        with self._lock:
            self._begin_reading(text)
            for token in text.tolist():
                self._kernels.read_token(self._network, token, logits.ctypes.data)
        return logits

    def write(self, tokens: Sequence[int], how: Choosing, places: numpy.ndarray) -> numpy.ndarray:
        """Read tokens as `read` does; return those that are added to them, int32.

        Each is chosen after reading the one before it; the last one is left for the next call.

        Args:
            tokens: at least one.
            how: see `gluon_gru.engine.choosing.choose`.
            places: a random number for each token to add, at least 0 and below 1.

        Raises:
            InputError: see `read`.
        """
        text = own_text(tokens, self._vocab_size)
        added = numpy.empty(len(places), numpy.int32)
        places = numpy.ascontiguousarray(places, numpy.float64)
        with self._lock:
            self._write(text, added, how, places)
        return added

    def _write(
        self, text: numpy.ndarray, added: numpy.ndarray, how: Choosing, places: numpy.ndarray | None
    ) -> None:
        """Read a text, and fill ``added``; without places if each token is the likeliest."""
        self._begin_reading(text)
        self._kernels.write_text(
            self._network,
            text.ctypes.data,
            text.size,
            added.ctypes.data,
            added.size,
            native.Choosing.of(how),
            None if places is None else places.ctypes.data,
        )

    def _begin_reading(self, text: numpy.ndarray) -> None:
        """Make ready for a text's tokens, (num_tokens,)."""
        if self._begun != (1, 1, "read"):
            self.close()
            self._begin(text[:1, None], None, "read")

    def close(self) -> None:
        """Free the memory for intermediate results; the next call starts from a state of zeros."""
        with self._lock:
            self._begun = None
            # In this order: an interruption must not give the same memory back twice.
            workspace, self._workspace = self._workspace, None
            if workspace is not None:
                native.workspaces.give_back(workspace)

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def has_kernels_for(config: Mapping[str, Any]) -> bool:
    """Return whether the model of a checkpoint's config is one of the engine's, if there is one."""
    cell = CELLS.get(config.get("cell") or "")
    one_way = config.get("directions", 1) == 1
    return bool(cell and cell.number is not None and config.get("model") in MODELS and one_way)


def runs_on_engine(config: Mapping[str, Any]) -> bool:
    """Return whether there is an engine that can run the model of a checkpoint's config."""
    return has_kernels_for(config) and engine.kernels() is not None
