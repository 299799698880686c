"""Who is measured at what: the contests, their contestants, and what each contestant is told."""

import importlib.util
import shutil
import typing

from benchmarks import weights

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


class Contestant(typing.NamedTuple):
    """Who is measured.

    Attributes:
        name: in tables.
        module: what makes it, a module that ``worker.py`` can import.
        needs: the package that has to be there.
        kind: ``engine``, ``package`` (MXNet's operators, this package's loops) or ``peer``.
        function: contestants with the same one compute the same, so they have to agree.
        settings: what the module is told besides what every contestant is told.
    """

    name: str
    module: str
    needs: str
    kind: str
    function: str
    settings: dict


class Contest(typing.NamedTuple):
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
    contestants: list
    roofline: list


def _on_mxnet(name, kind, model, engine=False, loop="package"):
    return Contestant(
        name,
        "contestants_mxnet",
        "mxnet",
        kind,
        model,
        {"model": model, "engine": engine, "loop": loop},
    )


def _engine(cell):
    return [
        _on_mxnet(f"engine, the book's {cell.upper()}", "engine", "book", engine=True),
        _on_mxnet(f"engine, Gluon's {cell.upper()}", "engine", "layer", engine=True),
    ]


def _layer(cell, loop="package"):
    return _on_mxnet(
        f"rnn.{cell.upper()}, {_LOOPS[loop]}",
        "package" if loop == "package" else "peer",
        "layer",
        loop=loop,
    )


def _book(cell, loop="package"):
    return _on_mxnet(
        f"the book's {cell.upper()}, {_LOOPS[loop]}",
        "package" if loop == "package" else "peer",
        "book",
        loop=loop,
    )


_LOOPS = {"package": "this package's loop", "book": "the book's loop"}


def _torch(cell, ending="", **settings):
    return Contestant(
        f"PyTorch nn.{cell.upper()}{ending}",
        "contestants_torch",
        "torch",
        "peer",
        "layer",
        {"compile": False, "by_cell": False, **settings},
    )


def _torch_compiled(cell):
    return _torch(cell, ", torch.compile", compile=True)


def _jax():
    return Contestant("JAX lax.scan", "contestants_jax", "jax", "peer", "book", {})


_ROOFLINE = [
    Contestant(
        f"sgemm, {name}",
        "roofline",
        library,
        "peer",
        "sgemm",
        {"library": library, "sizes": (1024, 2048, 3072)},
    )
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


def contests(measure):
    """Return the list of `Contest` that a measure of `MEASURES` consists of."""
    if measure == "training":
        return [
            Contest(
                measure,
                "training",
                "gru",
                *_CHAPTER,
                [
                    *_engine("gru"),
                    _layer("gru", "book"),
                    _layer("gru"),
                    _book("gru", "book"),
                    _book("gru"),
                    _torch("gru"),
                    _torch_compiled("gru"),
                    _jax(),
                ],
                _ROOFLINE,
            )
        ]
    if measure == "cells":
        return [
            Contest(
                measure,
                "training",
                cell,
                *_CHAPTER,
                [
                    *_engine(cell),
                    _layer(cell),
                    _book(cell),
                    _torch(cell),
                    # It can't take PyTorch's LSTM apart.
                    *([] if cell == "lstm" else [_torch_compiled(cell)]),
                    _jax(),
                ],
                _ROOFLINE,
            )
            for cell in ("lstm", "rnn")
        ]
    if measure == "generation":
        return [
            Contest(
                measure,
                "generation",
                "gru",
                256,
                1,
                1,
                [
                    *_engine("gru"),
                    _layer("gru")._replace(name="rnn.GRU, predict_ch8"),
                    _book("gru")._replace(name="the book's GRU, predict_ch8"),
                    _torch("gru"),
                    _torch("gru", "Cell", by_cell=True),
                ],
                [],
            )
        ]
    return [
        Contest(
            measure, "training", "gru", *shape, [*_engine("gru"), _layer("gru"), _torch("gru")], []
        )
        for shape in _SHAPES
    ]


def missing(contestant):
    """Return why a contestant can't be measured here, and what to do about it; None if it can."""
    if importlib.util.find_spec(contestant.needs) is None:
        return f"{contestant.needs} is not installed: pip install 'gluon_gru[peers]'"
    if contestant.settings.get("compile") and not shutil.which("g++"):
        return "torch.compile needs a C++ compiler: install g++"
    return None


def flop_per_token(contest, vocab_size):
    """Return how many floating-point operations a trained token takes, in matrix products.

    3 * 2 * (gates * H * H + H * V), with H hidden units, V tokens in the vocabulary, and 3, 4 or 1
    gates (GRU, LSTM, RNN): each weight of the recurrent and the output layer is multiplied and
    added in the forward pass, and twice in the backward pass, for the gradients of the state and of
    the weight. The input layer takes none: a token picks a row. For the chapter's GRU that is 1.2
    million.
    """
    gates = len(weights.STACKED[contest.cell])
    return 6 * contest.num_hiddens * (gates * contest.num_hiddens + vocab_size)


def jobs(contest, tokens, vocab):
    """Return what each contestant of a contest is told: name -> dict.

    All of them: ``task``, ``cell``, sizes, ``lr``; the ``tokens`` to train on; ``token_freqs`` of
    the vocabulary and the ``prefix`` to continue; the weights to start from, as ``params`` in the
    book's layout and ``stacked``; how many ``check_steps`` to warm up with. Each: its settings.
    """
    # Larger weights make a text that wanders instead of repeating its likeliest character.
    params = weights.draw(
        contest.cell, len(vocab), contest.num_hiddens, 0.1 if contest.task == "generation" else 0.01
    )
    told = {
        "task": contest.task,
        "cell": contest.cell,
        "vocab_size": len(vocab),
        "num_hiddens": contest.num_hiddens,
        "batch_size": contest.batch_size,
        "num_steps": contest.num_steps,
        "lr": LR,
        "tokens": tokens,
        "prefix": PREFIX,
        "token_freqs": vocab.token_freqs,
        "params": params,
        "stacked": weights.stack(contest.cell, params),
        # Large minibatches need not be many to show whether the contestants agree.
        "check_steps": min(20, max(2, 40000 // (contest.batch_size * contest.num_steps))),
    }
    return {
        **{one.name: {**told, **one.settings} for one in contest.contestants},
        **{one.name: {**one.settings, "check_steps": 2} for one in contest.roofline},
    }
