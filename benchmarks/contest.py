"""Contestants in turn: a process each, started once, warmed up, held to agree, then measured.

Machines drift, and other programs come and go; what is measured within a second or two drifts less
than what is measured minutes apart. So every round gives each contestant a turn of about half a
second, and a ratio of two is the median over the rounds of the ratio within a round.
"""

import os
import pathlib
import pickle
import statistics
import subprocess
import sys
import tempfile

from gluon_gru.errors import InputError

_HERE = pathlib.Path(__file__).parent
_TURN_SECONDS = 0.5

#: Losses of contestants that compute the same may differ by this factor, for rounding.
TOLERANCE = 1e-3

# Texts have to be the same as far as this; rounding may change the likeliest character at last.
_SAME_CHARACTERS = 30


class Worker:
    """A process with a contestant, or with one after another from the same module.

    Args:
        module: a module that ``worker.py`` can import.
        threads: how many threads it may compute with.
    """

    def __init__(self, module, threads):
        self.module = module
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "worker.py"), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=_environment(threads),
        )

    def ask(self, request):
        """Send a job or a number of steps; return the reply.

        Raises:
            InputError: if the process has ended; the message has the last line that it wrote.
        """
        try:
            pickle.dump(request, self.process.stdin)
            self.process.stdin.flush()
            return pickle.load(self.process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            code = self.process.wait()
            self.errors.seek(0)
            lines = self.errors.read().decode(errors="replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
            raise InputError(f"a contestant ({self.module}) ended early: {last.strip()}") from error

    def close(self):
        """End the process, whatever it does."""
        self.process.kill()
        # Reads what is left and closes the pipes.
        self.process.communicate()
        self.errors.close()


def _environment(threads):
    count, root = str(threads), str(_HERE.parent)
    variables = {
        **os.environ,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        # JAX: of its pool, which takes no OpenMP's word.
        "NPROC": count,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.getenv("PYTHONPATH")])]),
        # Compiled in the process itself: no others that would live on beside it.
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    if threads == 1:
        variables["XLA_FLAGS"] = (
            os.getenv("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        ).strip()
    return variables


def compete(workers, jobs, functions, rounds, progress=lambda: None):
    """Measure contestants in turn.

    Args:
        workers: name -> `Worker`.
        jobs: name -> what it is told; see `benchmarks.catalogue.jobs`.
        functions: name -> what it computes; contestants with the same have to agree.
        rounds: how many turns each of them gets.
        progress: called after every turn.

    Returns:
        name -> a dict: ``facts`` that the contestant tells of itself, ``steps`` of a turn,
        ``outcomes`` (see `check`), ``rates``: the work of every round a second.

    Raises:
        InputError: if a process ends early.
        ArithmeticError: if contestants don't agree, which voids the result.
    """
    found = {}
    for name, worker in workers.items():
        facts, count = worker.ask(jobs[name]), jobs[name]["check_steps"]
        (_, first), (seconds, second) = worker.ask(count), worker.ask(count)
        found[name] = {
            "facts": facts,
            "outcomes": [first, second],
            "rates": [],
            "steps": max(1, round(_TURN_SECONDS / seconds * count)),
        }
        progress()
    check({name: one["outcomes"] for name, one in found.items()}, functions)
    names = list(workers)
    for number in range(rounds):
        # In turn first: whoever starts may find another machine than who follows.
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            seconds, _ = workers[name].ask(found[name]["steps"])
            found[name]["rates"].append(
                found[name]["steps"] * found[name]["facts"]["work"] / seconds
            )
            progress()
    return found


def check(outcomes, functions):
    """Hold contestants to it that they do what they are there for.

    Args:
        outcomes: name -> what came of the same steps, twice: mean losses, which have to fall, or
            texts, or None.
        functions: name -> what it computes: the same has to have the same outcomes.

    Raises:
        ArithmeticError: if they don't.
    """
    first = {}
    for name, (before, after) in outcomes.items():
        if isinstance(after, float) and not after < before:
            raise ArithmeticError(
                f"{name} does not learn: its loss goes from {before:.5f} to "
                f"{after:.5f}, which voids the comparison"
            )
        other = first.setdefault(functions[name], name)
        if not all(map(_same, outcomes[other], (before, after))):
            raise ArithmeticError(
                f"{name} and {other} don't compute the same ({after!r} and "
                f"{outcomes[other][1]!r}), which voids the comparison"
            )


def _same(one, other):
    if isinstance(one, float):
        return abs(one / other - 1) <= TOLERANCE
    return one is other or one[:_SAME_CHARACTERS] == other[:_SAME_CHARACTERS]


def ratio(found, name, other):
    """Return how many times as fast ``name`` is as ``other``: the median over rounds."""
    return statistics.median(a / b for a, b in zip(found[name]["rates"], found[other]["rates"]))
