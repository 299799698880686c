"""``gluon-gru train``, ``generate`` and ``evaluate`` as users call them, and call them wrongly."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios

import pytest
import safetensors
import safetensors.numpy
from processes import wait_for
from terminals import in_terminal
from toy_texts import SMALL, toy_text, write_toy

from gluon_gru import cli as commands
from gluon_gru import own_texts
from gluon_gru.own_texts.comparing import verdict

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"

# A shell's background job has Ctrl-C switched off.
_MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from gluon_gru import cli; cli.main()"
)
_COMMAND = [sys.executable, "-c", _MAIN]
_SMALL = [
    word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))
]


@pytest.fixture
def run(capsys, monkeypatch):
    """Return a function that runs ``gluon-gru`` in this process; ``(exit code, stdout, stderr)``.

    Starting a process takes a second or more.
    """

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["gluon-gru", *map(str, words)])
        try:
            commands.main()
        except SystemExit as exit:
            return (exit.code, *capsys.readouterr())
        return (0, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with ``toy.txt`` and its ``run``."""
    folder = tmp_path_factory.mktemp("trained")
    own_texts.train(write_toy(folder), folder / "run", **SMALL)
    return folder


def test_training_prints_a_table_and_the_command_that_generates(tmp_path, run):
    path, out = write_toy(tmp_path), tmp_path / "a run"
    code, printed, told = run("train", path, "--out", out, *_SMALL)
    assert code == 0 and printed.startswith("held-out perplexity  ")
    record = json.loads((out / "record.json").read_text())
    model, text, training = (line for line in told.splitlines() if line)
    assert re.fullmatch(r"model     gru-after, a layer of 16 units: [\d,]+ parameters", model)
    held_out = record["text"]["num_tokens"] - record["text"]["num_training"]
    assert text == (
        f"text      {record['text']['num_training']:,} characters to train on, {held_out} held "
        f"out; a vocabulary of {record['text']['vocab_size']}"
    )
    assert re.match(r"training  up to 3 epochs, about \S+ seconds? on this machine; ", training)
    for what in (
        "rounds               1 (3 epochs)",
        f"\n\nA sample of what it writes:\n  | {record['comparison']['sample'][:10]}",
        verdict(record),
        "bits per character",
        "tokens/sec",
        "engine",
        str(out / "curve.png"),
    ):
        assert what in printed
    (command,) = (line.split(":", 1)[1] for line in printed.splitlines() if line.startswith("Now:"))
    words = shlex.split(command)
    assert words[:2] == ["gluon-gru", "generate"]
    assert run(*words[1:], "--length", "20", "--seed", "1") == (
        0,
        "".join(own_texts.generate(out, length=20, seed=1)) + "\n",
        "",
    )


def test_training_further_prints_what_it_started_from(trained, tmp_path, run):
    (tmp_path / "more.txt").write_text(toy_text(seed=1) + "Why?\n", encoding="utf-8")
    small = ("--batch-size", 4, "--num-steps", 8, "--epochs", 1)
    words = ("train", tmp_path / "more.txt", "--from", trained / "run", "--out", tmp_path / "new")
    code, printed, told = run(*words, *small)
    assert code == 0 and "note:" not in told
    facts = dict(re.split("  +", line) for line in printed.split("\n\n")[0].splitlines())
    old = json.loads((trained / "run" / "record.json").read_text())["text"]["vocab_size"]
    assert facts["started from"] == "run"
    assert facts["vocabulary"] == f"{old + 3} tokens, 3 of them new"
    found = json.loads(run(*words, *small, "--resume", "--json")[1])
    assert found["started_from"]["name"] == "run" and found["rounds"] == 1


def test_json_is_for_programs(trained, tmp_path, run):
    text = trained / "toy.txt"
    found = json.loads(run("train", text, "--out", tmp_path / "run", "--json", *_SMALL)[1])
    record = json.loads((trained / "run" / "record.json").read_text())
    assert found["settings"] == record["settings"]
    best, recorded = found["best"], record["best"]
    assert best["validation_perplexity"] == recorded["validation_perplexity"]
    assert found["comparison"] == record["comparison"]


def test_scores_as_json_are_the_figures_of_the_table(trained, tmp_path, run):
    text = tmp_path / "text.txt"
    text.write_text(toy_text(30, seed=2) + "Zebras and quaggas.\n", encoding="utf-8")
    code, printed, told = run("evaluate", trained / "run", text, "--json")
    scored = json.loads(printed)
    assert (code, told) == (0, "")
    assert scored == dataclasses.asdict(own_texts.evaluate(trained / "run", text))
    assert scored["num_unknown"] > 0
    facts = dict(
        re.split("  +", line) for line in run("evaluate", trained / "run", text)[1].splitlines()
    )
    numbers = {name: re.findall(r"[\d.,]*\d", value) for name, value in facts.items()}
    assert numbers == {
        "perplexity": [f"{scored['perplexity']:.4f}"],
        "bits per character": [
            f"{scored['bits_per_character']:.4f}",
            f"{scored['bits_per_character_spelled_out']:.4f}",
        ],
        "tokens": [f"{scored['num_tokens']:,}"],
        "characters": [f"{scored['num_characters']:,}"],
        "unknown tokens": [
            f"{scored['num_unknown']:,}",
            f"{100 * scored['num_unknown'] / scored['num_tokens']:.1f}",
        ],
    }


@pytest.mark.parametrize(
    "words, said",
    [
        (("train", "short.txt", "--out", "new"), "too short"),
        (("train", "same.txt", "--out", "new"), "nothing but 'z'"),
        (("train", "binary.txt", "--out", "new"), "is binary data, not text"),
        (
            ("train", "latin1.txt", "--out", "new"),
            "it looks like cp1252: name that (--encoding cp1252)",
        ),
        (("train", "empty.txt", "--out", "new"), "is empty"),
        (("train", "none.txt", "--out", "new"), "No such file"),
        (("train", ".", "--out", "new"), "Is a directory"),
        (("train", "toy.txt", "--out", "run"), "holds a run already"),
        (("train", "toy.txt", "--out", "run", "--resume", "--seed", "2"), "its seed is 1, not 2"),
        (("train", "toy.txt", "--out", "toy.txt"), "can't be made"),
        (("train", "toy.txt", "--out", "new", "--lr", "-1"), "lr is -1.0"),
        (("train", "toy.txt", "--out", "new", "--cell", "gruu"), "'gruu'"),
        (("train", "toy.txt"), "--out"),
        (("train", "toy.txt", "--out", "new", "--from", "none"), "'none' isn't there"),
        (("train", "toy.txt", "--out", "new", "--from", "."), "holds no trained model"),
        (("train", "toy.txt", "--out", "new", "--from", "toy.txt"), "is damaged or no checkpoint"),
        (("train", "toy.txt", "--out", "new", "--from", "book.safetensors"), "of the book's text"),
        (
            ("train", "toy.txt", "--out", "new", "--from", "run/last.safetensors"),
            "not a model alone",
        ),
        (
            ("train", "toy.txt", "--out", "new", "--from", "run", "--cell", "lstm"),
            "has 'gru-after'",
        ),
        (("train", "greek.txt", "--out", "new", "--from", "run"), "has none of the"),
        (("train", "toy.txt", "--out", "run", "--from", "run"), "holds a run already"),
        (
            ("train", "toy.txt", "--out", "run", "--from", "run", "--resume"),
            "started from new weights",
        ),
        (("generate", "run", "The %"), "'%'"),
        (("generate", "run", "The \udcff"), "has half a character ('\\udcff')"),
        (("gates", "run", "The \udcff"), "has half a character ('\\udcff')"),
        (("generate", "run", "The", "--temperature", "-1"), "temperature is -1.0"),
        (("generate", "run", "The", "--temperature", "nan"), "temperature is nan"),
        (("generate", "run", "The", "--top-k", "1000"), "top_k is 1000"),
        (("generate", "run", "The", "--top-p", "0"), "top_p is 0.0: it must be a number above 0"),
        (("generate", "run", "The", "--top-p", "1.5"), "top_p is 1.5"),
        (("generate", "run", "The", "--top-p", "nan"), "top_p is nan"),
        (("generate", "run", "The", "--num", "0"), "num is 0: it must be a whole number above 0"),
        (("generate", "run", "The", "--num", "-1"), "num is -1"),
        (("generate", "run", "The", "--num", "two"), "invalid int value: 'two'"),
        (("generate", "run", "The", "--num", "3", "--top-k", "0"), "top_k is 0"),
        (("generate", "run", "--prompt-file", "empty.txt"), "'empty.txt' is empty"),
        (("generate", "run", "--prompt-file", "line.txt"), "'line.txt' is empty"),
        (("generate", "run", "--prompt-file", "none.txt"), "No such file"),
        (("generate", "run", "--prompt-file", "."), "Is a directory"),
        (("generate", "run", "--prompt-file", "binary.txt"), "is binary data, not text"),
        (("generate", "run", "--prompt-file", "latin1.txt"), "(--encoding cp1252)"),
        (("generate", "run", "--prompt-file", "japanese.txt"), "not learned: '吾'"),
        (("generate", "run", "The", "--prompt-file", "toy.txt"), "either PREFIX or --prompt-file"),
        (("generate", "run", "", "--prompt-file", "toy.txt"), "either PREFIX or --prompt-file"),
        (("generate", "run", "The", "--length", "-5"), "length is -5"),
        (("generate", "new"), "isn't there"),
        (("generate", "."), "holds no trained model"),
        (("generate", "version.safetensors"), "this version of gluon_gru"),
        (("generate", "toy.txt"), "is damaged or no checkpoint"),
        (("evaluate", "run", "latin1.txt"), "--encoding cp1252"),
        (("evaluate", "run", "toy.txt", "--encoding", "utf-9"), "encoding 'utf-9' is unknown"),
        (("gates", "run", "--file", "latin1.txt"), "--encoding cp1252"),
        (("evaluate", "run", "japanese.txt"), "not in the model's vocabulary"),
        (("evaluate", "run", "none.txt"), "No such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(bad_inputs, run, monkeypatch, words, said):
    before = contents(bad_inputs)
    monkeypatch.chdir(bad_inputs)
    code, printed, told = run(*words)
    assert (code, printed, told.count("\n")) == (2, "", 1)
    assert said in told and told.startswith("error: ")
    assert contents(bad_inputs) == before


@pytest.fixture(scope="module")
def bad_inputs(trained):
    """Fill the folder with texts and checkpoints that can't be used; return it."""
    for name, data in {
        "short.txt": b"a short text",
        "same.txt": b"z" * 999,
        "empty.txt": b"",
        "line.txt": b"\r\n",
        "binary.txt": bytes(range(256)) * 9,
        "latin1.txt": "Größe über alles\n".encode("latin1"),
        "japanese.txt": "吾輩は猫である。".encode(),
        "greek.txt": ("αβγδ·" * 200).encode(),
    }.items():
        (trained / name).write_bytes(data)
    shutil.copy(OLDER / "checkpoints" / "gru-scratch.safetensors", trained / "book.safetensors")
    path = trained / "run" / "model.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        header = file.metadata()
    (trained / "version.safetensors").write_bytes(
        safetensors.numpy.save(
            safetensors.numpy.load_file(path), {**header, "format": "gluon_gru checkpoint 2"}
        )
    )
    return trained


def test_several_texts_are_those_of_the_seeds_from_the_first_on(trained, run):
    words = ("generate", trained / "run", "The ", "--length", 30, "--top-p", 0.9)
    code, printed, told = run(*words, "--num", 3, "--seed", 7)
    texts = [
        "".join(own_texts.generate(trained / "run", "The ", 30, seed=7 + i, top_p=0.9))
        for i in range(3)
    ]
    assert len(set(texts)) == 3 and (code, told) == (0, "")
    assert printed == "\n".join(
        f"--- {i + 1} of 3 (--seed {7 + i}) ---\n{text}\n" for i, text in enumerate(texts)
    )
    assert (
        run(*words, "--seed", 7) == run(*words, "--seed", 7, "--num", 1) == (0, f"{texts[0]}\n", "")
    )
    seeds = re.findall(r"--seed (\d+)", run(*words, "--num", 2)[1])
    assert int(seeds[1]) == int(seeds[0]) + 1


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_prefix_comes_from_a_file_in_its_encoding(trained, tmp_path, run, end):
    expected = run("generate", trained / "run", "The cat\nA", "--seed", 1)
    assert expected[0] == 0
    path = tmp_path / "prompt.txt"
    path.write_bytes(("The cat\r\nA" + end).encode("utf-16"))
    words = ("generate", trained / "run", "--seed", 1, "--encoding", "utf-16")
    assert run(*words, "--prompt-file", path) == expected
    with standard_input(path.read_bytes()):
        assert run(*words, "--prompt-file", "-") == expected


def test_texts_come_through_pipes_in_their_encoding(trained, run, monkeypatch, tmp_path):
    data = (trained / "toy.txt").read_text().encode("utf-16")
    (tmp_path / "utf-16.txt").write_bytes(data)
    expected = run("evaluate", trained / "run", trained / "toy.txt")
    assert (
        run("evaluate", trained / "run", tmp_path / "utf-16.txt", "--encoding", "utf-16")
        == expected
    )
    with standard_input(data):
        assert run("evaluate", trained / "run", "-", "--encoding", "utf-16") == expected


@contextlib.contextmanager
def standard_input(data):
    """Have the standard input hold some bytes."""
    kept, (ours, theirs) = os.dup(0), os.pipe()
    os.write(theirs, data)
    os.close(theirs)
    os.dup2(ours, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(ours)


ESCAPE = "\x1b]0;owned\x07 \x9b2J"


def test_a_terminal_gets_no_control_characters_and_a_file_gets_them_all(
    tmp_path, run, monkeypatch, no_pictures
):
    text, out = tmp_path / "escapes.txt", tmp_path / "run"
    text.write_text(f"a {ESCAPE} text about a cat\n" * 60, encoding="utf-8")
    own_texts.train(text, out, **{**SMALL, "epochs": 1})
    calls = [
        ("generate", out, f"a {ESCAPE}", "--length", "99", "--seed", "1"),
        ("gates", out, f"a {ESCAPE}", "--out", tmp_path / "gates"),
        ("gates", out, "--out", tmp_path / "gates", "--file", tmp_path / "\x1b[2J"),
        ("generate", out, "a", f"--{ESCAPE}"),
    ]
    for words in calls:
        code, printed, told = run(*words)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        shown = run(*words)
        monkeypatch.undo()
        assert shown[0] == code
        assert not {*"\x1b\x07\x9b"} & {*shown[1], *shown[2]}
        if words is calls[0]:
            assert ESCAPE in printed and told == ""
            escaped = re.sub("[\x1b\x07\x9b]", lambda sign: f"\\x{ord(sign[0]):02x}", printed)
            assert shown[1] == escaped


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_bad_input_has_no_traceback_in_a_process_of_its_own(bad_inputs):
    process = start("train", bad_inputs / "binary.txt", "--out", bad_inputs / "new")
    printed, told = process.communicate(timeout=120)
    assert (process.returncode, printed, told.count("\n")) == (2, "", 1)


def start(*words, **options):
    return subprocess.Popen(
        [*_COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
def test_ctrl_c_a_time_limit_and_a_closed_terminal_keep_the_rounds(tmp_path):
    path, out = write_toy(tmp_path), tmp_path / "run"
    words = ["train", path, "--out", out, *_SMALL, "--epochs", "100000", "--patience", "100000"]

    def rounds():
        return len(json.loads((out / "record.json").read_text())["rounds"])

    process = start(*words)
    wait_for(lambda: (out / "record.json").exists(), process)
    # Into the training, whose first save comes later.
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 130 and printed == "" and "Traceback" not in told
    assert told.splitlines()[-1].endswith("--resume") and f"kept in {out};" in told
    process = start(*words, "--resume")
    wait_for(lambda: (out / "curve.png").exists(), process)
    kept = rounds()
    # GNU timeout sends it to the process, and to its group.
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 143 and printed == "" and "Traceback" not in told
    assert told.splitlines()[-1].endswith("--resume") and rounds() >= kept
    kept = rounds()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*_COMMAND, *map(str, words), "--resume"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    shown = b""
    # The figures that it was stopped with, and those of a round more.
    while len({*re.findall(rb"held out \S+ \(best \S+\), training \S+", shown)}) < 2:
        shown += os.read(terminal, 1 << 16)
    os.close(terminal)
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 129 and rounds() > kept
    assert not [file for file in os.listdir(out) if file.endswith(".part")]
    assert "".join(own_texts.generate(out, "The", 5)).startswith("The")


@pytest.mark.slow
def test_text_is_streamed_and_ctrl_c_ends_it_with_a_line(trained):
    process = start("generate", trained / "run", "The ", "--length", 10**9, "--seed", 1)
    first = process.stdout.read(400)
    process.send_signal(signal.SIGINT)
    rest, told = process.communicate(timeout=60)
    assert process.returncode == 130 and told == "" and (first + rest).endswith("\n")
    assert first == "".join(own_texts.generate(trained / "run", "The ", 396, seed=1))


@pytest.mark.slow
def test_a_broken_pipe_is_silent(trained):
    process = start("generate", trained / "run", "The ", "--length", 10**9)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.slow
def test_a_terminal_sees_the_bar_with_both_perplexities_and_the_seed(tmp_path, trained):
    path, out = write_toy(tmp_path), tmp_path / "run"
    words = ("train", path, "--out", out, *_SMALL)
    code, shown = in_terminal(_MAIN, words, 120, stdout=subprocess.DEVNULL)
    assert code == 0
    assert "held out" in shown and "tok/s" in shown and "100%" in shown
    words = ("generate", trained / "run", "The ", "--length", 5)
    code, shown = in_terminal(_MAIN, words, 120, stdout=subprocess.DEVNULL)
    assert code == 0 and "(again: --seed " in shown


@pytest.mark.slow
def test_a_locale_without_utf8_shows_what_it_can(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(toy_text().replace("cat", "貓"), encoding="utf-8")
    own_texts.train(path, tmp_path / "run", **SMALL)
    done = subprocess.run(
        [*_COMMAND, "generate", str(tmp_path / "run"), "The 貓", "--length", "30"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0 and b"?" in done.stdout
