"""The concise language model: any of Gluon's recurrent layers, then a dense output layer."""

from __future__ import annotations

from typing import Any, Sequence

from mxnet import np, npx
from mxnet.gluon import nn, rnn

from gluon_gru.errors import check_positive
from gluon_gru.models import registry

for _kind in (rnn.RNN, rnn.GRU, rnn.LSTM):
    registry.register_layer(_kind)


class RNNModel(nn.Block):
    """A language model over ``rnn.RNN``, ``rnn.GRU`` or ``rnn.LSTM``, any layers and directions.

    Gluon's GRU is not the book's equations: see `gluon_gru.models`. A bidirectional layer reads
    the token that it is to predict, so its perplexity is meaningless.

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
        hiddens, state = self.rnn(npx.one_hot(inputs.T, self.vocab_size), state)
        return self.dense(hiddens.reshape(-1, hiddens.shape[-1])), state

    def config(self) -> dict[str, Any]:
        """Return what a checkpoint needs to describe this model, as JSON holds it.

        ``cell`` is None for a layer of the reader's own, and for a subclass of this class.
        """
        known = registry.of_layer(self.rnn) if type(self) is RNNModel else None
        facts = {
            "num_hiddens": "_hidden_size",
            "num_layers": "_num_layers",
            "directions": "_dir",
            "dropout": "_dropout",
        }
        return {
            "model": "RNNModel",
            "layer": getattr(self.rnn, "fused_name", getattr(self.rnn, "_mode", None)),
            "cell": known and known.cell.name,
            "on_engine": bool(known and known.on_engine),
            "vocab_size": self.vocab_size,
            # A layer of the reader's own may lack them.
            **{name: getattr(self.rnn, attribute, None) for name, attribute in facts.items()},
        }

    def begin_state(self, *args: Any, **kwargs: Any) -> list[np.ndarray]:
        """Return the layer's first state, ``begin_state(batch_size, ctx=...)``.

        A list of arrays (num_layers * directions, batch_size, num_hiddens): one; for an LSTM, two.
        """
        return self.rnn.begin_state(*args, **kwargs)
