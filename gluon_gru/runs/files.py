"""Writing files whole or not at all, and clearing up after processes that were killed.

Only regular files are replaced. A device, a pipe or whatever else is at a path is written to as it
is, and so is the file that a link leads to.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import pathlib
import platform
import re
import stat
import time
from typing import Any, Dict, Iterator, Union

from gluon_gru.errors import InputError

#: The path of a file or folder.
StrPath = Union[str, "os.PathLike[str]"]

#: A JSON object.
JSONObject = Dict[str, Any]

# The name of a file until it is whole. Version 0.1.0 left the host out.
_PART = re.compile(r"\..+\.(?P<pid>\d+)(?:@(?P<host>.*))?\.part")

# Longer than any write takes.
_LEFT_SECONDS = 3600

# File systems limit a name to 255 bytes.
_LONGEST_START = 120

# The parts that this process is writing.
_writing: set[pathlib.Path] = set()


def exists(path: StrPath) -> bool:
    """Return whether there is a file or folder, or anything else.

    Raises:
        InputError: if that can't be known: a name is too long, or a folder may not be entered.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} can't be looked for ({getattr(error, 'strerror', error)}): give another "
            "path, or get the permission"
        ) from error
    return True


def _start(name: str) -> str:
    """Return the start of a file's name, which its unfinished file's has."""
    return os.fsdecode(os.fsencode(name)[:_LONGEST_START])


@contextlib.contextmanager
def _part_of(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the path to write to until ``path`` is whole; an OSError becomes an InputError."""
    part = path.with_name(f".{_start(path.name)}.{os.getpid()}@{platform.node()}.part")
    _writing.add(part)
    try:
        yield part
    except OSError as error:
        raise InputError(
            f"{str(path)!r} can't be written ({error.strerror}): fix that, or give "
            "another path; an earlier file there is unchanged"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
        _writing.discard(part)


def write_whole(path: StrPath, data: bytes) -> None:
    """Replace the content of ``path`` in one step, and sync it to the disk.

    Raises:
        InputError: if it can't be written.
    """
    path = _target(path)
    with _part_of(path) as part:
        if not _is_replaced(path):
            with open(path, "wb") as file:
                file.write(data)
            return
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    # The name is in the folder, which not every file system can sync.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_writable(path: StrPath) -> None:
    """Raise InputError if ``path`` can't be written."""
    path = _target(path)
    with _part_of(path) as part:
        if _is_replaced(path):
            part.touch()
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _target(path: StrPath) -> pathlib.Path:
    """Return a path, or the end of the links that it leads through."""
    return pathlib.Path(os.path.realpath(path) if os.path.islink(path) else path)


def _is_replaced(path: pathlib.Path) -> bool:
    """Return whether there is a regular file, or none yet; a folder can't be replaced or written."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def make_folder(path: StrPath) -> None:
    """Make a folder unless it exists, and remove unfinished files from it (`remove_parts`).

    Raises:
        InputError: if it can't be made or written to.
    """
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"folder {str(path)!r} can't be made ({error.strerror}): give another one"
        ) from error
    remove_parts(path)
    check_writable(path / "file")


def remove_parts(folder: StrPath, name: str | None = None) -> None:
    """Remove the unfinished files that killed processes left in a folder.

    The files of a live process stay, and so do those of other machines until they are an hour old.

    Args:
        folder: the folder, without its subfolders.
        name: of the file that they were to be; by default any.
    """
    start = "*" if name is None else glob.escape(_start(name))
    for part in pathlib.Path(folder).glob(f".{start}.*.part"):
        with contextlib.suppress(OSError):
            if _is_left(part):
                part.unlink()


def _is_left(part: pathlib.Path) -> bool:
    match = _PART.fullmatch(part.name)
    if not match or part in _writing:
        return False
    if time.time() - part.stat().st_mtime > _LEFT_SECONDS:
        return True
    if match["host"] not in (None, platform.node()):
        return False
    try:
        os.kill(int(match["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    # In a restarted container this process may have the number of the one that was killed.
    return int(match["pid"]) == os.getpid()
