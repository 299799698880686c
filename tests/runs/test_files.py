"""Files are whole or not there, and what killed processes left is removed."""

import errno
import os
import platform
import stat
import subprocess
import sys
import time

import pytest

from gluon_gru.errors import InputError
from gluon_gru.runs import files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_gets_its_new_content_and_nothing_stays_beside_it(tmp_path):
    for data in (b"older", b"newer"):
        files.write_whole(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert names(tmp_path) == ["file"]


def test_the_file_is_synced_before_it_gets_its_name_and_the_folder_after(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noting(first, *args, real=real, name=name):
            if name == "fsync":
                done.append("folder" if os.path.isdir(f"/proc/self/fd/{first}") else "file")
            else:
                done.append("name")
            return real(first, *args)

        monkeypatch.setattr(files.os, name, noting)
    files.write_whole(tmp_path / "file", b"data")
    assert done == ["file", "name", "folder"]


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch):
    real = os.open
    monkeypatch.setattr(
        files.os, "open", lambda path, flags: real(path, flags | os.O_WRONLY)
    )  # EISDIR
    files.write_whole(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "file"

    class FullDisk:
        def __init__(self, *args):
            self.file = open(*args)  # noqa: SIM115  (closed where a `with` ends)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, data):
            self.file.write(data[:3])
            fail()

    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files.write_whole(path, b"older")
    if step == "write":
        monkeypatch.setattr(files, "open", FullDisk, raising=False)
    else:
        monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(InputError) as error:
        files.write_whole(path, b"newer, and longer")
    message = str(error.value)
    assert repr(str(path)) in message and os.strerror(errno.ENOSPC) in message
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/file", "file/file", "x" * 300])
@pytest.mark.parametrize(
    "function", [lambda path: files.write_whole(path, b""), files.check_writable]
)
def test_where_nothing_can_be_written_the_error_names_the_file(tmp_path, place, function):
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(InputError, match="can't be written") as error:
        function(tmp_path / place)
    assert repr(str(tmp_path / place)) in str(error.value)
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="can't be made"):
        files.make_folder(tmp_path / "file" / "folder")


@pytest.fixture(scope="module")
def dead():
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


HERE = platform.node()


def test_what_killed_processes_left_is_removed_when_the_folder_is_opened(tmp_path, dead):
    left = [f".a.{dead}.part", f".b.c.{dead}@{HERE}.part", f".d.{os.getpid()}@{HERE}.part"]
    old = ".e.1@elsewhere.part"
    kept = [
        f".f.{os.getppid()}@{HERE}.part",
        ".g.1@elsewhere.part",
        f".h.{os.getppid()}.part",
        f"i.{dead}.part",
        f".j.{dead}",
        ".k.part",
        "l",
    ]
    for name in [*left, old, *kept]:
        (tmp_path / name).touch()
    os.utime(tmp_path / old, (time.time() - 4000,) * 2)
    files.make_folder(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_only_the_parts_of_one_file_are_removed_if_it_is_named(tmp_path, dead):
    for name in ("a", "b"):
        (tmp_path / f".{name}.{dead}.part").touch()
    files.remove_parts(tmp_path, "a")
    assert names(tmp_path) == [f".b.{dead}.part"]


def test_a_part_that_this_process_is_writing_stays(tmp_path):
    with files._part_of(tmp_path / "results") as part:
        part.touch()
        files.make_folder(tmp_path)
        assert part.exists()


def test_a_killed_write_is_cleared_away_at_the_next_start(tmp_path):
    code = (
        "import os, signal, sys; from gluon_gru.runs import files\n"
        "files.os.replace = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_whole(sys.argv[1], b'data')"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")]).returncode == -9
    assert len(names(tmp_path)) == 1
    files.make_folder(tmp_path)
    assert names(tmp_path) == []


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    for target in ("there", "not there yet"):
        if target == "there":
            (tmp_path / target).write_bytes(b"older")
        (tmp_path / "link").symlink_to(target)
        files.check_writable(tmp_path / "link")
        files.write_whole(tmp_path / "link", b"newer")
        assert os.readlink(tmp_path / "link") == target
        assert (tmp_path / target).read_bytes() == b"newer"
        (tmp_path / "link").unlink()
    assert names(tmp_path) == ["not there yet", "there"]


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    files.check_writable(tmp_path / "pipe")
    files.write_whole(tmp_path / "pipe", b"data")
    assert os.read(reader, 10) == b"data"
    os.close(reader)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode) and names(tmp_path) == ["pipe"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_device_stays_one(tmp_path, linked):
    # Not the system's, which an error here would replace.
    null, path = tmp_path / "null", tmp_path / "link"
    try:
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        null.write_bytes(b"")
    except OSError:
        pytest.skip("devices can't be made or used here")
    path.symlink_to(null)
    files.check_writable(path if linked else null)
    files.write_whole(path if linked else null, b"data")
    assert stat.S_ISCHR(os.stat(null).st_mode) and names(tmp_path) == ["link", "null"]


def test_the_unfinished_file_of_a_long_or_odd_name_is_no_longer_than_that_may_be(tmp_path, dead):
    for name in ("x" * 255, "é" * 127, "[a]*?"):
        files.write_whole(tmp_path / name, b"data")
        (tmp_path / f".{files._start(name)}.{dead}.part").touch()
        files.remove_parts(tmp_path, name)
    assert len(names(tmp_path)) == 3
