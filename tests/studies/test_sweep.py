"""The hyperparameter study: what it tries, what it keeps, and how it goes on."""

import collections
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time

import optuna
import pytest
from dask_programs import Dask, environment
from matplotlib.image import imread
from processes import wait_for

from gluon_gru import report
from gluon_gru.errors import InputError
from gluon_gru.studies import jobs
from gluon_gru.studies.sweep import report as sweep_report
from gluon_gru.studies.sweep import results as sweep_results
from gluon_gru.studies.sweep import storage as storages
from gluon_gru.studies.sweep import study as sweep
from gluon_gru.studies.sweep.space import AXES, Space
from gluon_gru.text.corpus import SAMPLE

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "sweep.py"
OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0" / "sweep"

TINY = Space(
    (2, 3), (3, 4), (0.5, 1.0), epochs=2, batch_size=16, train_windows=40, valid_windows=20
)

#: Half of its points.
HALF = dataclasses.replace(TINY, num_steps=(2,))

tiny_sweep = functools.partial(sweep.sweep, space=TINY, device="cpu", corpus=SAMPLE)


def command_line(trials):
    """Return the command line of a study whose trials take a moment each; its folder is missing."""
    words = ["--num-steps", "1", "--num-hiddens", "2", "--lr", *map(str, range(1, trials + 1))]
    return [*words, "--epochs", "4", "--corpus", str(SAMPLE), "--device", "cpu", "--out"]


def record_of(folder):
    """Return what a study's record holds; nothing while there is none."""
    file = folder / "record.json"
    return json.loads(file.read_text()) if file.exists() else {}


def points(record):
    return [tuple(trial[axis] for axis in (*AXES, "seed")) for trial in record.get("trials", [])]


def start(*words):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        # A process that a shell puts in the background has Ctrl-C switched off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture
def no_report(monkeypatch):
    monkeypatch.setattr(report, "write", lambda document, folder: None)


@pytest.fixture
def no_training(monkeypatch):
    """Have trials take no time; return the points that are tried, which grow worse and worse."""
    tried = []

    def train(space, point, tokens, vocab, device):
        tried.append(point)
        validation = [float(len(tried))] * space.epochs
        return {
            "validation": validation,
            "training": validation,
            "diverged": False,
            "seconds": 1.0,
            "tokens_per_sec": 1.0,
            "continuation": "",
            "worker": "",
        }

    monkeypatch.setattr(sweep, "_train_point", train)
    return tried


# ---- What a study tries and keeps ----


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_grid_is_tried_once_and_the_same_command_again_runs_nothing(
    tmp_path, monkeypatch, workers
):
    monkeypatch.setattr(sweep_results, "FEWEST_TRIALS", 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    results = tiny_sweep(tmp_path, workers=workers, command="first")
    assert {trial["state"] for trial in results["trials"]} == {"complete"}
    assert sorted(points(results)) == sorted(tuple(point.values()) for point in TINY.points())
    assert len({trial["worker"] for trial in results["trials"]}) == workers
    again = tiny_sweep(tmp_path, command="second")
    assert again["trials"] == results["trials"] and again == record_of(tmp_path)
    assert [made["command"] for made in again["invocations"]] == ["first", "second"]
    threads = again["invocations"][0]["environment"]["OMP_NUM_THREADS"]
    assert threads == ("not set" if workers == 1 else "1 in each of 2 workers")
    for trial in again["trials"]:
        assert trial["perplexity"] == trial["validation"][-1] and trial["epochs"] == 2
        assert trial["training"] and trial["seconds"] > 0 and trial["tokens_per_sec"] > 0
    check_report(again, tmp_path)


def check_report(results, folder):
    report = (folder / "report.md").read_text()
    assert "**NOT the book's corpus" in report and "8 of 8 trials are finished" in report
    for trial in results["trials"]:
        assert f"{trial['perplexity']:.3f}" in report
        assert f"`{trial['continuation'][:65]}`" in report
    for block in report.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    for one in sweep_results.outcomes(results["trials"]):
        assert f"| {min(one.complete[0]['validation']):.3f}" in report
    assert sum(results["importance"]["values"].values()) == pytest.approx(1)
    assert 0 < sum(results["importance"]["variance"].values()) <= 1
    for name in ("heatmap", "time_quality", "importance"):
        assert imread(folder / f"{name}.png").std() > 0.05


def test_the_storage_is_a_file_in_the_folder_whatever_that_is_called(
    tmp_path, no_report, no_training
):
    one = dataclasses.replace(TINY, num_steps=(2,), num_hiddens=(3,), lr=(1.0,))
    # The first two would be one file, and others none at all, if they were read as URLs.
    names = ["what?x=1", "what?x=2", "%20", "sqlite:", "new\nline", os.fsdecode(b"\xff")]
    for number, name in enumerate(names, 1):
        tiny_sweep(tmp_path / name, space=one)
        assert len(no_training) == number
        assert {path.name for path in (tmp_path / name).iterdir()} == {"study.db", "record.json"}
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_the_storage_opens_as_a_dashboard_opens_it(tmp_path, no_report, no_training):
    tiny_sweep(tmp_path)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path}/study.db")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 8
    assert study.trials[3].intermediate_values == {1: 4.0, 2: 4.0}


def test_a_divergence_is_a_result_and_the_report_shows_it(tmp_path, no_pictures):
    space = dataclasses.replace(TINY, num_steps=(2,), num_hiddens=(3,), lr=(1.0, 1e38))
    results = tiny_sweep(tmp_path, space=space)
    states = {trial["lr"]: trial["state"] for trial in results["trials"]}
    assert states == {1.0: "complete", 1e38: "diverged"}
    assert "diverged (epoch" in (tmp_path / "report.md").read_text()
    assert "reason" in results["importance"] and not (tmp_path / "importance.png").exists()


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_point_that_is_drawn_again_is_not_trained_again_and_more_trials_can_follow(
    tmp_path, sampler, no_report, no_training
):
    space = dataclasses.replace(TINY, num_steps=(2,), num_hiddens=(3,), lr=(1.0,))
    assert len(tiny_sweep(tmp_path, space=space, sampler=sampler, trials=1)["trials"]) == 1
    trials = tiny_sweep(tmp_path, space=space, sampler=sampler, trials=3)["trials"]
    assert [trial.get("same_as") for trial in trials] == [None, 0, 0]
    assert len(no_training) == 1 and {trial["perplexity"] for trial in trials} == {1.0}


def test_every_point_has_its_seeds_one_after_the_other_and_a_study_takes_more_of_them(
    tmp_path, no_report, no_training
):
    once = tiny_sweep(tmp_path)
    twice = tiny_sweep(tmp_path, space=dataclasses.replace(TINY, seeds=2))
    assert twice["trials"][:8] == once["trials"] and twice["needed"] == 16 == len(no_training)
    assert [seed for *_, seed in points(twice)] == [1] * 8 + [2] * 8
    sizes = [num_steps * num_hiddens for num_steps, num_hiddens, *_ in points(twice)]
    assert sizes[:8] == sorted(sizes[:8]) == sizes[8:]
    assert tiny_sweep(tmp_path)["needed"] == 16


def test_what_is_left_out_is_said(tmp_path, no_training, no_pictures, monkeypatch):
    train = sweep._train_point

    def stopped(space, point, *args):
        if len(no_training) == 11:
            raise KeyboardInterrupt
        return train(space, point, *args)

    monkeypatch.setattr(sweep, "_train_point", stopped)
    with pytest.raises(KeyboardInterrupt):
        tiny_sweep(tmp_path, space=dataclasses.replace(TINY, seeds=2))
    report = (tmp_path / "report.md").read_text()
    assert (
        "11 of 16 trials are finished (points by their number of seeds: 5 with 1, 3 with 2"
        in report
    )


def test_an_error_in_a_trial_ends_the_study_and_keeps_what_is_finished(
    tmp_path, no_report, no_training, monkeypatch
):
    train = sweep._train_point

    def mistaken(space, point, *args):
        if len(no_training) == 3:
            raise InputError("mistake")
        return train(space, point, *args)

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "_train_point", mistaken)
        with pytest.raises(InputError, match="mistake"):
            tiny_sweep(tmp_path, space=HALF)
    assert len(record_of(tmp_path)["trials"]) == 3
    assert len(points(tiny_sweep(tmp_path, space=HALF))) == 4 == len(no_training)


# ---- How it goes on ----


def test_a_study_of_version_0_1_0_is_refused_and_stays_as_it_is(tmp_path, no_report, no_training):
    folder = tmp_path / "older"
    shutil.copytree(OLDER, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    space = Space(
        (2, 3), (4,), (0.5, 1.0), epochs=2, batch_size=16, train_windows=40, valid_windows=20
    )
    with pytest.raises(InputError, match="a study of version 0.1.0.*give another folder"):
        tiny_sweep(folder, space=space)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    # Its storage alone, too.
    with pytest.raises(InputError, match="a study of version 0.1.0"):
        tiny_sweep(tmp_path / "new", space=space, storage=f"sqlite:///{folder}/study.db")
    assert not no_training


def test_a_stored_study_that_differs_is_refused_by_every_difference(
    tmp_path, no_report, no_training
):
    other = dataclasses.replace(TINY, lr=(1.0,), num_steps=(2,), num_hiddens=(3,))
    tiny_sweep(tmp_path, space=other)
    with pytest.raises(InputError) as error:
        tiny_sweep(tmp_path, space=dataclasses.replace(other, lr=(2.0,), epochs=3))
    assert "its lr is [1.0], not [2.0]" in str(error.value)
    assert "its epochs is 2, not 3" in str(error.value) and "num_steps" not in str(error.value)
    text = tmp_path / "other.txt"
    text.write_text(SAMPLE.read_text() + "more")
    with pytest.raises(InputError, match="its corpus SHA-1 is"):
        tiny_sweep(tmp_path, space=other, corpus=text)
    with pytest.raises(InputError, match="its sampler is 'grid', not 'random'"):
        tiny_sweep(tmp_path, space=other, sampler="random", trials=1)
    with pytest.raises(InputError, match="its storage is 'study.db', not 'sqlite:///else.db'"):
        tiny_sweep(tmp_path, space=other, storage="sqlite:///else.db")


def test_a_storage_that_holds_another_study_is_refused(tmp_path, no_report, no_training):
    url = f"sqlite:///{tmp_path}/shared.db"
    tiny_sweep(tmp_path / "a", space=HALF, storage=url)
    second = tiny_sweep(tmp_path / "b", space=HALF, storage=url)
    assert len(second["trials"]) == 4 == len(no_training)
    with pytest.raises(InputError, match=r"shared.db' is another one: its epochs is 2, not 3"):
        tiny_sweep(tmp_path / "c", space=dataclasses.replace(HALF, epochs=3), storage=url)


def test_two_commands_in_one_folder_are_refused(tmp_path, no_report, no_training):
    lock = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="another command is working in"):
        tiny_sweep(tmp_path, space=HALF)
    os.close(lock)
    assert len(tiny_sweep(tmp_path, space=HALF)["trials"]) == 4


def test_a_storage_that_another_command_writes_to_is_one_line(
    tmp_path, no_report, no_training, monkeypatch
):
    tell = storages.tell

    def too_late(study, trial, *args):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        tell(study, trial, *args)

    monkeypatch.setattr(storages, "tell", too_late)
    with pytest.raises(
        InputError, match="was written to by another command.*--workers or --cluster"
    ):
        tiny_sweep(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("workers, end", [(1, signal.SIGINT), (2, signal.SIGHUP)])
def test_what_ends_it_keeps_what_is_finished_and_prints_the_command_that_goes_on(
    tmp_path, workers, end
):
    out = tmp_path / "out"
    words = [*command_line(24), str(out), "--workers", str(workers)]
    process = start(*words)
    try:
        wait_for(lambda: points(record_of(out)), process)
        time.sleep(random.Random(workers).uniform(0, 0.5))
        process.send_signal(end)
        stdout, stderr = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 128 + end and stdout == "" and "Traceback" not in stderr
    assert shlex.split(stderr.strip().splitlines()[-1]) == [sys.executable, str(SCRIPT), *words]
    found = points(record_of(out))
    assert 0 < len(found) == len(set(found)) < 24
    assert f"{len(found)} of 24 trials are finished" in (out / "report.md").read_text()
    with open(out / "study.db", "rb"):
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{out}/study.db")
    states = collections.Counter(trial.state.name for trial in study.trials)
    assert states["COMPLETE"] == len(found) and not states["RUNNING"]


@pytest.mark.slow
def test_a_killed_command_goes_on_and_nothing_is_lost_or_tried_twice(tmp_path, no_report):
    process = start(*command_line(16), tmp_path, "--workers", 2)
    try:
        wait_for(lambda: len(points(record_of(tmp_path))) > 2, process)
    finally:
        process.kill()
        process.communicate()
    before = record_of(tmp_path)
    space = Space((1,), (2,), tuple(map(float, range(1, 17))), epochs=4)
    results = tiny_sweep(tmp_path, space=space)
    assert results["trials"][: len(before["trials"])] == before["trials"]
    assert sorted(points(results)) == sorted(tuple(point.values()) for point in space.points())


@pytest.mark.slow
def test_a_study_on_a_cluster(tmp_path, no_report):
    pytest.importorskip("distributed")
    with Dask() as dask:
        dask.add_worker()
        results = tiny_sweep(tmp_path, cluster=dask.address)
    assert sorted(points(results)) == sorted(tuple(point.values()) for point in TINY.points())
    assert results["invocations"][0]["environment"]["cluster"] == dask.address
    assert jobs.worker_name() not in {trial["worker"] for trial in results["trials"]}


# ---- What can't be used ----


@pytest.mark.parametrize(
    "storage, message",
    [
        ("nonsense", "'nonsense'... is not the URL"),
        ("redis://:geheim@localhost", "can't be used"),
        ("nosuchdatabase://user:geheim@host/name?password=geheim", "can't be used"),
        ("postgresql://user:geheim@127.0.0.1:9/name", "can't be used"),
        ("postgresql://user:x@geheim@127.0.0.1:9/name", "more than one @"),
        ("postgresql://user:x@geheim/@127.0.0.1:9/name", "more than one @"),
        ("postgresql://user:x@geheim?y@127.0.0.1:9/name", "more than one @"),
        ("postgresql://user:x%40geheim@127.0.0.1:9/name", "can't be used"),
        ("sqlite:////nonexistent/folder/study.db", "unable to open database file"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("sqlite:///{file}", "not a database"),
    ],
)
def test_a_storage_that_cannot_be_used_gives_one_line_without_its_password(
    tmp_path, storage, message
):
    file = tmp_path / "text.db"
    file.write_text("no database " * 100)
    with pytest.raises(InputError, match=message) as error:
        tiny_sweep(tmp_path, storage=storage.format(file=file))
    assert "geheim" not in str(error.value) and "\n" not in str(error.value)


def test_a_shown_url_tells_no_password():
    shown = storages.without_password(
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
        (
            {"sampler": "tpe", "trials": 2, "space": dataclasses.replace(TINY, seeds=2)},
            "seeds is 2",
        ),
        ({"workers": 0}, "workers is 0"),
        ({"device": "gpu(99)"}, "gpu"),
        ({"space": dataclasses.replace(TINY, train_windows=10**6)}, "too short"),
        ({"storage": "nonsense"}, "not the URL"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_is_made(
    tmp_path, change, message
):
    with pytest.raises(InputError, match=message):
        tiny_sweep(tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


# ---- What it would cost ----


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


def test_without_optuna_the_command_that_installs_it_is_named(run_python):
    done = run_python(
        "import sys; sys.modules['optuna'] = None; sys.argv = ['gluon-gru', 'sweep']\n"
        "from gluon_gru import cli; cli.main()"
    )
    assert done.returncode == 1 and done.stderr.splitlines() == [
        "error: a study of hyperparameters takes Optuna, which is not installed: "
        "pip install 'gluon_gru[sweep]'"
    ]
