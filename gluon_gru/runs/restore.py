"""A trained model and its vocabulary from a checkpoint alone."""

import functools
import pathlib

import mxnet as mx
from mxnet import gluon, np
from mxnet.gluon import rnn as layers

from gluon_gru import models
from gluon_gru.errors import InputError
from gluon_gru.models import fused
from gluon_gru.runs import checkpoint
from gluon_gru.text.vocabulary import Vocab

_SCRATCH = {
    "rnn": (models.get_rnn_params, models.init_rnn_state, models.rnn),
    "gru": (models.get_gru_params, models.init_gru_state, models.gru),
    "lstm": (models.get_lstm_params, models.init_lstm_state, models.lstm),
    "fused.rnn": (models.get_rnn_params, models.init_rnn_state, fused.rnn),
    "fused.gru": (models.get_gru_params, models.init_gru_state, fused.gru),
    "fused.lstm": (models.get_lstm_params, models.init_lstm_state, fused.lstm),
    "reset_only": (models.get_reset_only_params, models.init_reset_only_state, models.reset_only),
    "update_only": (
        models.get_update_only_params,
        models.init_update_only_state,
        models.update_only,
    ),
}
# By Gluon's names of them.
_LAYERS = {
    "rnn_relu": functools.partial(layers.RNN, activation="relu"),
    "rnn_tanh": functools.partial(layers.RNN, activation="tanh"),
    "gru": layers.GRU,
    "lstm": layers.LSTM,
    "fused.rnn_relu": functools.partial(fused.RNN, activation="relu"),
    "fused.rnn_tanh": functools.partial(fused.RNN, activation="tanh"),
    "fused.gru": fused.GRU,
    "fused.gru_before": fused.GRUResetBefore,
    "fused.lstm": fused.LSTM,
}


#: The checkpoint in a folder of a run on a text of one's own.
IN_FOLDER = "model.safetensors"


def checkpoint_of(path):
    """Return the checkpoint file, a `pathlib.Path`, that a file's or a run's folder's path means.

    Raises:
        InputError: if there is none.
    """
    path = pathlib.Path(path)
    found = path / IN_FOLDER if path.is_dir() else path
    if not found.exists():
        raise InputError(
            f"{str(path)!r} holds no trained model: give a folder that gluon-gru train wrote, or "
            "a .safetensors file that gluon_gru.train did"
            if path.is_dir()
            else f"{str(path)!r} isn't there: give a folder that gluon-gru train wrote, or a "
            ".safetensors file that gluon_gru.train did"
        )
    return found


def restore(path, ctx=None):
    """Rebuild what was trained from its checkpoint; ``(model, vocab)``.

    The model computes to the digit what the trained one does. The vocabulary has the same tokens
    at the same indices, but not their frequencies, which no checkpoint holds.

    Args:
        path: a file that `gluon_gru.train` wrote, or the folder of a run on a text of one's own.
        ctx: the ``mxnet.Context`` to put the model on; the CPU by default.

    Raises:
        InputError: if it can't be read (see `gluon_gru.runs.checkpoint.load`), or is of a model
        that     isn't this package's: a forward function or a layer of the reader's own.
    """
    path = checkpoint_of(path)
    found, ctx = checkpoint.load(path), ctx or mx.cpu()
    special = found.vocab[0] == "<pad>"
    vocab = Vocab(use_special_tokens=special, reserved_tokens=found.vocab[4 if special else 1 :])
    model = build(path, found.config, ctx)
    checkpoint.set_params(model, found.params, path)
    if isinstance(model, gluon.Block):
        # Gluon takes over weights of sizes that it didn't know when it first needs them.
        model(np.zeros((1, 1), dtype="int32", ctx=ctx), model.begin_state(batch_size=1, ctx=ctx))
    return model, vocab


def build(path, config, ctx):
    """Return the model that a checkpoint's ``config`` describes, its parameters yet to be set.

    Raises:
        InputError: naming ``path``, if it is of a model that isn't this package's.
    """
    if config["model"] == "RNNModelScratch" and config["forward_fn"] in _SCRATCH:
        return models.RNNModelScratch(
            config["vocab_size"], config["num_hiddens"], ctx, *_SCRATCH[config["forward_fn"]]
        )
    if config["model"] == "RNNModel" and config["layer"] in _LAYERS:
        layer = _LAYERS[config["layer"]](
            config["num_hiddens"],
            config["num_layers"],
            dropout=config["dropout"],
            bidirectional=config["directions"] == 2,
        )
        model = models.RNNModel(layer, config["vocab_size"])
        model.initialize(ctx=ctx)
        return model
    what = {"RNNModelScratch": "forward_fn", "RNNModel": "layer"}.get(config["model"], "model")
    raise InputError(
        f"checkpoint {str(path)!r} is of a model whose {what} is {config[what]!r}, which is not "
        "this package's: build that model yourself, and give it the checkpoint in "
        "gluon_gru.train(..., checkpoint=...)"
    )
