"""Whether an invocation may go on in a folder: one answer for all kinds of runs."""

import json
import pathlib
import shutil

import pytest
from examples import ENVIRONMENT, example

from gluon_gru.errors import InputError
from gluon_gru.runs import record
from gluon_gru.runs.folder import KINDS, Folder

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"

SETTINGS, TEXT = example("train").settings, example("train").text
EXERCISES = example("exercises")


def begin(path, kind="train", resume=False, **changes):
    like = example(kind)
    given = {"settings": like.settings, "text": like.text, **changes}
    folder = Folder(path, kind, resume)
    folder.begin(command="gluon-gru", environment=ENVIRONMENT, **given)
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_folder_is_made_with_its_record(tmp_path, kind):
    folder = Folder(tmp_path / "a" / "b", kind, False, ["checkpoints"])
    assert folder.record is None and not (tmp_path / "a").exists()
    like = example(kind)
    folder.begin(like.settings, like.text, "gluon-gru", ENVIRONMENT)
    assert (tmp_path / "a" / "b" / "checkpoints").is_dir()
    found = record.read(tmp_path / "a" / "b" / "record.json")
    assert (found.kind, found.settings, found.text) == (kind, like.settings, like.text)
    assert found.invocations == [{"command": "gluon-gru", "environment": ENVIRONMENT}]


def test_a_run_is_gone_on_with_only_if_that_is_asked_for(tmp_path):
    begin(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="holds a run already .record.json.: .*--resume"):
        Folder(tmp_path, "train", False)
    assert contents(tmp_path) == before
    folder = begin(tmp_path, resume=True)
    assert len(folder.record.invocations) == 2
    folder.record.results = example("train").results
    folder.write()
    assert Folder(tmp_path, "train", True).record.results == example("train").results


def test_all_differences_are_in_one_line_and_nothing_is_touched(tmp_path):
    begin(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError) as error:
        begin(
            tmp_path,
            resume=True,
            settings={"lr": 2, "cell": "rnn"},
            text={"name": "b.txt", "sha256": "b" * 64},
            further=["its claims are fewer"],
        )
    for difference in (
        "its lr is 0.02, not 2",
        "its cell is 'gru', not 'rnn'",
        "its text is 'toy.txt'",
        "its claims are fewer",
    ):
        assert difference in str(error.value)
    assert "\n" not in str(error.value) and repr(str(tmp_path)) in str(error.value)
    assert contents(tmp_path) == before


def test_settings_can_be_checked_before_the_text_is_known(tmp_path):
    begin(tmp_path)
    folder = Folder(tmp_path, "train", True)
    folder.check({"lr": SETTINGS["lr"]})
    with pytest.raises(InputError, match="its lr is .*, not 2"):
        folder.check({"lr": 2})


def test_another_kind_of_run_is_refused(tmp_path):
    begin(tmp_path)
    with pytest.raises(InputError, match="another kind, 'train', not 'reproduce'"):
        Folder(tmp_path, "reproduce", True)


@pytest.mark.parametrize("resume", [False, True])
def test_weights_without_a_record_are_left_alone(tmp_path, resume):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    said = "model.safetensors, but no record.json" if resume else "already .model.safetensors"
    with pytest.raises(InputError, match=said):
        Folder(tmp_path, "train", resume)
    assert contents(tmp_path) == {tmp_path / "model.safetensors": b"weights"}


def test_checkpoints_that_tell_what_they_are_of_need_no_record(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "a.safetensors").write_bytes(b"weights")
    with pytest.raises(InputError, match="holds a run already"):
        Folder(tmp_path, "reproduce", False)
    assert begin(tmp_path, "reproduce", resume=True).record.results == {}


def test_of_two_that_begin_at_once_only_one_gets_a_new_folder(tmp_path):
    folders = [Folder(tmp_path, "train", False) for _ in range(2)]
    folders[0].begin(SETTINGS, TEXT, "first", {})
    with pytest.raises(InputError, match="started just now"):
        folders[1].begin(SETTINGS, TEXT, "second", {})
    assert [made["command"] for made in folders[0].record.invocations] == ["first"]


def test_one_that_may_go_on_joins_another_that_has_just_begun(tmp_path):
    folders = [Folder(tmp_path, "exercises", True) for _ in range(3)]
    folders[0].begin(EXERCISES.settings, EXERCISES.text, "first", ENVIRONMENT)
    folders[1].begin(EXERCISES.settings, EXERCISES.text, "second", ENVIRONMENT)
    with pytest.raises(InputError, match="its quick is False, not True"):
        folders[2].begin({"quick": True}, EXERCISES.text, "third", ENVIRONMENT)
    found = record.read(tmp_path / "record.json")
    assert [made["command"] for made in found.invocations] == ["first", "second"]


def test_a_folder_without_a_name_is_refused():
    with pytest.raises(InputError, match="has no name"):
        Folder("", "train", False)


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
@pytest.mark.parametrize("name", ["record.json", "results.json"])
def test_a_damaged_record_is_refused_and_left_alone(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}' can't be read"):
        Folder(tmp_path, "reproduce", True)
    assert (tmp_path / name).read_text() == content


@pytest.mark.parametrize(
    "kind, name, older",
    [
        ("train", "own_texts/interrupted", "run.json"),
        ("reproduce", "reproduce", "results.json"),
        ("sweep", "sweep", "sweep.json"),
    ],
)
def test_a_folder_of_the_older_version_is_gone_on_with_under_the_new_name(
    tmp_path, kind, name, older
):
    out = tmp_path / "out"
    shutil.copytree(OLDER / name, out)
    with pytest.raises(InputError, match=f"holds a run already .{older}"):
        Folder(out, kind, False)
    folder = Folder(out, kind, True)
    assert folder.record == record.read(OLDER / name / older)
    with pytest.raises(InputError, match="its "):
        folder.begin(dict.fromkeys(folder.record.settings, "other"), {}, "", {})
    assert (out / older).exists() and not (out / "record.json").exists()
    folder.begin(folder.record.settings, folder.record.text, "now", ENVIRONMENT)
    assert not (out / older).exists()
    after = Folder(out, kind, True).record
    assert after.results == record.read(OLDER / name / older).results
    assert [made["command"] for made in after.invocations[1:]] == ["now"]


def test_a_folder_of_exercises_of_the_older_version_keeps_its_answers(tmp_path):
    out = tmp_path / "out"
    shutil.copytree(OLDER / "exercises", out)
    before = contents(out)
    with pytest.raises(InputError, match="holds a run already"):
        Folder(out, "exercises", False)
    folder = Folder(out, "exercises", True)
    text = json.loads((out / "gates.json").read_text())["record"]["corpus"]
    text["edition"] = "2020-09"
    settings = {"device": "cpu(0)", "quick": False}
    assert (folder.record.settings, folder.record.text) == (settings, text)
    with pytest.raises(InputError, match="its quick is False, not True"):
        folder.begin({**settings, "quick": True}, text, "", {})
    with pytest.raises(InputError, match="it reads the edition '2020-09' of the text, not '2019'"):
        folder.begin(settings, {**text, "edition": "2019"}, "", {})
    folder.begin(settings, text, "", {})
    after = contents(out)
    assert set(after) - set(before) == {out / "record.json"}
    assert all(after[path] == before[path] for path in before)


def test_trainings_alone_tell_what_a_folder_of_exercises_is_of(tmp_path):
    shutil.copytree(OLDER / "exercises" / "runs", tmp_path / "runs")
    folder = Folder(tmp_path, "exercises", True)
    with pytest.raises(InputError, match="its device is .*its text is"):
        folder.check({"device": "gpu(0)"}, {"name": "other", "sha1": "b" * 40})
