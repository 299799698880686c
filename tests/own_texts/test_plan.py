"""What a training will be is told before it starts, and a time limit ends it when it should."""

import json
import math
import types

import numpy
import pytest
from stopped import ctrl_c_at, digits
from toy_texts import SMALL, write_toy

from gluon_gru import own_texts
from gluon_gru.errors import InputError
from gluon_gru.own_texts import schedule
from gluon_gru.own_texts import training as trainings
from gluon_gru.own_texts.plan import step_seconds
from gluon_gru.runs import checkpoint

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch):
    """Let rounds be an epoch."""
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 1_000_000))


@pytest.fixture
def slow_steps(monkeypatch):
    """Have a step said to take a second, however long it takes."""
    monkeypatch.setattr(trainings, "step_seconds", lambda *args: 1.0)


def test_a_plan_is_what_the_training_then_does_and_leaves_its_digits(tmp_path):
    path, plans = write_toy(tmp_path), []
    settings = {**SMALL, "num_layers": 2, "dropout": 0.3}
    plain = own_texts.train(path, tmp_path / "plain", **settings)
    told = own_texts.train(path, tmp_path / "told", on_plan=plans.append, **settings)
    assert digits(told) == digits(plain)
    (plan,) = plans
    text = told["text"]
    assert plan.settings.__dict__ == told["settings"]
    assert (plan.num_training, plan.vocab_size) == (text["num_training"], text["vocab_size"])
    assert plan.num_held_out == text["num_tokens"] - text["num_training"]
    params = checkpoint.load(tmp_path / "told" / "model.safetensors").params
    assert plan.num_params == sum(array.size for array in params.values())
    assert plan.epochs_done == 0 and 0 < plan.seconds < math.inf


def test_the_time_is_that_of_the_steps_and_scores_that_are_left(tmp_path, slow_steps):
    path, run, plans = write_toy(tmp_path), tmp_path / "run", []
    with ctrl_c_at(150):
        own_texts.train(path, run, on_plan=plans.append, **SMALL)
    resumed = own_texts.train(path, run, resume=True, on_plan=plans.append)
    # A minibatch has 32 tokens, and scoring takes a third of what training does.
    steps, score = (plans[0].num_training - 1) // 32, plans[0].num_held_out / 32 / 3
    assert plans[0].seconds == pytest.approx(3 * steps + 3 * score)
    done = int(plans[1].epochs_done)
    assert done in (1, 2) and plans[1].seconds == pytest.approx((3 - done) * (steps + score))
    assert [each["epoch"] for each in resumed["rounds"]] == [1, 2, 3]
    # Nothing is left to plan.
    own_texts.train(path, run, resume=True, on_plan=plans.append)
    assert len(plans) == 2


@pytest.mark.parametrize("seconds, epochs", [(1e6, 3), (200, 2), (130, 1), (1, 1), (0, 1)])
def test_the_planned_end_of_a_new_run_keeps_the_time(tmp_path, slow_steps, seconds, epochs):
    # An epoch takes some 85 of these seconds.
    record = own_texts.train(
        write_toy(tmp_path), tmp_path / "run", seconds=seconds, **{**SMALL, "patience": 99}
    )
    assert record["settings"]["epochs"] == epochs
    # No time at all is up after the first round.
    assert record["rounds"][-1]["epoch"] == (epochs if seconds > 1 else 1)


def test_a_round_in_which_the_time_is_up_is_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(trainings, "step_seconds", lambda *args: 1e-9)
    path, run = write_toy(tmp_path), tmp_path / "run"
    record = own_texts.train(path, run, seconds=1e-3, **{**SMALL, "epochs": 9, "patience": 99})
    assert record["settings"]["epochs"] == 9 and len(record["rounds"]) == 1
    # No time is left to train in; the run itself isn't over.
    again = own_texts.train(path, run, resume=True, seconds=0)
    assert digits(again) == digits(record)
    whole = own_texts.train(path, run, resume=True)
    assert len(whole["rounds"]) == 9 and digits(whole)[:1] == digits(record)
    assert json.loads((run / "record.json").read_text())["rounds"] == whole["rounds"]


def test_less_than_an_epoch_is_planned_where_rounds_are_shorter(tmp_path, monkeypatch, slow_steps):
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 1000))
    record = own_texts.train(write_toy(tmp_path), tmp_path / "run", seconds=50, **SMALL)
    assert 0.4 < record["settings"]["epochs"] < 0.7
    assert record["rounds"][-1]["epoch"] == pytest.approx(record["settings"]["epochs"], abs=0.01)


@pytest.mark.parametrize("seconds", [-1, math.nan])
def test_a_time_that_is_none_is_refused(tmp_path, seconds):
    with pytest.raises(InputError, match="seconds is .*: it must be a number, 0 or more"):
        own_texts.train(write_toy(tmp_path), tmp_path / "run", seconds=seconds)
    assert not (tmp_path / "run").exists()


def test_a_probe_ends_soon(monkeypatch):
    steps = []

    class Slow:
        def step(self, *args):
            steps.append(args)
            clock[0] += 0.3
            return 1.0

    clock = [0.0]
    monkeypatch.setattr("gluon_gru.own_texts.plan.time.perf_counter", lambda: clock[0])
    settings = types.SimpleNamespace(batch_size=2, num_steps=3, lr=1)
    text = types.SimpleNamespace(tokens=numpy.arange(9))
    assert step_seconds(Slow(), settings, text) == pytest.approx(0.3)
    # One to set up, and two until half a second has passed.
    assert len(steps) == 3
    X, Y = steps[0][:2]
    assert X.tolist() == [[0, 1, 2], [3, 4, 5]] and Y.tolist() == [[1, 2, 3], [4, 5, 6]]
