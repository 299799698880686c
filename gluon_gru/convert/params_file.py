"""Gluon's ``.params`` files of the book's class ``RNNModel``: what the model was, and its parameters.

The class has ``rnn``, a layer of ``mxnet.gluon.rnn``, and ``dense``. ``save_parameters`` writes
names such as ``rnn.l0_i2h_weight``, or in MXNet 1.9.1 those of `plain_name`; older code's
``collect_params().save`` such as ``rnnmodel0_gru0_l0_i2h_weight``. The shapes tell all but the
activation of an RNN and the vocabulary.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine.layout import model_shapes, plain_name
from gluon_gru.errors import InputError
from gluon_gru.runs import restore
from gluon_gru.runs.files import StrPath
from gluon_gru.text.vocabulary import Vocab

_NAMES = {
    "rnn": re.compile(r"(?:.*[._])?([lr]\d+_(?:i2h|h2h)_(?:weight|bias))"),
    "dense": re.compile(r"(?!.*[ih]2[hr]_)(?:.*[._])?(weight|bias)"),
}


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
            # Files that were saved without ``npx.set_np()`` load only without it.
            arrays = _load(path, False)
    except Exception as error:
        # MXNet's own errors, of several kinds, have backtraces in their messages.
        raise InputError(
            f"{str(path)!r} is damaged or no file of Gluon's parameters: give one that "
            "save_parameters wrote"
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
    for block, pattern in _NAMES.items():
        match = pattern.fullmatch(plain_name(name))
        if match:
            return f"{block}.{match[1]}"
    raise _other(path, f"{name!r} is no parameter of it")


def config(path: StrPath, params: Mapping[str, numpy.ndarray], activation: str) -> dict[str, Any]:
    """Return a checkpoint's config by the shapes of the parameters.

    The layer is the one on the engine, which computes the same as Gluon's.

    Args:
        path: the file, for error messages.
        params: what `read` returned.
        activation: of an RNN, ``relu`` or ``tanh``.

    Raises:
        InputError: if the shapes don't fit together.
    """
    shapes = {name: array.shape for name, array in params.items()}
    needed = ("rnn.l0_i2h_weight", "rnn.l0_h2h_weight", "dense.weight")
    if any(len(shapes.get(name, ())) != 2 or 0 in shapes[name] for name in needed):
        raise _other(path, f"it has no matrices {', '.join(needed)}")
    state, vocab_size = shapes["rnn.l0_h2h_weight"], shapes["dense.weight"][0]
    num_hiddens = state[1]
    directions = 1 + ("rnn.r0_i2h_weight" in shapes)
    num_layers = 1
    while f"rnn.l{num_layers}_i2h_weight" in shapes:
        num_layers += 1
    cells = [
        name
        for name, cell in CELLS.items()
        if cell.layer and cell.activation in ("", activation)
        if len(cell.gates) * num_hiddens == state[0]
    ]
    if not cells:
        raise _other(path, f"rnn.l0_h2h_weight is {state}, which is no RNN, GRU or LSTM")
    expected = model_shapes(cells[0], vocab_size, num_hiddens, num_layers, directions)
    if shapes != expected:
        name, _ = min(shapes.items() ^ expected.items())
        there, right = (some.get(name, "missing") for some in (shapes, expected))
        raise _other(path, f"{name} is {there}, and should be {right}")
    return {
        "model": "RNNModel",
        "vocab_size": vocab_size,
        "cell": cells[0],
        "on_engine": True,
        "num_hiddens": num_hiddens,
        "num_layers": num_layers,
        "directions": directions,
        "dropout": 0,
    }


def _other(path: StrPath, why: str) -> InputError:
    return InputError(
        f"{str(path)!r} is not of the book's RNNModel (rnn, one of Gluon's layers, and dense): "
        f"{why}; give a file that save_parameters of such a model wrote"
    )


def vocabulary(tokens: list[str]) -> Vocab:
    """Return the vocabulary of a list of tokens by index.

    Raises:
        InputError: unless they are strings, each once, with ``<unk>`` in its place.
    """
    vocab = restore.vocabulary(tokens or [""])
    if (
        vocab.idx_to_token != tokens
        or len(set(tokens)) < len(tokens)
        or not all(isinstance(token, str) for token in tokens)
    ):
        raise InputError(
            "that is no vocabulary: give the list of its tokens by index, strings, each once, "
            "beginning with '<unk>'"
        )
    return vocab
