"""The model of a text of one's own, new or from a file; MXNet is imported at most off the engine."""

from __future__ import annotations

import dataclasses

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.engine.layout import model_shapes
from gluon_gru.errors import InputError
from gluon_gru.own_texts.settings import Settings
from gluon_gru.runs import checkpoint
from gluon_gru.runs.files import JSONObject, StrPath
from gluon_gru.runs.restore import checkpoint_of, vocabulary
from gluon_gru.text.rules import Rules
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.learner import Learner, learner_from


def model_config(settings: Settings, vocab_size: int, rules: Rules) -> JSONObject:
    """Return the ``config`` of a training's checkpoints; ``rules`` are those of its text."""
    return {
        "model": "RNNModel",
        "cell": OPTIONS[settings.cell].name,
        "on_engine": True,
        "vocab_size": vocab_size,
        "num_hiddens": settings.num_hiddens,
        "num_layers": settings.num_layers,
        "directions": 1,
        "dropout": settings.dropout,
        "device": "cpu(0)",
        "text": dataclasses.asdict(rules),
    }


def initial_params(config: JSONObject, seed: int) -> dict[str, numpy.ndarray]:
    """Return new parameters: uniform within +-1/sqrt(num_hiddens), as in PyTorch; biases 0.

    The book's standard deviation of 0.01 suits SGD, whose steps grow with the gradients, not Adam.
    The weights on the input tokens are within +-1: a token is a single 1 in a row of zeros, and
    behind smaller weights several layers learn only frequencies for many epochs.

    Args:
        config: see `model_config`.
        seed: of the random numbers.
    """
    rng, params = numpy.random.default_rng(seed), {}
    shapes = model_shapes(
        config["cell"], config["vocab_size"], config["num_hiddens"], config["num_layers"]
    )
    for name, shape in shapes.items():
        if name.endswith("bias"):
            params[name] = numpy.zeros(shape, numpy.float32)
        else:
            bound = 1 if name == "rnn.l0_i2h_weight" else config["num_hiddens"] ** -0.5
            params[name] = rng.uniform(-bound, bound, shape).astype(numpy.float32)
    return params


def load_trained(path: StrPath) -> tuple[Learner, Vocab, JSONObject]:
    """Return the learner, the vocabulary and the config of a trained model.

    Args:
        path: a run's folder, or a checkpoint file, also of the chapter's models.

    Raises:
        InputError: if it can't be read, is not this package's, or is bidirectional.
    """
    file = checkpoint_of(path)
    saved = checkpoint.load(file)
    if saved.config.get("directions") == 2:
        raise InputError(
            f"{str(file)!r} reads in both directions, so it sees what it should predict: give a "
            "model of one direction"
        )
    with checkpoint.naming(file):
        vocab = vocabulary(saved.vocab, saved.config.get("vocab_size"))
        learner = learner_from(saved.params, saved.config)
    return learner, vocab, saved.config
