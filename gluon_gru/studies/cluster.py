"""A Dask cluster as a place where the jobs of `gluon_gru.studies.jobs` run."""

from __future__ import annotations

import logging
import time
import warnings
from concurrent import futures
from importlib import metadata
from typing import Any, Callable

from gluon_gru.errors import InputError
from gluon_gru.studies import jobs

#: How long to wait for an answer of the scheduler, also for one that is restarted.
SCHEDULER_SECONDS = 20

#: How often to look which workers there are.
LOOK_SECONDS = 1


class Cluster:
    """The workers of a Dask scheduler.

    Raises:
        InputError: without Dask, for an address that can't be reached, and for workers that have
            another version of this package or several threads.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError:
            raise InputError(
                f"cluster {address!r} needs Dask: pip install 'gluon_gru[cluster]'"
            ) from None
        # What they say about lost connections would only disturb what is said here.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module="distributed")
        self._address, self._looked = address, -float(LOOK_SECONDS)
        self._threads: dict[str, int] = {}
        self._lost = distributed.KilledWorker, futures.CancelledError
        try:
            self._client = distributed.Client(
                address, timeout=SCHEDULER_SECONDS, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"cluster {address!r} can't be used ({_line(error)}): start it with `dask "
                "scheduler`, and give the address that it prints"
            ) from None
        self._executor = self._client.get_executor(pure=False)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.close(timeout=2)

    def size(self) -> int:
        """Return how many jobs the workers can run at the same time; at least one job can wait."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
            self._looked = time.monotonic()
        return max(1, len(self._threads))

    def _look(self) -> None:
        """Look at the workers that there are now, and check the new ones."""
        if self._client.status == "closed":
            raise InputError(
                f"cluster {self._address!r} is gone since {SCHEDULER_SECONDS} seconds: start it "
                "and its workers, and run the same command again, which goes on"
            )
        before, first = self._threads, self._looked < 0
        try:
            self._threads = self._client.nthreads()
            self._check([worker for worker in self._threads if worker not in before])
        except OSError:
            # It is being restarted, or is gone.
            self._threads = {}
        if not self._threads and (before or first):
            jobs.tell(
                f"no workers: waiting for some; start them with `dask worker {self._address}`"
            )
        elif len(self._threads) != len(before):
            jobs.tell(f"{len(self._threads)} worker{'s' * (len(self._threads) > 1)}")

    def _check(self, workers: list[str]) -> None:
        own = _own_version()
        theirs = self._client.run(metadata.version, "gluon_gru", workers=workers, on_error="return")
        for worker, version in theirs.items():
            if isinstance(version, OSError):
                # It died; the scheduler notices soon.
                del self._threads[worker]
            elif version != own:
                has = "no gluon_gru" if isinstance(version, Exception) else f"gluon_gru {version}"
                raise InputError(
                    f"worker {worker} of the cluster has {has}: install {own}, which is here"
                )
            elif self._threads[worker] > 1:
                raise InputError(
                    f"worker {worker} of the cluster has {self._threads[worker]} threads, and "
                    "trainings in one process disturb each other: start workers with `--nthreads 1 "
                    "--nworkers N`"
                )

    def submit(self, job: jobs.Job) -> futures.Future:
        """Have a worker run a job."""
        return self._executor.submit(_in_a_thread, job.function, *job.args)

    def result(self, future: futures.Future) -> Any:
        """Return what a job returned, or raise what it raised.

        Raises:
            LostWorker: if the job has to be run again.
            InputError: for workers that can't be used.
        """
        # Of a worker that came just now.
        self._look()
        try:
            return future.result()
        except self._lost:
            raise jobs.LostWorker("a worker or the scheduler died") from None


def _own_version() -> str:
    return metadata.version("gluon_gru")


def _in_a_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a thread of a Dask worker's, where MXNet has to be told of NumPy anew."""
    from mxnet import npx

    npx.set_np()
    return function(*args)


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
