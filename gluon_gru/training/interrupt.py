"""Ctrl-C that is never lost, and takes effect between two minibatches."""

import signal
import threading


class CtrlC:
    """A ``with`` block in which Ctrl-C raises KeyboardInterrupt at `check`, at its end at last.

    Python loses a KeyboardInterrupt that is raised while an array is being freed (in its
    ``__del__``), and a training loop frees arrays all the time. A second Ctrl-C acts at once.
    Where Ctrl-C does not do what it usually does, or in another thread, nothing is changed.
    """

    def __init__(self):
        self.pressed = self.installed = False

    def __enter__(self):
        self.installed = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self.installed:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind, *error):
        if self.installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:
            self.check()

    def _note(self, signum, frame):
        self.check()
        self.pressed = True

    def check(self):
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.pressed:
            raise KeyboardInterrupt

    def between(self, minibatches):
        """Yield the minibatches, checking before each."""
        for minibatch in minibatches:
            self.check()
            yield minibatch
