"""The page of a reproduction that shows learning: its weights, and when the report links it."""

import base64
import dataclasses
import json
import pathlib
import re

import mxnet as mx
import numpy
import pytest
import tiny

from gluon_gru import engine
from gluon_gru.convert.rounding import in_half
from gluon_gru.convert.weights import taken_apart
from gluon_gru.report import write
from gluon_gru.runs import checkpoint as checkpoints
from gluon_gru.runs.checkpoint import RunFile
from gluon_gru.studies.reproduce import learning, report
from gluon_gru.studies.reproduce import study as experiments
from gluon_gru.text.corpus import SAMPLE, find, load_corpus
from gluon_gru.training import loop

RESULTS = pathlib.Path(__file__).parents[2] / "results"
LINK = {"report.html": 'href="learning.html"', "report.md": "](learning.html)"}

# Each trains for some seconds.
pytestmark = pytest.mark.slow

# Which of them trains is the same to most tests, and the engine is faster.
ENGINES = ("mxnet",) if engine.info()["engine"] == "off" else ("fused",)
with_engine = pytest.mark.skipif(engine.info()["engine"] == "off", reason="the engine is off")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(experiments, "CLAIMS", tiny.claims())
    # The report's page has its curves and bars all the same, and drawing takes longer than training.
    monkeypatch.setattr("gluon_gru.report.pictures.pictures", lambda blocks: {})


def reproduce(out, claims=("chapter-scratch",), engines=ENGINES, **kwargs):
    experiments.reproduce(out, claims, corpus=SAMPLE, device="cpu", engines=engines, **kwargs)
    return out / learning.PAGE


def stages_of(page):
    """Return name of the stage -> its weights, as the page holds them, float16 or float32."""
    source = page.read_text(encoding="utf-8")
    facts = json.loads(re.search(r'<script id="facts".*?>(.*?)</script>', source)[1])
    packed = re.search(r'<script id="weights".*?>(.*?)</script>', source)[1]
    numbers = numpy.frombuffer(
        base64.b64decode(packed), {"float16": "<f2", "float32": "<f4"}[facts["precision"]]
    )
    return dict(zip(facts["stages"], numpy.split(numbers, len(facts["stages"]))))


def trained(epochs, model, folder):
    """Return the weights of a training of so many epochs, in the page's order."""
    run = next(
        run for run in experiments.plan(tiny.claims()) if run.protocol.model == "gru-scratch"
    )
    protocol = dataclasses.replace(run.protocol, model=model, num_epochs=epochs)
    file = folder / f"{epochs}.safetensors"
    source = load_corpus(find(SAMPLE))
    experiments.measure(experiments.Run(protocol, ()), 1, mx.cpu(), source, file)
    saved = checkpoints.load(file)
    assert saved.epoch == epochs
    ((layer,), W_q, b_q) = taken_apart(saved.params, saved.config)[1:]
    gates = [part[0, gate] for gate in range(3) for part in layer]
    return numpy.concatenate([array.ravel() for array in (*gates, W_q, b_q)])


def has_links(folder):
    found = [link in (folder / name).read_text(encoding="utf-8") for name, link in LINK.items()]
    assert len(set(found)) == 1
    return found[0]


@pytest.mark.parametrize(
    "made_by, model",
    [("mxnet", "gru-scratch"), pytest.param("fused", "gru-fused", marks=with_engine)],
)
def test_the_stages_are_trainings_of_so_many_epochs_to_the_last_digit(tmp_path, made_by, model):
    stages = stages_of(reproduce(tmp_path / "out", engines=(made_by,)))
    assert list(stages) == ["after 1 epoch", "after 3 epochs", "after 6 epochs"]
    for epochs, found in zip((1, 3, 6), stages.values()):
        expected = trained(epochs, model, tmp_path)
        if found.dtype == numpy.float16:
            expected = in_half(expected)
        numpy.testing.assert_array_equal(found, expected)
    assert not numpy.array_equal(*list(stages.values())[:2])


def test_of_several_seeds_the_first_is_shown_and_of_fewer_epochs_those_that_there_are(tmp_path):
    claims = ["slides-scratch"]
    page = reproduce(tmp_path / "one", claims)
    assert list(stages_of(page)) == ["after 1 epoch", "after 3 epochs"]
    two = reproduce(tmp_path / "two", claims, num_seeds=2)
    assert two.read_bytes() == page.read_bytes()
    # More epochs of the same training add a stage.
    reproduce(tmp_path / "one", ["slides-scratch", "chapter-scratch"], resume=True)
    assert list(stages_of(page)) == ["after 1 epoch", "after 3 epochs", "after 6 epochs"]


def test_a_quick_reproduction_has_the_first_and_the_last_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "QUICK_EPOCHS", 2)
    page = reproduce(tmp_path, quick=True)
    assert list(stages_of(page)) == ["after 1 epoch", "after 2 epochs"] and has_links(tmp_path)


@pytest.mark.parametrize(
    "place, name, call",
    [
        # The estimate trains two epochs first.
        pytest.param(loop, "train_epoch", 2 + 5, id="in epoch 5"),
        pytest.param(RunFile, "epoch_ends", 1, id="before epoch 1 is saved"),
        pytest.param(RunFile, "epoch_ends", 3, id="before epoch 3 is saved"),
        pytest.param(RunFile, "epoch_ends", 6, id="before epoch 6 is saved"),
    ],
)
def test_an_interrupted_reproduction_has_the_same_page(tmp_path, monkeypatch, place, name, call):
    whole = reproduce(tmp_path / "whole").read_bytes()
    ours, begun = getattr(place, name), []

    def interrupted(*args):
        begun.append(args)
        if len(begun) == call:
            raise KeyboardInterrupt
        return ours(*args)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            reproduce(tmp_path / "out")
    assert not (tmp_path / "out" / learning.PAGE).exists()
    assert reproduce(tmp_path / "out", resume=True).read_bytes() == whole
    assert has_links(tmp_path / "out")


def test_trainings_in_other_processes_leave_the_same_page(tmp_path):
    claims = ["chapter-scratch", "chapter-concise"]
    one = reproduce(tmp_path / "one", claims)
    two = reproduce(tmp_path / "two", claims, workers=2)
    assert one.read_bytes() == two.read_bytes() and has_links(tmp_path / "two")


def test_the_page_holds_nothing_of_the_text_but_its_characters(tmp_path):
    source = reproduce(tmp_path).read_text(encoding="utf-8")
    tokens, vocab = load_corpus(find(SAMPLE))
    text = "".join(vocab.to_tokens(tokens))
    assert not any(text[i : i + 16] in source for i in range(len(text) - 16))
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["text"]["sha1"] not in source and record["text"]["name"] not in source


def test_the_report_links_the_page_if_it_is_there(tmp_path):
    page = reproduce(tmp_path)
    assert has_links(tmp_path)
    page.unlink()
    results = json.loads((tmp_path / "record.json").read_text())
    write(report.document(results, tmp_path), tmp_path)
    assert not has_links(tmp_path)
    # It is made again of what was kept.
    reproduce(tmp_path, resume=True)
    assert page.exists() and has_links(tmp_path)
    # What is passed on is drawn from the record alone.
    write(report.document(results), tmp_path)
    assert not has_links(tmp_path)


def test_without_the_gru_from_scratch_there_is_no_page(tmp_path):
    assert not reproduce(tmp_path, ["chapter-concise"]).exists() and not has_links(tmp_path)


def test_without_the_files_of_an_earlier_epoch_there_is_no_page(tmp_path):
    page = reproduce(tmp_path)
    page.unlink()
    for file in (tmp_path / "checkpoints").glob("*-epoch[13].safetensors"):
        file.unlink()
    reproduce(tmp_path, resume=True)
    assert not page.exists() and not has_links(tmp_path)


@pytest.mark.skipif(not RESULTS.is_dir(), reason="the repository is not at hand")
def test_what_was_recorded_is_passed_on_without_the_page():
    reports = [path for path in RESULTS.rglob("report.*") if path.suffix in (".html", ".md")]
    assert len(reports) > 10
    assert [path for path in reports if learning.PAGE in path.read_text(encoding="utf-8")] == []
