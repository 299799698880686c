"""Contestants in turn: a process for each library, in which they are held to agree, then measured.

A machine's speed drifts, and other programs come and go, less within a second or two than over
minutes. So every round gives each contestant a short turn, and the ratio of two is the median over
the rounds of the ratio within a round.
"""

from __future__ import annotations

import os
import pathlib
import pickle
import signal
import statistics
import subprocess
import sys
import tempfile
from typing import Any, Callable, Mapping, Sequence

from gluon_gru import engine
from gluon_gru.errors import InputError

_HERE = pathlib.Path(__file__).parent

#: How long a turn takes, if a step isn't longer.
TURN_SECONDS = 0.04

# Of contestants that only the fastest of counts, those that are slower than it by this factor in the
# first round are left alone.
_BEATEN = 1.25

#: Losses of contestants that compute the same may differ by this factor, for rounding.
TOLERANCE = 1e-3

# Texts have to be the same up to here; later on, rounding may change the likeliest token.
_SAME_TOKENS = 30


class Worker:
    """A process with contestants of the same module, which is stopped while it has nothing to do.

    Threads of OpenMP go on spinning for up to a fifth of a second after their work, on a core that
    the next contestant needs.

    Args:
        module: a module that ``worker.py`` can import.
        threads: how many threads it may compute with.
    """

    def __init__(self, module: str, threads: int) -> None:
        self.module = module
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "worker.py"), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment(module, threads),
        )

    def ask(self, request: Any) -> Any:
        """Send a job, a pair of its name and a number of steps, or None; return the reply.

        Raises:
            InputError: if the process has ended; the message has the last line that it wrote.
        """
        try:
            self.process.send_signal(signal.SIGCONT)
            pickle.dump(request, self.process.stdin)
            self.process.stdin.flush()
            reply = pickle.load(self.process.stdout)
            self.process.send_signal(signal.SIGSTOP)
            return reply
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            code = self.process.wait()
            self.errors.seek(0)
            lines = self.errors.read().decode(errors="replace").strip().split("\n")
            last = lines[-1] or f"exit code {code}"
            raise InputError(f"a contestant ({self.module}) ended early: {last.strip()}") from error

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        # This reads what is left and closes the pipes.
        self.process.communicate()
        self.errors.close()


def environment(module: str, threads: int) -> dict[str, str]:
    """Return the environment variables of a process of contestants."""
    count, root = str(threads), str(_HERE.parent)
    variables = {
        **os.environ,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        # JAX's own pool of threads, which ignores OpenMP's variables.
        "NPROC": count,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.getenv("PYTHONPATH")])]),
        # torch.compile then works in this process, and starts none that would outlive it.
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    # Everybody computes with the best instructions of the processor, whatever was set for other ends;
    # but an engine that was told to use AVX2 is held against products of AVX2.
    variables.pop("OPENBLAS_CORETYPE", None)
    if module == "roofline" and engine.info().get("instructions") == "avx2":
        variables["OPENBLAS_CORETYPE"] = "Haswell"
    if threads == 1:
        variables["XLA_FLAGS"] = (
            os.getenv("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        ).strip()
    return variables


def compete(
    workers: Mapping[str, Worker],
    jobs: Mapping[str, dict[str, Any]],
    functions: Mapping[str, str],
    rounds: int,
    rivals: Sequence[str] = (),
    learning: bool = True,
    progress: Callable[[int], object] = lambda turns: None,
) -> dict[str, dict[str, Any]]:
    """Measure contestants in turn.

    Args:
        workers: name -> the `Worker` that it is in.
        jobs: name -> what it is told; see `benchmarks.jobs.jobs`.
        functions: see `check`.
        rounds: how many turns each of them gets.
        rivals: of these only the fastest counts: the first round shows whose other turns are left
            out.
        learning: see `check`.
        progress: called with the number of turns that have been taken or left out.

    Returns:
        name -> a dict: ``facts``, the contestant's own; ``steps`` of a turn; ``outcomes``, see
        `check`; ``rates``, the work per second in every round.

    Raises:
        InputError: if a process ends early.
        ArithmeticError: if contestants don't agree, which voids the result.
    """
    found = {}
    for name, worker in workers.items():
        facts, count = worker.ask(jobs[name]), jobs[name]["check_steps"]
        (_, first), (seconds, second) = worker.ask((name, count)), worker.ask((name, count))
        steps = max(1, round(TURN_SECONDS / seconds * count))
        found[name] = {"facts": facts, "outcomes": [first, second], "rates": [], "steps": steps}
        progress(1)
    check({name: one["outcomes"] for name, one in found.items()}, functions, learning)
    names = list(workers)
    for number in range(rounds):
        # The first one in a round may find the machine in another state than the others.
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            steps, work = found[name]["steps"], found[name]["facts"]["work"]
            seconds, _ = workers[name].ask((name, steps))
            found[name]["rates"].append(steps * work / seconds)
            progress(1)
        if number == 0 and rivals:
            fastest = max(found[name]["rates"][0] for name in rivals)
            beaten = [name for name in rivals if found[name]["rates"][0] * _BEATEN < fastest]
            names = [name for name in names if name not in beaten]
            progress(len(beaten) * (rounds - 1))
    return found


def check(outcomes: Mapping[str, Any], functions: Mapping[str, str], learning: bool = True) -> None:
    """Check that contestants learn, and that those of the same function have the same outcomes.

    Args:
        outcomes: name -> the outcomes of the same steps, run twice: mean losses, texts, or None.
        functions: name -> what it computes.
        learning: whether losses have to fall.

    Raises:
        ArithmeticError: if not.
    """
    first = {}
    for name, (before, after) in outcomes.items():
        if learning and isinstance(after, float) and not after < before:
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
    return one is other or one[:_SAME_TOKENS] == other[:_SAME_TOKENS]


def ratio(found: Mapping[str, Any], name: str, other: str) -> float:
    """Return how many times as fast ``name`` is as ``other``: the median over rounds."""
    return statistics.median(a / b for a, b in zip(found[name]["rates"], found[other]["rates"]))
