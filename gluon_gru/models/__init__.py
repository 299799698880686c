"""Recurrent language models: from scratch over ``mxnet.np``, and concise over Gluon's layers.

The two GRUs are different functions. In the book's equations (`gru`) the reset gate acts BEFORE the
recurrent matrix product: it scales the hidden state. In Gluon's ``rnn.GRU``, which is cuDNN's, it
acts AFTER it: it scales the product, and there is a second bias (`gru_reset_after`). No choice of
weights turns one into the other. `fused` has both, and the other cells, on the engine.
"""

from gluon_gru.models import fused, scratch
from gluon_gru.models.language_model import RNNModel, RNNModelScratch
from gluon_gru.models.scratch import *  # noqa: F403

__all__ = ["RNNModel", "RNNModelScratch", "fused"] + scratch.__all__
