"""What is measured, and what is wanted of it: the shapes, who computes them, and the goals.

`benchmarks.jobs` says what each contestant is told.
"""

from __future__ import annotations

import importlib.util
import shutil
from typing import NamedTuple, Sequence

from gluon_gru import engine

#: The measures by name, and what each of them is.
MEASURES = {
    "training": "whole training steps of the chapter's model, a GRU, beside what the processor "
    "can do",
    "cells": "whole training steps of an LSTM and of an RNN with tanh, likewise",
    "shapes": "training at other numbers of hidden units, sequences and time steps",
    "layers": "training with two and three layers, with dropout between them and without",
    "words": "training on thousands of words",
    "scoring": "losses without gradients, at the same shapes but those of three layers",
    "small": "training with few hidden units and few sequences, also on one thread",
    "threads": "training on all threads beside one",
    "block": "a Gluon block on the engine, under autograd.record() and gluon.Trainer",
    "generation": "greedy generation, a character at a time",
    "writing": "a text of 200 tokens, drawn at temperature 0.8 from the 40 likeliest",
    "compiled": "the chapter's models beside torch.compile, which compiles for minutes",
}
#: Those that are measured if none is named: five rounds are to take less than five minutes on two cores.
DEFAULT = tuple(name for name in MEASURES if name != "compiled")
#: Those of which every contestant's rate is shown. Of others the slow peers are soon left alone.
IN_FULL = ("training", "cells", "generation", "compiled")

#: How text is written: a divisor of the logits, how many of the likeliest tokens are drawn from, and
#: how many tokens a text has.
TEMPERATURE, TOP_K, LENGTH = 0.8, 40, 200

#: Sizes of the square matrices that the limit is looked for with.
ROOFLINE_SIZES = (1024, 2048)


class Shape(NamedTuple):
    """The sizes of a model and its minibatches; by default the chapter's.

    Attributes:
        cell: ``gru``, ``lstm`` or ``rnn``.
        num_hiddens, num_layers: of the model.
        batch_size, num_steps: sequences in a minibatch, tokens in a sequence.
        dropout: the share of the hidden units that training drops between layers.
        vocab_size: how many words there are; None for the characters of the text.
    """

    cell: str
    num_hiddens: int = 256
    num_layers: int = 1
    batch_size: int = 32
    num_steps: int = 35
    dropout: float = 0
    vocab_size: int | None = None


#: What a contest calls a cell -> the book's cell, and that of the libraries' layers.
CELLS_OF = {
    "gru": {"book": "gru_before", "layer": "gru_after"},
    "lstm": {"book": "lstm", "layer": "lstm"},
    "rnn": {"book": "rnn_tanh", "layer": "rnn_tanh"},
}

# Each size alone, from the least to the most that the goals are for.
_SHAPES = [
    Shape(cell, **changed)
    for cell in CELLS_OF
    for changed in (
        {"num_hiddens": 128},
        {"num_hiddens": 1024},
        {"batch_size": 16},
        {"batch_size": 1024, "num_steps": 8},
        {"num_steps": 8},
        {"num_steps": 256},
    )
]
_LAYERS = [
    Shape(cell, num_hiddens, num_layers, dropout=dropout)
    for cell in ("gru", "lstm")
    for num_hiddens in (256, 512)
    for num_layers in (2, 3)
    for dropout in (0, 0.3)
]
_WORDS = [
    Shape("lstm", 650, 2, batch_size=20, vocab_size=10000),
    Shape("gru", 512, 2, vocab_size=5000),
    Shape("gru", 256, vocab_size=30000),
]
# Scoring drops nothing; three layers would take more time than they tell beside two.
_SCORED = [
    shape
    for shape in (*map(Shape, CELLS_OF), *_SHAPES, *_LAYERS, *_WORDS)
    if not shape.dropout and shape.num_layers < 3
]
_SMALL = [
    Shape("gru", num_hiddens, batch_size=batch_size)
    for num_hiddens in (8, 64)
    for batch_size in (1, 4, 8)
]
_THREADS = [*map(Shape, CELLS_OF), Shape("gru", 512, 2), Shape("lstm", 512, 2)]
_TEXT = {"batch_size": 1, "num_steps": 1}
_WRITTEN = [
    Shape(cell, num_hiddens, num_layers, vocab_size=vocab_size, **_TEXT)
    for cell in ("gru", "lstm")
    for num_hiddens, num_layers, vocab_size in ((256, 1, None), (512, 2, None), (512, 2, 10000))
]


class Contestant(NamedTuple):
    """Who is measured.

    Attributes:
        name: in tables; ``{}`` stands for the cell.
        needs: the package that has to be installed, or ``engine``.
        kind: ``engine``, ``package`` (MXNet's operators, this package's loops) or ``peer``.
        function: ``book``, ``layer`` or ``sgemm``: those of the same compute the same. In `_CONTESTS`
            also ``ours``: the book's of a GRU, the layer's of an LSTM and an RNN, which differ from
            the book's only by a second bias.
        options: what distinguishes it from others of the same package and function. Over words, a
            library's layer has an ``embedding`` below it, as its users write it.
        cell: what it computes, a key of `gluon_gru.cells.CELLS`, which decides its colour.
        threads: how many it may use; None for all.
        batch_size: in place of the contest's.
    """

    name: str
    needs: str
    kind: str
    function: str
    options: tuple[str, ...] = ()
    cell: str = ""
    threads: int | None = None
    batch_size: int | None = None

    @property
    def is_peer(self) -> bool:
        """Return whether it is one of those that the engine should be faster than."""
        return self.kind != "engine"

    @property
    def module(self) -> str:
        """Return what makes it, a module that ``worker.py`` can import."""
        return "roofline" if self.function == "sgemm" else f"contestants_{self.needs}"


# The chapter's contestants.
_ENGINES_BOOK = Contestant("engine, the book's {}", "engine", "engine", "book")
_ENGINES_LAYER = Contestant("engine, Gluon's {}", "engine", "engine", "layer")
_LAYER = Contestant("rnn.{}, this package's loop", "mxnet", "package", "layer")
_BOOK = Contestant("the book's {}, this package's loop", "mxnet", "package", "book")
_TORCH = Contestant("PyTorch nn.{}", "torch", "peer", "layer")
_TORCH_CELL = Contestant("PyTorch nn.{}Cell", "torch", "peer", "layer", ("by cell",))
_COMPILED = Contestant("PyTorch nn.{}, torch.compile", "torch", "peer", "layer", ("compile",))
_JAX = Contestant("JAX lax.scan", "jax", "peer", "ours")

_OTHER_CELLS = [_ENGINES_BOOK, _ENGINES_LAYER, _LAYER, _BOOK, _TORCH, _JAX]
_TRAINING = [
    *_OTHER_CELLS,
    Contestant("rnn.{}, the book's loop", "mxnet", "peer", "layer", ("book's loop",)),
    Contestant("the book's {}, the book's loop", "mxnet", "peer", "book", ("book's loop",)),
]
_GENERATION = [
    _ENGINES_BOOK,
    _ENGINES_LAYER,
    _LAYER._replace(name="rnn.{}, predict_ch8"),
    _BOOK._replace(name="the book's {}, predict_ch8"),
    _TORCH,
    _TORCH_CELL,
]

# Those of all other shapes.
_ENGINE = Contestant("engine", "engine", "engine", "ours")
_ALONE = _ENGINE._replace(name="engine, 1 thread", threads=1)
_ONE_SEQUENCE = _ENGINE._replace(name="engine, 1 sequence", batch_size=1)
_BLOCK = Contestant("Gluon block on the engine", "mxnet", "engine", "book", ("block",))
_WRITER = _ENGINE._replace(function="layer")
_GLUON = _LAYER._replace(name="Gluon rnn.{}")
_PEERS = [_GLUON, _TORCH, _JAX]
_BESIDE_PEERS = [_ENGINE, *_PEERS]

#: Who multiplies large matrices.
ROOFLINE = [
    Contestant(f"sgemm, {name}", library, "peer", "sgemm")
    for library, name in (("numpy", "numpy.dot"), ("torch", "torch.mm"), ("mxnet", "nd.dot"))
]


class Goal(NamedTuple):
    """What is wanted of a contest's first contestant: at least so many times another's rate.

    Attributes:
        over: whose rate: `LIMIT` (what the best sgemm allows), `PEERS` (the fastest of them), or a
            contestant's name.
        least: the ratio; of the limit, the share.
    """

    over: str
    least: float


LIMIT, PEERS = "the limit", "the fastest peer"

_FASTEST = Goal(PEERS, 1)
# Two that do the same work differ by some percent all the same.
_NEVER_SLOWER = 0.95
_THAN_ONE = Goal(_ONE_SEQUENCE.name, _NEVER_SLOWER)


class Contest(NamedTuple):
    """A comparison: every contestant does the same ``task`` at the same sizes.

    Attributes:
        measure: its name in `MEASURES`.
        task: ``training``, ``scoring``, ``generation`` (greedy) or ``writing`` (drawn).
        cell, num_hiddens, num_layers, batch_size, num_steps, dropout, vocab_size: see `Shape`.
        contestants: the goals are for the first.
        goals: what is wanted of it.
    """

    measure: str
    task: str
    cell: str
    num_hiddens: int
    num_layers: int
    batch_size: int
    num_steps: int
    dropout: float
    vocab_size: int | None
    contestants: Sequence[Contestant]
    goals: Sequence[Goal]

    @property
    def is_limited(self) -> bool:
        """Return whether it takes a large product, measured in the same rounds."""
        return any(goal.over == LIMIT for goal in self.goals)


_WANTED = [Goal(LIMIT, 0.85), _FASTEST]
_SMALL_WANTED = [_FASTEST, Goal(_ALONE.name, _NEVER_SLOWER)]

# Measure -> its contests: a task, the shape, the contestants, and the goals of the first of them.
_CONTESTS: dict[str, list[tuple[str, Shape, list[Contestant], list[Goal]]]] = {
    "training": [("training", Shape("gru"), _TRAINING, [Goal(LIMIT, 0.87), _FASTEST])],
    "cells": [
        ("training", Shape(cell), _OTHER_CELLS, [Goal(LIMIT, share), _FASTEST])
        for cell, share in (("lstm", 0.87), ("rnn", 0.80))
    ],
    "shapes": [("training", shape, _BESIDE_PEERS, _WANTED) for shape in _SHAPES],
    "layers": [
        # Only PyTorch drops: MXNet ignores dropout on a CPU.
        ("training", shape, [_ENGINE, _TORCH] if shape.dropout else _BESIDE_PEERS, _WANTED)
        for shape in _LAYERS
    ],
    "words": [("training", shape, _BESIDE_PEERS, _WANTED) for shape in _WORDS],
    "scoring": [
        ("scoring", shape, _BESIDE_PEERS, [Goal(LIMIT, 0.80), _FASTEST]) for shape in _SCORED
    ],
    "small": [
        ("training", shape, [_ENGINE, _ALONE, _ONE_SEQUENCE, *_PEERS], _SMALL_WANTED + [_THAN_ONE])
        if shape.batch_size == 4
        else ("training", shape, [_ENGINE, _ALONE, *_PEERS], _SMALL_WANTED)
        for shape in _SMALL
    ],
    "threads": [
        ("training", shape, [_ENGINE, _ALONE], [Goal(_ALONE.name, 1.85)]) for shape in _THREADS
    ],
    "block": [
        ("training", Shape("gru"), [_BLOCK, _ENGINES_BOOK, _TORCH], [Goal(_TORCH.name, 1.7)])
    ],
    "generation": [("generation", Shape("gru", **_TEXT), _GENERATION, [_FASTEST])],
    "writing": [
        ("writing", shape, [_WRITER, _TORCH, _TORCH_CELL], [Goal(_TORCH_CELL.name, 5), _FASTEST])
        for shape in _WRITTEN
    ],
    # torch.compile can't take PyTorch's LSTM apart.
    "compiled": [
        ("training", Shape(cell), [_ENGINES_LAYER, _TORCH, _COMPILED], [_FASTEST])
        for cell in ("gru", "rnn")
    ],
}


def contests(measure: str) -> list[Contest]:
    """Return the contests that a measure of `MEASURES` consists of."""
    return [
        Contest(
            measure,
            task,
            *shape,
            contestants=[_of_shape(one, shape) for one in contestants],
            goals=[goal._replace(over=goal.over.format(shape.cell.upper())) for goal in goals],
        )
        for task, shape, contestants, goals in _CONTESTS[measure]
    ]


def _of_shape(one: Contestant, shape: Shape) -> Contestant:
    """Return a contestant with what follows from the shape."""
    function = one.function
    if function == "ours":
        function = "book" if shape.cell == "gru" else "layer"
    over_embedding = shape.vocab_size and one in (_GLUON, _TORCH, _TORCH_CELL)
    return one._replace(
        name=one.name.format(shape.cell.upper()),
        function=function,
        options=(*one.options, *["embedding"] * bool(over_embedding)),
        cell=CELLS_OF[shape.cell][function],
    )


def missing(contestant: Contestant) -> str | None:
    """Return why a contestant can't be measured here, and what to do about it; None if it can."""
    if contestant.needs == "engine":
        found = engine.info()
        return None if found["engine"] == "native" else str(found["why"])
    if importlib.util.find_spec(contestant.needs) is None:
        return f"{contestant.needs} is not installed: pip install 'gluon_gru[peers]'"
    if "compile" in contestant.options and not shutil.which("g++"):
        return "torch.compile needs a C++ compiler: install g++"
    return None
