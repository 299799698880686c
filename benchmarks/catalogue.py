"""Who is measured at what: the contests, their contestants, and what each contestant is told."""

from __future__ import annotations

import importlib.util
import shutil
from typing import Any, NamedTuple

import numpy

from benchmarks import weights
from gluon_gru.cells import CELLS
from gluon_gru.text.vocabulary import Vocab

#: The measures by name, and what each of them is.
MEASURES = {
    "training": "whole training steps of the chapter's model, a GRU, beside what the processor "
    "can do",
    "cells": "the same for an LSTM and for an RNN with tanh",
    "generation": "greedy generation, a character at a time",
    "shapes": "training steps of a GRU at other numbers of hidden units, sequences and time steps",
}
#: Those that are measured if none is named.
DEFAULT = ("training", "cells", "generation")

LR = 1
PREFIX = "time traveller"

#: Sizes of the square matrices that the limit is looked for with.
ROOFLINE_SIZES = (1024, 2048, 3072)

# What a contest calls a cell -> the book's cell, and that of the libraries' layers.
_CELLS = {
    "gru": {"book": "gru_before", "layer": "gru_after"},
    "lstm": {"book": "lstm", "layer": "lstm"},
    "rnn": {"book": "rnn_tanh", "layer": "rnn_tanh"},
}


class Contestant(NamedTuple):
    """Who is measured.

    Attributes:
        name: in tables; ``{}`` stands for the cell.
        needs: the package that has to be installed.
        kind: ``engine``, ``package`` (MXNet's operators, this package's loops) or ``peer``.
        function: ``book``, ``layer`` or ``sgemm``: contestants with the same one compute the same,
            so they have to agree.
        options: what distinguishes it from others of the same package and function.
        cell: what it computes, a key of `gluon_gru.cells.CELLS`, which decides its colour.
    """

    name: str
    needs: str
    kind: str
    function: str
    options: tuple[str, ...] = ()
    cell: str = ""

    @property
    def module(self) -> str:
        """Return what makes it, a module that ``worker.py`` can import."""
        return "roofline" if self.function == "sgemm" else f"contestants_{self.needs}"


class Contest(NamedTuple):
    """A comparison: every contestant does the same ``task`` at the same sizes.

    Attributes:
        measure: its name in `MEASURES`.
        task: ``training``, ``generation``.
        cell: ``gru``, ``lstm``, ``rnn``.
        num_hiddens, batch_size, num_steps: sizes.
        contestants: a list of `Contestant`.
        roofline: who multiplies large matrices beside them, a list of `Contestant`.
    """

    measure: str
    task: str
    cell: str
    num_hiddens: int
    batch_size: int
    num_steps: int
    contestants: list[Contestant]
    roofline: list[Contestant]


_ENGINE = [
    Contestant("engine, the book's {}", "mxnet", "engine", "book", ("engine",)),
    Contestant("engine, Gluon's {}", "mxnet", "engine", "layer", ("engine",)),
]
_LAYER = Contestant("rnn.{}, this package's loop", "mxnet", "package", "layer")
_BOOK = Contestant("the book's {}, this package's loop", "mxnet", "package", "book")
_TORCH = Contestant("PyTorch nn.{}", "torch", "peer", "layer")
_COMPILED = Contestant("PyTorch nn.{}, torch.compile", "torch", "peer", "layer", ("compile",))
_JAX = Contestant("JAX lax.scan", "jax", "peer", "book")

_TRAINING = [
    *_ENGINE,
    Contestant("rnn.{}, the book's loop", "mxnet", "peer", "layer", ("book's loop",)),
    _LAYER,
    Contestant("the book's {}, the book's loop", "mxnet", "peer", "book", ("book's loop",)),
    _BOOK,
    _TORCH,
    _COMPILED,
    _JAX,
]
# torch.compile can't take PyTorch's LSTM apart.
_LSTM = [*_ENGINE, _LAYER, _BOOK, _TORCH, _JAX]
_RNN = [*_ENGINE, _LAYER, _BOOK, _TORCH, _COMPILED, _JAX]
_SHAPED = [*_ENGINE, _LAYER, _TORCH]
_GENERATION = [
    *_ENGINE,
    _LAYER._replace(name="rnn.{}, predict_ch8"),
    _BOOK._replace(name="the book's {}, predict_ch8"),
    _TORCH,
    Contestant("PyTorch nn.{}Cell", "torch", "peer", "layer", ("by cell",)),
]
_ROOFLINE = [
    Contestant(f"sgemm, {name}", library, "peer", "sgemm")
    for library, name in (("numpy", "numpy.dot"), ("torch", "torch.mm"), ("mxnet", "nd.dot"))
]

# num_hiddens, batch_size, num_steps: one at a time around the chapter's, then corners.
_CHAPTER = (256, 32, 35)
_SHAPES = [
    *((n, 32, 35) for n in (64, 128, 256, 512, 1024)),
    *((256, n, 35) for n in (1, 4, 16, 64, 256, 1024)),
    *((256, 32, n) for n in (8, 16, 64, 128, 256)),
    (64, 1, 8),
    (64, 1, 256),
    (64, 1024, 8),
    (64, 1024, 35),
    (1024, 1, 8),
    (1024, 1, 35),
]


def contests(measure: str) -> list[Contest]:
    """Return the contests that a measure of `MEASURES` consists of."""
    rows: dict[str, list[tuple]] = {
        "training": [("training", "gru", _CHAPTER, _TRAINING, _ROOFLINE)],
        "cells": [
            ("training", "lstm", _CHAPTER, _LSTM, _ROOFLINE),
            ("training", "rnn", _CHAPTER, _RNN, _ROOFLINE),
        ],
        "generation": [("generation", "gru", (256, 1, 1), _GENERATION, [])],
        "shapes": [("training", "gru", shape, _SHAPED, []) for shape in _SHAPES],
    }
    return [
        Contest(
            measure,
            task,
            cell,
            *sizes,
            [
                one._replace(name=one.name.format(cell.upper()), cell=_CELLS[cell][one.function])
                for one in contestants
            ],
            roofline,
        )
        for task, cell, sizes, contestants, roofline in rows[measure]
    ]


def missing(contestant: Contestant) -> str | None:
    """Return why a contestant can't be measured here, and what to do about it; None if it can."""
    if importlib.util.find_spec(contestant.needs) is None:
        return f"{contestant.needs} is not installed: pip install 'gluon_gru[peers]'"
    if "compile" in contestant.options and not shutil.which("g++"):
        return "torch.compile needs a C++ compiler: install g++"
    return None


def flop_per_token(contest: Contest, vocab_size: int) -> int:
    """Return how many floating-point operations a trained token takes, in matrix products.

    3 * 2 * (gates * H * H + H * V), with H hidden units, V tokens in the vocabulary, and 3, 4 or 1
    gates (GRU, LSTM, RNN): each weight of the recurrent and the output layer is multiplied and
    added in the forward pass, and twice in the backward pass, for the gradients of the state and of
    the weight. The input layer takes none: a token picks a row. For the chapter's GRU that is 1.2
    million.
    """
    gates = len(CELLS[_CELLS[contest.cell]["book"]].gates)
    return 6 * contest.num_hiddens * (gates * contest.num_hiddens + vocab_size)


def jobs(contest: Contest, tokens: numpy.ndarray, vocab: Vocab) -> dict[str, dict[str, Any]]:
    """Return what each contestant of a contest is told: name -> dict.

    All of them: ``task``, sizes, ``lr``; the ``tokens`` to train on; ``token_freqs`` of the
    vocabulary and the ``prefix`` to continue; the weights to start from, as ``params`` of a layer
    and ``books_params``; how many ``check_steps`` to warm up with. Those of the roofline: the
    ``sizes`` to try. Each: its own row.
    """
    layer = _CELLS[contest.cell]["layer"]
    # Larger weights make a text that wanders instead of repeating its likeliest character.
    scale = 0.1 if contest.task == "generation" else 0.01
    params = weights.draw(layer, len(vocab), contest.num_hiddens, scale)
    told = {
        "task": contest.task,
        "vocab_size": len(vocab),
        "num_hiddens": contest.num_hiddens,
        "batch_size": contest.batch_size,
        "num_steps": contest.num_steps,
        "lr": LR,
        "tokens": tokens,
        "prefix": PREFIX,
        "token_freqs": vocab.token_freqs,
        "params": params,
        "books_params": weights.as_books(layer, params),
        # With large minibatches a few steps show whether the contestants agree.
        "check_steps": min(20, max(2, 40000 // (contest.batch_size * contest.num_steps))),
    }
    return {
        **{one.name: {**told, **one._asdict()} for one in contest.contestants},
        **{
            one.name: {"sizes": ROOFLINE_SIZES, "check_steps": 2, **one._asdict()}
            for one in contest.roofline
        },
    }
