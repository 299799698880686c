"""The documentation: its code runs as it stands, on fewer epochs; its commands parse."""

import contextlib
import pathlib
import re
import shlex

import pytest

import gluon_gru
from gluon_gru import cli as commands
from gluon_gru import models
from gluon_gru.studies.reproduce import study as experiments

_ROOT = pathlib.Path(__file__).parent.parent
_PAGES = [_ROOT / "README.md", *sorted(_ROOT.glob("docs/*.md"))]
_TEXTS = {
    path.relative_to(_ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in _PAGES
    if path.is_file()
}

pytestmark = pytest.mark.skipif(
    not (_ROOT / "docs").is_dir(), reason="the documentation is not at hand"
)


def blocks(name, language):
    return re.findall(rf"```{language}\n(.*?)```", _TEXTS[name], re.S)


def commands_in(name):
    """Return the command lines that a page shows, in blocks or in a sentence, as lists of words."""
    lines = [
        line for block in blocks(name, "sh") for line in re.sub(r"\\\n", " ", block).splitlines()
    ]
    prose = re.sub(r"```.*?```", "", _TEXTS[name], flags=re.S)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    for line in lines:
        # Several in a line; what follows a pipe or goes into a file is the shell's.
        for part in re.split(r"&&|\||>", line):
            with contextlib.suppress(ValueError):
                words = shlex.split(part, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    del words[0]
                if words[:1] and pathlib.Path(words[0]).name == "gluon-gru":
                    yield words[1:]
                elif len(words) > 1 and words[1].startswith("scripts/"):
                    yield [pathlib.Path(words[1]).stem, *words[2:]]


# What docs/leaving-mxnet.md shows needs files first: see test_docs_leaving.py.
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in _TEXTS if blocks(name, "python") and name != "docs/leaving-mxnet.md"]
)
def test_the_code_of_a_page_runs(name, sample_corpus, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiments, "QUICK_EPOCHS", 1)
    # One after the other, as a reader would type them.
    names = {}
    for block in blocks(name, "python"):
        exec(compile(block.replace("500", "1"), name, "exec"), names)
    if name == "docs/engine.md":
        printed = capsys.readouterr().out
        assert printed.count("Perplexity") == 2 and "'engine': '" in printed


@pytest.mark.parametrize("name", _TEXTS)
def test_the_commands_of_a_page_parse(name):
    for words in commands_in(name):
        # A subcommand alone is its name, and NAME stands for any.
        if len(words) < 2 or words[0] in ("NAME", "COMMAND") or "--help" in words:
            continue
        assert words[0] in commands.COMMANDS, words
        try:
            commands.parser(words[0]).parse_args(words[1:])
        except SystemExit:
            pytest.fail(f"{name}: {shlex.join(words)}")


def test_commands_are_found_in_blocks_and_in_sentences():
    found = [words for name in _TEXTS for words in commands_in(name)]
    assert ["reproduce"] in found
    assert ["sweep", "--budget", "--workers", "2"] in found
    assert ["reproduce", "--quick"] in found


@pytest.mark.parametrize("module", [gluon_gru, models])
def test_every_public_name_is_documented(module):
    text = "".join(text for name, text in _TEXTS.items() if name != "README.md")
    assert [name for name in module.__all__ if not re.search(rf"`(?:\w+\.)*{name}\b", text)] == []


def test_every_subcommand_is_documented():
    text = _TEXTS["docs/README.md"]
    assert [name for name in commands.COMMANDS if f"`{name}`" not in text] == []


def test_links_between_the_pages_lead_somewhere():
    missing = [
        (name, link)
        for name in _TEXTS
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", _TEXTS[name])
        if not ((_ROOT / name).parent / link).exists()
    ]
    assert missing == []
