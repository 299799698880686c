"""A trained model and its vocabulary from a checkpoint alone.

A checkpoint names a model's cell only if the function or the class that computed it was this
package's (or Gluon's) own. Any other model comes back if its reader builds it, and hands it over.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any, Mapping

from gluon_gru.cells import CELLS
from gluon_gru.errors import InputError
from gluon_gru.runs import checkpoint
from gluon_gru.runs.files import StrPath
from gluon_gru.text.vocabulary import Vocab

if TYPE_CHECKING:
    import mxnet as mx

#: The checkpoint in a folder of a run on a text of one's own.
IN_FOLDER = "model.safetensors"


def checkpoint_of(path: StrPath) -> pathlib.Path:
    """Return the checkpoint file that a path means: a file, or the folder of a run.

    Raises:
        InputError: if there is none.
    """
    path = pathlib.Path(path)
    file = path / IN_FOLDER if path.is_dir() else path
    if not file.exists():
        what = "holds no trained model" if path.is_dir() else "isn't there"
        raise InputError(
            f"{str(path)!r} {what}: give a folder that gluon-gru train wrote, or a .safetensors "
            "file that gluon_gru.train did"
        )
    return file


def vocabulary(tokens: list[str]) -> Vocab:
    """Return the vocabulary of a checkpoint's tokens by index; without their frequencies."""
    special = tokens[0] == "<pad>"
    return Vocab(use_special_tokens=special, reserved_tokens=tokens[4 if special else 1 :])


def restore(path: StrPath, ctx: mx.Context | None = None, model: Any = None) -> tuple[Any, Vocab]:
    """Rebuild what was trained from its checkpoint; ``(model, vocab)``.

    The model computes to the digit what the trained one does. The vocabulary has the same tokens
    at the same indices, but not their frequencies, which no checkpoint holds.

    Args:
        path: a file that `gluon_gru.train` wrote, or the folder of a run on a text of one's own.
        ctx: the ``mxnet.Context`` to put the model on; the CPU by default.
        model: for a model with a forward function or a layer of the reader's own: that model, built
            anew, whose parameters are then set.

    Raises:
        InputError: if it can't be read (see `gluon_gru.runs.checkpoint.load`), if it is of a model
            that isn't this package's and no ``model`` is given, or if the one given has other
            parameters.
    """
    import mxnet as mx
    from mxnet import gluon

    from gluon_gru.models.parameters import learn_sizes, set_params

    path = checkpoint_of(path)
    saved = checkpoint.load(path)
    try:
        if model is None:
            model = build(saved.config, ctx or mx.cpu())
        elif isinstance(model, gluon.Block):
            model.initialize(ctx=ctx or mx.cpu(), force_reinit=True)
        set_params(model, saved.params)
    except InputError as error:
        raise InputError(f"checkpoint {str(path)!r}: {error}") from error
    if isinstance(model, gluon.Block):
        # Gluon takes over weights of sizes that it didn't know when it first needs them.
        learn_sizes(model)
    return model, vocabulary(saved.vocab)


def build(config: Mapping[str, Any], ctx: mx.Context | None = None) -> Any:
    """Return the MXNet model that a checkpoint's config describes, its parameters yet to be set.

    Args:
        config: see `gluon_gru.runs.checkpoint.described`.
        ctx: the ``mxnet.Context`` to put the model on; the CPU by default.

    Raises:
        InputError: if it is of a model that isn't this package's.
    """
    import mxnet as mx
    from mxnet.gluon import rnn

    from gluon_gru import models
    from gluon_gru.models import fused, scratch

    cell, ctx = CELLS.get(config.get("cell") or ""), ctx or mx.cpu()
    if cell and config["model"] == "RNNModelScratch":
        forward_fn = getattr(fused if config["on_engine"] else scratch, cell.scratch)
        get_params, init_state, _ = (getattr(scratch, name) for name in cell.functions)
        return models.RNNModelScratch(
            config["vocab_size"], config["num_hiddens"], ctx, get_params, init_state, forward_fn
        )
    if cell and config["model"] == "RNNModel":
        fused_only = config["on_engine"] or not cell.layer
        kind = getattr(fused, cell.fused_layer) if fused_only else getattr(rnn, cell.layer)
        layer = kind(
            config["num_hiddens"],
            config["num_layers"],
            dropout=config["dropout"],
            bidirectional=config["directions"] == 2,
            **({"activation": cell.activation} if cell.activation else {}),
        )
        model = models.RNNModel(layer, config["vocab_size"])
        model.initialize(ctx=ctx)
        return model
    what = {"RNNModelScratch": "forward_fn", "RNNModel": "layer"}.get(config["model"], "model")
    raise InputError(
        f"it is of a model whose {what} is {config.get(what)!r}, but not this package's: build that "
        "model with your own function or class, and hand it over: restore(path, model=...)"
    )
