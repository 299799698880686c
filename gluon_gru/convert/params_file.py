"""The book's own saved models: from a Gluon ``.params`` file to a checkpoint.

The book's class is ``RNNModel``, a block with ``rnn``, a layer of ``mxnet.gluon.rnn``, and
``dense``. Its ``save_parameters`` writes names such as ``rnn.l0_i2h_weight`` or, MXNet 1.9.1,
``rnn._unfused.0.i2h_weight`` (of two directions ``rnn._unfused.0.l_cell.i2h_weight``); older code's
``collect_params().save`` such as ``rnnmodel0_gru0_l0_i2h_weight``. The file holds nothing else:
what the model was follows from the shapes, but the activation of an RNN and the vocabulary.
"""

import random
import re

import mxnet as mx
import numpy
from mxnet import np

from gluon_gru.errors import InputError
from gluon_gru.runs import restore
from gluon_gru.runs.checkpoint import RunFile, described
from gluon_gru.text.vocabulary import Vocab

#: Gates -> layer.
_LAYERS = {1: "rnn", 3: "gru", 4: "lstm"}
_PART = r"(?P<part>(?:i2h|h2h)_(?:weight|bias))"
_OF_LAYER = (
    re.compile(rf"(?:.*[._])?(?P<side>[lr])(?P<layer>\d+)_{_PART}"),
    re.compile(rf"(?:.*[._])?_unfused\.(?P<layer>\d+)\.(?:(?P<side>[lr])_cell\.)?{_PART}"),
)
_OF_DENSE = re.compile(r"(?:.*[._])?(?P<part>weight|bias)")


def read(path):
    """Return the parameters of a ``.params`` file: name -> float32 array.

    The names are ``rnn.l0_i2h_weight`` and so on, and ``dense.weight``, ``dense.bias``.

    Raises:
        InputError: if it can't be read, or doesn't hold an ``RNNModel``.
    """
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


def _load(path, numpys):
    with mx.util.np_array(numpys), mx.util.np_shape(numpys):
        return {
            name.split(":")[-1]: array.asnumpy().astype(numpy.float32)
            for name, array in mx.nd.load(str(path)).items()
        }


def _name(name, path):
    """Return the name by which `read` returns a parameter."""
    for pattern in _OF_LAYER:
        found = pattern.fullmatch(name)
        if found:
            return f"rnn.{found['side'] or 'l'}{int(found['layer'])}_{found['part']}"
    found = _OF_DENSE.fullmatch(name)
    if not found or re.search("[ih]2[hr]_", name):
        raise _other(path, f"{name!r} is no parameter of it")
    return f"dense.{found['part']}"


def config(path, params, activation):
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
    expected = {"dense.weight": (vocab_size, num_hiddens * directions), "dense.bias": (vocab_size,)}
    for i in range(num_layers):
        num_inputs = num_hiddens * directions if i else vocab_size
        for name in (f"rnn.{side}{i}_" for side in "lr"[:directions]):
            expected.update(
                {
                    f"{name}i2h_weight": (state[0], num_inputs),
                    f"{name}h2h_weight": (state[0], num_hiddens),
                    f"{name}i2h_bias": (state[0],),
                    f"{name}h2h_bias": (state[0],),
                }
            )
    wrong = sorted(name for name in {*shapes, *expected} if shapes.get(name) != expected.get(name))
    if wrong:
        raise _other(
            path,
            f"{wrong[0]} is {shapes.get(wrong[0], 'missing')}, and should be "
            f"{expected.get(wrong[0], 'missing')}",
        )
    if rest or gates not in _LAYERS:
        raise _other(path, f"rnn.l0_h2h_weight is {state}, which is no RNN, GRU or LSTM")
    layer = f"rnn_{activation}" if gates == 1 else _LAYERS[gates]
    return {
        "model": "RNNModel",
        "vocab_size": vocab_size,
        "layer": f"fused.{layer}",
        "num_hiddens": num_hiddens,
        "num_layers": num_layers,
        "directions": directions,
        "dropout": 0,
    }


def _other(path, why):
    return InputError(
        f"{str(path)!r} is not of the book's RNNModel (rnn, one of Gluon's layers, "
        f"and dense): {why}; give a file of such a model's save_parameters"
    )


def vocabulary(tokens):
    """Return the `gluon_gru.Vocab` of a list of tokens by index.

    Raises:
        InputError: if it isn't one: strings, each once, ``<unk>`` at its place.
    """
    special = bool(tokens) and tokens[0] == "<pad>"
    vocab = Vocab(use_special_tokens=special, reserved_tokens=tokens[4 if special else 1 :])
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


def save(path, params, facts, vocab):
    """Write parameters as a checkpoint before any epoch of training; return the model.

    Args:
        path: where to.
        params: what `read` returned.
        facts: what `config` returned, and maybe further ones.
        vocab: the `gluon_gru.Vocab`.

    Raises:
        InputError: if it can't be written.
    """
    model = restore.build(described(facts))
    for name, value in params.items():
        block, part = name.split(".")
        getattr(getattr(model, block), part).set_data(np.array(value))
    # Gluon takes them over when it first needs them.
    model(np.zeros((1, 1), dtype="int32"), model.begin_state(batch_size=1, ctx=mx.cpu()))
    file = RunFile(path, model, random.Random(0), vocab, facts)
    file.epoch_ends({"perplexity": []})
    file.save()
    return model
