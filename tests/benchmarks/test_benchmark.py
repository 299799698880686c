"""The benchmark: who is measured takes turns, computes what it should, and is compared rightly."""

import copy
import importlib.util
import json
import pathlib

import mxnet as mx
import numpy
import pytest
from mxnet import np

from benchmarks import catalogue, contest, contestants_mxnet, own_texts, report, weights, worker
from benchmarks import study as benchmark
from gluon_gru import models
from gluon_gru.cells import CELLS
from gluon_gru.errors import InputError
from gluon_gru.report.document import Bars
from gluon_gru.report.markdown import markdown
from gluon_gru.runs import record
from gluon_gru.text import corpus, minibatches
from gluon_gru.text.vocabulary import Vocab

RESULTS = pathlib.Path(__file__).parents[2] / "results"


class Fake:
    """Takes ``seconds`` a step of ``work``; notes its turns in ``log``."""

    def __init__(self, name, log, seconds, outcomes=(2.0, 1.0), work=10):
        self.name, self.log, self.seconds, self.work = name, log, seconds, work
        self.outcomes = iter(outcomes)

    def ask(self, request):
        if isinstance(request, dict):
            return {"work": self.work}
        self.log.append((self.name, request))
        return self.seconds * request, next(self.outcomes, None)


def compete(fakes, rounds=3):
    return contest.compete(
        {fake.name: fake for fake in fakes},
        {fake.name: {"check_steps": 20} for fake in fakes},
        {fake.name: "one" for fake in fakes},
        rounds,
    )


def test_contestants_take_turns_of_half_a_second_and_another_one_starts_each_round():
    log = []
    found = compete([Fake("a", log, 0.01), Fake("b", log, 0.1), Fake("c", log, 9)])
    assert log[:6] == [("a", 20), ("a", 20), ("b", 20), ("b", 20), ("c", 20), ("c", 20)]
    assert "".join(name for name, _ in log[6:]) == "abcbcacab"
    assert dict(log[6:]) == {"a": 50, "b": 5, "c": 1}
    assert found["a"]["rates"] == pytest.approx([1000] * 3)
    assert found["b"]["rates"] == pytest.approx([100] * 3)
    assert contest.ratio(found, "a", "b") == pytest.approx(10)


def test_a_ratio_is_the_median_of_the_rounds_not_the_ratio_of_medians():
    found = {"a": {"rates": [1, 20, 300]}, "b": {"rates": [1, 10, 1]}}
    assert contest.ratio(found, "a", "b") == 2
    assert contest.ratio(found, "b", "a") == 0.5


@pytest.mark.parametrize(
    "one, other, message",
    [
        ((3.0, 2.0), (3.0, 2.01), "a and b|b and a"),
        ((3.0, 2.0), (3.01, 2.0), "don't compute the same"),
        ((3.0, 2.0), (3.0, float("nan")), "b does not learn"),
        ((3.0, 3.0), (3.0, 3.0), "a does not learn"),
        (("some text",) * 2, ("some test",) * 2, "don't compute the same"),
    ],
)
def test_contestants_that_do_not_do_the_same_void_the_result(one, other, message):
    log = []
    with pytest.raises(ArithmeticError, match=message):
        compete([Fake("a", log, 1, one), Fake("b", log, 1, other)])
    assert len(log) == 4


def test_other_functions_and_rounding_are_no_disagreement():
    outcomes = {"a": (3.0, 2.0), "b": (3.001, 2.0001), "c": (1.0, 0.5), "sgemm": (None, None)}
    contest.check(outcomes, {"a": "one", "b": "one", "c": "another", "sgemm": "none"})
    same = "x" * contest._SAME_CHARACTERS
    contest.check({"a": (same + "a",) * 2, "b": (same + "b",) * 2}, {"a": "one", "b": "one"})


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that starts a worker with a module of this code; all end with the test."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    workers = []

    def started(code, threads=1):
        (tmp_path / "fake_contestant.py").write_text(code)
        workers.append(contest.Worker("fake_contestant", threads))
        return workers[-1]

    yield started
    for one in workers:
        one.close()


def test_a_worker_is_a_process_of_its_own_with_its_threads_and_its_output_is_no_reply(start):
    one = start(
        "import os, sys\n"
        "def make(job, minibatches):\n"
        "    print('loading')\n"
        "    names = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')\n"
        "    return (lambda steps: steps * job['lr']), {\n"
        "        'threads': [os.environ[name] for name in names], 'pid': os.getpid(),\n"
        "        'mxnet': 'mxnet' in sys.modules}\n",
        threads=3,
    )
    facts = one.ask({"lr": 2})
    assert facts == {"threads": ["3"] * 3, "pid": one.process.pid, "mxnet": False}
    seconds, outcome = one.ask(21)
    assert outcome == 42 and seconds > 0
    one.close()
    assert one.process.returncode is not None


@pytest.mark.parametrize(
    "code, message",
    [
        ("raise ImportError('no such thing')", "ImportError: no such thing"),
        ("def make(job, minibatches): raise MemoryError('too large')", "MemoryError: too large"),
        ("import os\ndef make(job, minibatches): os._exit(7)", "exit code 7"),
    ],
)
def test_a_worker_that_dies_is_reported_with_its_last_line(start, code, message):
    with pytest.raises(InputError, match=f"fake_contestant.*ended early: {message}"):
        start(code).ask({})


def test_a_token_of_the_chapters_gru_takes_a_million_operations():
    (chapter,) = catalogue.contests("training")
    assert catalogue.flop_per_token(chapter, 28) == 6 * (3 * 65536 + 256 * 28) == 1222656
    lstm, rnn = catalogue.contests("cells")
    assert catalogue.flop_per_token(lstm, 28) == 6 * (4 * 65536 + 256 * 28)
    assert catalogue.flop_per_token(rnn, 28) == 6 * (65536 + 256 * 28)


def test_every_measure_has_contests_where_the_engine_meets_a_peer_of_each_function():
    for measure in catalogue.MEASURES:
        for one in catalogue.contests(measure):
            kinds = {}
            for entry in one.contestants:
                kinds.setdefault(entry.function, set()).add(entry.kind)
            assert "engine" in kinds["book"] and {"engine", "peer"} <= kinds["layer"]
            assert {entry.cell for entry in one.contestants} <= set(CELLS)
            names = [entry.name for entry in one.contestants + one.roofline]
            assert len(set(names)) == len(names)
    shapes = [one[3:6] for one in catalogue.contests("shapes")]
    assert len(set(shapes)) == len(shapes)


def test_minibatches_are_the_packages_own_and_go_round():
    class First:
        @staticmethod
        def randint(low, high):
            return 0

    tokens = numpy.arange(50, dtype=numpy.uint8)
    ours = [
        (X.asnumpy(), Y.asnumpy())
        for X, Y in minibatches.seq_data_iter_consecutive(tokens, 3, 5, First)
    ]
    found = list(worker.minibatches(tokens, 3, 5, 2 * len(ours) + 1))
    assert len(ours) == 3 and len(found) == 7
    for pair, other in zip(found, ours + ours + ours[:1]):
        assert all(map(numpy.array_equal, pair, other))
    ((X, Y),) = worker.minibatches(tokens[:7], 3, 5, 1)
    assert X.shape == (3, 5) and (Y[:, :-1] == X[:, 1:]).all()


def job(cell, function, **further):
    layer = catalogue._CELLS[cell]["layer"]
    params = weights.draw(layer, 7, 5, 0.5)
    return {
        "task": "training",
        "cell": catalogue._CELLS[cell][function],
        "function": function,
        "options": (),
        "vocab_size": 7,
        "num_hiddens": 5,
        "params": params,
        "books_params": weights.as_books(layer, params),
        **further,
    }


@pytest.mark.parametrize("options", [(), ("engine",)])
@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_the_layer_with_converted_weights_computes_what_the_book_computes(cell, options):
    X = np.array(numpy.random.default_rng(1).integers(0, 7, (2, 6)), dtype="int32")
    outputs = []
    for function in ("book", "layer"):
        model = contestants_mxnet._model(job(cell, function, options=options))
        outputs.append(model(X, model.begin_state(2, ctx=mx.cpu()))[0].asnumpy())
    assert numpy.abs(outputs[0]).max() > 0.1
    numpy.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)


def test_the_layer_with_converted_weights_has_the_grus():
    told = job("gru", "layer")
    model = contestants_mxnet._model(told)
    model(np.zeros((1, 1), dtype="int32"), model.begin_state(1, ctx=mx.cpu()))
    found = [param.asnumpy() for param in models.reset_after_params(model)]
    # The candidate's second bias is the only parameter that the book's GRU doesn't have.
    assert not found.pop(9).any()
    for value, expected in zip(found, told["books_params"].values()):
        numpy.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("kind", ["book", "layer"])
def test_the_books_loop_and_this_packages_reach_the_same_losses(kind):
    tokens = numpy.random.default_rng(1).integers(0, 7, 200)
    outcomes = []
    for options in (("book's loop",), ()):
        run, facts = contestants_mxnet.make(
            job("gru", kind, options=options, lr=1, tokens=tokens, batch_size=4, num_steps=5),
            worker.minibatches,
        )
        assert facts["work"] == 20
        outcomes.append([run(10), run(10), run(3)])
    assert outcomes[0] == pytest.approx(outcomes[1], rel=1e-5)
    assert outcomes[0][1] < outcomes[0][0]


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Return a function that measures at small sizes those for whom ``keep`` holds."""
    contests = catalogue.contests
    monkeypatch.setattr(contest, "_TURN_SECONDS", 0.02)
    monkeypatch.setattr(catalogue, "ROOFLINE_SIZES", (64,))
    # So little work is done faster alone.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def measured(name, keep, rounds=2):
        monkeypatch.setattr(
            catalogue,
            "contests",
            lambda measure: [
                one._replace(
                    num_hiddens=8,
                    batch_size=4 if one.batch_size > 1 else 1,
                    num_steps=5,
                    contestants=list(filter(keep, one.contestants)),
                    roofline=one.roofline[:1],
                )
                for one in contests(measure)[:2]
            ],
        )
        return benchmark.benchmark(tmp_path, [name], rounds, corpus.SAMPLE, "the command")

    return measured


@pytest.mark.slow
def test_contestants_on_mxnet_agree_and_everything_is_written_down(
    measure, tmp_path, capsys, monkeypatch
):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in ("torch", "jax") else find_spec(name),
    )
    results = measure("training", lambda one: True)
    assert json.loads((tmp_path / "record.json").read_text()) == results
    (found,) = results["contests"]
    assert len(found["contestants"]) == 6
    cells = {name: one["cell"] for name, one in found["contestants"].items()}
    assert cells["engine, the book's GRU"] == "gru_before"
    assert cells["rnn.GRU, this package's loop"] == "gru_after"
    assert all(len(one["rates"]) == 2 for one in found["contestants"].values())
    assert results["invocations"][0]["environment"]["engine"]
    # What is missing is said once, with the command that mends it, and recorded.
    assert sorted(results["left_out"]) == [
        "JAX lax.scan",
        "PyTorch nn.GRU",
        "PyTorch nn.GRU, torch.compile",
    ]
    assert capsys.readouterr().err.count("pip install 'gluon_gru[peers]'") == 3
    text = (tmp_path / "report.md").read_text()
    assert "share of the limit" in text and "the limit (sgemm)" in text and "the command" in text
    assert "engine, the book's GRU" in report.table(results)
    assert "the limit, by the best sgemm" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "shapes.png").exists()


def needs(package):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"{package} is not installed"
    )


@needs("torch")
def test_pytorch_and_gluon_agree_on_every_shape_and_the_ratios_are_drawn(measure, tmp_path):
    results = measure(
        "shapes",
        lambda one: "Gluon" in one.name or "rnn." in one.name or one.needs == "torch",
        rounds=1,
    )
    assert len(results["contests"]) == 2 and results["invocations"][0]["environment"]["torch"]
    for page in ("report.md", "report.html"):
        assert "Slower than a peer, of 2 shapes" in (tmp_path / page).read_text()
    assert (tmp_path / "shapes.png").read_bytes().startswith(b"\x89PNG")


@needs("torch")
@needs("jax")
def test_pytorch_and_jax_agree_with_their_twins_on_lstm_and_rnn(measure):
    results = measure(
        "cells",
        lambda one: one.needs != "mxnet" and "compile" not in one.options or one.kind == "engine",
        rounds=1,
    )
    assert [one["cell"] for one in results["contests"]] == ["lstm", "rnn"]


@needs("torch")
def test_pytorch_continues_a_text_as_gluon_does(measure):
    results = measure("generation", lambda one: True, rounds=1)
    contestants = results["contests"][0]["contestants"].values()
    texts = [one["outcomes"][1].replace("<unk>", "?") for one in contestants]
    assert len(texts) == 6
    assert all(
        text.startswith(catalogue.PREFIX) and len(text) == len(catalogue.PREFIX) + 20
        for text in texts
    )


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


def test_a_vocabulary_survives_the_way_to_a_contestant():
    vocab = Vocab(list("some text or other"))
    run, _ = contestants_mxnet.make(
        {
            **job("gru", "book"),
            "vocab_size": len(vocab),
            "task": "generation",
            "prefix": "so",
            "books_params": weights.as_books(
                "gru_after", weights.draw("gru_after", len(vocab), 5, 0.5)
            ),
            "token_freqs": vocab.token_freqs,
        },
        worker.minibatches,
    )
    assert run(3).startswith("so") and set(run(20)) <= set(vocab.idx_to_token)


def test_a_bar_has_the_colour_of_its_cell_in_records_of_version_0_1_0_too():
    older = record.read(RESULTS / "benchmark-cpu" / "benchmark.json").as_json()
    newer = copy.deepcopy(older)
    for one in newer["contests"]:
        for contestant in one["contestants"].values():
            contestant["cell"] = "update_only"
    cells = [
        [
            bar.model
            for block in report.document(results).blocks
            if isinstance(block, Bars)
            for bar in block.bars
        ]
        for results in (older, newer)
    ]
    gru = ["gru_before", "gru_after"]
    assert cells[0][:9] == [*gru, "gru_after", "gru_after", "gru_before", "gru_before"] + [
        "gru_after",
        "gru_after",
        "gru_before",
    ]
    assert cells[0][9:15] == ["lstm"] * 6 and cells[0][15:22] == ["rnn_tanh"] * 7
    assert set(cells[1]) == {"update_only"}


def test_the_limit_of_a_round_is_its_best_product_and_shares_are_of_that():
    found = {
        "measure": "training",
        "task": "training",
        "cell": "gru",
        "flop_per_token": 10,
        "contestants": {"engine": {"kind": "engine", "rates": [5, 4, 30]}},
        "roofline": {"a": {"rates": [100, 50, 400]}, "b": {"rates": [20, 80, 500]}},
    }
    assert report.limits(found) == [10, 8, 50]
    table = report.rates(found)
    headers, (row, limit) = table.headers, table.rows
    assert headers[2] == "share of the limit" and row == ["engine", "5 (4 to 30)", "50%", "1.00x"]
    assert limit[1] == "10 (8 to 50)"


@pytest.mark.parametrize("name", ["own-texts", "own-texts-large"])
def test_a_comparison_of_version_0_1_0_still_has_its_report(name):
    folder = RESULTS / name
    report = markdown(own_texts.document(record.read(folder / "own_texts.json").as_json()))
    recorded = (folder / "report.md").read_text(encoding="utf-8")
    rows = [line for line in recorded.splitlines() if line.startswith("|")]
    assert len(rows) > 2 and set(rows) <= set(report.splitlines())
