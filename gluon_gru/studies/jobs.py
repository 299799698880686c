"""The one way to run many trainings: here, on this machine's cores, or on a Dask cluster.

A `Job` is a function, found by its name wherever it runs, and its arguments. `run` hands back each
result as it comes, to the process that called it, which alone records it. So nobody shares a
database, and no worker can leave anything behind.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections import Counter
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any, Callable, Iterable, Iterator, NamedTuple

from tqdm import tqdm

from gluon_gru.errors import InputError, check_positive
from gluon_gru.training.interrupt import CtrlC

#: How often a job is begun whose worker dies each time.
ATTEMPTS = 3

#: How often the parent looks whether Ctrl-C was pressed.
POLL_SECONDS = 0.1


class Job(NamedTuple):
    """A function at the top of a module, and its arguments, all of which can be pickled.

    ``key`` is what the caller knows the job by; it stays in this process.
    """

    function: Callable[..., Any]
    args: tuple = ()
    key: Any = None


class LostWorker(Exception):
    """The worker that ran a job died, or its cluster's scheduler did."""


def run(
    jobs: Iterable[Job],
    workers: int = 1,
    cluster: str | None = None,
    on_result: Callable[[Job, Any], None] = lambda job, result: None,
    total: int | None = None,
    unit: str = "training",
) -> None:
    """Run jobs; Ctrl-C, a killed worker or a killed parent cost only what was not finished.

    Args:
        jobs: the next one is taken when a worker is free, so a generator can look at the results
            until then.
        workers: how many processes to use, of one thread each unless ``OMP_NUM_THREADS`` is set;
            with 1 the jobs run in this process, with all of its threads.
        cluster: the address of a Dask scheduler, like ``tcp://host:8786``, whose workers run the
            jobs instead.
        on_result: ``on_result(job, result)`` is called in this process as each job finishes. No
            Ctrl-C interrupts it.
        total, unit: for the progress bar: how many jobs there are, and what to call one.

    Raises:
        InputError: for a cluster that can't be used, and a job whose workers keep dying.
        KeyboardInterrupt: for Ctrl-C, when all workers here have ended.
        Exception: what a job raises; the others are given up.
    """
    check_positive("workers", workers)
    waiting = iter(jobs)
    running: dict[futures.Future, Job] = {}
    again: list[Job] = []
    deaths: Counter[int] = Counter()
    with CtrlC() as ctrl_c, _place(workers, cluster) as place, tqdm(
        total=total, unit=unit, disable=None, dynamic_ncols=True
    ) as bar:
        while True:
            while len(running) < place.size():
                ctrl_c.check()
                job = again.pop() if again else next(waiting, None)
                if job is None:
                    break
                running[place.submit(job)] = job
            if not running:
                return
            done, _ = futures.wait(running, POLL_SECONDS, futures.FIRST_COMPLETED)
            for future in done:
                job = running.pop(future)
                try:
                    result = place.result(future)
                except LostWorker as lost:
                    deaths[id(job)] += 1
                    if deaths[id(job)] == ATTEMPTS:
                        raise InputError(
                            f"a job's worker died {ATTEMPTS} times ({lost}), maybe for lack of "
                            "memory: use fewer workers or smaller models; the same command goes on"
                        ) from None
                    tell(f"{lost}: its {unit} starts again")
                    again.append(job)
                    continue
                deaths.pop(id(job), None)
                on_result(job, result)
                bar.update()
            ctrl_c.check()


def tell(message: str) -> None:
    """Print a line to the standard error, above the progress bar."""
    tqdm.write(message, file=sys.stderr)


def worker_name() -> str:
    """Return the name of the process that this is called in: its machine's and its number."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _place(workers: int, cluster: str | None) -> Any:
    if cluster is not None:
        from gluon_gru.studies.cluster import Cluster

        return Cluster(cluster)
    return _Here() if workers == 1 else _Processes(workers)


class _Here:
    """This process, job after job."""

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def size(self) -> int:
        return 1

    def submit(self, job: Job) -> futures.Future:
        future: futures.Future = futures.Future()
        future.set_result(job.function(*job.args))
        return future

    def result(self, future: futures.Future) -> Any:
        return future.result()


class _Processes:
    """Processes of this machine, an executor for each, so that one that dies takes no other along.

    All hold the reading end of a pipe, and end when its writing end is closed: by this process, or
    by its death.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._reading, self._writing = self._context.Pipe(duplex=False)
        self._idle: list[futures.ProcessPoolExecutor] = []
        self._busy: dict[futures.Future, futures.ProcessPoolExecutor] = {}

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._writing.close()
        for executor in [*self._idle, *self._busy.values()]:
            executor.shutdown()
        self._reading.close()

    def size(self) -> int:
        return self._workers

    def submit(self, job: Job) -> futures.Future:
        while self._idle:
            with contextlib.suppress(BrokenProcessPool):
                return self._submit(self._idle.pop(), job)
        executor = futures.ProcessPoolExecutor(1, self._context, _begin, (self._reading,))
        return self._submit(executor, job)

    def _submit(self, executor: futures.ProcessPoolExecutor, job: Job) -> futures.Future:
        with _for_children():
            future = executor.submit(job.function, *job.args)
        self._busy[future] = executor
        return future

    def result(self, future: futures.Future) -> Any:
        executor = self._busy.pop(future)
        try:
            result = future.result()
        except BrokenProcessPool:
            executor.shutdown()
            raise LostWorker("a worker died") from None
        self._idle.append(executor)
        return result


@contextlib.contextmanager
def _for_children() -> Iterator[None]:
    """Start processes in a ``with`` block that have one thread, no Ctrl-C, and not our program.

    Ctrl-C at a terminal reaches all processes. In these it is held back from their first moment on,
    which a handler could not do: they inherit the mask. And they would run the program that called
    us, as a module, if they knew it; a script without ``if __name__ == "__main__"`` would do
    everything again.
    """
    main, threads = vars(sys.modules["__main__"]), os.environ.get("OMP_NUM_THREADS")
    program: dict[str, Any] = {
        name: main[name] for name in ("__file__", "__spec__") if name in main
    }
    main.pop("__file__", None)
    main["__spec__"] = None
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        main.update(program)
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


def _begin(alive: Connection) -> None:
    """Begin as a worker: leave Ctrl-C to the parent, and end when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            alive.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
