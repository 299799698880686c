"""What the cells of the neighbouring sections use beside the chapter's own names.

These are the sections on sequences, text, language models and RNNs, in both of the book's wordings:
of 2019 and 2020, and of version 0.17, where array functions have names of the book's own. Source:
the package ``d2l`` of the book's MXNet edition.
"""

from __future__ import annotations

import os
from typing import Any, Iterable, Sequence

from mxnet import gluon, np

from gluon_gru.errors import InputError
from gluon_gru.text import corpus
from gluon_gru.text import download as downloads
from gluon_gru.training.animator import FMTS, draw_curves, in_notebook
from gluon_gru.training.metrics import Accumulator

#: Where the book's files are.
DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"

#: The files that `download` knows: name -> (address, SHA-1). A reader's cells add to it.
DATA_HUB = {"time_machine": (DATA_URL + "timemachine.txt", corpus.BOOK_SHA1)}

# The book's names of array functions.
arange, concat, matmul, normal, sin, tensor, zeros, float32 = (
    np.arange,
    np.concatenate,
    np.dot,
    np.random.normal,
    np.sin,
    np.array,
    np.zeros,
    np.float32,
)


def reshape(x: np.ndarray, *shape: Any) -> np.ndarray:
    """Return an array in another shape, given as a tuple or as several numbers."""
    return x.reshape(*shape)


def numpy(x: np.ndarray) -> Any:
    """Return an array as NumPy's."""
    return x.asnumpy()


def size(x: np.ndarray) -> int:
    """Return how many elements an array has."""
    return x.size


def download(name: str, cache_dir: str | os.PathLike | None = None) -> str:
    """Return the path of a file of `DATA_HUB`, which is downloaded once and kept.

    The corpus is found as everywhere in this package: see `gluon_gru.text.corpus.find`.

    Args:
        name: a key of `DATA_HUB`.
        cache_dir: where to keep it; by default the user's cache folder.

    Raises:
        InputError: for an unknown name, and a file that can't be had.
    """
    if name not in DATA_HUB:
        raise InputError(f"{name!r} is not in DATA_HUB: it has {', '.join(map(repr, DATA_HUB))}")
    url, sha1 = DATA_HUB[name]
    if sha1 == corpus.BOOK_SHA1 and cache_dir is None:
        return str(corpus.find_or_warn().path)
    try:
        return str(downloads.download(url, sha1, cache_dir))
    except OSError as error:
        raise InputError(f"{name!r} can't be downloaded from {url} ({error})") from error


def load_array(
    data_arrays: Sequence[np.ndarray], batch_size: int, is_train: bool = True
) -> gluon.data.DataLoader:
    """Return a loader of minibatches of arrays, shuffled if ``is_train``.

    Args:
        data_arrays: arrays whose first dimension, (num_examples, ...), is the same.
        batch_size: examples in a minibatch.
        is_train: whether to shuffle them anew for each epoch.
    """
    dataset = gluon.data.ArrayDataset(*data_arrays)
    return gluon.data.DataLoader(dataset, batch_size, shuffle=is_train)


def evaluate_loss(net: Any, data_iter: Iterable, loss: Any) -> float:
    """Return the mean loss of a model on the minibatches ``(X, y)`` of an iterable."""
    metric = Accumulator(2)
    for X, y in data_iter:
        l = loss(net(X), y)
        metric.add(l.sum(), l.size)
    return metric[0] / metric[1]


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = None,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = FMTS,
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: Any = None,
) -> None:
    """Plot curves; in a notebook, show them. Source: the book's section "Calculus".

    Args:
        X: the places, one sequence or one for each curve; or the values, if Y is None.
        Y: the values, likewise.
        xlabel, ylabel, legend, xlim, ylim, xscale, yscale: of the axes.
        fmts: the lines' formats, as Matplotlib's ``plot`` takes them, in turns.
        figsize: in inches.
        axes: Matplotlib's, to draw in; by default, new ones.

    Raises:
        InputError: if there are several sequences of places, and not as many of values.
    """
    from matplotlib import pyplot

    xs, ys = ([], _curves(X)) if Y is None else (_curves(X), _curves(Y))
    if len(xs) not in (0, 1, len(ys)):
        raise InputError(f"X has {len(xs)} sequences and Y {len(ys)}: give one of X for each of Y")
    if axes is None:
        axes = pyplot.figure(figsize=figsize).gca()
    pairs = [(*([xs[number % len(xs)]] if xs else []), y) for number, y in enumerate(ys)]
    limits = {"xlim": xlim, "ylim": ylim, "xscale": xscale, "yscale": yscale}
    draw_curves(axes, pairs, fmts, legend, {"xlabel": xlabel, "ylabel": ylabel, **limits})
    if in_notebook():
        pyplot.show()


def _curves(values: Any) -> list[Any]:
    """Return sequences of numbers, given as one or as several, as NumPy's arrays."""
    one = getattr(values, "ndim", None) == 1 or not hasattr(values[0], "__len__")
    some = [values] if one or getattr(values[0], "ndim", 1) == 0 else values
    return [y.asnumpy() if hasattr(y, "asnumpy") else y for y in some]
