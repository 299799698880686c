"""Recurrent language models: from scratch over ``mxnet.np``, and concise over Gluon's layers.

The two GRUs are different functions. From scratch (`gru`), as in the book's equations, the reset
gate scales the hidden state BEFORE the recurrent matrix product; in Gluon's ``rnn.GRU`` (cuDNN's
variant) it scales the product AFTERWARDS, and there is a second bias. Their weights can't be
exchanged.
"""
from .concise import RNNModel
from .scratch import (
    RNNModelScratch,
    get_gru_params,
    get_lstm_params,
    get_rnn_params,
    gru,
    init_gru_state,
    init_lstm_state,
    init_rnn_state,
    lstm,
    rnn,
)

__all__ = [
    "RNNModel", "RNNModelScratch", "get_gru_params", "get_lstm_params", "get_rnn_params", "gru",
    "init_gru_state", "init_lstm_state", "init_rnn_state", "lstm", "rnn",
]
