"""Ctrl-C, SIGTERM and SIGHUP: where they take effect, and who leaves them alone."""

import _weakrefset
import contextlib
import errno
import importlib
import signal
import threading
import time
import weakref

import pytest

from gluon_gru.training import interrupt
from gluon_gru.training.interrupt import ENDS, CtrlC, Ended, ending_like_ctrl_c


@pytest.fixture(autouse=True)
def defaults():
    """Give each signal what Python starts with, and afterwards what it had."""
    before = [signal.signal(end, signal.SIG_DFL) for end in ENDS]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for end, handler in zip(ENDS, before):
        signal.signal(end, handler)


@contextlib.contextmanager
def ended_by(end):
    with pytest.raises(KeyboardInterrupt) as caught:
        yield
    assert getattr(caught.value, "signum", signal.SIGINT) == end
    assert isinstance(caught.value, Ended) == (end != signal.SIGINT)


@pytest.mark.parametrize("end", ENDS)
def test_each_raises_in_the_block_and_is_as_before_afterwards(end):
    before = signal.getsignal(end)
    with ended_by(end), ending_like_ctrl_c():
        signal.raise_signal(end)
    assert signal.getsignal(end) == before


@pytest.mark.parametrize("end", ENDS)
def test_between_minibatches_each_waits_and_the_second_of_a_pair_too(end):
    passed, twice = [], end != signal.SIGINT
    with ended_by(end), ending_like_ctrl_c(), CtrlC() as ctrl_c, CtrlC() as inner:
        for minibatch in inner.between(range(5)):
            passed.append(minibatch)
            if minibatch == 2:
                for _ in range(1 + twice):
                    signal.raise_signal(end)
                passed.append("not yet")
    assert passed == [0, 1, 2, "not yet"] and ctrl_c is not inner


@pytest.mark.parametrize("end", ENDS)
def test_a_ctrl_c_after_any_of_them_acts_at_once(end):
    with ended_by(end), ending_like_ctrl_c(), CtrlC():
        signal.raise_signal(end)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one did not act")


def test_the_end_of_a_terminal_is_not_the_error_of_writing_to_it():
    with ended_by(signal.SIGHUP), ending_like_ctrl_c(), CtrlC():
        signal.raise_signal(signal.SIGHUP)
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="full"), ending_like_ctrl_c(), CtrlC():
        raise OSError(errno.ENOSPC, "the disk is full")


@pytest.mark.parametrize("end", ENDS)
def test_a_signal_that_is_ignored_stays_so(end):
    """As ``nohup`` ignores SIGHUP, and shells Ctrl-C in what they start in the background."""
    signal.signal(end, signal.SIG_IGN)
    with ending_like_ctrl_c(), CtrlC() as ctrl_c:
        signal.raise_signal(end)
        ctrl_c.check()
    assert signal.getsignal(end) is signal.SIG_IGN


def test_a_handler_of_someone_elses_stays():
    seen = []
    for end in ENDS:
        signal.signal(end, lambda signum, frame: seen.append(signum))
    with ending_like_ctrl_c(), CtrlC() as ctrl_c:
        for end in ENDS:
            signal.raise_signal(end)
        ctrl_c.check()
    assert seen == list(ENDS)


class RaisesWhenFreed:
    def __init__(self, end):
        self.end = end

    def __del__(self):
        signal.raise_signal(self.end)


@pytest.mark.parametrize("end", ENDS)
def test_what_would_be_lost_in_a_del_comes_again(end):
    with ended_by(end), ending_like_ctrl_c():
        RaisesWhenFreed(end)
        time.sleep(60)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name, file", sorted(interrupt._CALLBACKS))
def test_what_would_be_lost_in_a_weak_references_callback_comes_again(end, name, file):
    names = {"signal": signal, "end": end}
    exec(compile(f"def {name}(reference): signal.raise_signal(end)", file, "exec"), names)
    reference = weakref.ref(thing := type("Thing", (), {})(), names[name])
    with ended_by(end), ending_like_ctrl_c():
        del thing
        assert reference() is None
        time.sleep(60)


def test_these_callbacks_are_python_s_own():
    assert weakref.WeakValueDictionary()._remove.__code__.co_filename == weakref.__file__
    assert weakref.WeakSet()._remove.__code__.co_filename == _weakrefset.__file__
    lock = importlib._bootstrap._get_module_lock.__code__
    assert "cb" in [getattr(part, "co_name", None) for part in lock.co_consts]
    assert lock.co_filename == "<frozen importlib._bootstrap>"


def test_without_the_block_sigterm_and_sighup_are_as_python_has_them():
    with CtrlC():
        assert [signal.getsignal(end) for end in ENDS[1:]] == [signal.SIG_DFL] * 2


def test_other_threads_leave_all_of_them_alone():
    before, during = [signal.getsignal(end) for end in ENDS], []

    def run():
        with ending_like_ctrl_c(), CtrlC() as ctrl_c:
            during.extend(signal.getsignal(end) for end in ENDS)
            ctrl_c.check()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert during == before


def test_a_command_has_the_conventional_exit_status(run_python):
    code = (
        "import os, signal, sys\n"
        "from gluon_gru.cli import options\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def main():\n"
        "    print('so far')\n"
        "    with options.resumable('go on'):\n"
        "        os.kill(os.getpid(), {})\n"
        "options.run(main)"
    )
    for end in ENDS:
        done = run_python(code.format(int(end)))
        assert (done.returncode, done.stdout) == (128 + end, "so far\n"), done.stderr
        assert done.stderr.startswith("\ninterrupted; go on:\n") and "Traceback" not in done.stderr
