"""The benchmark, from its arguments to what it writes down, at small sizes."""

import importlib.util
import json

import pytest

from benchmarks import catalogue, contest, report
from benchmarks import study as benchmark
from gluon_gru.errors import InputError
from gluon_gru.text import corpus


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Return a function that measures at small sizes those for whom ``keep`` holds."""
    contests = catalogue.contests
    monkeypatch.setattr(contest, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(catalogue, "ROOFLINE_SIZES", (32, 64))
    monkeypatch.setattr(catalogue, "ROOFLINE", catalogue.ROOFLINE[:1])
    # So little work is done faster alone.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def small(one, keep):
        sizes = {"num_hiddens": 8, "contestants": list(filter(keep, one.contestants))}
        if one.task in ("training", "scoring"):
            sizes.update(batch_size=min(one.batch_size, 4), num_steps=5)
        return one._replace(**sizes, vocab_size=one.vocab_size and 30)

    def measured(names, keep=lambda one: True, rounds=2):
        monkeypatch.setattr(
            catalogue, "contests", lambda name: [small(one, keep) for one in contests(name)[:2]]
        )
        return benchmark.benchmark(tmp_path, names, rounds, corpus.SAMPLE, "the command")

    return measured


def without(monkeypatch, *packages):
    """Have packages seem not to be installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in packages else find_spec(name)
    )


def test_the_engine_alone_is_measured_with_one_thread_and_with_all(measure, tmp_path):
    results = measure(["threads"])
    assert json.loads((tmp_path / "record.json").read_text()) == results
    assert [one["cell"] for one in results["contests"]] == ["gru", "lstm"]
    for one in results["contests"]:
        assert list(one["contestants"]) == ["engine", "engine, 1 thread"]
        assert all(len(entry["rates"]) == 2 for entry in one["contestants"].values())
        assert one["roofline"] == {} and one["num_layers"] == 1 and one["words"] is False
    assert results["seconds"] > 0
    text = (tmp_path / "report.md").read_text()
    assert "over engine, 1 thread, at least 1.85x" in text and "GRU 8, 4 x 5" in text
    # Never sure after two rounds.
    assert "2 rounds are too few for 2 of 2 verdicts" in text


def test_a_share_is_of_a_product_measured_in_the_same_rounds(measure, capsys):
    results = measure(["scoring"], lambda one: one.kind == "engine")
    for one in results["contests"]:
        ((name, product),) = one["roofline"].items()
        assert name == "sgemm, numpy.dot" and product["facts"]["size"] in (32, 64)
        assert len(product["rates"]) == 2 and one["flop_per_token"] > 0
        assert {goal["over"] for goal in one["goals"]} == {catalogue.LIMIT, catalogue.PEERS}
    assert "note: 2 rounds are too few" in capsys.readouterr().err


@pytest.mark.parametrize(
    "found, core",
    [
        ({"instructions": "avx512"}, None),
        ({"instructions": "avx2"}, "Haswell"),
        ({"engine": "off"}, None),
    ],
)
def test_a_large_product_uses_the_engines_instructions(monkeypatch, found, core):
    # As some machines have it for all programs.
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setattr(contest.engine, "info", lambda: found)
    assert contest.environment("roofline", 1).get("OPENBLAS_CORETYPE") == core
    assert "OPENBLAS_CORETYPE" not in contest.environment("contestants_mxnet", 1)


def test_contests_whose_first_contestant_is_missing_are_left_out(measure, monkeypatch, capsys):
    monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    results = measure(["threads"])
    assert results["contests"] == [] and list(results["left_out"]) == ["engine", "engine, 1 thread"]
    assert "left out: engine (" in capsys.readouterr().err


@pytest.mark.slow
def test_contestants_on_mxnet_agree_and_everything_is_written_down(
    measure, tmp_path, capsys, monkeypatch
):
    without(monkeypatch, "torch", "jax")
    results = measure(["training"])
    assert json.loads((tmp_path / "record.json").read_text()) == results
    (found,) = results["contests"]
    assert len(found["contestants"]) == 6
    cells = {name: one["cell"] for name, one in found["contestants"].items()}
    assert cells["engine, the book's GRU"] == "gru_before"
    assert cells["rnn.GRU, this package's loop"] == "gru_after"
    # However slow: the chapter's table has all of them.
    assert all(len(one["rates"]) == 2 for one in found["contestants"].values())
    assert results["invocations"][0]["environment"]["engine"]
    # What is missing is said once, with the command that mends it, and recorded.
    assert sorted(results["left_out"]) == ["JAX lax.scan", "PyTorch nn.GRU"]
    assert capsys.readouterr().err.count("pip install 'gluon_gru[peers]'") == 2
    text = (tmp_path / "report.md").read_text()
    assert "share of the limit" in text and "the limit (sgemm)" in text and "the command" in text
    assert "engine, the book's GRU" in report.table(results)
    assert "the limit, by the best sgemm" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")


def needs(package):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"{package} is not installed"
    )


@pytest.mark.slow
@needs("torch")
@needs("jax")
def test_every_measure_that_is_measured_by_default_runs_beside_peers(measure, tmp_path):
    results = measure(catalogue.DEFAULT, rounds=1)
    assert [one["measure"] for one in results["contests"]] == [
        name for name in catalogue.DEFAULT for _ in catalogue.contests(name)
    ]
    assert results["left_out"] == {}
    assert {"torch", "jax", "jaxlib"} <= set(results["invocations"][0]["environment"])
    page = (tmp_path / "report.html").read_text()
    assert all(f">{name.capitalize()}<" in page for name in catalogue.DEFAULT)
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")


def test_the_progress_fits_80_columns_and_tells_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    longest = max(
        (one for name in catalogue.MEASURES for one in catalogue.contests(name)),
        key=lambda one: len(benchmark.shape_of(one._asdict())),
    )
    with benchmark._Progress([longest], 5, 28) as progress:
        progress.begin(longest)
        for _ in range(2 + 5):
            progress.turns(1)
    lines = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert max(map(len, lines)) <= 80
    assert f"{longest.measure}: LSTM" in lines[-2] and " left" in lines[-2]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rounds": 0}, "rounds is"),
        ({"rounds": 1.5}, "rounds is"),
        ({"measures": ["speed"]}, "measures speed: choose from training, cells"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        benchmark.benchmark(tmp_path / "out", corpus=corpus.SAMPLE, **arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("threads", ["none", "0", "2,1"])
def test_threads_that_make_no_sense_are_refused(tmp_path, monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    with pytest.raises(InputError, match="OMP_NUM_THREADS is"):
        benchmark.benchmark(tmp_path / "out", corpus=corpus.SAMPLE)
