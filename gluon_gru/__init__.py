"""The GRU chapter of *Dive into Deep Learning* (MXNet edition), reproduced on today's Pythons.

Readers write ``import gluon_gru as d2l`` and run the chapter's cells as they were printed: the
names that those use are here, each from the module that documents it.
"""

from gluon_gru import compat  # noqa: F401  (first: it makes mxnet importable)

from mxnet import npx

# The book's arrays; Gluon's layers take them only in this mode, which is the process's.
npx.set_np()

from gluon_gru.training.animator import Animator
from gluon_gru.training.device import try_gpu
from gluon_gru.errors import InputError, TrainingDiverged
from gluon_gru.training.generation import predict_ch8
from gluon_gru.training.metrics import Accumulator, Timer, perplexity
from gluon_gru.text.minibatches import (
    SeqDataLoader,
    load_data_time_machine,
    seq_data_iter_consecutive,
    seq_data_iter_random,
    seq_data_iter_sequential,
)
from gluon_gru.models import (
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
from gluon_gru.text.vocabulary import (
    Vocab,
    count_corpus,
    load_corpus_time_machine,
    read_time_machine,
    tokenize,
)
from gluon_gru.training.loop import History, set_seed, train, train_ch8, train_epoch_ch8
from gluon_gru.training.updates import grad_clipping, sgd

__all__ = [
    "Accumulator",
    "Animator",
    "History",
    "InputError",
    "RNNModel",
    "RNNModelScratch",
    "SeqDataLoader",
    "Timer",
    "TrainingDiverged",
    "Vocab",
    "count_corpus",
    "get_gru_params",
    "get_lstm_params",
    "get_rnn_params",
    "grad_clipping",
    "gru",
    "init_gru_state",
    "init_lstm_state",
    "init_rnn_state",
    "load_corpus_time_machine",
    "load_data_time_machine",
    "lstm",
    "perplexity",
    "predict_ch8",
    "read_time_machine",
    "rnn",
    "seq_data_iter_consecutive",
    "seq_data_iter_random",
    "seq_data_iter_sequential",
    "set_seed",
    "sgd",
    "tokenize",
    "train",
    "train_ch8",
    "train_epoch_ch8",
    "try_gpu",
]
