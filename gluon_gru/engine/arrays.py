"""Where NumPy arrays become what the kernels read: they trust it, so all of it is checked here.

Tokens are copied first and checked then, so that nobody else can change them in between. Parameters
are trained where they lie. So what decides how far the kernels read and write are an array's own
shape, type and layout: it must be as the caller says, and `Addresses` sees to it that it stays.
"""

from __future__ import annotations

import contextlib
import numbers
import weakref
from typing import Any, Iterator, Mapping

import numpy

from gluon_gru.errors import InputError, check_positive

# The kernels' tokens are int32.
_MOST = 2**31


def own_tokens(tokens: Any, vocab_size: int) -> numpy.ndarray:
    """Return a copy of tokens, a contiguous array of int32.

    Raises:
        InputError: if one of them isn't a whole number from 0 to ``vocab_size - 1``.
    """
    try:
        own = numpy.array(tokens, order="C")
    except (TypeError, ValueError) as error:
        raise InputError(f"the tokens are no array of numbers ({error})") from error
    if own.dtype.kind not in "biuf":
        raise InputError(f"the tokens are of the type {own.dtype}: they must be whole numbers")
    right = (own >= 0) & (own < vocab_size)
    if right.all():
        whole = own.astype(numpy.int32, copy=False)
        right = whole == own
    if not right.all():
        raise InputError(
            f"token {own[~right][0]} is not a whole number from 0 to {vocab_size - 1}: the "
            f"vocabulary has {vocab_size} tokens"
        )
    return whole


def own_text(tokens: Any, vocab_size: int) -> numpy.ndarray:
    """Return a copy of a text's tokens, a contiguous array of int32, (num_tokens,).

    Raises:
        InputError: for no tokens, another number of dimensions, and tokens out of range.
    """
    own = own_tokens(tokens, vocab_size)
    if own.ndim != 1 or not own.size:
        raise InputError(
            f"the tokens of a text have the shape {own.shape}: it must be (num_tokens,), at least 1"
        )
    return own


def own_minibatch(X: Any, Y: Any, vocab_size: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return copies of a minibatch's tokens, (num_steps, batch_size) each, as the kernels read them.

    Args:
        X, Y: tokens, and those that follow them, (batch_size, num_steps).
        vocab_size: how many tokens there are.

    Raises:
        InputError: for other shapes, empty ones, and tokens out of range.
    """
    X, Y = (own_tokens(tokens, vocab_size) for tokens in (X, Y))
    if X.ndim != 2 or X.shape != Y.shape or not X.size:
        raise InputError(
            f"a minibatch has X of the shape {X.shape} and Y of {Y.shape}: both must be "
            "(batch_size, num_steps), and not empty"
        )
    return numpy.ascontiguousarray(X.T), numpy.ascontiguousarray(Y.T)


def check_sizes(config: Mapping[str, Any]) -> None:
    """Raise InputError for sizes and a dropout, in a model's config, that can't be."""
    from_scratch, dropout = config["model"] == "RNNModelScratch", config.get("dropout") or 0
    for name in ("vocab_size", "num_hiddens", *([] if from_scratch else ["num_layers"])):
        check_positive(name, config[name])
        if config[name] >= _MOST:
            raise InputError(f"{name} is {config[name]}: it must be below {_MOST}")
    if not isinstance(dropout, numbers.Real) or not 0 <= float(dropout) < 1:
        raise InputError(f"dropout is {dropout!r}: it must be a number, at least 0 and below 1")


def check_count(num_predicts: Any) -> None:
    """Raise InputError unless it is a number of tokens that can be generated."""
    if not isinstance(num_predicts, numbers.Integral) or not 0 <= int(num_predicts) < _MOST:
        raise InputError(
            f"num_predicts is {num_predicts!r}: it must be a whole number from 0 to {_MOST - 1}"
        )


@contextlib.contextmanager
def no_memory(X: numpy.ndarray) -> Iterator[None]:
    """Have a MemoryError in a ``with`` block become an InputError that names the minibatch's size.

    Args:
        X: the minibatch's tokens, (num_steps, batch_size).
    """
    try:
        yield
    except MemoryError as error:
        raise InputError(
            f"there is no memory for a minibatch of {X.shape[1]} sequences of {len(X)} tokens "
            f"({error}): make them fewer, or shorter"
        ) from error


class Addresses:
    """Addresses of arrays that stay where they are as long as this object lives."""

    def __init__(self) -> None:
        self._arrays: list[numpy.ndarray] = []
        # NumPy refuses to resize, and so to move, an array that has a weak reference.
        self._pins: list[weakref.ref] = []

    def of(self, name: str, array: numpy.ndarray, shape: tuple[int, ...]) -> int:
        """Return the address of an array that the kernels read and write.

        Raises:
            InputError: unless it is a NumPy array of float32 of that shape, in C order, aligned and
                writable.
        """
        if not isinstance(array, numpy.ndarray):
            raise InputError(f"{name} is a {type(array).__name__}: it must be a NumPy array")
        self._pins.append(weakref.ref(array))
        self._arrays.append(array)
        if array.shape != shape:
            raise InputError(f"{name} has the shape {array.shape}: it must be {shape}")
        if array.dtype != numpy.float32:
            raise InputError(f"{name} is of the type {array.dtype}: it must be float32")
        if not array.flags.carray:
            raise InputError(
                f"{name} is not in C order, aligned and writable: numpy.array(..., order='C') is"
            )
        return array.ctypes.data
