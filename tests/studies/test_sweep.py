"""The hyperparameter study: workers that share it, that die, and what is written."""

import collections
import dataclasses
import functools
import json
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time

import optuna
import pytest
import tiny
from matplotlib.image import imread
from optuna.trial import TrialState

from gluon_gru.errors import InputError
from gluon_gru.studies.sweep import report as sweep_report
from gluon_gru.studies.sweep import storage as sweep_study
from gluon_gru.studies.sweep import study as sweep
from gluon_gru.studies.sweep.space import Space
from gluon_gru.studies.sweep.storage import check_needed, open_storage, open_study, work
from gluon_gru.text.corpus import SAMPLE

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "sweep.py"

TINY = Space(
    (2, 3), (3, 4), (0.5, 1.0), epochs=2, batch_size=16, train_windows=40, valid_windows=20
)

#: A worker program whose trials take some seconds, and that soon notices dead ones.
SLOW_WORKER = """
import sys, signal
from gluon_gru.cli import options as cli
from gluon_gru.studies.sweep import storage as sweep_study, study as sweep
from gluon_gru.studies.sweep.space import Space
signal.signal(signal.SIGINT, signal.default_int_handler)
sweep_study.HEARTBEAT_SECONDS, sweep_study.GRACE_SECONDS, sweep_study.POLL_SECONDS = 1, 2, 0.1
space = Space((2, 3), (4,), (0.5, 1.0), epochs=25, batch_size=16, train_windows=40,
              valid_windows=20)
cli.run(lambda: sweep.sweep(sys.argv[1], space, device="cpu", corpus=sys.argv[2]))
"""

tiny_sweep = functools.partial(sweep.sweep, space=TINY, device="cpu", corpus=SAMPLE)


def url(folder):
    return f"sqlite:///{folder / 'study.db'}"


@functools.lru_cache(maxsize=None)
def study_of(folder):
    # With tables of its own making it would be in the way of the worker that makes them.
    storage = optuna.storages.RDBStorage(url(folder), skip_table_creation=True)
    return optuna.load_study(study_name=sweep_study.NAME, storage=storage)


def trials_of(folder):
    """Return a study's trials; none while there is no study yet."""
    try:
        return study_of(folder).trials
    except Exception:
        return []


def points_of(trials, *states):
    return collections.Counter(
        tuple(trial.user_attrs["point"].values()) for trial in trials if trial.state in states
    )


def start(*command):
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def crowd(folder, points, num_trials, workers=4):
    """Have threads, each with connections of its own, work on one study; return its trials."""
    errors = []

    def objective(study, trial):
        trial.set_user_attr("worker", "thread")
        check_needed(study, trial, points, num_trials)
        time.sleep(0.002)
        return trial.suggest_categorical("lr", [0.5, 1.0])

    def one():
        try:
            # No points here: the workers themselves queue what is missing, all at once.
            study = open_study(open_storage(url(folder)), {}, None, None, None)
            work(study, functools.partial(objective, study), points, num_trials)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors
    return trials_of(folder)


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("gluon_gru.studies.sweep.report.write", lambda results, folder: None)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sweep_study, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(sweep, "POLL_SECONDS", 0.05)


@pytest.mark.slow
def test_workers_that_all_start_at_once_complete_each_point_of_a_grid_once(tmp_path):
    points = [{"lr": lr, "n": n} for lr in (0.5, 1.0) for n in range(6)]
    done = points_of(crowd(tmp_path, points, 12), TrialState.COMPLETE)
    assert len(done) == 12 and set(done.values()) == {1}


@pytest.mark.slow
def test_workers_that_draw_do_not_overshoot_the_number_of_trials(tmp_path):
    trials = crowd(tmp_path, None, 8)
    assert sum(trial.state == TrialState.COMPLETE for trial in trials) == 8


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_only_one_of_many_workers_takes_a_waiting_trial(tmp_path):
    study = open_study(open_storage(url(tmp_path)), {}, [{"n": n} for n in range(30)], None, None)
    taken, studies = (
        [],
        [study] + [open_study(open_storage(url(tmp_path)), {}, None, None, None) for _ in range(5)],
    )

    def take(study):
        taken.extend(study.ask().number for _ in range(5))

    threads = [threading.Thread(target=take, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(30))


@pytest.mark.slow
def test_one_of_two_workers_is_killed_and_nothing_is_lost_nor_run_twice(tmp_path):
    processes = [start("-c", SLOW_WORKER, tmp_path, SAMPLE) for _ in range(2)]
    victim, survivor = processes

    def victims():
        return [
            trial
            for trial in trials_of(tmp_path)
            if trial.state == TrialState.RUNNING
            and trial.user_attrs.get("worker", "").endswith(f":{victim.pid}")
            and len(trial.intermediate_values) > 2
        ]

    try:
        tiny.wait_for(victims, victim)
        victim.kill()
        (lost,) = victims()
        _, stderr = survivor.communicate(timeout=120)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert survivor.returncode == 0 and "Traceback" not in stderr
    results = json.loads((tmp_path / "sweep.json").read_text())
    done = points_of(trials_of(tmp_path), TrialState.COMPLETE)
    assert len(done) == 4 and set(done.values()) == {1}
    (again,) = (trial for trial in results["trials"] if trial["retry_of"] == lost.number)
    assert again["state"] == "complete" and again["worker"].endswith(f":{survivor.pid}")
    assert [again[axis] for axis in lost.params] == list(lost.params.values())
    assert [trial["number"] for trial in results["trials"] if trial["state"] == "lost"] == [
        lost.number
    ]
    assert "## Workers that died" in (tmp_path / "report.md").read_text()
    assert "Workers that died" in (tmp_path / "report.html").read_text()


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_a_worker_that_died_before_its_first_heartbeat_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_study, "GRACE_SECONDS", 1)
    points = [{"lr": 0.5}]
    study = open_study(open_storage(url(tmp_path)), {}, points, None, None)
    dead = study.ask().number

    def objective(trial):
        trial.set_user_attr("worker", "alive")
        check_needed(study, trial, points, 1)
        return trial.suggest_categorical("lr", [0.5, 1.0])

    work(study, objective, points, 1)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[1].user_attrs["retry_of"] == dead and study.trials[1].value == 0.5


def test_a_worker_taken_for_dead_drops_its_result_and_goes_on(tmp_path):
    points = [{"lr": 0.5}]
    study = open_study(open_storage(url(tmp_path)), {}, points, None, None)

    def objective(trial):
        check_needed(study, trial, points, 1)
        if trial.number == 0:
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return float(trial.number)

    work(study, objective, points, 1)
    assert [trial.value for trial in study.trials] == [None, 1.0]


def test_an_error_in_a_trial_is_not_swallowed(tmp_path):
    study = open_study(open_storage(url(tmp_path)), {}, [{"lr": 0.5}], None, None)

    def objective(trial):
        raise InputError("mistake")

    with pytest.raises(InputError, match="mistake"):
        work(study, objective, [{"lr": 0.5}], 1)


@pytest.mark.slow
def test_two_workers_of_one_command_finish_the_grid_and_the_command_again_runs_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(sweep_report, "FEWEST_TRIALS", 8)
    results = tiny_sweep(tmp_path, workers=2, command="first")
    assert {trial["state"] for trial in results["trials"]} == {"complete"}
    points = [
        (trial["num_steps"], trial["num_hiddens"], trial["lr"]) for trial in results["trials"]
    ]
    assert len(points) == len(set(points)) == 8
    again = tiny_sweep(tmp_path, command="second")
    assert (
        again["trials"]
        == results["trials"]
        == json.loads((tmp_path / "sweep.json").read_text())["trials"]
    )
    assert [made["command"] for made in again["invocations"]] == ["first", "second"]
    assert "of 2 workers" in again["invocations"][0]["environment"]["OMP_NUM_THREADS"]
    for trial in again["trials"]:
        assert trial["perplexity"] == trial["validation"][-1] and trial["epochs"] == 2
        assert trial["training"] and trial["seconds"] > 0 and trial["tokens_per_sec"] > 0
    check_report(again, tmp_path)


def check_report(results, folder):
    report = (folder / "report.md").read_text()
    assert "**NOT the book's corpus" in report and "8 of 8 trials are finished" in report
    for trial in results["trials"]:
        assert f"{trial['perplexity']:.3f}" in report and f"`{trial['continuation']}`" in report
    for block in report.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    assert sum(results["importance"]["values"].values()) == pytest.approx(1)
    assert 0 < sum(results["importance"]["variance"].values()) <= 1
    for name in ("heatmap", "time_quality", "importance"):
        assert imread(folder / f"{name}.png").std() > 0.05


def test_when_all_workers_die_the_error_says_how_to_go_on(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sweep, "WORKER", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(InputError, match=r"all 2 workers died \(exit code 3\).*same command"):
        tiny_sweep(tmp_path, workers=2)
    assert "1 of 2 go on" in capfd.readouterr().err
    assert json.loads((tmp_path / "sweep.json").read_text())["trials"] == []


def test_a_stored_study_that_differs_is_refused_by_every_difference(tmp_path, no_pictures):
    other = dataclasses.replace(TINY, lr=(1.0,), num_steps=(2,), num_hiddens=(3,))
    tiny_sweep(tmp_path, space=other)
    with pytest.raises(InputError) as error:
        tiny_sweep(tmp_path, space=dataclasses.replace(other, lr=(2.0,), epochs=3))
    assert "its lr is [1.0], not [2.0]" in str(error.value)
    assert "its epochs is 2, not 3" in str(error.value) and "num_steps" not in str(error.value)
    text = tmp_path / "other.txt"
    text.write_text(SAMPLE.read_text() + "more")
    with pytest.raises(InputError, match="corpus SHA-1"):
        tiny_sweep(tmp_path, space=other, corpus=text)
    with pytest.raises(InputError, match="its sampler is 'grid', not 'random'"):
        tiny_sweep(tmp_path, space=other, sampler="random", trials=1)


@pytest.mark.parametrize(
    "storage, message",
    [
        ("nonsense", "'nonsense'... is no URL"),
        ("redis://:geheim@localhost", "can't be used"),
        ("nosuchdatabase://user:geheim@host/name?password=geheim", "can't be used"),
        ("sqlite:////nonexistent/folder/study.db", "unable to open database file"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("sqlite:///{file}", "not a database"),
    ],
)
def test_a_storage_that_cannot_be_used_gives_one_line_without_its_password(
    tmp_path, storage, message, monkeypatch
):
    monkeypatch.setattr(sweep_study.time, "sleep", lambda seconds: None)
    file = tmp_path / "text.db"
    file.write_text("no database " * 100)
    with pytest.raises(InputError, match=message) as error:
        tiny_sweep(tmp_path, storage=storage.format(file=file))
    assert "geheim" not in str(error.value) and "\n" not in str(error.value)


def test_a_shown_url_tells_no_password():
    shown = sweep_study.without_password(
        "postgresql+psycopg2://user:geheim@host:5432/name?password=geheim"
    )
    assert shown == "postgresql+psycopg2://user:***@host:5432/name"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sampler": "best"}, "sampler 'best'"),
        ({"sampler": "tpe"}, "trials is missing"),
        ({"trials": 3}, "trials is 3"),
        ({"sampler": "random", "trials": 0}, "trials is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"device": "gpu(99)"}, "gpu"),
        ({"space": dataclasses.replace(TINY, train_windows=10**6)}, "too short"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_is_made(
    tmp_path, change, message
):
    with pytest.raises(InputError, match=message):
        tiny_sweep(tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_divergence_is_a_result_and_the_report_shows_it(tmp_path):
    space = dataclasses.replace(TINY, num_steps=(2,), num_hiddens=(3,), lr=(1.0, 1e38))
    results = tiny_sweep(tmp_path, space=space)
    states = {trial["lr"]: trial["state"] for trial in results["trials"]}
    assert states == {1.0: "complete", 1e38: "diverged"}
    assert "diverged (epoch" in (tmp_path / "report.md").read_text()
    assert "reason" in results["importance"] and not (tmp_path / "importance.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_point_that_is_drawn_again_is_not_trained_again_and_more_trials_can_follow(
    tmp_path, sampler, no_pictures
):
    space = dataclasses.replace(TINY, num_steps=(2,), num_hiddens=(3,), lr=(1.0,))
    assert len(tiny_sweep(tmp_path, space=space, sampler=sampler, trials=1)["trials"]) == 1
    trials = tiny_sweep(tmp_path, space=space, sampler=sampler, trials=3)["trials"]
    assert [trial.get("same_as") for trial in trials] == [None, 0, 0]
    assert len({trial["perplexity"] for trial in trials}) == 1


def test_pruning_ends_trials_that_are_worse_than_the_others(tmp_path, monkeypatch, no_pictures):
    space = dataclasses.replace(TINY, num_hiddens=(3,), num_steps=(2, 3, 4, 5))
    calls = []

    def train(space, point, source, ctx, on_epoch):
        calls.append(point)
        validation = []
        for epoch in range(1, space.epochs + 1):
            validation.append(float(len(calls)))
            if on_epoch(epoch, validation[-1]):
                break
        return {
            "validation": validation,
            "training": validation,
            "diverged": False,
            "seconds": 1.0,
            "tokens_per_sec": 1.0,
            "continuation": "",
        }

    monkeypatch.setattr("gluon_gru.studies.sweep.worker.train_point", train)
    states = [trial["state"] for trial in tiny_sweep(tmp_path, space=space, prune=True)["trials"]]
    assert states == ["complete"] * 5 + ["pruned"] * 3


@pytest.mark.slow
def test_the_budget_is_a_table_and_creates_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cost = sweep.budget(TINY, workers=1, device="cpu", corpus=SAMPLE)
    assert list(tmp_path.iterdir()) == []
    assert [(cell["num_steps"], cell["num_hiddens"]) for cell in cost["cells"]] == [
        (2, 3),
        (2, 4),
        (3, 3),
        (3, 4),
    ]
    # Two learning rates, 2 epochs, 40 windows of 2 or 3 tokens.
    assert [cell["tokens"] for cell in cost["cells"]] == [320, 320, 480, 480]
    assert cost["hours"] == pytest.approx(sum(cell["hours"] for cell in cost["cells"]))
    table = sweep_report.budget_table({**cost, "hours": 1.234})
    assert "8 trials" in table and "1.23 hours here with --workers 1" in table


def test_the_budget_of_a_probe_that_fails_is_an_error(monkeypatch):
    monkeypatch.setattr(sweep, "WORKER", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(InputError, match="a probe ended early"):
        sweep.budget(TINY, workers=2, device="cpu", corpus=SAMPLE)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_prints_the_command_that_goes_on(tmp_path):
    out = tmp_path / "out"
    # A process that a shell puts in the background has Ctrl-C switched off.
    code = (
        "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    options = [
        "--num-steps",
        "1",
        "--num-hiddens",
        "2",
        "--lr",
        *map(str, range(1, 7)),
        "--epochs",
        "4",
        "--corpus",
        str(SAMPLE),
        "--out",
        str(out),
    ]
    process = start("-c", code, SCRIPT, *options)
    try:
        tiny.wait_for(
            lambda: any(trial.state == TrialState.COMPLETE for trial in trials_of(out)), process
        )
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130 and stdout == "" and "Traceback" not in stderr
    assert shlex.split(stderr.strip().splitlines()[-1]) == [sys.executable, str(SCRIPT), *options]
    assert json.loads((out / "sweep.json").read_text())["trials"]
    assert "of 6 trials are finished" in (out / "report.md").read_text()


@pytest.mark.slow
def test_a_server_that_cannot_be_reached_gives_one_line_and_exit_code_2(tmp_path):
    process = start(
        SCRIPT,
        "--corpus",
        SAMPLE,
        "--out",
        tmp_path / "out",
        "--storage",
        "postgresql://user:geheim@127.0.0.1:9/name",
    )
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 2 and stdout == ""
    assert stderr.count("\n") == 1 and stderr.startswith("error: storage 'postgresql://user:***@")
    assert "geheim" not in stderr
