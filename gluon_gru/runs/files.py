"""Files that are written whole or not at all, and the folders that they are in."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import re
import time
from typing import Iterator, Union

from gluon_gru.errors import InputError

#: What names a file or folder.
StrPath = Union[str, "os.PathLike[str]"]

# A file is written under such a name until it is whole. Version 0.1.0 named no host.
_PART = re.compile(r"\..+\.(?P<pid>\d+)(?:@(?P<host>.*))?\.part")

# No write takes that long, whichever machine it runs on.
_LEFT_SECONDS = 3600

# The parts that this process is writing.
_writing: set[pathlib.Path] = set()


@contextlib.contextmanager
def _part_of(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield where to write ``path`` to before it is whole; report failures by its own name."""
    part = path.with_name(f".{path.name}.{os.getpid()}@{platform.node()}.part")
    _writing.add(part)
    try:
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{str(path)!r} can't be written ({error.strerror}): mend that, or give "
            "another place; what was there before is untouched"
        ) from error
    finally:
        _writing.discard(part)


def write_whole(path: StrPath, data: bytes) -> None:
    """Write bytes to ``path`` so that at any instant it holds the old or the new content, whole.

    Once it returns, the content outlives a crash of the machine.

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
    _sync_folder(path.parent)


def _sync_folder(path: pathlib.Path) -> None:
    """Have the names in a folder outlive a crash, where the file system can do that."""
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_writable(path: StrPath) -> None:
    """Find out now, not after an hour of training, whether ``path`` can be written.

    Raises:
        InputError: if it can't be.
    """
    with _part_of(pathlib.Path(path)) as part:
        part.touch()


def make_folder(path: StrPath) -> None:
    """Make a folder if it isn't there, check that files can be written to it, and tidy it.

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

    Those that a live process is writing stay. Of a process on another machine nobody knows whether
    it lives, so its files are removed when they are an hour old.

    Args:
        folder: the folder; those in it are left alone.
        name: a pattern for the names that the files were to get.
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
    # A container's processes often get the number of the one that was killed there before.
    return int(match["pid"]) == os.getpid() or not _is_alive(int(match["pid"]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
