"""Writing files whole or not at all, and clearing up after processes that were killed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import re
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

# The parts that this process is writing.
_writing: set[pathlib.Path] = set()


@contextlib.contextmanager
def _part_of(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the path to write to until ``path`` is whole; an OSError becomes an InputError."""
    part = path.with_name(f".{path.name}.{os.getpid()}@{platform.node()}.part")
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
    path = pathlib.Path(path)
    with _part_of(path) as part:
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
    with _part_of(pathlib.Path(path)) as part:
        part.touch()


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


def remove_parts(folder: StrPath, name: str = "*") -> None:
    """Remove the unfinished files that killed processes left in a folder.

    The files of a live process stay, and so do those of other machines until they are an hour old.

    Args:
        folder: the folder, without its subfolders.
        name: a pattern for the final names of the files.
    """
    for part in pathlib.Path(folder).glob(f".{name}.*.part"):
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
