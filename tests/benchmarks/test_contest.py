"""Contestants take turns, compute what they should, and are compared rightly."""

import os
import pathlib
import subprocess
import sys

import numpy
import pytest
from processes import alive, wait_until

from benchmarks import contest, worker
from gluon_gru.errors import InputError
from gluon_gru.text import minibatches


class Fake:
    """Takes ``seconds`` a step of ``work``; notes its turns in ``log``."""

    def __init__(self, name, log, seconds, outcomes=(2.0, 1.0), work=10):
        self.name, self.log, self.seconds, self.work = name, log, seconds, work
        self.outcomes = iter(outcomes)

    def ask(self, request):
        if isinstance(request, dict):
            return {"work": self.work}
        name, steps = request
        assert name == self.name
        self.log.append(request)
        return self.seconds * steps, next(self.outcomes, None)


def compete(fakes, rounds=3, **further):
    return contest.compete(
        {fake.name: fake for fake in fakes},
        {fake.name: {"check_steps": 20} for fake in fakes},
        {fake.name: "one" for fake in fakes},
        rounds,
        **further,
    )


@pytest.fixture
def half_a_second(monkeypatch):
    monkeypatch.setattr(contest, "TURN_SECONDS", 0.5)


def test_contestants_take_turns_of_the_same_length_and_another_one_starts_each_round(half_a_second):
    log = []
    found = compete([Fake("a", log, 0.01), Fake("b", log, 0.1), Fake("c", log, 9)])
    assert log[:6] == [("a", 20), ("a", 20), ("b", 20), ("b", 20), ("c", 20), ("c", 20)]
    assert "".join(name for name, _ in log[6:]) == "abcbcacab"
    assert dict(log[6:]) == {"a": 50, "b": 5, "c": 1}
    assert found["a"]["rates"] == pytest.approx([1000] * 3)
    assert found["b"]["rates"] == pytest.approx([100] * 3)
    assert contest.ratio(found, "a", "b") == pytest.approx(10)


def test_of_rivals_only_those_that_may_be_the_fastest_get_more_than_one_turn(half_a_second):
    log, turns = [], []
    fakes = [
        Fake("engine", log, 0.1),
        Fake("a", log, 0.2),
        Fake("b", log, 0.24),
        Fake("c", log, 0.3),
    ]
    found = compete(fakes, rivals=["a", "b", "c"], progress=turns.append)
    assert {name: len(one["rates"]) for name, one in found.items()} == {
        "engine": 3,
        "a": 3,
        "b": 3,
        "c": 1,
    }
    # The turns of the last one that were left out count as done.
    assert sum(turns) == 4 * (1 + 3)
    assert contest.ratio(found, "engine", "c") == pytest.approx(3)


def test_a_ratio_is_the_median_of_the_rounds_not_the_ratio_of_medians():
    found = {"a": {"rates": [1, 20, 300]}, "b": {"rates": [1, 10, 1]}}
    assert contest.ratio(found, "a", "b") == 2
    assert contest.ratio(found, "b", "a") == 0.5


@pytest.mark.parametrize(
    "one, other, message",
    [
        ((3.0, 2.0), (3.0, 2.01), "a and b|b and a"),
        ((3.0, 2.0), (3.01, 2.0), "don't compute the same"),
        ((3.0, 2.0), (3.0, float("nan")), "b does not learn"),
        ((3.0, 3.0), (3.0, 3.0), "a does not learn"),
        (("some text",) * 2, ("some test",) * 2, "don't compute the same"),
    ],
)
def test_contestants_that_do_not_do_the_same_void_the_result(one, other, message):
    log = []
    with pytest.raises(ArithmeticError, match=message):
        compete([Fake("a", log, 1, one), Fake("b", log, 1, other)])
    assert len(log) == 4


def test_other_functions_and_rounding_are_no_disagreement():
    outcomes = {"a": (3.0, 2.0), "b": (3.001, 2.0001), "c": (1.0, 0.5), "sgemm": (None, None)}
    contest.check(outcomes, {"a": "one", "b": "one", "c": "another", "sgemm": "none"})
    same = "x" * contest._SAME_TOKENS
    contest.check({"a": (same + "a",) * 2, "b": (same + "b",) * 2}, {"a": "one", "b": "one"})


def test_what_is_only_scored_need_not_learn():
    outcomes = {"a": (3.0, 3.0), "b": (3.0, 3.0)}
    contest.check(outcomes, {"a": "one", "b": "one"}, learning=False)
    with pytest.raises(ArithmeticError, match="don't compute the same"):
        contest.check({**outcomes, "b": (3.0, 3.1)}, {"a": "one", "b": "one"}, learning=False)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that starts a worker with a module of this code; all end with the test."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    workers = []

    def started(code, threads=1):
        (tmp_path / "fake_contestant.py").write_text(code)
        workers.append(contest.Worker("fake_contestant", threads))
        return workers[-1]

    yield started
    for one in workers:
        one.close()


def test_a_worker_is_a_process_of_its_own_with_its_threads_and_its_output_is_no_reply(start):
    one = start(
        "import os, sys\n"
        "def make(job, minibatches):\n"
        "    print('loading')\n"
        "    names = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')\n"
        "    return (lambda steps: steps * job['lr']), {\n"
        "        'threads': [os.environ[name] for name in names], 'pid': os.getpid(),\n"
        "        'mxnet': 'mxnet' in sys.modules}\n",
        threads=3,
    )
    facts = one.ask({"name": "double", "lr": 2})
    assert facts == {"threads": ["3"] * 3, "pid": one.process.pid, "mxnet": False}
    assert one.ask({"name": "triple", "lr": 3})["pid"] == facts["pid"]
    seconds, outcome = one.ask(("double", 21))
    assert outcome == 42 and seconds > 0
    assert one.ask(("triple", 21))[1] == 63
    assert one.ask(None) is None
    with pytest.raises(InputError, match="KeyError: 'double'"):
        one.ask(("double", 1))
    one.close()
    assert one.process.returncode is not None


_SQUARE = "def make(job, minibatches):\n    return (lambda steps: steps**2), {}\n"


def _state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_worker_is_stopped_between_its_turns(start):
    one = start(_SQUARE)
    one.ask({"name": "square"})
    for steps in (2, 3):
        wait_until(lambda: _state(one.process.pid) == "T")
        assert one.ask(("square", steps))[1] == steps**2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't tell of a parent's death")
def test_a_stopped_worker_ends_with_its_parent(tmp_path):
    (tmp_path / "fake_contestant.py").write_text(_SQUARE)
    code = """if True:
        import time
        from benchmarks.contest import Worker
        one = Worker("fake_contestant", 1)
        one.ask({"name": "square"})
        print(one.process.pid, flush=True)
        time.sleep(60)
    """
    root = pathlib.Path(contest.__file__).parents[1]
    paths = os.pathsep.join([str(tmp_path), str(root), *filter(None, [os.getenv("PYTHONPATH")])])
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    pid = int(parent.stdout.readline())
    wait_until(lambda: _state(pid) == "T")
    parent.kill()
    parent.communicate()
    wait_until(lambda: not alive(pid))


@pytest.mark.parametrize(
    "code, message",
    [
        ("raise ImportError('no such thing')", "ImportError: no such thing"),
        ("def make(job, minibatches): raise MemoryError('too large')", "MemoryError: too large"),
        ("import os\ndef make(job, minibatches): os._exit(7)", "exit code 7"),
    ],
)
def test_a_worker_that_dies_is_reported_with_its_last_line(start, code, message):
    with pytest.raises(InputError, match=f"fake_contestant.*ended early: {message}"):
        start(code).ask({"name": "it"})


def test_a_turn_of_several_steps_begins_with_one_that_is_not_timed():
    asked = []
    _, outcome = worker.timed(lambda steps: asked.append(steps) or steps, 3)
    assert asked == [1, 3] and outcome == 3
    worker.timed(asked.append, 1)
    assert asked == [1, 3, 1]


def test_minibatches_are_the_packages_own_and_go_round():
    class First:
        @staticmethod
        def randint(low, high):
            return 0

    tokens = numpy.arange(50, dtype=numpy.uint8)
    ours = [
        (X.asnumpy(), Y.asnumpy())
        for X, Y in minibatches.seq_data_iter_consecutive(tokens, 3, 5, First)
    ]
    found = list(worker.minibatches(tokens, 3, 5, 2 * len(ours) + 1))
    assert len(ours) == 3 and len(found) == 7
    for pair, other in zip(found, ours + ours + ours[:1]):
        assert all(map(numpy.array_equal, pair, other))
    ((X, Y),) = worker.minibatches(tokens[:7], 3, 5, 1)
    assert X.shape == (3, 5) and (Y[:, :-1] == X[:, 1:]).all()
