"""Where the corpus comes from, and whether it is the one that the book trained on.

The book's corpus is *The Time Machine* by H. G. Wells. It is looked for in this order: a path
that the user gives (an argument, or the environment variable ``GLUON_GRU_CORPUS``), the user's
cache, a download from the book's own address, and, when all of that fails, a short story bundled
with the package, on which everything runs but nothing is comparable with the published numbers.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import warnings

from gluon_gru.errors import InputError

with warnings.catch_warnings():
    # In a notebook without widgets pooch's progress bar, which is not used there, would complain.
    warnings.filterwarnings("ignore", "IProgress not found")
    import pooch

#: Where the book downloads its corpus from, and the SHA-1 that it checks.
BOOK_URL = "https://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"
BOOK_SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"

SAMPLE = pathlib.Path(__file__).parent / "data" / "sample.txt"

#: Seconds: to connect or between two packets, and for the whole download (the file has 179 kB).
STALL_SECONDS, DOWNLOAD_SECONDS = 5, 10


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A text on disk.

    Attributes:
        path: where it is.
        name: what to call it in a report; never a folder of the user's.
        sha1: of its bytes, in hexadecimal.
        note: why it is this one, if it isn't the one that was hoped for; otherwise empty.
    """

    path: pathlib.Path
    name: str
    sha1: str
    note: str = ""

    @property
    def is_books(self):
        """Whether it is, byte for byte, what the book trained on."""
        return self.sha1 == BOOK_SHA1


def find(path=None):
    """Find the corpus (in the order that this module's description gives) and return a `Corpus`.

    Args:
        path: a text file; ``None`` stands for ``GLUON_GRU_CORPUS`` if that is set.

    Raises:
        InputError: for a path that is missing, empty, unreadable or a folder.
    """
    origin = "corpus"
    if path is None and os.environ.get("GLUON_GRU_CORPUS"):
        path, origin = os.environ["GLUON_GRU_CORPUS"], "corpus (from GLUON_GRU_CORPUS)"
    if path is not None:
        return _identify(pathlib.Path(path), origin)
    try:
        return _identify(download(), "downloaded corpus")
    except OSError as error:
        return dataclasses.replace(
            _identify(SAMPLE, "bundled sample"),
            name="bundled sample",
            note=f"The Time Machine is not at hand ({error}); this is a short story bundled with "
            "the package. Give the book's text with --corpus or GLUON_GRU_CORPUS.",
        )


def _identify(path, origin):
    try:
        sha1 = _sha1(path)
    except OSError as error:
        raise InputError(
            f"{origin} {str(path)!r} can't be read ({error.strerror}): give a text file"
        ) from error
    if path.stat().st_size == 0:
        raise InputError(f"{origin} {str(path)!r} is empty: give a text file")
    return Corpus(path, "The Time Machine" if sha1 == BOOK_SHA1 else path.name, sha1)


def _sha1(path):
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def download(url=BOOK_URL, sha1=BOOK_SHA1, cache=None, seconds=DOWNLOAD_SECONDS):
    """Return the path of the cached copy of ``url``; download it first if it isn't there.

    A file whose SHA-1 is not ``sha1`` is never kept, nor is a part of one.

    Args:
        cache: the folder; by default the user's cache folder.
        seconds: how long it may take at most.

    Raises:
        OSError: one line that says why there is no file.
    """
    cache = pathlib.Path(cache or pooch.os_cache("gluon_gru"))
    path = cache / "timemachine.txt"
    if path.is_file() and _sha1(path) == sha1:
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # pooch would leave its part of a file behind when it is given up half-way.
        part = tempfile.mkdtemp(dir=cache)
    except OSError as error:
        raise OSError(
            f"the cache folder {str(cache)!r} can't be written: {error.strerror}"
        ) from error
    logger, outcome = pooch.get_logger(), {}
    level = logger.level
    logger.setLevel("WARNING")

    def fetch():
        try:
            outcome["path"] = pooch.retrieve(
                url,
                known_hash=f"sha1:{sha1}",
                path=part,
                fname="timemachine.txt",
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


def _reason(error, url, seconds):
    host = url.split("/")[2]
    if error is None:
        return f"no answer from {host} within {seconds} seconds"
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return f"what {host} sent has the wrong checksum"
    if isinstance(error, OSError) and getattr(error, "response", None) is not None:
        return f"{host} answered {error.response.status_code}"
    return f"the download from {host} failed: {type(error).__name__}"
