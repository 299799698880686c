"""A file from the internet, downloaded once and then kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import types
import warnings

import platformdirs

#: Seconds: to connect or between two packets, and for the whole download (the book has 179 kB).
STALL_SECONDS, DOWNLOAD_SECONDS = 5, 10


def user_cache() -> pathlib.Path:
    """Return the folder in which downloads are kept unless another one is given."""
    return pathlib.Path(platformdirs.user_cache_dir("gluon_gru"))


def sha1_of(path: str | os.PathLike) -> str:
    """Return the SHA-1 of a file, in hexadecimal."""
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def download(
    url: str, sha1: str, cache: str | os.PathLike | None = None, seconds: float = DOWNLOAD_SECONDS
) -> pathlib.Path:
    """Return the path of the cached copy of ``url``; download it first if it isn't there.

    A file whose SHA-1 is not ``sha1`` is never kept, nor is a part of one.

    Args:
        url, sha1: of the file, which keeps its name.
        cache: the folder; by default `user_cache`.
        seconds: how long it may take at most.

    Raises:
        OSError: one line that says why there is no file.
    """
    cache = pathlib.Path(cache or user_cache())
    path = cache / url.rpartition("/")[2]
    if path.is_file() and sha1_of(path) == sha1:
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # pooch would leave its part of a file behind when it is given up half-way.
        part = tempfile.mkdtemp(dir=cache)
    except OSError as error:
        raise OSError(
            f"the cache folder {str(cache)!r} can't be written: {error.strerror}"
        ) from error
    pooch = _pooch()
    logger, outcome = pooch.get_logger(), {}
    level = logger.level
    logger.setLevel("WARNING")

    def fetch():
        try:
            outcome["path"] = pooch.retrieve(
                url,
                known_hash=f"sha1:{sha1}",
                path=part,
                fname=path.name,
                downloader=pooch.HTTPDownloader(
                    progressbar=sys.stderr.isatty(), timeout=STALL_SECONDS
                ),
            )
        except Exception as error:
            outcome["error"] = error

    # A thread, since no time-out of the client bounds a name look-up without an answer, nor a
    # server that sends a byte now and then: offline must cost seconds.
    thread = threading.Thread(target=fetch, daemon=True)
    try:
        thread.start()
        thread.join(seconds)
        if "path" in outcome:
            os.replace(outcome["path"], path)
            return path
    finally:
        logger.setLevel(level)
        shutil.rmtree(part, ignore_errors=True)
    raise OSError(_reason(outcome.get("error"), url, seconds))


def _pooch() -> types.ModuleType:
    """Import pooch, which few need: most find their text in the cache, or give its path."""
    with warnings.catch_warnings():
        # In a notebook without widgets its progress bar, which is not used there, would complain.
        warnings.filterwarnings("ignore", "IProgress not found")
        import pooch
    return pooch


def _reason(error: Exception | None, url: str, seconds: float) -> str:
    host = url.split("/")[2]
    if error is None:
        return f"no answer from {host} within {seconds} seconds"
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return f"what {host} sent has the wrong checksum"
    response = getattr(error, "response", None)
    if isinstance(error, OSError) and response is not None:
        return f"{host} answered {response.status_code}"
    return f"the download from {host} failed: {type(error).__name__}"
