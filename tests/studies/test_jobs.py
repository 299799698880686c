"""Jobs run here and on a cluster: processes that die, parents that die or are told to end."""

import collections
import os
import random
import signal
import subprocess
import sys
import time

import campaign
import pytest
import small_jobs
from dask_programs import Dask, environment
from processes import alive, descendants, wait_until

from gluon_gru.errors import InputError, InstallError
from gluon_gru.studies import cluster, jobs
from gluon_gru.studies.jobs import Job
from gluon_gru.studies.reproduce import study as reproduction
from gluon_gru.studies.sweep import study as sweeps

#: A program that runs slow jobs; its arguments: a folder, how many jobs, how many workers.
PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from gluon_gru.cli import options
folder, count, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def main():
    open(folder + "/main", "w").close()
    # Here, as commands import.
    import small_jobs
    from gluon_gru.studies import jobs
    try:
        jobs.run([jobs.Job(small_jobs.slow, (folder, i, 0.3)) for i in range(count)], workers,
                 on_result=lambda job, result: print(result, flush=True))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        raise
options.run(main)
"""


def run(function, arguments, **options):
    """Run a function on every tuple of arguments; return the results, in order of arguments."""
    results = {}
    jobs.run(
        [Job(function, args) for args in arguments],
        on_result=lambda job, result: results.update({job.args: result}),
        **options,
    )
    return [results[args] for args in arguments]


def parent(folder, count, workers):
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, folder, str(count), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_job_runs_once_and_its_result_comes_back(workers):
    assert run(small_jobs.square, [(n,) for n in range(7)], workers=workers) == [
        n * n for n in range(7)
    ]


def test_the_next_job_is_asked_for_when_the_results_until_then_are_there():
    results = [1]

    def doubling():
        while results[-1] < 100:
            yield Job(small_jobs.square, (results[-1] + 1,))

    jobs.run(doubling(), on_result=lambda job, result: results.append(result))
    assert results == [1, 4, 25, 676]


@pytest.mark.slow
def test_processes_have_one_thread_each_and_this_one_keeps_its_own(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = run(small_jobs.threads_and_process, [(n,) for n in range(4)], workers=2)
    assert {threads for threads, _ in found} == {"1"} and "OMP_NUM_THREADS" not in os.environ
    assert len({process for _, process in found} - {os.getpid()}) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = run(small_jobs.threads_and_process, [(n,) for n in range(2)], workers=2)
    assert {threads for threads, _ in found} == {"3"} and os.environ["OMP_NUM_THREADS"] == "3"


@pytest.mark.slow
def test_four_workers_that_are_killed_once_each_lose_nothing(tmp_path, capfd):
    arguments = [(str(tmp_path), n) for n in range(4)]
    assert run(small_jobs.dies_at_first, arguments, workers=4, unit="trial") == list(range(4))
    assert capfd.readouterr().err.count("a worker died: its trial starts again") == 4


@pytest.mark.slow
def test_a_job_that_kills_every_worker_is_given_up():
    with pytest.raises(
        InputError, match="started 3 times, and each time a worker died.*fewer workers"
    ):
        run(small_jobs.always_dies, [(1,), (2,)], workers=2)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_a_job_raises_is_raised_here(workers):
    with pytest.raises(InputError, match="number 3 is a mistake"):
        run(small_jobs.mistaken, [(3,)], workers=workers)


def test_workers_are_at_least_one():
    with pytest.raises(InputError, match="workers is 0"):
        run(small_jobs.square, [(1,)], workers=0)


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(campaign.times(4)))
def test_an_end_at_any_instant_ends_all_processes_and_keeps_what_is_finished(tmp_path, seed):
    chance, end = random.Random(seed), (signal.SIGINT, signal.SIGTERM)[seed % 2]
    process = parent(tmp_path, 30, 2)
    wait_until((tmp_path / "main").exists)
    time.sleep(chance.uniform(0, 2.4))
    children = descendants(process.pid)
    process.send_signal(end)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + end and "Traceback" not in stderr, stderr
    # It may have been importing.
    assert stdout.splitlines()[-1:] in ([], ["interrupted"])
    results = stdout.split()[:-1]
    assert len(set(results)) == len(results) < 30
    wait_until(lambda: not any(map(alive, children)))


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_that_reaches_the_workers_too_is_the_parents_matter(tmp_path, end):
    """A terminal sends Ctrl-C and its own end to all processes, a time limit SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path, "30", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    wait_until(lambda: list(tmp_path.glob("done-*")))
    children = descendants(process.pid)
    os.killpg(process.pid, end)
    stdout, stderr = process.communicate(timeout=60)
    assert stdout.splitlines()[-1] == "interrupted" and process.returncode == 128 + end
    assert "Traceback" not in stderr and "died" not in stderr
    wait_until(lambda: not any(map(alive, children)))


@pytest.mark.slow
def test_a_killed_parent_leaves_no_process_behind(tmp_path):
    process = parent(tmp_path, 30, 2)
    wait_until(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    children = descendants(process.pid)
    assert len(children) >= 2
    process.kill()
    process.communicate()
    wait_until(lambda: not any(map(alive, children)), 20)


# ---- On a cluster ----


@pytest.fixture
def dask():
    pytest.importorskip("distributed")
    with Dask() as programs:
        yield programs


@pytest.mark.slow
def test_a_cluster_gets_workers_late_loses_one_and_its_scheduler_and_nothing_is_lost_or_done_twice(
    dask, tmp_path, capfd, monkeypatch
):
    write, results = cluster.tqdm.write, collections.Counter()

    def add_workers(message, **options):
        write(message, **options)
        if "no workers" in message and not dask.workers:
            dask.add_worker()
            dask.add_worker()

    monkeypatch.setattr(cluster.tqdm, "write", add_workers)

    def on_result(job, result):
        results[result] += 1
        if sum(results.values()) == 8:
            dask.scheduler.kill()
            dask.scheduler.communicate()
            dask.scheduler = dask.start_scheduler(dask.address.rsplit(":", 1)[1])
            dask.add_worker()

    jobs.run(
        [
            Job(small_jobs.dies_at_first if n == 3 else small_jobs.slow, (str(tmp_path), n))
            for n in range(14)
        ],
        cluster=dask.address,
        on_result=on_result,
    )
    assert results == dict.fromkeys(range(14), 1)
    err = capfd.readouterr().err
    assert f"start them with `dask worker {dask.address}" in err and "1 worker\n" in err


@pytest.mark.slow
def test_workers_that_differ_are_refused(dask, monkeypatch):
    dask.add_worker("--nthreads", 2)
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "_own_version", lambda: "0.0.1")
        with pytest.raises(InputError, match=r"has gluon_gru \S+: install 0.0.1"):
            run(small_jobs.square, [(3,)], cluster=dask.address)
    with pytest.raises(InputError, match="has 2 threads.*--nthreads 1"):
        run(small_jobs.square, [(3,)], cluster=dask.address)


@pytest.mark.parametrize(
    "address, message", [("tcp://127.0.0.1:9", "can't be used"), ("nonsense://x", "can't be used")]
)
def test_a_cluster_that_cannot_be_reached_is_one_line(address, message, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "SCHEDULER_SECONDS", 0.5)
    with pytest.raises(InputError, match=message) as error:
        run(small_jobs.square, [(3,)], cluster=address)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("study", ["reproduce", "sweep"])
def test_a_cluster_that_cannot_be_used_leaves_no_folder(
    study, sample_corpus, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    call = {"reproduce": reproduction.reproduce, "sweep": sweeps.sweep}[study]
    with pytest.raises(InstallError, match=r"pip install 'gluon_gru\[cluster\]'"):
        call(tmp_path / "out", device="cpu", cluster="tcp://127.0.0.1:9")
    assert not (tmp_path / "out").exists()


def test_a_cluster_without_dask_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InstallError, match=r"pip install 'gluon_gru\[cluster\]'"):
        run(small_jobs.square, [(3,)], cluster="tcp://127.0.0.1:9")
