"""A trained model and its vocabulary from a checkpoint.

A checkpoint names the cell only of a model whose function or class is this package's or Gluon's.
The reader has to build any other model and give it to `restore`.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any, Mapping

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import MODELS, check_model
from gluon_gru.errors import InputError
from gluon_gru.runs import checkpoint
from gluon_gru.runs.files import StrPath, exists
from gluon_gru.text.vocabulary import Vocab

if TYPE_CHECKING:
    import mxnet as mx
    import numpy

#: The checkpoint in the folder of a run on a text of one's own.
IN_FOLDER = "model.safetensors"


def checkpoint_of(path: StrPath) -> pathlib.Path:
    """Return the checkpoint file of a run: ``path`` itself, or the one in a folder.

    Raises:
        InputError: if there is none.
    """
    path = pathlib.Path(path)
    file = path / IN_FOLDER if exists(path) and path.is_dir() else path
    if not exists(file) or not file.is_file():
        # Of a pipe, the end might never come.
        missing = "is no file" if exists(file) else "isn't there"
        what = "holds no trained model" if path.is_dir() else missing
        raise InputError(
            f"{str(path)!r} {what}: give a folder that gluon-gru train wrote, or a .safetensors "
            "file that gluon_gru.train did"
        )
    return file


def vocabulary(tokens: list[str], size: int | None = None) -> Vocab:
    """Return `Vocab.of` the tokens of a model of so many tokens, if ``size`` is given.

    Raises:
        InputError: see there, and if there are more or less than the model has.
    """
    vocab = Vocab.of(tokens)
    if size not in (None, len(vocab)):
        raise InputError(f"its model is of {size} tokens, its vocabulary of {len(vocab)}")
    return vocab


def restore(path: StrPath, ctx: mx.Context | None = None, model: Any = None) -> tuple[Any, Vocab]:
    """Return ``(model, vocab)`` of a checkpoint: the same predictions, to the digit.

    The vocabulary lacks the frequencies of the tokens, which checkpoints don't hold.

    Args:
        path: a file that `gluon_gru.train` wrote, or the folder of a run on a text of one's own.
        ctx: the ``mxnet.Context`` to put the model on; the CPU by default.
        model: a new model to set the parameters of; needed if its forward function or layer is the
            reader's own.

    Raises:
        InputError: if the file can't be read (`gluon_gru.runs.checkpoint.load`), if its model is a
            reader's own and no ``model`` is given, or if ``model`` has other parameters.
    """
    import mxnet as mx
    from mxnet import gluon

    path = checkpoint_of(path)
    saved = checkpoint.load(path)
    with checkpoint.naming(path):
        vocab = vocabulary(saved.vocab, saved.config.get("vocab_size"))
        if model is None:
            model = build(saved.config, ctx, saved.params)
        else:
            if isinstance(model, gluon.Block):
                model.initialize(ctx=ctx or mx.cpu(), force_reinit=True)
            _fill(model, saved.params)
    return model, vocab


def build(
    config: Mapping[str, Any],
    ctx: mx.Context | None = None,
    params: Mapping[str, numpy.ndarray] | None = None,
) -> Any:
    """Return an MXNet model of the kind that a checkpoint's config describes.

    Args:
        config: see `gluon_gru.runs.checkpoint.described`.
        ctx: the ``mxnet.Context`` to put the model on; the CPU by default.
        params: its parameters; new ones by default.

    Raises:
        InputError: if the model is a reader's own, or has other parameters.
    """
    check_ours(config)

    import mxnet as mx

    model = _new(config, ctx or mx.cpu(), params)
    if params is not None:
        _fill(model, params)
    return model


def _fill(model: Any, params: Mapping[str, numpy.ndarray]) -> None:
    """Set a model's parameters, which can be read at once then."""
    from mxnet import gluon

    from gluon_gru.models.parameters import learn_sizes, set_params

    set_params(model, params)
    if isinstance(model, gluon.Block):
        learn_sizes(model)


def _new(
    config: Mapping[str, Any], ctx: mx.Context, params: Mapping[str, numpy.ndarray] | None
) -> Any:
    from mxnet.gluon import rnn

    from gluon_gru import models
    from gluon_gru.models import fused, scratch

    cell = CELLS[config["cell"]]
    if params is not None:
        check_model(params, config)
    if config["model"] == "RNNModelScratch":
        forward_fn = getattr(fused if config["on_engine"] else scratch, cell.scratch)
        get_params, init_state, _ = (getattr(scratch, name) for name in cell.functions)
        return models.RNNModelScratch(
            config["vocab_size"], config["num_hiddens"], ctx, get_params, init_state, forward_fn
        )
    on_engine = config["on_engine"] or not cell.layer
    kind = getattr(fused, cell.fused_layer) if on_engine else getattr(rnn, cell.layer)
    options = {"dropout": config["dropout"], "bidirectional": config["directions"] == 2}
    if cell.activation:
        options["activation"] = cell.activation
    layer = kind(config["num_hiddens"], config["num_layers"], **options)
    model = models.RNNModel(layer, config["vocab_size"])
    model.initialize(ctx=ctx)
    return model


def check_ours(config: Mapping[str, Any]) -> None:
    """Raise InputError unless a checkpoint's config is that of a model with a cell of this package."""
    if config["model"] in MODELS and CELLS.get(config.get("cell") or ""):
        return
    what = {"RNNModelScratch": "forward_fn", "RNNModel": "layer"}.get(config["model"], "model")
    raise InputError(
        f"its {what} is {config.get(what)!r}, but not this package's: build the model with your own "
        "function or class, and give it: restore(path, model=...)"
    )
