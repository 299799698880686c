"""The concise language model: any of Gluon's recurrent layers, then a dense output layer."""

from mxnet import npx
from mxnet.gluon import nn

from gluon_gru.errors import check_positive


class RNNModel(nn.Block):
    """A language model over ``rnn.RNN``, ``rnn.GRU`` or ``rnn.LSTM``, any layers and directions.

    Gluon's GRU is not the book's equations: see `gluon_gru.models`. A bidirectional layer reads
    the token that it is to predict, so its perplexity says nothing about its text.

    Source: the book's section "Concise Implementation of Recurrent Neural Networks".

    Args:
        rnn_layer: a layer of ``mxnet.gluon.rnn``, in its default layout.
        vocab_size: how many tokens there are.

    Raises:
        InputError: for a ``vocab_size`` that isn't a positive whole number.
    """

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        check_positive("vocab_size", vocab_size)
        super().__init__(**kwargs)
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.dense = nn.Dense(vocab_size)

    def forward(self, inputs, state):
        """Run over tokens (batch_size, num_steps) from ``state``; ``(outputs, state)``.

        The outputs are logits (num_steps * batch_size, vocab_size), time step by time step.
        """
        hiddens, state = self.rnn(npx.one_hot(inputs.T, self.vocab_size), state)
        return self.dense(hiddens.reshape(-1, hiddens.shape[-1])), state

    def config(self):
        """Return what makes this model this model, as JSON holds it."""
        facts = {
            "layer": "_mode",
            "num_hiddens": "_hidden_size",
            "num_layers": "_num_layers",
            "directions": "_dir",
            "dropout": "_dropout",
        }
        # A reader's own layer may not have them.
        found = {name: getattr(self.rnn, attribute, None) for name, attribute in facts.items()}
        if hasattr(self.rnn, "fused_name"):
            found["layer"] = self.rnn.fused_name
        return {"model": "RNNModel", "vocab_size": self.vocab_size, **found}

    def begin_state(self, *args, **kwargs):
        """Return the layer's state to start from, ``begin_state(batch_size, ctx=...)``.

        A list of arrays (num_layers * directions, batch_size, num_hiddens): one, or two for LSTM.
        """
        return self.rnn.begin_state(*args, **kwargs)
