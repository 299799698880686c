"""A Dask cluster, as a place where `gluon_gru.studies.jobs` runs functions."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
import warnings
from concurrent import futures
from importlib import metadata
from typing import Any, Callable

from tqdm import tqdm

from gluon_gru.errors import InputError, not_installed

#: How long to wait for the scheduler to answer, also while it restarts.
SCHEDULER_SECONDS = 20

#: How often to look which workers there are.
LOOK_SECONDS = 1


class Cluster(contextlib.AbstractContextManager):
    """The workers of a Dask scheduler.

    Raises:
        InstallError: without Dask.
        InputError: for an address that can't be reached, and for workers that have another version
            of this package or several threads.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError:
            raise not_installed(f"cluster {address!r}", "Dask", "cluster") from None
        # This class reports lost connections itself.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module="distributed")
        self._address, self._next_look = address, 0.0
        # Worker -> how many threads it has; None before the first look.
        self._threads: dict[str, int] | None = None
        self._lost = distributed.KilledWorker, futures.CancelledError
        try:
            self._client = distributed.Client(
                address, timeout=SCHEDULER_SECONDS, set_as_default=False
            )
        except (OSError, ValueError) as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise InputError(
                f"cluster {address!r} can't be used ({reason}): start it with `dask scheduler`, "
                "and give the address that it prints"
            ) from None
        self._executor = self._client.get_executor(pure=False)

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.close(timeout=2)

    def size(self) -> int:
        """Return how many functions can run at the same time, at least 1: without workers, it waits."""
        if time.monotonic() >= self._next_look:
            self._look()
        return max(1, len(self._threads or ()))

    def _look(self) -> None:
        """Find out which workers there are now, and check the new ones."""
        if self._client.status == "closed":
            raise InputError(
                f"cluster {self._address!r} has not answered for {SCHEDULER_SECONDS} seconds: "
                "start it and its workers, and continue"
            )
        before, self._next_look = self._threads, time.monotonic() + LOOK_SECONDS
        try:
            self._threads = self._client.nthreads()
            self._check(
                self._threads, [name for name in self._threads if name not in (before or ())]
            )
        except OSError:
            # It is restarting, or gone.
            self._threads = {}
        count = len(self._threads)
        if before is None or count != len(before):
            tqdm.write(
                f"{count} worker{'s' * (count > 1)}"
                if count
                else f"no workers: waiting for some; start them with `dask worker {self._address}`",
                file=sys.stderr,
            )

    def _check(self, threads: dict[str, int], workers: list[str]) -> None:
        own = _own_version()
        theirs = self._client.run(metadata.version, "gluon_gru", workers=workers, on_error="return")
        for worker, version in theirs.items():
            if isinstance(version, OSError):
                # It died, and the scheduler has not noticed yet.
                del threads[worker]
            elif version != own:
                has = "no gluon_gru" if isinstance(version, Exception) else f"gluon_gru {version}"
                raise InputError(
                    f"worker {worker} of the cluster has {has}: install {own}, which is here"
                )
            elif threads[worker] > 1:
                raise InputError(
                    f"worker {worker} of the cluster has {threads[worker]} threads, and trainings "
                    "in one process disturb each other: start workers with `--nthreads 1 "
                    "--nworkers N`"
                )

    def submit(self, function: Callable[..., Any], *args: Any) -> futures.Future:
        """Have a worker call a function."""
        return self._executor.submit(function, *args)

    def result(self, future: futures.Future) -> Any:
        """Return what the function returned, or raise what it raised.

        Raises:
            BrokenExecutor: if the worker or the scheduler died, and it has to be called again.
            InputError: for workers that can't be used.
        """
        # The worker may have joined since the last look.
        self._look()
        try:
            return future.result()
        except self._lost:
            raise futures.BrokenExecutor("a worker or the scheduler died") from None


def _own_version() -> str:
    return metadata.version("gluon_gru")
