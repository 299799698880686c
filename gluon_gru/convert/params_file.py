"""The book's own saved models: from a Gluon ``.params`` file to a checkpoint.

The book's class is ``RNNModel``, a block with ``rnn``, a layer of ``mxnet.gluon.rnn``, and
``dense``. Its ``save_parameters`` writes names such as ``rnn.l0_i2h_weight`` or, MXNet 1.9.1,
``rnn._unfused.0.i2h_weight`` (of two directions ``rnn._unfused.0.l_cell.i2h_weight``); older code's
``collect_params().save`` such as ``rnnmodel0_gru0_l0_i2h_weight``. The file holds nothing else:
what the model was follows from the shapes, but the activation of an RNN and the vocabulary.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import model_shapes, plain_name
from gluon_gru.errors import InputError
from gluon_gru.runs import restore
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import StrPath
from gluon_gru.text.vocabulary import Vocab

_OF_LAYER = re.compile(r"(?:.*[._])?(?P<name>[lr]\d+_(?:i2h|h2h)_(?:weight|bias))")
_OF_DENSE = re.compile(r"(?:.*[._])?(?P<name>weight|bias)")


def read(path: StrPath) -> dict[str, numpy.ndarray]:
    """Return the parameters of a ``.params`` file: name -> float32 array.

    The names are ``rnn.l0_i2h_weight`` and so on, and ``dense.weight``, ``dense.bias``.

    Raises:
        InputError: if it can't be read, or doesn't hold an ``RNNModel``.
    """
    import mxnet as mx

    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{str(path)!r} can't be read ({error.strerror}): give a file of save_parameters"
        ) from error
    try:
        try:
            arrays = _load(path, True)
        except mx.MXNetError:
            # What was saved without ``npx.set_np()`` loads only without it.
            arrays = _load(path, False)
    except Exception as error:
        # A damaged file makes MXNet raise errors of several kinds, with a backtrace in them.
        raise InputError(
            f"{str(path)!r} is damaged or no file of Gluon's parameters: give one "
            "that save_parameters wrote"
        ) from error
    params = {_name(name, path): array for name, array in arrays.items()}
    if len(params) < len(arrays):
        raise _other(path, "two of its parameters have the same name")
    return params


def _load(path: StrPath, as_numpy: bool) -> dict[str, numpy.ndarray]:
    import mxnet as mx

    with mx.util.np_array(as_numpy), mx.util.np_shape(as_numpy):
        return {
            name.split(":")[-1]: array.asnumpy().astype(numpy.float32)
            for name, array in mx.nd.load(str(path)).items()
        }


def _name(name: str, path: StrPath) -> str:
    """Return the name by which `read` returns a parameter."""
    plain = plain_name(name)
    match = _OF_LAYER.fullmatch(plain)
    if match:
        return f"rnn.{match['name']}"
    match = _OF_DENSE.fullmatch(plain)
    if not match or re.search("[ih]2[hr]_", name):
        raise _other(path, f"{name!r} is no parameter of it")
    return f"dense.{match['name']}"


def config(path: StrPath, params: Mapping[str, numpy.ndarray], activation: str) -> dict[str, Any]:
    """Return what the model is, as `gluon_gru.RNNModel.config` does, from its parameters' shapes.

    The layer is the one on the engine, which is the same function.

    Args:
        path: what to call the file.
        params: what `read` returned.
        activation: of an RNN, ``relu`` or ``tanh``, which the file doesn't tell.

    Raises:
        InputError: if the shapes don't fit together.
    """
    shapes = {name: array.shape for name, array in params.items()}
    first, state, dense = (
        shapes.get(name, ()) for name in ("rnn.l0_i2h_weight", "rnn.l0_h2h_weight", "dense.weight")
    )
    if not len(first) == len(state) == len(dense) == 2 or 0 in first + state + dense:
        raise _other(path, "it has no matrices rnn.l0_i2h_weight, rnn.l0_h2h_weight, dense.weight")
    num_hiddens, vocab_size = state[1], dense[0]
    gates, rest = divmod(state[0], num_hiddens)
    directions = 1 + ("rnn.r0_i2h_weight" in shapes)
    num_layers = 1
    while f"rnn.l{num_layers}_i2h_weight" in shapes:
        num_layers += 1
    cell = next(
        (
            cell
            for cell in CELLS.values()
            if cell.layer and len(cell.gates) == gates and cell.activation in ("", activation)
        ),
        None,
    )
    if rest or cell is None:
        raise _other(path, f"rnn.l0_h2h_weight is {state}, which is no RNN, GRU or LSTM")
    expected = model_shapes(cell.name, vocab_size, num_hiddens, num_layers, directions)
    wrong = sorted(name for name in {*shapes, *expected} if shapes.get(name) != expected.get(name))
    if wrong:
        raise _other(
            path,
            f"{wrong[0]} is {shapes.get(wrong[0], 'missing')}, and should be "
            f"{expected.get(wrong[0], 'missing')}",
        )
    return {
        "model": "RNNModel",
        "vocab_size": vocab_size,
        "cell": cell.name,
        "on_engine": True,
        "num_hiddens": num_hiddens,
        "num_layers": num_layers,
        "directions": directions,
        "dropout": 0,
    }


def _other(path: StrPath, why: str) -> InputError:
    return InputError(
        f"{str(path)!r} is not of the book's RNNModel (rnn, one of Gluon's layers, "
        f"and dense): {why}; give a file of such a model's save_parameters"
    )


def vocabulary(tokens: list[str]) -> Vocab:
    """Return the vocabulary of a list of tokens by index.

    Raises:
        InputError: if it isn't one: strings, each once, ``<unk>`` at its place.
    """
    vocab = restore.vocabulary(tokens or [""])
    if (
        vocab.idx_to_token != tokens
        or len(set(tokens)) < len(tokens)
        or not all(isinstance(token, str) for token in tokens)
    ):
        raise InputError(
            "that is no vocabulary: give the list of its tokens by index, strings, "
            "each once, beginning with '<unk>'"
        )
    return vocab


def save(
    path: StrPath, params: Mapping[str, numpy.ndarray], facts: dict[str, Any], vocab: Vocab
) -> None:
    """Write parameters as a checkpoint.

    Args:
        path: where to.
        params: what `read` returned.
        facts: what `config` returned, and maybe further ones.
        vocab: the vocabulary.

    Raises:
        InputError: if it can't be written.
    """
    Checkpoint(params, facts, list(vocab.idx_to_token)).save(path)
