"""Recurrent language models: from scratch over ``mxnet.np``, and concise over Gluon's layers.

The two GRUs are different functions. In the book's equations (`gru`) the reset gate acts BEFORE the
recurrent matrix product: it scales the hidden state. In Gluon's ``rnn.GRU``, which is cuDNN's, it
acts AFTER it: it scales the product, and there is a second bias (`gru_reset_after`). No choice of
weights turns one into the other. `fused` has both, and the other cells, on the engine.
"""

from gluon_gru.models import fused
from gluon_gru.models.language_model import RNNModel, RNNModelScratch
from gluon_gru.models.scratch import (
    get_gru_params,
    get_lstm_params,
    get_reset_only_params,
    get_rnn_params,
    get_update_only_params,
    gru,
    gru_reset_after,
    init_gru_state,
    init_lstm_state,
    init_reset_only_state,
    init_rnn_state,
    init_update_only_state,
    lstm,
    reset_after_params,
    reset_only,
    rnn,
    update_only,
)

__all__ = [
    "RNNModel",
    "RNNModelScratch",
    "fused",
    "get_gru_params",
    "get_lstm_params",
    "get_reset_only_params",
    "get_rnn_params",
    "get_update_only_params",
    "gru",
    "gru_reset_after",
    "init_gru_state",
    "init_lstm_state",
    "init_reset_only_state",
    "init_rnn_state",
    "init_update_only_state",
    "lstm",
    "reset_after_params",
    "reset_only",
    "rnn",
    "update_only",
]
