"""From claims to measurements, with small models on the bundled story."""

import json
import pathlib
import shutil

import mxnet as mx
import pytest
import tiny

from gluon_gru import engine
from gluon_gru.errors import InputError
from gluon_gru.published.claims import CLAIMS, DEFAULT_ORIGINS, on_engine, select
from gluon_gru.report import markdown
from gluon_gru.runs import record as records
from gluon_gru.studies.reproduce import report
from gluon_gru.studies.reproduce import study as experiments
from gluon_gru.text import corpus as corpora
from gluon_gru.text.corpus import SAMPLE, find, load_corpus


@pytest.fixture
def small(monkeypatch):
    """Have the claims cut down, and no report drawn."""
    monkeypatch.setattr(experiments, "CLAIMS", tiny.claims())
    monkeypatch.setattr(experiments, "write", lambda *args: None)


def reproduce(out, **kwargs):
    return experiments.reproduce(out, corpus=SAMPLE, device="cpu", **kwargs)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a reproduction from two seeds, and what it returned."""
    folder = tmp_path_factory.mktemp("finished") / "a" / "b"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "CLAIMS", tiny.claims())
        return folder, reproduce(folder, num_seeds=2, command="python x.py")


@pytest.fixture
def out(small, finished, tmp_path):
    """Return a copy of that folder."""
    return pathlib.Path(shutil.copytree(finished[0], tmp_path / "out"))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Those of the chapter and its slides.
OF_GRUS = select(DEFAULT_ORIGINS)


def test_the_chapter_needs_two_runs_of_which_one_serves_the_slides_too():
    runs = experiments.plan(OF_GRUS)
    assert [(run.protocol.model, run.protocol.num_epochs, run.stops) for run in runs] == [
        ("gru-scratch", 500, (50, 500)),
        ("gru-concise", 500, (500,)),
    ]


def test_fewer_claims_need_shorter_or_fewer_runs_and_quick_cuts_them():
    short = [claim for claim in CLAIMS if claim.group == "slides-scratch"]
    assert [run.stops for run in experiments.plan(short)] == [(50,)]
    assert [run.stops for run in experiments.plan(short, quick=True)] == [(25,)]
    assert [run.stops for run in experiments.plan(OF_GRUS, quick=True)] == [(25,), (25,)]
    # What is not asked for now may be asked for later, of the same run.
    long = [claim for claim in CLAIMS if claim.group == "chapter-scratch"]
    assert [run.stops for run in experiments.plan(long)] == [(50, 500)]


def test_a_speedup_alone_needs_both_models():
    speedup = [claim for claim in CLAIMS if claim.group == "chapter-speedup"]
    assert {run.protocol.model for run in experiments.plan(speedup)} == {
        "gru-scratch",
        "gru-concise",
    }


def test_a_measurement_has_an_entry_per_epoch_and_texts_at_its_stops(small):
    run = experiments.plan(tiny.claims())[0]
    source = load_corpus(find(SAMPLE))
    measured = experiments.measure(run, 1, mx.cpu(), source)
    assert len(measured.perplexity) == len(measured.tokens_per_sec) == len(measured.seconds) == 6
    assert measured.perplexity[-1] < measured.perplexity[0] < 30
    assert sorted(measured.continuations) == ["3", "6"]
    for prefix, text in zip(run.protocol.prefixes, measured.continuations["6"]):
        assert text.startswith(prefix) and len(text) >= len(prefix) + 50


def test_a_seed_fixes_a_measurement_and_another_one_changes_it(small):
    run = experiments.plan(tiny.claims())[1]
    source = load_corpus(find(SAMPLE))
    first, again, other = (experiments.measure(run, seed, mx.cpu(), source) for seed in (1, 1, 2))
    assert first.perplexity == again.perplexity != other.perplexity
    assert first.continuations == again.continuations


@pytest.mark.slow
def test_a_reproduction_leaves_results_report_and_pictures(finished):
    folder, results = finished
    assert results == json.loads((folder / "record.json").read_text())
    assert [(run["model"], run["seed"]) for run in results["runs"]] == [
        ("gru-scratch", 1),
        ("gru-concise", 1),
        ("gru-scratch", 2),
        ("gru-concise", 2),
    ]
    assert [verdict["claim"] for verdict in results["verdicts"]] == [c.id for c in OF_GRUS]
    assert {verdict["verdict"] for verdict in results["verdicts"]} == {
        "not comparable: other corpus"
    }
    assert len(results["verdicts"][0]["figures"]["measured"]) == 2
    assert results["text"]["name"] == "sample.txt"
    for name in ("processor", "cores", "python", "numpy", "mxnet", "device", "commit"):
        assert results["invocations"][0]["environment"][name]
    assert {path.name for path in folder.iterdir()} == {
        "record.json",
        "learning.html",
        "report.md",
        "report.html",
        "perplexity.png",
        "throughput.png",
        "checkpoints",
    }


@pytest.mark.slow
def test_resuming_a_finished_reproduction_trains_nothing_and_keeps_the_numbers(
    out, finished, monkeypatch
):
    before = finished[1]
    monkeypatch.setattr("gluon_gru.training.loop.train_epoch", None)
    after = reproduce(out, resume=True, num_seeds=2)
    assert {**after, "invocations": None} == {**before, "invocations": None}
    assert len(after["invocations"]) == 2 and after["invocations"][:1] == before["invocations"]


@pytest.mark.slow
def test_more_seeds_can_be_added_to_a_finished_reproduction(out, finished):
    after = reproduce(out, resume=True, num_seeds=3)
    assert after["runs"][:4] == finished[1]["runs"] and len(after["runs"]) == 6


@pytest.mark.slow
def test_a_folder_with_a_run_is_refused_without_resume_and_left_alone(out):
    before = contents(out)
    with pytest.raises(InputError, match="holds a run already.*--resume"):
        reproduce(out)
    assert contents(out) == before


@pytest.mark.slow
def test_more_claims_can_be_added_to_a_finished_reproduction(small, tmp_path):
    before = reproduce(tmp_path, claims=["chapter-scratch"])
    after = reproduce(tmp_path, resume=True)
    assert after["runs"][:1] == before["runs"] and len(after["runs"]) == 2
    assert all(verdict["figures"]["measured"] for verdict in after["verdicts"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"claims": ["slides-scratch"]}, "the claims chapter-concise"),
        ({"num_seeds": 1}, "6 epochs of gru-scratch, seed 2"),
        ({"device": "gpu(0)"}, r"its device is 'cpu\(0\)', not 'gpu\(0\)'"),
        ({"corpus": True}, "its text is 'sample.txt'"),
    ],
)
def test_resuming_never_drops_or_mixes_what_is_recorded(
    out, tmp_path, monkeypatch, change, complaint
):
    other, before = tmp_path / "other.txt", contents(out)
    other.write_text(SAMPLE.read_text()[500:])
    if "corpus" in change:
        change = {"corpus": other}
    monkeypatch.setattr("gluon_gru.training.device.npx.num_gpus", lambda: 1)
    monkeypatch.setattr(experiments, "measure", None)
    with pytest.raises(InputError, match=complaint):
        experiments.reproduce(
            out, **{"corpus": SAMPLE, "device": "cpu", "num_seeds": 2, "resume": True, **change}
        )
    assert contents(out) == before


@pytest.mark.slow
def test_killed_while_resuming_nothing_recorded_is_lost(out, finished, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "measure", killed)
    with pytest.raises(KeyboardInterrupt):
        reproduce(out, num_seeds=3, resume=True)
    assert json.loads((out / "record.json").read_text())["runs"] == finished[1]["runs"]


@pytest.mark.parametrize("content", ["{", "{}", "[]", "3", '{"runs": []}'])
def test_another_programs_results_are_refused_and_left_alone(small, tmp_path, content):
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(InputError, match="record.json' can't be read"):
        reproduce(tmp_path, resume=True)
    assert (tmp_path / "record.json").read_text() == content


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"claims": ["chapters"]}, "claims chapters: choose from the sources chapter, slides"),
        ({"claims": []}, "choose from"),
        ({"num_seeds": 0}, "seeds is 0"),
        ({"num_seeds": 101}, "seeds is 101: it must be at most 100"),
        ({"workers": 0}, "workers is 0"),
        ({"device": "gpu(7)"}, r"gpu\(7\)"),
        ({"device": "tpu"}, "tpu"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_is_written(
    tmp_path, kwargs, message
):
    with pytest.raises(InputError, match=message):
        experiments.reproduce(tmp_path / "out", **{"corpus": SAMPLE, "device": "cpu", **kwargs})
    assert not (tmp_path / "out").exists()


def test_a_text_too_short_is_refused_with_the_length_that_it_needs(tmp_path):
    text = tmp_path / "short.txt"
    text.write_text("it was short")
    with pytest.raises(InputError, match="12 tokens is too short.*1,156"):
        experiments.reproduce(tmp_path / "out", corpus=text, device="cpu")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_found_out_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "measure", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be made"):
        reproduce(tmp_path / "file" / "out")


with_engine = pytest.mark.skipif(engine.info()["engine"] == "off", reason="the engine is off")


@pytest.mark.slow
@with_engine
def test_the_engine_is_measured_in_rows_of_its_own(small, tmp_path):
    both = reproduce(tmp_path, engines=("mxnet", "fused"))
    assert [run["model"] for run in both["runs"]] == [
        "gru-scratch",
        "gru-concise",
        "gru-fused",
        "gru-concise-fused",
    ]
    ids = [verdict["claim"] for verdict in both["verdicts"]]
    published = [claim.id for claim in OF_GRUS]
    assert ids[: len(published)] == published
    assert ids[len(published) :] == [claim.id for claim in on_engine(OF_GRUS)]
    scratch, fused = both["runs"][0], both["runs"][2]
    # The same start, minibatches and function; rounding apart.
    assert scratch["perplexity"] == pytest.approx(fused["perplexity"], rel=1e-4)
    assert scratch["perplexity"] != fused["perplexity"]
    assert "chapter-scratch-fused/perplexity" in experiments.report.table(both)
    with pytest.raises(InputError, match="it has the claims chapter-concise-fused"):
        reproduce(tmp_path, resume=True)


@with_engine
def test_the_engine_alone_is_measured_alone(small, tmp_path):
    results = reproduce(tmp_path, claims=("chapter-scratch",), engines=("fused",))
    assert [run["model"] for run in results["runs"]] == ["gru-fused"]
    assert {verdict["claim"].split("/")[0] for verdict in results["verdicts"]} == {
        "chapter-scratch-fused"
    }


@with_engine
def test_a_speedup_of_mxnet_is_not_measured_on_the_engine_alone(tmp_path):
    with pytest.raises(InputError, match="claims chapter-speedup compare .* add --engine mxnet"):
        reproduce(tmp_path / "out", claims=["chapter-speedup"], engines=("fused",))
    assert not (tmp_path / "out").exists()


def test_the_workers_are_one_per_core_unless_given(small, tmp_path, monkeypatch):
    """The number of cores is the environment's, which every platform has."""
    monkeypatch.setattr(experiments, "cores", lambda: 0)
    with pytest.raises(InputError, match="workers is 0"):
        reproduce(tmp_path / "out", workers=None)


def test_an_engine_that_is_off_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("GLUON_GRU_ENGINE", "off")
    with pytest.raises(InputError, match="engine fused can't be measured: GLUON_GRU_ENGINE=off"):
        reproduce(tmp_path / "out", engines=("fused",))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("engines", [(), ("torch",), ("mxnet", "torch")])
def test_engines_that_are_none_are_refused(tmp_path, engines):
    with pytest.raises(InputError, match="choose from mxnet, fused"):
        reproduce(tmp_path / "out", engines=engines)


@pytest.mark.slow
@with_engine
def test_several_workers_train_the_same_as_one(small, tmp_path):
    """Real processes; of four trainings one goes on with another's model."""
    words = ["rnn-scratch-random-continued", "slides-scratch"]
    kwargs = {"claims": words, "engines": ("fused",)}
    one = reproduce(tmp_path / "one", workers=1, **kwargs)
    two = reproduce(tmp_path / "two", workers=2, **kwargs)

    def trained(results):
        return {
            (run["model"], run["edition"]): (run["perplexity"], run["continuations"])
            for run in results["runs"]
        }

    assert trained(one) == trained(two)
    assert {model for model, _ in trained(one)} == {
        "gru-fused",
        "rnn-scratch-fused",
        "rnn-scratch-random-continued-fused",
    }
    assert {edition for _, edition in trained(one)} == {"2019", "2020-09"}
    assert "2 workers" in two["invocations"][0]["environment"]["OMP_NUM_THREADS"]


def test_a_training_that_goes_on_begins_with_the_trained_weights(small, tmp_path):
    claims = select(["rnn-scratch-random-continued"], tiny.claims())
    base, continued = experiments.plan(claims)[:2]
    assert continued.protocol.after == base.protocol
    source = load_corpus(find(SAMPLE))
    trained = experiments.measure(base, 1, mx.cpu(), source, tmp_path / "base.safetensors")
    start = tmp_path / "base.safetensors"
    after = experiments.measure(continued, 1, mx.cpu(), source, start=start)
    anew = experiments.measure(continued, 1, mx.cpu(), source)
    assert after.perplexity[0] < trained.perplexity[0] < 1.2 * anew.perplexity[0]


def test_without_the_books_text_the_engine_alone_trains_unless_asked(small, tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "download", raise_offline)
    monkeypatch.delenv("GLUON_GRU_CORPUS", raising=False)
    words = ["slides-scratch"]
    results = experiments.reproduce(tmp_path / "a", words, device="cpu", engines=None)
    expected = "gru-fused" if engine.info()["engine"] != "off" else "gru-scratch"
    assert [run["model"] for run in results["runs"]] == [expected]


def raise_offline(*args):
    raise OSError("no network here")


@pytest.mark.slow
@with_engine
def test_a_folder_of_the_older_version_is_not_mixed_with_another_text(small, tmp_path):
    older = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0" / "reproduce"
    out = pathlib.Path(shutil.copytree(older, tmp_path / "out"))
    before = contents(out)
    with pytest.raises(InputError, match="it was trained on the edition 2020-09 of the text"):
        reproduce(out, resume=True, num_seeds=2, engines=("mxnet", "fused"))
    assert contents(out) == before


def test_a_record_of_the_older_version_still_has_its_report():
    older = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0" / "reproduce"
    results = records.read(older / "results.json").as_json()
    text = markdown.markdown(report.document(results))
    assert "Edition of the text: 2020-09" in text and "chapter-scratch/perplexity" in text
