"""Recurrent language models: from scratch over ``mxnet.np``, and concise over Gluon's layers.

The two GRUs are different functions. From scratch (`gru`), as in the book's equations, the reset
gate scales the hidden state BEFORE the recurrent matrix product; in Gluon's ``rnn.GRU`` (cuDNN's
variant) it scales the product AFTERWARDS, and there is a second bias; `gru_reset_after` writes it
out. Their weights can't be exchanged. `fused` has both, and the other cells, on the native engine.
"""

from gluon_gru.models import fused
from gluon_gru.models.concise import RNNModel
from gluon_gru.models.scratch import (
    RNNModelScratch,
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
