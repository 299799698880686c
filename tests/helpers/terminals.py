"""Pseudo-terminals of any width, and commands that run in them."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from tqdm.utils import disp_len


def _resize(terminal, width):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, width, 0, 0))


@contextlib.contextmanager
def terminal_of(width):
    """Yield a stream to a terminal of a width, 0 for one that doesn't say."""
    ours, theirs = pty.openpty()
    _resize(theirs, width)
    with open(theirs, "w") as stream:
        yield stream
    os.close(ours)


def in_terminal(code, words, width, at=None, **options):
    """Run Python code whose output goes to a terminal; return its exit code and what that got.

    Args:
        code: the code.
        words: its arguments.
        width: of the terminal, in columns.
        at: called with the process each time that something comes, and all that came; to stop it.
        options: of `subprocess.Popen`.
    """
    ours, theirs = pty.openpty()
    _resize(theirs, width)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, **options}
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, words)], **streams)
    os.close(theirs)
    shown = b""
    # Linux tells by an error that the other side is closed.
    with contextlib.suppress(OSError):
        while True:
            shown += os.read(ours, 1 << 16)
            if at:
                at(process, shown.decode(errors="replace"))
    os.close(ours)
    return process.wait(60), shown.decode()


def lines_of(shown):
    """Return the lines that a terminal showed, those that were written over, too."""
    return [line for line in re.split("[\r\n]+", shown) if line.strip()]


def widest(shown):
    """Return the line that takes most columns, and how many."""
    return max((disp_len(line), line) for line in lines_of(shown))
