"""The GRU chapter of *Dive into Deep Learning* (MXNet edition), reproduced on today's Pythons.

Readers write ``import gluon_gru as d2l`` and run the chapter's cells as they were printed: the
names that those use are here, each from the module that documents it.
"""
from . import compat  # noqa: F401  (first: it makes mxnet importable)

from mxnet import npx

# The book's arrays; Gluon's layers take them only in this mode, which is the process's.
npx.set_np()

from .animator import Animator
from .device import try_gpu
from .errors import InputError, TrainingDiverged
from .generation import predict_ch8
from .metrics import Accumulator, Timer, perplexity
from .minibatches import (
    SeqDataLoader,
    load_data_time_machine,
    seq_data_iter_consecutive,
    seq_data_iter_random,
    seq_data_iter_sequential,
)
from .models import (
    RNNModel,
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
from .text import (
    Vocab,
    count_corpus,
    load_corpus_time_machine,
    read_time_machine,
    tokenize,
)
from .training import History, set_seed, train, train_ch8, train_epoch_ch8
from .updates import grad_clipping, sgd

__all__ = [
    "Accumulator", "Animator", "History", "InputError", "RNNModel", "RNNModelScratch",
    "SeqDataLoader", "Timer", "TrainingDiverged", "Vocab", "count_corpus", "get_gru_params",
    "get_lstm_params", "get_rnn_params", "grad_clipping", "gru", "init_gru_state",
    "init_lstm_state", "init_rnn_state", "load_corpus_time_machine", "load_data_time_machine",
    "lstm", "perplexity", "predict_ch8", "read_time_machine", "rnn", "seq_data_iter_consecutive",
    "seq_data_iter_random", "seq_data_iter_sequential", "set_seed", "sgd", "tokenize", "train",
    "train_ch8", "train_epoch_ch8", "try_gpu",
]
