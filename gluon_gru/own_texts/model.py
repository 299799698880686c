"""The model of a text of one's own: what it is, what it starts as, and what is left of it in a file.

It is described, and its weights are drawn, without MXNet, which only computes where the engine
can't.
"""

from __future__ import annotations

import typing
from typing import Any

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.engine.layout import model_shapes
from gluon_gru.errors import InputError
from gluon_gru.own_texts.settings import Settings
from gluon_gru.runs import checkpoint
from gluon_gru.runs.files import StrPath
from gluon_gru.runs.restore import checkpoint_of, vocabulary
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.learner import Learner, learner_from


def model_config(settings: Settings, vocab_size: int) -> dict[str, Any]:
    """Return what the checkpoints of a training say of their model."""
    cell = OPTIONS[settings.cell]
    return {
        "model": "RNNModel",
        "cell": cell.name,
        "on_engine": True,
        "vocab_size": vocab_size,
        "num_hiddens": settings.num_hiddens,
        "num_layers": settings.num_layers,
        "directions": 1,
        "dropout": settings.dropout,
        "device": "cpu(0)",
        "text": {"tokens": settings.tokens, "case": settings.case},
    }


def initial_params(config: dict[str, Any], seed: int) -> dict[str, numpy.ndarray]:
    """Return new parameters: uniform within +-1/sqrt(num_hiddens), biases 0.

    That is what PyTorch's recurrent layers start from; the book's standard deviation of 0.01 goes
    with its SGD, whose steps grow with the gradients, where Adam's don't. But the first layer's
    weights by which tokens come in are within +-1: only one of a row's inputs is 1, the others are
    0, so that smaller ones would hardly be heard, and several layers learn nothing but the tokens'
    frequencies for many epochs.

    Args:
        config: see `model_config`.
        seed: of the draws.
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


class TrainedModel(typing.NamedTuple):
    """A trained model that predicts what comes next: what computes it, its vocabulary, its config."""

    learner: Learner
    vocab: Vocab
    config: dict[str, Any]


def load_trained(path: StrPath) -> TrainedModel:
    """Read a trained model: on the engine without MXNet, if the engine can run it.

    Args:
        path: a run's folder, or a checkpoint file, also of the chapter's models.

    Raises:
        InputError: if it can't be read, is not this package's, or reads in both directions.
    """
    file = checkpoint_of(path)
    saved = checkpoint.load(file)
    if saved.config.get("directions") == 2:
        raise InputError(
            f"{str(file)!r} reads in both directions, so it sees what it is to predict: give a "
            "model in one direction"
        )
    try:
        learner = learner_from(saved.params, saved.config)
    except InputError as error:
        raise InputError(f"checkpoint {str(file)!r}: {error}") from error
    return TrainedModel(learner, vocabulary(saved.vocab), saved.config)
