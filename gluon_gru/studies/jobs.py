"""The one way to run many trainings: here, on this machine's cores, or on a Dask cluster.

A `Job` is a function, which workers find by its name, and its arguments. `run` hands each result to
the process that called it. Only that process records anything, so no worker writes to a shared
database or leaves a file behind.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from concurrent import futures
from multiprocessing.connection import Connection
from typing import Any, Callable, Iterable, Iterator, NamedTuple

from tqdm import tqdm

from gluon_gru.errors import InputError, check_positive
from gluon_gru.runs import environment as environments
from gluon_gru.studies.cluster import Cluster
from gluon_gru.training.interrupt import ENDS, CtrlC

#: How often a job whose workers die is started.
ATTEMPTS = 3

#: How often to look whether Ctrl-C was pressed.
POLL_SECONDS = 0.1

#: What a terminal sends to all processes that it has started.
_TERMINALS = {*ENDS} - {signal.SIGTERM}


class Job(NamedTuple):
    """A function at the top of a module, and its arguments, all of which can be pickled.

    ``key`` is what the caller knows the job by; it stays in this process.
    """

    function: Callable[..., Any]
    args: tuple = ()
    key: Any = None


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
        jobs: taken one by one as workers become free, so a generator can use earlier results.
        workers: how many processes to use, of one thread each unless ``OMP_NUM_THREADS`` is set;
            with 1 the jobs run in this process, with all of its threads.
        cluster: the address of a Dask scheduler, like ``tcp://host:8786``, whose workers run the
            jobs instead.
        on_result: ``on_result(job, result)`` is called in this process as each job finishes.
            Ctrl-C does not interrupt it.
        total, unit: for the progress bar: how many jobs there are, and what to call one.

    Raises:
        InputError: for a cluster that can't be used, and a job whose workers keep dying.
        KeyboardInterrupt: for Ctrl-C, when all workers here have ended.
        Exception: what a job raises; the other jobs are abandoned.
    """
    check_positive("workers", workers)
    waiting = ((job, 1) for job in jobs)
    again: list[tuple[Job, int]] = []
    running: dict[futures.Future, tuple[Job, int]] = {}
    with CtrlC() as ctrl_c, _place(workers, cluster) as place, tqdm(
        total=total, unit=unit, disable=None, dynamic_ncols=True
    ) as bar:
        while True:
            while len(running) < place.size():
                ctrl_c.check()
                taken = again.pop() if again else next(waiting, None)
                if taken is None:
                    break
                running[place.submit(taken[0].function, *taken[0].args)] = taken
            if not running:
                return
            done, _ = futures.wait(running, POLL_SECONDS, futures.FIRST_COMPLETED)
            for future in done:
                job, attempt = running.pop(future)
                try:
                    result = place.result(future)
                except futures.BrokenExecutor as death:
                    # A time limit's SIGTERM reaches all processes.
                    ctrl_c.check()
                    if attempt == ATTEMPTS:
                        raise InputError(
                            f"a {unit} was started {ATTEMPTS} times, and each time {death}, maybe "
                            "for lack of memory: use fewer workers or smaller models, and continue"
                        ) from None
                    tqdm.write(f"{death}: its {unit} starts again", file=sys.stderr)
                    again.append((job, attempt + 1))
                else:
                    on_result(job, result)
                    bar.update()
            ctrl_c.check()


def check(workers: int, cluster: str | None) -> None:
    """Find out whether jobs could run, before anything is written.

    Args:
        workers, cluster: see `run`.

    Raises:
        InputError: for a number of workers that isn't positive, and a cluster that can't be used.
    """
    check_positive("workers", workers)
    if cluster is not None:
        with Cluster(cluster):
            pass


def environment(device: str, workers: int, cluster: str | None) -> dict[str, Any]:
    """Return `gluon_gru.runs.environment.environment`, with where the jobs ran.

    Args:
        device: see there.
        workers, cluster: see `run`.
    """
    facts = environments.environment(device)
    if cluster is not None:
        return {**facts, "cluster": cluster}
    if workers > 1:
        threads = os.environ.get("OMP_NUM_THREADS", "1")
        facts["OMP_NUM_THREADS"] = f"{threads} in each of {workers} workers"
    return facts


def worker_name() -> str:
    """Return the name of the process that calls this: its host and process ID."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _place(workers: int, cluster: str | None) -> Any:
    if cluster is not None:
        return Cluster(cluster)
    return _Here() if workers == 1 else _Processes(workers)


class _Here(contextlib.AbstractContextManager):
    """This process. A job is done once it is submitted."""

    def __exit__(self, *_: object) -> None:
        pass

    def size(self) -> int:
        return 1

    def submit(self, function: Callable[..., Any], *args: Any) -> futures.Future:
        future: futures.Future = futures.Future()
        future.set_result(function(*args))
        return future

    def result(self, future: futures.Future) -> Any:
        return future.result()


class _Processes(contextlib.AbstractContextManager):
    """Processes of this machine, each in its own executor, so that one's death leaves the others.

    All hold the reading end of a pipe, and end when its writing end is closed: by this process, or
    by its death.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._reading, self._writing = self._context.Pipe(duplex=False)
        self._idle: list[futures.ProcessPoolExecutor] = []
        self._busy: dict[futures.Future, futures.ProcessPoolExecutor] = {}

    def __exit__(self, *_: object) -> None:
        self._writing.close()
        for executor in [*self._idle, *self._busy.values()]:
            executor.shutdown()
        self._reading.close()

    def size(self) -> int:
        return self._workers

    def submit(self, function: Callable[..., Any], *args: Any) -> futures.Future:
        while True:
            if self._idle:
                executor = self._idle.pop()
            else:
                # Its first one starts a process too, Python's resource tracker.
                with _for_children():
                    executor = futures.ProcessPoolExecutor(
                        1, self._context, _begin, (self._reading,)
                    )
            # An idle process may have died.
            with contextlib.suppress(futures.BrokenExecutor), _for_children():
                future = executor.submit(function, *args)
                self._busy[future] = executor
                return future

    def result(self, future: futures.Future) -> Any:
        executor = self._busy.pop(future)
        try:
            result = future.result()
        except futures.BrokenExecutor:
            executor.shutdown()
            raise futures.BrokenExecutor("a worker died") from None
        self._idle.append(executor)
        return result


@contextlib.contextmanager
def _for_children() -> Iterator[None]:
    """Start processes in a ``with`` block that have one thread, no Ctrl-C, and not our program.

    Ctrl-C at a terminal reaches all processes, and so does the terminal's end. Children inherit the
    signal mask, so both are held back in them from the start, before any handler of theirs could be
    installed. ``__main__`` loses its
    file and spec because children would run it as a module, and a script without
    ``if __name__ == "__main__"`` would do everything again.
    """
    main, threads = vars(sys.modules["__main__"]), os.environ.get("OMP_NUM_THREADS")
    program: dict[str, Any] = {
        name: main[name] for name in ("__file__", "__spec__") if name in main
    }
    main.pop("__file__", None)
    main["__spec__"] = None
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        main.update(program)
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


def _begin(alive: Connection) -> None:
    """Start as a worker: leave the terminal's signals to the parent, and end when it does."""
    for end in _TERMINALS:
        signal.signal(end, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TERMINALS)
    # Its default has a semaphore of the system's, which a process that ends at once leaves behind.
    tqdm.set_lock(threading.RLock())

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            alive.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
