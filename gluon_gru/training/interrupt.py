"""Ctrl-C that is never lost, and takes effect between minibatches; other ends of a program too."""

from __future__ import annotations

import _weakrefset
import contextlib
import os
import signal
import threading
import types
import weakref
from typing import Any, Iterable, Iterator, NoReturn, TypeVar

T = TypeVar("T")

#: Ctrl-C; what time limits, the system's shutdown and ``kill`` send; a terminal that is closed, which
#: Windows has no signal for.
ENDS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Ended(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which ends a program as Ctrl-C does; ``signum`` is the signal's number."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


#: Python ignores what is raised in a ``__del__``, and in what it calls for a weak reference that has
#: died: those of its import system, which come with every import, and of its own collections.
_CALLBACKS = {
    ("cb", "<frozen importlib._bootstrap>"),
    ("remove", weakref.__file__),
    ("_remove", _weakrefset.__file__),
}

# Until a signal comes again that would have been ignored.
_AGAIN_SECONDS = 0.01


def _would_be_ignored(frame: types.FrameType | None) -> bool:
    while frame:
        code = frame.f_code
        if code.co_name == "__del__" or (code.co_name, code.co_filename) in _CALLBACKS:
            return True
        frame = frame.f_back
    return False


def _raise(signum: int) -> NoReturn:
    raise KeyboardInterrupt if signum == signal.SIGINT else Ended(signum)


def _end(signum: int, frame: types.FrameType | None) -> None:
    if _would_be_ignored(frame):
        threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), signum)).start()
    else:
        _raise(signum)


@contextlib.contextmanager
def ending_like_ctrl_c() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise `Ended`, a KeyboardInterrupt, in a ``with`` block.

    And have Python lose none, Ctrl-C neither, that comes at a moment at which it ignores errors. A
    signal that is ignored, as ``nohup`` has it, or handled by something else, is left alone; and so
    are all of them in other threads than the main one.
    """
    around = {}
    if threading.current_thread() is threading.main_thread():
        around = {end: signal.getsignal(end) for end in ENDS}
    mine = {
        end: handler
        for end, handler in around.items()
        if handler in (signal.SIG_DFL, signal.default_int_handler)
    }
    for end in mine:
        signal.signal(end, _end)
    try:
        yield
    finally:
        for end, handler in mine.items():
            signal.signal(end, handler)


class CtrlC:
    """A ``with`` block in which Ctrl-C raises KeyboardInterrupt only at `check`, or when it ends.

    Python loses a KeyboardInterrupt that is raised in a ``__del__`` or a weak reference's callback,
    and a training loop frees arrays all the time; one that is raised in a database transaction
    leaves the lock behind. Nested blocks share their Ctrl-C. A second Ctrl-C acts at once. Nothing
    changes in other threads than the main one, or if something else handles SIGINT already. What
    `ending_like_ctrl_c` makes of SIGTERM and SIGHUP waits in the same way; those often come twice,
    as of a terminal and its shell, and the second one doesn't disturb what is being saved.
    """

    def __init__(self) -> None:
        #: The signals that this block handles -> what handles them around it.
        self._around: dict[int, Any] = {}
        self._outermost = self
        self._pressed: int | None = None

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            for end in ENDS:
                handler = signal.getsignal(end)
                around = getattr(handler, "__self__", None)
                if isinstance(around, CtrlC):
                    self._outermost = around
                elif handler in (signal.default_int_handler, _end):
                    self._around[end] = handler
                    signal.signal(end, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for end, handler in self._around.items():
            signal.signal(end, handler)
        # After the end of a terminal, an OSError is of writing to it.
        if kind is None or issubclass(kind, OSError):
            self.check()

    def _note(self, signum: int, frame: object) -> None:
        if signum == signal.SIGINT:
            self.check()
        self._pressed = signum

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._outermost._pressed is not None:
            _raise(self._outermost._pressed)

    def between(self, minibatches: Iterable[T]) -> Iterator[T]:
        """Yield the minibatches, checking before each."""
        for minibatch in minibatches:
            self.check()
            yield minibatch
