"""Ctrl-C that is never lost, and takes effect between minibatches."""

from __future__ import annotations

import signal
import threading
from typing import Iterable, Iterator, TypeVar

T = TypeVar("T")


class CtrlC:
    """A ``with`` block in which Ctrl-C raises KeyboardInterrupt only at `check`, or when it ends.

    Python loses a KeyboardInterrupt that is raised in a ``__del__`` or a weak reference's callback,
    and a training loop frees arrays all the time; one that is raised in a database transaction
    leaves the lock behind. Nested blocks share their Ctrl-C. A second Ctrl-C acts at once. Nothing
    changes in other threads than the main one, or if something else handles SIGINT already.
    """

    def __init__(self) -> None:
        self.installed = False
        self._outermost = self
        self._pressed = False

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            around = getattr(handler, "__self__", None)
            if isinstance(around, CtrlC):
                self._outermost = around
            elif handler is signal.default_int_handler:
                self.installed = True
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:
            self.check()

    def _note(self, signum: int, frame: object) -> None:
        self.check()
        self._pressed = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._outermost._pressed:
            raise KeyboardInterrupt

    def between(self, minibatches: Iterable[T]) -> Iterator[T]:
        """Yield the minibatches, checking before each."""
        for minibatch in minibatches:
            self.check()
            yield minibatch
