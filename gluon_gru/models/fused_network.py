"""A whole language model on the engine: from tokens to updated parameters, or to more tokens.

Nothing goes through MXNet on the way, neither its operators nor its queue: the kernels read and
write the memory of the model's own parameters.
"""

import numpy
from mxnet import gluon, np

from gluon_gru import engine
from gluon_gru.engine import native
from gluon_gru.models import fused
from gluon_gru.models.concise import RNNModel
from gluon_gru.models.operator import address, book_layout, check_tokens, runs_here, set_weights
from gluon_gru.models.scratch import RNNModelScratch

#: Its decay rates and epsilon, as Kingma and Ba (2015) recommend them.
ADAM = (0.9, 0.999, 1e-8)


def fused_network(model, seed=None, moments=None):
    """Return the `FusedNetwork` of a model, None for one that the engine can't run as a whole.

    It can an `RNNModelScratch` of ``fused.rnn``, ``fused.gru``, ``fused.lstm``, and an `RNNModel`
    of a fused layer in one direction, on a CPU, in float32.

    Args:
        model: the model.
        seed, moments: see `FusedNetwork`.
    """
    if engine.kernels() is None:
        return None
    if isinstance(model, RNNModelScratch) and hasattr(model.forward_fn, "cell"):
        if not runs_here(*model.params):
            return None
        cell = model.forward_fn.cell
        *weights, W_q, b_q = model.params
        layers = [(cell, book_layout(cell, *weights[0].shape), weights)]
        return FusedNetwork(layers, W_q, b_q, False, seed=seed, moments=moments)
    layer = getattr(model, "rnn", None)
    if type(model) is not RNNModel or not isinstance(layer, fused.Layer) or not layer.is_plain():
        return None
    params = model.collect_params().values()
    if any(param.grad_req == "add" or len(param.list_ctx()) > 1 for param in params):
        return None
    ctx = model.dense.weight.list_ctx()[0]
    if any(param._deferred_init for param in params):
        # Gluon learns the sizes, and makes the weights, when it first needs them.
        model(np.zeros((1, 1), dtype="int32", ctx=ctx), model.begin_state(batch_size=1, ctx=ctx))
    if not runs_here(*(param.data() for param in params)):
        return None
    layers = [
        (layer.cell(), layer.layout(i), [getattr(layer, name) for name in layer.weight_names(i)])
        for i in range(layer._num_layers)
    ]
    return FusedNetwork(
        layers, model.dense.weight, model.dense.bias, True, layer._dropout, seed, moments
    )


def _data_and_grad(param):
    """Return a parameter's numbers and its gradient, None if nobody wants that."""
    if isinstance(param, gluon.Parameter):
        return param.data(), param.grad() if param.grad_req != "null" else None
    return param, param.grad


class FusedNetwork:
    """Layers and an output layer on the engine, over a model's own parameters.

    Its state is that of the last minibatch's end; it starts as zeros. To be used for an epoch or a
    text, not kept: it does not notice when a parameter moves to other memory.

    Args:
        layers: for each ``(cell, layout, params)``; see `recurrent_op.recurrent`.
        W_q, b_q: the output layer's parameters, (num_hiddens, vocab_size) or transposed.
        transposed: whether W_q is.
        dropout: what share of the hidden units that a layer gets from another one is dropped in
            training; what is left is scaled up by as much.
        seed: which units these are depends on this and on ``steps`` alone; by default one is drawn
            from MXNet's random state.
        moments: for `train_step` with Adam, parameter -> the means of its gradient and of that's
            square, NumPy arrays of its size, which are updated.

    Attributes:
        steps: how many training steps there have been.
    """

    def __init__(self, layers, W_q, b_q, transposed, dropout=0, seed=None, moments=None):
        self._kernels, self._params, self._moments = engine.kernels(), [], moments
        self._dropout, self._seed, self.steps = dropout, seed, 0
        self._layers = (native.Layer * len(layers))()
        for layer, (cell, layout, params) in zip(self._layers, layers):
            shape = layout.shapes[0][::-1] if layout.transposed else layout.shapes[0]
            layer.cell, layer.transposed = native.CELLS[cell], layout.transposed
            layer.num_inputs, layer.num_hiddens = shape[0], layout.shapes[1][1]
            weights, grads = self._addresses(params)
            set_weights(layer, layout, weights)
            set_weights(layer, layout, grads, "d")
        (W, b), (dW, db) = self._addresses([W_q, b_q])
        self.vocab_size = b_q.shape[0]
        self._network = native.Network(
            num_layers=len(layers),
            layers=self._layers,
            output_transposed=transposed,
            num_threads=native.num_threads(),
            logits_size=self.vocab_size,
            W_q=W,
            b_q=b,
            dW_q=dW,
            db_q=db,
        )
        self._updated = (native.Parameter * len(self._params))(*self._params)
        self._workspace = self._states = None

    def _addresses(self, params):
        """Return where parameters and where their gradients are; note those to be updated."""
        found = [], []
        for param, (data, grad) in zip(params, map(_data_and_grad, params)):
            addresses = address(data), grad is not None and address(grad)
            for places, place in zip(found, addresses):
                places.append(place or None)
            if grad is not None:
                moments = self._moments[param] if self._moments else ()
                self._params.append(
                    native.Parameter(
                        *addresses,
                        *([array.ctypes.data for array in moments] or (None, None)),
                        data.size,
                    )
                )
        return found

    def _begin(self, tokens, training):
        """Make room for minibatches such as these tokens, and start from a state of zeros."""
        self.close()
        network = self._network
        network.num_steps, network.batch_size = tokens.shape
        network.training, network.tokens = training, tokens.ctypes.data
        # How much room depends on what there is, and so on whether these are NULL.
        for layer in self._layers[:-1]:
            layer.mask = 1 if training and self._dropout else None
        self._states = [
            numpy.zeros((2, network.batch_size, layer.num_hiddens), numpy.float32)
            for layer in self._layers
        ]
        for layer, states in zip(self._layers, self._states):
            for i in range(2 if layer.cell == native.CELLS["lstm"] else 1):
                layer.start[i] = layer.end[i] = states[i].ctypes.data
        self._workspace = native.workspaces.take(self._kernels.workspace_size(network))
        network.workspace = self._workspace.ctypes.data

    def _read(self, X, Y, from_zeros, training):
        """Make a minibatch, and the state, what the next call reads; return the labels' memory."""
        X, Y = (check_tokens(tokens.T, self.vocab_size) for tokens in (X, Y))
        network = self._network
        before = self._states if self._workspace is not None else None
        if before is None or X.shape != (network.num_steps, network.batch_size):
            goes_on = before is not None and X.shape[1] == network.batch_size
            self._begin(X, training)
            if goes_on:
                for states, old in zip(self._states, before):
                    states[:] = old
        if from_zeros:
            for states in self._states:
                states[:] = 0
        network.tokens, network.labels = X.ctypes.data, Y.ctypes.data
        return X, Y

    def _draw_masks(self):
        """Draw what dropout leaves of the outputs of all layers but the last; return the arrays."""
        if self._seed is None:
            self._seed = int(np.random.randint(0, 2**31 - 1))
        rng, masks = numpy.random.default_rng([self._seed, self.steps]), []
        for layer in self._layers[:-1]:
            shape = self._network.num_steps, self._network.batch_size, layer.num_hiddens
            kept = rng.random(shape, numpy.float32) >= self._dropout
            masks.append(kept * numpy.float32(1 / (1 - self._dropout)))
            layer.mask = masks[-1].ctypes.data
        return masks

    def train_step(self, X, Y, clip_norm, lr, from_zeros=False, adam=False):
        """Train on a minibatch; return its mean loss in nats a token, before the update.

        The gradients, as they are before they are clipped, are left in the parameters' ``grad``.

        Args:
            X, Y: tokens, and those that follow them, NumPy arrays (batch_size, num_steps).
            clip_norm: gradients are scaled down to this norm.
            lr: the learning rate.
            from_zeros: start from a state of zeros, not from that of the last minibatch's end.
            adam: update by Adam (with the usual 0.9, 0.999 and 1e-8) instead of SGD; needs
                ``moments``.

        Raises:
            InputError: for tokens out of range.
        """
        kept = [self._read(X, Y, from_zeros, True)]
        if self._dropout:
            kept += self._draw_masks()
        self.steps += 1
        self._kernels.train_step(
            self._network,
            self._updated,
            len(self._updated),
            native.Optimizer(self.steps if adam else 0, clip_norm, lr, *ADAM),
        )
        return self._network.loss

    def score(self, X, Y, from_zeros=False):
        """Return the mean loss of a minibatch in nats a token, without training (or dropout).

        Args and errors: see `train_step`. A network scores or trains, not both in turn: its state
        would go on from the other's.
        """
        kept = self._read(X, Y, from_zeros, False)
        self._kernels.score(self._network)
        del kept
        return self._network.loss

    def generate(self, prefix, num_predicts):
        """Return the ``num_predicts`` likeliest tokens, each after all those before, an array.

        Args:
            prefix: tokens to start from, at least one.

        Raises:
            InputError: for tokens out of range.
        """
        prefix = check_tokens(prefix, self.vocab_size)
        added = numpy.empty(num_predicts, numpy.int32)
        self._begin(prefix[:1, None], False)
        self._kernels.generate(
            self._network, prefix.ctypes.data, prefix.size, added.ctypes.data, added.size
        )
        return added

    def read(self, tokens):
        """Read tokens one after the other; return the logits of what follows the last, an array.

        The state goes on from the last call's; the first one starts from zeros.

        Raises:
            InputError: for tokens out of range.
        """
        tokens = check_tokens(tokens, self.vocab_size)
        logits = numpy.empty(self.vocab_size, numpy.float32)
        if self._workspace is None:
            self._begin(tokens[:1, None], False)
            self._kernels.begin(self._network)
        for token in tokens:
            self._kernels.read_token(self._network, int(token), logits.ctypes.data)
        return logits

    def close(self):
        """Give back the memory for intermediate results."""
        if self._workspace is not None:
            native.workspaces.give_back(self._workspace)
            self._workspace = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
