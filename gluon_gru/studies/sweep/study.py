"""The exercise on hyperparameters, as a study on Optuna that any number of workers share.

The storage is the state: whoever starts with the same storage goes on with the study.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

import optuna
from tqdm import tqdm

from gluon_gru.errors import InputError, check_positive
from gluon_gru.runs.checkpoint import make_folder, write_whole
from gluon_gru.runs.environment import environment
from gluon_gru.studies.sweep import report as sweep_report
from gluon_gru.studies.sweep.space import REDUCED, SAMPLERS
from gluon_gru.studies.sweep.storage import POLL_SECONDS, finished, storage_errors, work
from gluon_gru.studies.sweep.windows import loaders
from gluon_gru.studies.sweep.worker import Job, objective_of
from gluon_gru.text import corpus as corpora
from gluon_gru.text.corpus import load_corpus
from gluon_gru.training.device import context

#: How the workers of this machine are started; each reads its `Job` from its input.
WORKER = (
    sys.executable,
    "-c",
    # Ctrl-C is the parent's matter, also while a worker still imports.
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import runpy; "
    "runpy.run_module('gluon_gru.studies.sweep.worker', run_name='__main__')",
)


def _job(space, sampler, trials, prune, device, corpus):
    """Check what a user asked for; return ``(job, found corpus, context)``.

    Raises:
        InputError: for what can't be used.
    """
    if sampler not in SAMPLERS:
        raise InputError(f"sampler {sampler!r} is unknown: choose from {', '.join(SAMPLERS)}")
    if sampler == "grid":
        if trials is not None:
            raise InputError(
                f"trials is {trials!r}: a grid has as many as it has points; leave "
                "it out, or choose another sampler"
            )
        trials = len(space.points())
    elif trials is None:
        raise InputError(f"trials is missing: say how many the sampler {sampler!r} shall try")
    check_positive("trials", trials)
    ctx, found = context(device), corpora.find(corpus)
    for num_steps in space.num_steps:
        loaders(space, num_steps, load_corpus(found)[0])
    return Job(space, sampler, trials, prune, str(device), str(found.path)), found, ctx


def _start(job, env, **pipes):
    """Start a worker; return its process."""
    process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, text=True, env=env, **pipes)
    # Not on its command line, which everybody on the machine can read: a URL holds a password.
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        json.dump(dataclasses.asdict(job), stdin)
    return process


def _worker_environment(ctx, workers):
    cores = environment(ctx)["cores"]
    return {"OMP_NUM_THREADS": str(max(1, cores // workers)), **os.environ}


@contextlib.contextmanager
def _ending(processes):
    """End the processes when the ``with`` block does: by themselves, or at once after an error."""
    try:
        yield
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _run_workers(job, workers, ctx, study, on_progress):
    """Run workers on this machine until the study has its trials, if need be without some.

    Raises:
        InputError: when all of them are dead.
    """
    env, processes, dead = _worker_environment(ctx, workers), [], set()
    with _ending(processes):
        processes += [_start(job, env) for _ in range(workers)]
        while len(dead) < workers:
            for process in processes:
                if process.poll() and process.pid not in dead:
                    dead.add(process.pid)
                    tqdm.write(
                        f"worker {process.pid} died ({_how(process)}); "
                        f"{workers - len(dead)} of {workers} go on",
                        file=sys.stderr,
                    )
            done = len(finished(study))
            on_progress(done)
            if done >= job.trials:
                return
            time.sleep(POLL_SECONDS)
        raise InputError(
            f"all {workers} workers died ({_how(processes[-1])}): run the same "
            "command again, which goes on with the study"
        )


def _how(process):
    return (
        f"signal {-process.returncode}"
        if process.returncode < 0
        else f"exit code {process.returncode}"
    )


def sweep(
    out,
    space=REDUCED,
    sampler="grid",
    trials=None,
    prune=False,
    workers=1,
    storage=None,
    device="auto",
    corpus=None,
    command="",
):
    """Run a study, or go on with it; write ``sweep.json``, ``report.md`` and pictures.

    Args:
        out: the folder to write to.
        space: a `gluon_gru.studies.sweep.space.Space`.
        sampler: ``grid`` tries every point once; ``random`` and ``tpe`` draw ``trials`` points.
        trials: how many trials the study shall have in all; only without a grid.
        prune: end trials whose validation perplexity is above the median of the others'.
        workers: how many processes to start on this machine; one works in this process.
        storage: the URL of a database, any that Optuna takes; by default an SQLite file in
            ``out``.
        device, corpus: see `gluon_gru.studies.reproduce.study.reproduce`.
        command: the command line, for the record; without a password.

    Returns:
        What ``sweep.json`` holds, a dict: ``invocations``, ``corpus``, ``asked`` (space, protocol
        and sampler), ``needed`` (how many trials), ``trials`` and ``importance``; see
        `gluon_gru.studies.sweep.report.results`.

    Raises:
        InputError: for arguments that can't be used, a storage that can't be reached, a stored
            study that differs from what is asked, and when all workers died.
    """
    check_positive("workers", workers)
    job, found, ctx = _job(space, sampler, trials, prune, device, corpus)
    out = pathlib.Path(out).resolve()
    make_folder(out)
    job.storage = storage or f"sqlite:///{out / 'study.db'}"
    with storage_errors(job.storage):
        study = job.open()
        made = {
            "command": command,
            "environment": {**environment(ctx), "optuna": optuna.__version__},
        }
        if workers > 1:
            made["environment"]["OMP_NUM_THREADS"] = (
                _worker_environment(ctx, workers)["OMP_NUM_THREADS"]
                + f" in each of {workers} workers"
            )
        study.set_user_attr(f"invocation {time.time_ns()} {os.getpid()}", made)
        done = len(finished(study))
        try:
            with tqdm(
                total=job.trials, initial=done, unit="trial", disable=None, dynamic_ncols=True
            ) as bar:

                def on_progress(done):
                    bar.update(done - bar.n)

                if workers == 1:
                    work(study, objective_of(job, study), job.points, job.trials, on_progress)
                elif done < job.trials:
                    _run_workers(job, workers, ctx, study, on_progress)
        finally:
            results = sweep_report.results(study, found, job.trials)
            write_whole(out / "sweep.json", json.dumps(results, indent=1).encode())
            if finished(study):
                sweep_report.write(results, out)
    return results


def budget(space=REDUCED, sampler="grid", trials=None, workers=1, device="auto", corpus=None):
    """Measure what a study will cost here; nothing is written, no study is made.

    As many processes as workers measure a few minibatches of every num_steps and num_hiddens.

    Args:
        space, sampler, trials, workers, device, corpus: see `sweep`.

    Returns:
        A dict: ``cells``, a list of dicts of ``num_steps``, ``num_hiddens``, ``trials`` (how
        many, on average for samplers that draw), ``tokens`` that these train on, ``tokens_per_sec``
        and ``hours``; ``hours`` with all ``workers``; ``trials`` and ``tokens`` in all.

    Raises:
        InputError: for arguments that can't be used.
    """
    check_positive("workers", workers)
    job, _, ctx = _job(space, sampler, trials, False, device, corpus)
    # Dealt out in turn, so that the shares take about as long.
    pairs = list(
        dict.fromkeys((point["num_steps"], point["num_hiddens"]) for point in space.points())
    )
    env, processes, outputs = _worker_environment(ctx, workers), [], []
    with _ending(processes):
        for i in range(workers):
            processes.append(
                _start(
                    dataclasses.replace(job, cells=tuple(pairs[i::workers])),
                    env,
                    stdout=subprocess.PIPE,
                )
            )
        for process in processes:
            with process.stdout as stdout:
                outputs.append(stdout.read())
    if any(process.returncode for process in processes):
        raise InputError(
            f"a probe ended early ({', '.join(map(_how, processes))}), maybe for "
            "lack of memory: ask for smaller models or fewer workers"
        )
    cells, per_cell = [], job.trials / len(pairs)
    for num_steps, num_hiddens, seconds, rate in sorted(sum(map(json.loads, outputs), [])):
        cells.append(
            {
                "num_steps": num_steps,
                "num_hiddens": num_hiddens,
                "trials": per_cell,
                "tokens": per_cell * space.epochs * space.train_windows * num_steps,
                "tokens_per_sec": rate,
                "hours": per_cell * space.epochs * seconds / 3600,
            }
        )
    return {
        "cells": cells,
        "workers": workers,
        "trials": job.trials,
        "tokens": sum(cell["tokens"] for cell in cells),
        "hours": sum(cell["hours"] for cell in cells) / workers,
    }
