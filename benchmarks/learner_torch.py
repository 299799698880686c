"""A learner on PyTorch, to train the same runs on texts of one's own beside this package's."""

import numpy
import torch
from torch import nn

from gluon_gru.engine import native

VERSION = torch.__version__

_LAYERS = {"rnn_tanh": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
_PARTS = {
    "i2h_weight": "weight_ih",
    "h2h_weight": "weight_hh",
    "i2h_bias": "bias_ih",
    "h2h_bias": "bias_hh",
}


class TorchLearner:
    """What `gluon_gru.training.learner.Learner` is, with the same calls, on PyTorch's layers.

    It starts from the weights of ``model``, and writes them back whenever it scores.
    """

    engine = "torch"

    def __init__(self, model, optimizer, clip_norm, seed):
        torch.manual_seed(seed)
        torch.set_num_threads(native.num_threads())
        layer, self._vocab_size = model.rnn, model.vocab_size
        self._rnn = _LAYERS[layer._mode](
            self._vocab_size, layer._hidden_size, layer._num_layers, dropout=layer._dropout
        )
        self._dense = nn.Linear(layer._hidden_size, self._vocab_size)
        self._params = [*self._rnn.parameters(), *self._dense.parameters()]
        self._pairs = [
            (getattr(layer, f"l{i}_{theirs}"), getattr(self._rnn, f"{ours}_l{i}"))
            for i in range(layer._num_layers)
            for theirs, ours in _PARTS.items()
        ]
        self._pairs += [
            (model.dense.weight, self._dense.weight),
            (model.dense.bias, self._dense.bias),
        ]
        with torch.no_grad():
            for param, value in self._pairs:
                value.copy_(torch.from_numpy(param.data().asnumpy()))
        lr = 1.0
        self._optimizer = (
            torch.optim.Adam(self._params, lr, fused=True)
            if optimizer == "adam"
            else torch.optim.SGD(self._params, lr, fused=True)
        )
        self._clip_norm, self._states = clip_norm, {}

    def _loss(self, X, Y, from_zeros):
        training = self._rnn.training
        state = None if from_zeros else self._states.get(training)
        one_hot = nn.functional.one_hot(
            torch.from_numpy(X.T.astype(numpy.int64)), self._vocab_size
        ).float()
        hiddens, state = self._rnn(one_hot, state)
        self._states[training] = (
            tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        )
        labels = torch.from_numpy(Y.T.reshape(-1).astype(numpy.int64))
        return nn.functional.cross_entropy(self._dense(hiddens.flatten(0, 1)), labels)

    def step(self, X, Y, lr, from_zeros=False):
        """Train on a minibatch; return its mean loss in nats a token, before the update."""
        self._rnn.train()
        self._optimizer.param_groups[0]["lr"] = lr
        loss = self._loss(X, Y, from_zeros)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._params, self._clip_norm, foreach=False)
        self._optimizer.step()
        return loss.item()

    @torch.no_grad()
    def score(self, X, Y, from_zeros=False):
        """Return the mean loss of a minibatch in nats a token, without training or dropout."""
        if from_zeros:
            for param, value in self._pairs:
                param.data()[:] = value.numpy()
        self._rnn.eval()
        return self._loss(X, Y, from_zeros).item()

    def state(self):
        """Return nothing: such a run can't be resumed."""
        return {}

    def close(self):
        """Forget the hidden states."""
        self._states.clear()
