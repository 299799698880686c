"""The command ``gluon-gru``: what it offers, how it refuses, what a program can read."""

import json
import subprocess
import sys

import pytest
import tiny
from checkout import needs_checkout

from benchmarks import catalogue, contest
from benchmarks import report as benchmark_report
from gluon_gru import cli as commands
from gluon_gru.cli import options as cli
from gluon_gru.mxnet_import import installed
from gluon_gru.published.claims import DEFAULT_ORIGINS, select
from gluon_gru.studies.reproduce import study as experiments
from gluon_gru.text.corpus import SAMPLE

SCRIPTS = ["reproduce", "exercises", "sweep", "benchmark"]
TINY_STUDY = ["--num-steps", "1", "--num-hiddens", "2", "--lr", "1", "--epochs", "1"]


def run(*words):
    """Run ``gluon-gru`` in a process of its own; return that when it is finished."""
    return subprocess.run(
        [sys.executable, "-c", "from gluon_gru import cli; cli.main()", *words],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_help_names_every_subcommand(words, command):
    done = command(*words)
    assert done.returncode == 0 and done.stderr == ""
    for name, path in commands.COMMANDS.items():
        what = commands._what(path)
        assert what and f"  {name} " in done.stdout and what in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "words, wrong",
    [
        (("trai",), "'trai': did you mean train?"),
        (("qqq",), "'qqq' ("),
        (("--bad",), "--bad"),
        (("trai", "--help"), "did you mean train?"),
        (("info", "--bad"), "--bad ("),
        (("info", "--jsn"), "--jsn: did you mean --json?"),
        (("generate", "a", "--lenght=5"), "--lenght=5: did you mean --length?"),
        (("info", "more"), "more"),
    ],
)
def test_wrong_words_are_one_line_that_names_them(words, wrong, command):
    done = command(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert wrong in done.stderr and "--help tells more" in done.stderr


@pytest.mark.slow
def test_info_is_a_table_or_json(command):
    done = run("info", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["mxnet"] == ("1.9.1" if installed() else "not installed")
    assert found["gluon_gru"] == cli.version()
    assert found["processor"] in command("info").stdout


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_subcommand_has_help(name, command):
    done = command(name, "--help")
    assert done.returncode == 0 and f"usage: gluon-gru {name}" in done.stdout


@pytest.fixture
def inside(command):
    """Return a function that runs ``gluon-gru WORD...``, which must succeed; it returns stdout."""

    def called(*words, **options):
        done = command(*words, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return called


@pytest.fixture
def tiny_claims(monkeypatch):
    """Have every claim ask for four epochs of small models."""
    monkeypatch.setattr(experiments, "CLAIMS", tiny.claims(4))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_scripts_help_is_that_of_its_subcommand_but_for_the_name(name, inside):
    shown = inside(name, "--help"), inside("--help", script=name)
    ours, scripts = (" ".join(text.split()) for text in shown)
    assert ours.startswith(f"usage: gluon-gru {name} ")
    assert scripts == ours.replace(f"gluon-gru {name}", f"{name}.py")
    assert f"(default: runs/{name})" in ours and "--json" in ours
    assert "None" not in ours and "False" not in ours


@pytest.mark.slow
def test_reproduce_gives_what_its_script_gives(inside, tiny_claims, tmp_path):
    given = "--corpus", SAMPLE, "--device", "cpu", "--engine", "mxnet", "--workers", 1
    found = json.loads(inside("reproduce", *given, "--out", tmp_path / "a", "--json"))
    assert found == json.loads((tmp_path / "a" / "record.json").read_text())
    assert found["invocations"][0]["command"].startswith("gluon-gru reproduce --corpus ")
    shown = inside(*given, "--out", tmp_path / "b", script="reproduce")
    assert "chapter-scratch/perplexity" in shown
    other = json.loads((tmp_path / "b" / "record.json").read_text())
    for run, same in zip(found["runs"], other["runs"]):
        assert run["perplexity"] == same["perplexity"] and len(run["perplexity"]) == 4
        assert run["continuations"] == same["continuations"] != {}


@pytest.mark.slow
def test_exercises_prints_verdicts_or_the_answers_asked_for(inside, tmp_path):
    given = "forced-gates", "--corpus", SAMPLE, "--device", "cpu", "--resume", "--out", tmp_path
    found = json.loads(inside("exercises", *given, "--json"))
    assert found == {"forced-gates": json.loads((tmp_path / "forced-gates.json").read_text())}
    assert "forced-gates/published-gates" in inside("exercises", *given)


@pytest.mark.slow
def test_the_gates_of_a_checkpoint_are_tables_or_json(inside, tiny_claims, tmp_path):
    given = "--corpus", SAMPLE, "--claims", "slides-scratch", "--engine", "mxnet"
    inside("reproduce", *given, "--out", tmp_path)
    given = (
        "exercises",
        "gates",
        "--text",
        "a grey cat",
        "--out",
        tmp_path / "gates",
        "--checkpoint",
        *(tmp_path / "checkpoints").glob("*-seed1.safetensors"),
    )
    tables = json.loads(inside(*given, "--json"))
    shown = " ".join(inside(*given).split())
    assert tables and all(table["rows"] and table["title"] in shown for table in tables)


@pytest.mark.slow
def test_sweep_prints_trials_or_the_cost(inside, tmp_path):
    given = "--corpus", SAMPLE, "--device", "cpu", "--out", tmp_path
    found = json.loads(inside("sweep", *TINY_STUDY, *given, "--json"))
    assert found == json.loads((tmp_path / "record.json").read_text())
    assert [trial["state"] for trial in found["trials"]] == ["complete"]
    perplexity = f"{found['trials'][0]['perplexity']:.3f}"
    assert perplexity in inside("sweep", *TINY_STUDY, *given)
    cost = json.loads(inside("sweep", *TINY_STUDY, *given, "--budget", "--json"))
    assert cost["trials"] == 1 and cost["cells"][0]["num_hiddens"] == 2


@pytest.mark.slow
@needs_checkout
def test_benchmark_prints_rates_or_every_round(inside, tmp_path, monkeypatch):
    contests = catalogue.contests
    monkeypatch.setattr(contest, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(
        catalogue,
        "contests",
        lambda measure: [
            one._replace(
                num_hiddens=8,
                contestants=[each for each in one.contestants if each.kind == "engine"][:1],
            )
            for one in contests(measure)
        ],
    )
    given = "generation", "--rounds", "2", "--corpus", SAMPLE, "--out", tmp_path
    found = json.loads(inside("benchmark", *given, "--json"))
    assert found == json.loads((tmp_path / "record.json").read_text())
    ((name, measured),) = found["contests"][0]["contestants"].items()
    assert len(measured["rates"]) == 2
    assert name in benchmark_report.table(found) and name in inside("benchmark", *given)


@pytest.mark.slow
def test_piped_output_has_no_colours_and_no_bars_and_its_reader_may_go(tmp_path):
    given = ["reproduce", "--corpus", str(SAMPLE), "--out", str(tmp_path), "--json"]
    given += ["--engine", "mxnet", "--workers", "1"]
    with subprocess.Popen(
        [sys.executable, tiny.__file__, "2", "gluon-gru", *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode == 141
    # The corpus, the estimate, and lines for the two models and for each verdict: whole lines.
    assert stderr.count("\n") == 4 + len(select(DEFAULT_ORIGINS))
    assert "Traceback" not in stderr and "Exception ignored" not in stderr
    assert "\r" not in stderr and "\x1b" not in stderr
