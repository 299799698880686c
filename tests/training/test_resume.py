"""Runs that are interrupted, killed and resumed have the history of a run that never was."""

import contextlib
import random
import signal
import subprocess
import sys
import time

import campaign
import pytest
import resumable
from marks import slow_but
from resumable import EPOCHS, NAME, train

from gluon_gru.runs import checkpoint
from gluon_gru.training import mxnet_learner

NAMES = ["scratch GRU", "scratch GRU with dropout", "GRU", "GRU of 2 layers"]


@contextlib.contextmanager
def interrupt_in_minibatch(number):
    """Have Ctrl-C pressed in a minibatch, counted over all epochs from 1."""
    done, original = [], mxnet_learner.clipped_sgd

    def update(*args):
        done.append(None)
        if len(done) == number:
            raise KeyboardInterrupt
        original(*args)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mxnet_learner, "clipped_sgd", update)
        yield


def note_text(epoch, history):
    history.continuations[str(epoch)] = [f"text {epoch}"]


def interrupt_third_epoch(epoch, history):
    note_text(epoch, history)
    if epoch == 3:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "name, own_rng",
    slow_but(
        [("scratch GRU with dropout", True), ("GRU", False)],
        [*((name, False) for name in NAMES), ("scratch GRU with dropout", True)],
    ),
)
def test_a_run_interrupted_between_epochs_goes_on_to_the_same_digits(tmp_path, name, own_rng):
    whole, parameters = train(tmp_path / "whole", name, 0, 5, own_rng, note_text)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", name, 0, 5, own_rng, interrupt_third_epoch)
    assert checkpoint.load(tmp_path / "cut").epoch == 2
    resumed, resumed_parameters = train(tmp_path / "cut", name, 99, 5, own_rng, note_text)
    assert resumed.perplexity == whole.perplexity
    assert resumed_parameters == parameters
    assert resumed.continuations == whole.continuations
    assert len(resumed.tokens_per_sec) == len(resumed.seconds) == 5


@pytest.mark.parametrize("name", slow_but(["scratch GRU with dropout", "GRU"], NAMES))
def test_a_run_interrupted_within_an_epoch_goes_on_from_the_epochs_start(tmp_path, name):
    whole, parameters = train(tmp_path / "whole", name, 0, 4)
    # Five minibatches an epoch.
    with interrupt_in_minibatch(2 * 5 + 4):
        train(tmp_path / "cut", name, 0, 4)
    assert checkpoint.load(tmp_path / "cut").epoch == 2
    resumed, resumed_parameters = train(tmp_path / "cut", name, 99, 4)
    assert resumed.perplexity == whole.perplexity
    assert resumed_parameters == parameters


class PressesCtrlC:
    """Press Ctrl-C when it is freed: there Python would lose it, as it loses any exception."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_a_ctrl_c_while_an_array_is_freed_is_not_lost(tmp_path):
    default = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(
                tmp_path / "cut",
                "GRU",
                0,
                4,
                on_epoch=lambda epoch, history: epoch == 2 and PressesCtrlC(),
            )
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, default)
    assert checkpoint.load(tmp_path / "cut").epoch == 2


def test_an_interrupt_in_the_first_epoch_leaves_no_file(tmp_path):
    with interrupt_in_minibatch(3):
        train(tmp_path / "cut", "GRU", 0, 4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", slow_but(["scratch GRU with dropout"], NAMES))
def test_a_finished_run_can_be_made_longer(tmp_path, name):
    whole, parameters = train(tmp_path / "whole", name, 0, 3)
    train(tmp_path / "short", name, 0, 1)
    longer, longer_parameters = train(tmp_path / "short", name, 99, 3)
    assert longer.perplexity == whole.perplexity
    assert longer_parameters == parameters


def test_saving_changes_no_digit(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_SAVE_SECONDS", 0)
    saved, _ = train(tmp_path / "run", "scratch GRU with dropout", 0, 3)
    unsaved, _ = train(None, "scratch GRU with dropout", 0, 3)
    assert saved.perplexity == unsaved.perplexity


def start(path, save_seconds, seed):
    return subprocess.Popen(
        [sys.executable, resumable.__file__, str(path), str(save_seconds), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def uninterrupted():
    return train(None, NAME, 0, EPOCHS)[0].perplexity


# What each leaves: a killed run what it wrote after every epoch, the others also what they had not.
STOPS = {signal.SIGKILL: 0, signal.SIGINT: 1e9, signal.SIGTERM: 1e9}


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(campaign.times(2)))
def test_a_process_stopped_at_random_moments_comes_to_the_same_digits(
    tmp_path, uninterrupted, seed
):
    path, chance, last = tmp_path / "run", random.Random(seed), 0
    for attempt, stop in enumerate(chance.sample(list(STOPS), 2)):
        with start(path, STOPS[stop], attempt) as process:
            epochs = [int(process.stdout.readline()) for _ in range(chance.randint(2, 5))]
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(stop)
            # Not communicate(), which misses lines that came with the last one that was read.
            out, err = process.stdout.read(), process.stderr.read()
            process.wait()
        assert process.returncode == (-stop if stop == signal.SIGKILL else 128 + stop), err
        assert err == ""
        epochs += [int(line) for line in out.splitlines(keepends=True) if line.endswith("\n")]
        # The last epoch that was reported may not have been saved, those before it were.
        assert epochs[0] in (last, last + 1)
        last = epochs[-1]
        assert checkpoint.load(path).epoch in (last - 1, last)
    epochs = []
    history, _ = train(path, NAME, 99, EPOCHS, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert epochs[0] in (last, last + 1) and epochs[-1] == EPOCHS
    assert history.perplexity == uninterrupted
