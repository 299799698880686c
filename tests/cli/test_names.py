"""Paths of any kind: names of any bytes and lengths, what may not be entered or read, markup."""

import json
import os
import shlex
import tempfile
import warnings

import pytest
from examples import FILES, OLDER, example
from toy_texts import SMALL, toy_text

from gluon_gru.errors import InputError, shown
from gluon_gru.report import write
from gluon_gru.runs import checkpoint, record
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.restore import checkpoint_of
from gluon_gru.studies.sweep import report as sweep

LATIN_1 = os.fsdecode(b"fran\xe7ais.txt")
OPTIONS = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", value)]


@pytest.mark.parametrize(
    "name, recorded",
    [
        (LATIN_1, "fran\\udce7ais.txt"),
        ("two\nlines.txt", "two\\nlines.txt"),
        ("\u4e2d\u6587 $x$ **b** `c`.txt", "\u4e2d\u6587 $x$ **b** `c`.txt"),
        ("n" * 255, "n" * 255),
    ],
)
def test_a_text_of_any_name_is_trained_on_recorded_and_read(tmp_path, command, name, recorded):
    text, out = tmp_path / name, tmp_path / f"run {name[:200]}"
    text.write_text(toy_text(60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "the text is short")
        done = command("train", text, "--out", out, *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert record.read(out / "record.json").text["name"] == recorded
    assert (out / "curve.png").stat().st_size > 1000
    json.loads(command("train", text, "--out", out, "--resume", "--json", *OPTIONS).stdout)
    assert command("evaluate", out, text).returncode == 0
    assert command("generate", out, "--length", 3).returncode == 0


@pytest.mark.slow
def test_a_page_on_gates_has_a_run_of_any_name(tmp_path, command):
    run = tmp_path / LATIN_1
    run.symlink_to(OLDER / "own_texts" / "gru", target_is_directory=True)
    done = command("gates", run, "The \u4e2d cat", "--out", tmp_path / "gates")
    assert done.returncode == 0, done.stderr
    for file in ("report.md", "report.html"):
        assert "fran\\udce7ais.txt" in (tmp_path / "gates" / file).read_text("utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ["train", "{long}", "--out", "run"],
        ["train", "{text}", "--out", "{long}"],
        ["generate", "{long}"],
        ["evaluate", "{run}", "{long}"],
        ["export", "{run}", "{long}.onnx"],
        ["page", "{long}"],
        ["page", "{run}", "--out", "{long}"],
        ["import", "{long}", "{text}.safetensors"],
        ["train", "{lines}", "--out", "run"],
        ["generate", "{lines}"],
        ["generate", "{run}", "--lines", "{lines}"],
    ],
)
def test_a_name_that_cant_be_is_an_error_of_one_line(tmp_path, command, words):
    text = tmp_path / "text"
    text.write_text(toy_text(60))
    names = {
        "long": tmp_path / ("x" * 300),
        "lines": tmp_path / "not\nthere",
        "run": OLDER / "own_texts" / "gru",
        "text": text,
    }
    done = command(*(word.format(**names) for word in words))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.fixture
def nobody():
    """Return a folder that may not be entered, and have this process without the right to."""
    folder = tempfile.mkdtemp(prefix="closed-", dir="/tmp")
    closed = os.path.join(folder, "closed")
    os.makedirs(os.path.join(closed, "run"))
    unread = os.path.join(folder, "unread.safetensors")
    with open(unread, "wb") as file:
        file.write((OLDER / "own_texts" / "gru" / "model.safetensors").read_bytes())
    os.chmod(folder, 0o755)
    os.chmod(unread, 0)
    os.chmod(closed, 0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield closed, unread
    if root:
        os.seteuid(0)
    os.chmod(closed, 0o755)


def test_what_may_not_be_entered_or_read_says_so(nobody):
    closed, unread = nobody
    inside = os.path.join(closed, "run")
    for refuse in (
        lambda: checkpoint.load(unread),
        lambda: checkpoint_of(inside),
        lambda: Folder(inside, "train", True),
        lambda: Folder(closed, "train", False),
        lambda: record.read(unread),
    ):
        with pytest.raises(InputError, match="Permission denied") as error:
            refuse()
        assert "\n" not in str(error.value)


def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        checkpoint.load(tmp_path / "pipe")


def test_nothing_in_a_name_is_markup_in_a_report(tmp_path, no_pictures):
    found = example("sweep").as_json()
    found["text"]["name"] = name = "a **b** `c` [d](e) <i>f</i> _g_ &amp; \\* \udce7"
    made = found["invocations"][0]
    made["command"] = command = f"gluon-gru sweep --corpus {shlex.quote('a`b``c')}"
    write(sweep.document(found), tmp_path)
    text, page = ((tmp_path / f"report.{end}").read_text("utf-8") for end in ("md", "html"))
    # As Markdown has it: what is between more backticks than are in it is code.
    assert f"`` {name} ``".replace("\udce7", "\\udce7") in text
    assert f"``` {command} ```" in text
    assert "<strong>b</strong>" not in page and "<i>f" not in page
    found["text"]["name"] = "a [d](e) <i>f</i> _g_ &amp; \\x *h*"
    write(sweep.document(found), tmp_path)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "a \\[d](e) \\<i>f\\</i> \\_g_ \\&amp; \\\\x \\*h*" in text


def test_a_name_is_shown_in_one_line_of_utf_8():
    assert shown("a\nb\x1b[0m\u202e") == "a\\nb\\x1b[0m\\u202e"
    assert shown(LATIN_1) == "fran\\udce7ais.txt"
    assert shown("\u4e2d \u0439\u06af\u200c\u0627") == "\u4e2d \u0439\u06af\u200c\u0627"


def test_an_older_record_with_such_a_name_is_gone_on_with(tmp_path):
    found = json.loads(FILES["train"].read_text())
    found["text"]["name"] = LATIN_1
    (tmp_path / "run.json").write_text(json.dumps(found))
    assert record.read(tmp_path / "run.json").text["name"] == LATIN_1
