"""Event files for TensorBoard hold the record's rounds, also of a training that was stopped."""

import math
import struct
import sys

import pytest
from stopped import ctrl_c_at
from toy_texts import SMALL, write_toy

from gluon_gru import own_texts
from gluon_gru.errors import InputError, InstallError
from gluon_gru.own_texts import events, schedule
from gluon_gru.runs import checkpoint

pytestmark = pytest.mark.usefixtures("no_pictures")


def event_files(folder):
    return sorted(folder.glob("events.out.tfevents.*"))


def read(path):
    """Return the events of a file, whose format is TFRecord, after checking its sums."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        head, body, data = data[:12], data[12 : length + 16], data[length + 16 :]
        for part in (head, body):
            assert struct.unpack("<I", part[-4:]) == (masked_crc32c(part[:-4]),)
        found.append(Event.FromString(body[:-4]))
    return found


def figures(event):
    return {value.tag: value.simple_value for value in event.summary.value}


@pytest.fixture
def library():
    return pytest.importorskip("tensorboardX")


def test_the_rounds_are_the_records(tmp_path, monkeypatch, library):
    # A third of an epoch each, 26 steps, the last one shorter.
    monkeypatch.setattr(schedule, "ROUND_TOKENS", (1, 1000))
    path, run = write_toy(tmp_path), tmp_path / "run"
    with ctrl_c_at(80):
        own_texts.train(path, run, **SMALL)
    assert event_files(run) == []
    with ctrl_c_at(80):
        own_texts.train(path, run, resume=True, tensorboard=True)
    done = checkpoint.load(run / "last.safetensors").history["done"]
    record = own_texts.train(path, run, resume=True, tensorboard=True)
    ends = done, checkpoint.load(run / "last.safetensors").history["done"]
    for file, end, count in zip(event_files(run), ends, (6, 9)):
        version, start, *rounds = read(file)
        assert version.file_version == "brain.Event:2"
        # TensorBoard forgets what came before.
        assert start.session_log.status == start.session_log.START and start.step == 0
        assert len(rounds) == count
        for event, done in zip(rounds, record["rounds"]):
            assert figures(event) == pytest.approx(done, rel=1e-6)
        assert [event.step for event in rounds] == [*range(26, 26 * count, 26), end]
    assert len(event_files(run)) == 2 and len(record["rounds"]) == 9


def test_without_the_library_nothing_begins(tmp_path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    path, said = write_toy(tmp_path), r"pip install 'gluon_gru\[tensorboard\]'"
    with pytest.raises(InstallError, match=said):
        own_texts.train(path, tmp_path / "run", tensorboard=True, **SMALL)
    done = command("train", path, "--out", tmp_path / "run", "--tensorboard")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "pip install 'gluon_gru[tensorboard]'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_file_that_cant_be_written_is_named(tmp_path, monkeypatch, library):
    with pytest.raises(InputError, match="events.out.*can't be written .No such file"):
        events.event_file(tmp_path / "none").__enter__()
    with events.event_file(tmp_path) as write:
        monkeypatch.setattr("tensorboardX.RecordWriter.flush", full)
        with pytest.raises(InputError, match="can't be written .No space left.*without --tensorb"):
            write(1, {"lr": math.inf})


def full(_):
    raise OSError(28, "No space left on device")
