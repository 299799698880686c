"""Errors become a line and an exit code; bugs stay visible."""

import os
import subprocess
import sys

import pytest

from gluon_gru.cli import options as cli
from gluon_gru.errors import InputError, TrainingDiverged, check_positive


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    "error, code", [(InputError("no such thing"), 2), (TrainingDiverged("no such thing"), 1)]
)
def test_what_a_user_can_mend_is_one_line(capsys, error, code):
    with pytest.raises(SystemExit) as exit:
        cli.run(raising(error))
    assert exit.value.code == code
    assert capsys.readouterr() == ("", "error: no such thing\n")


def test_ctrl_c_is_130_and_silent_whatever_threads_are_left(run_python):
    done = run_python(
        "import threading; from gluon_gru.cli import options as cli\n"
        "def main():\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    print('so far')\n"
        "    raise KeyboardInterrupt\n"
        "cli.run(main)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "so far\n", "")


def test_success_returns_and_a_bug_is_not_hidden():
    assert cli.run(lambda: None) is None
    with pytest.raises(KeyError):
        cli.run(raising(KeyError("a bug")))


@pytest.mark.parametrize(
    "value, whole",
    [
        (0, True),
        (-1, True),
        (1.5, True),
        ("3", True),
        (True, True),
        (None, True),
        (0.0, False),
        (-0.1, False),
        (float("nan"), False),
        (float("inf"), False),
        ("1", False),
    ],
)
def test_numbers_that_make_no_sense_are_named_with_their_value(value, whole):
    with pytest.raises(InputError) as error:
        check_positive("thing", value, whole)
    assert str(error.value).startswith(f"thing is {value!r}: it must be a ")


@pytest.mark.parametrize("value, whole", [(1, True), (10**9, True), (1e-9, False), (3, False)])
def test_numbers_above_zero_pass(value, whole):
    check_positive("thing", value, whole)


def test_the_command_is_as_typed_without_the_folders_of_the_script(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["scripts/reproduce.py", "--out", "a b"])
    assert cli.command() == "python scripts/reproduce.py --out 'a b'"
    monkeypatch.setattr(sys, "argv", ["/home/somebody/scripts/reproduce.py", "--quick"])
    assert cli.command() == "python scripts/reproduce.py --quick"
    monkeypatch.setattr(sys, "argv", ["/venv/bin/gluon-gru", "train", "a b"])
    assert cli.command() == "gluon-gru train 'a b'"
    monkeypatch.setattr(sys, "argv", ["/venv/lib/gluon_gru/__main__.py", "train", "a b"])
    assert cli.command() == "python -m gluon_gru train 'a b'"


def test_the_command_that_goes_on_can_be_typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/venv/bin/gluon-gru", "train", "a b"])
    assert cli.again("--resume") == "gluon-gru train 'a b' --resume"
    monkeypatch.setattr(sys, "argv", ["scripts/sweep.py", "--resume"])
    assert cli.again("--resume") == f"{sys.executable} scripts/sweep.py --resume"
    monkeypatch.setattr(sys, "argv", ["/venv/lib/gluon_gru/__main__.py", "train", "a b"])
    assert cli.again("--resume") == f"{sys.executable} -m gluon_gru train 'a b' --resume"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"], ["info"]])
def test_an_output_that_cant_be_written_is_one_line(words):
    code = f"import sys; from gluon_gru import cli; sys.argv[1:] = {words}; cli.main()"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: the output can't be written")


def test_without_any_output_it_works_all_the_same():
    code = "from gluon_gru.cli import options as cli; cli.run(lambda: print('so much'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.close(1),
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_mxnet_is_imported_is_silent(run_python, tmp_path):
    (tmp_path / "mxnet.py").write_text("raise KeyboardInterrupt")
    done = run_python(
        "import sys; from gluon_gru import cli; sys.argv = ['gluon-gru', 'info']; cli.main()",
        path=[tmp_path],
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_missing_package_is_one_line_but_a_missing_module_of_ours_a_bug(capsys):
    missing = ModuleNotFoundError("No module named 'onnx'", name="onnx")
    with pytest.raises(SystemExit) as exit:
        cli.run(raising(missing))
    assert exit.value.code == 1
    assert capsys.readouterr().err.startswith("error: No module named 'onnx' (README.md")
    with pytest.raises(ModuleNotFoundError):
        cli.run(raising(ModuleNotFoundError("No module named", name="gluon_gru.nothing")))


def test_an_unusable_mxnet_is_one_line_with_the_way_out(run_python, tmp_path):
    (tmp_path / "mxnet.py").write_text("raise OSError('libgomp.so.1: cannot open')")
    done = run_python(
        "import sys; from gluon_gru import cli; sys.argv = ['gluon-gru', 'info']; cli.main()",
        path=[tmp_path],
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: MXNet's library does not load (libgomp.so.1")
