"""A trained model as one HTML file that runs it in a browser, without a network.

The file may hold several stages of a training, between which the reader switches. What runs there
is JavaScript, in ``gluon_gru/report/templates/model/``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Mapping

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.convert.rounding import in_half
from gluon_gru.convert.weights import Weights
from gluon_gru.errors import InputError
from gluon_gru.report.page import model_page
from gluon_gru.text.editions import is_of_letters
from gluon_gru.text.rules import Rules
from gluon_gru.text.vocabulary import Vocab

#: The most bytes of a page that are written. Browsers hold no strings of 512 MB, and take seconds
#: for each token long before.
MOST = 100_000_000

#: Precision of the weights -> bytes of each.
PRECISIONS = {"float16": 2, "float32": 4}


def check(weights: Weights, vocab: Vocab, precision: str) -> None:
    """Raise InputError unless a page can run a model, of weights in this precision."""
    if len(vocab) == 1 and vocab.unk is not None:
        raise InputError(
            "the model knows no token but <unk>, which is never written: give a model of a text"
        )
    size = sum(array.size for array in _arrays(weights)) * PRECISIONS[precision] * 4 // 3
    if size > MOST:
        raise InputError(
            f"the page would be of {size / 1e6:,.0f} MB ({weights}), and browsers are too slow for "
            f"more than {MOST / 1e6:.0f}: gluon-gru export writes the model for ONNX Runtime"
        )


def to_bytes(
    name: str,
    stages: Mapping[str, Weights],
    vocab: Vocab,
    config: Mapping[str, Any],
    opening: int,
    precision: str,
) -> bytes:
    """Return a model as the bytes of an HTML file; no name or token in it can become markup.

    It holds the weights of each stage, the vocabulary and how texts are read, and nothing else of
    the checkpoint.

    Args:
        name: what the page calls the model.
        stages: what the page calls each of them -> its weights, of one direction and the same sizes
            (see `check`). The last one is shown first; the name of one alone is not shown.
        vocab: the model's.
        config: the checkpoint's.
        opening: the token that a text starts after.
        precision: of the weights, a key of `PRECISIONS`.
    """
    weights, *_ = stages.values()
    facts = {
        "stages": list(stages),
        "cell": weights.cell,
        "gates": CELLS[weights.cell].gates,
        "num_layers": len(weights.layers),
        "num_hiddens": weights.num_hiddens,
        "vocab": list(vocab.idx_to_token),
        "unk": vocab.unk,
        "opening": opening,
        "reading": {
            **dataclasses.asdict(Rules.of(config)),
            "letters": "text" not in config and is_of_letters(vocab.idx_to_token),
        },
        "precision": precision,
    }
    numbers = numpy.concatenate(
        [array.ravel() for one in stages.values() for array in _arrays(one)]
    )
    if precision == "float16":
        numbers = in_half(numbers)
    packed = numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()
    return model_page(name, f"{weights}, {precision}", facts, packed)


def _arrays(weights: Weights) -> Iterator[numpy.ndarray]:
    """Yield a model's weights in the order that the page takes them in."""
    for layer in weights.layers:
        for gate in range(layer.W_x.shape[1]):
            yield from (part[0, gate] for part in layer)
    yield weights.W_q
    yield weights.b_q
