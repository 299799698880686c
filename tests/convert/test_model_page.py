"""``gluon-gru page``: what its file holds and what it doesn't, and what it refuses in one line."""

import base64
import json
import pathlib
import re

import numpy
import pytest
from toy_texts import SMALL, write_toy

from gluon_gru import own_texts
from gluon_gru.convert import model_page, rounding
from gluon_gru.engine.layout import model_shapes
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import checkpoint_of

OLDER = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"
RUN = OLDER / "own_texts" / "gru"


def part(page, name):
    (found,) = re.findall(rf'<script id="{name}" type="[a-z/]+">(.*?)</script>', page, re.S)
    return found


def alter(path, change, run=RUN):
    """Write a checkpoint, a run's but for what a function changes in it; return its path."""
    saved = checkpoint.load(checkpoint_of(run))
    change(saved)
    saved.save(path)
    return path


def scaled(factor):
    """Return a change: all parameters times a factor."""

    def change(saved):
        saved.params = {k: array * numpy.float32(factor) for k, array in saved.params.items()}

    return change


def large(saved, num_hiddens, num_layers, tokens):
    """Make a checkpoint one of a GRU of random weights."""
    rng, shapes = (
        numpy.random.default_rng(0),
        model_shapes("gru_after", len(tokens), num_hiddens, num_layers),
    )
    bound = num_hiddens**-0.5
    saved.config.update(
        cell="gru_after", vocab_size=len(tokens), num_hiddens=num_hiddens, num_layers=num_layers
    )
    saved.params = {
        k: rng.uniform(-bound, bound, shape).astype(numpy.float32) for k, shape in shapes.items()
    }
    saved.vocab = tokens


def test_the_file_holds_the_model_in_float16_and_its_vocabulary(tmp_path, command):
    done = command("page", RUN, "--out", tmp_path / "mine.html")
    page = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(page.encode()):,} bytes" in done.stdout and "float16: rounded" in done.stdout
    saved = checkpoint.load(checkpoint_of(RUN))
    facts = json.loads(part(page, "facts"))
    assert facts["vocab"] == saved.vocab and facts["precision"] == "float16"
    assert facts["reading"] == {**saved.config["text"], "form": None, "words": 1, "letters": False}
    numbers = numpy.frombuffer(base64.b64decode(part(page, "weights")), "<f2")
    params = numpy.concatenate([array.ravel() for array in saved.params.values()])
    expected = params.astype("<f2")
    # The book's GRU has one bias where the page has two.
    assert sorted(numbers[numbers != 0]) == sorted(expected[expected != 0])


def test_a_model_of_the_books_text_reads_letters(tmp_path, command):
    run = OLDER / "reproduce" / "checkpoints" / "gru-scratch-seed1.safetensors"
    assert command("page", run, "--out", tmp_path / "a.html").returncode == 0
    facts = json.loads(part((tmp_path / "a.html").read_text(encoding="utf-8"), "facts"))
    assert facts["reading"]["letters"] and facts["vocab"][facts["opening"]] == " "


def test_weights_that_rounding_would_spoil_are_in_float32(tmp_path, command):
    # So many near ties that the digits decide, and weights that float16 has no numbers for.
    for change, reason in (
        (scaled(1e-7), "greedy texts of 200 tokens are other ones"),
        (scaled(1e6), "float16 has no numbers for some of the weights"),
    ):
        run = alter(tmp_path / "model.safetensors", change)
        done = command("page", run, "--out", tmp_path / "mine.html", "--force")
        assert done.returncode == 0 and "float32: " in done.stdout and reason in done.stdout
        page = (tmp_path / "mine.html").read_text(encoding="utf-8")
        numbers = numpy.frombuffer(base64.b64decode(part(page, "weights")), "<f4")
        params = checkpoint.load(run).params.values()
        expected = numpy.concatenate([array.ravel() for array in params])
        assert sorted(numbers[numbers != 0]) == sorted(expected[expected != 0])


@pytest.mark.parametrize(
    "parted, change, harmless", [(0, 1e-3, True), (0, 1.1e-3, False), (1, 0, False)]
)
def test_rounding_is_harmless_within_limits(parted, change, harmless):
    found = rounding.Rounding(5, parted, change)
    assert found.is_harmless == harmless
    assert f"{parted} of 5 greedy texts" in str(found)


def test_rounding_measures_what_it_does_to_the_model(tmp_path):
    saved = checkpoint.load(checkpoint_of(RUN))
    found = rounding.rounding(saved.params, saved.config, 1, 0)
    assert found.num_texts == 1 + rounding.NUM_PREFIXES and found.num_parted == 0
    assert 0 < found.loss_change < 1e-3
    # Nothing is rounded where all weights are numbers of float16.
    exact = {k: rounding.in_half(v).astype(numpy.float32) for k, v in saved.params.items()}
    assert rounding.rounding(exact, saved.config, 1, 0) == rounding.Rounding(5, 0, 0.0)
    # The output layer alone decides the loss: weights between two of float16's.
    coarse = {**saved.params, "dense.bias": saved.params["dense.bias"] + numpy.float32(2048.9)}
    assert rounding.rounding(coarse, saved.config, 1, 0).loss_change > 1e-3


def test_nothing_of_the_training_text_is_in_the_file(tmp_path, command):
    path = write_toy(tmp_path)
    own_texts.train(path, tmp_path / "run", **SMALL)
    assert command("page", tmp_path / "run", "--out", tmp_path / "a.html").returncode == 0
    page, text = (tmp_path / "a.html").read_text(encoding="utf-8"), path.read_text()
    assert not any(text[i : i + 12] in page for i in range(len(text) - 12))
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["text"]["sha256"] not in page and record["text"]["name"] not in page
    assert str(tmp_path) not in page


def test_the_file_asks_for_nothing_else(tmp_path, command):
    command("page", RUN, "--out", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="(?!#|data:)', page) == []
    assert re.findall(r"https?:", page) == []


def broken(path):
    path.write_bytes((RUN / "model.safetensors").read_bytes()[:-20])
    return path


def unknown_alone(saved):
    large(saved, 4, 1, ["<unk>"])


def infinite(saved):
    saved.params = {k: array * numpy.float32(numpy.inf) for k, array in saved.params.items()}


def of_ones_own(saved):
    saved.config.update(cell=None, layer="mine")


@pytest.mark.parametrize(
    "run, said",
    [
        (lambda folder: folder, "holds no trained model"),
        (lambda folder: folder / "none", "isn't there"),
        (lambda folder: broken(folder / "a.safetensors"), "can't be read|is damaged"),
        (lambda folder: RUN / "run.json", "is damaged or no checkpoint"),
        (lambda folder: RUN / "last.safetensors", "it is where a training continues"),
        (
            lambda folder: OLDER / "checkpoints" / "lstm-bidirectional.safetensors",
            "reads in both directions",
        ),
        (lambda folder: alter(folder / "a.safetensors", unknown_alone), "no token but <unk>"),
        (lambda folder: alter(folder / "a.safetensors", infinite), "infinite or no numbers"),
        (lambda folder: alter(folder / "a.safetensors", of_ones_own), "its layer is 'mine'"),
    ],
)
def test_what_no_page_can_run_is_refused_in_a_line(tmp_path, command, run, said):
    done = command("page", run(tmp_path), "--out", tmp_path / "a.html")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert re.search(said, done.stderr)
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob(".*"))


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_computed(
    tmp_path, command, monkeypatch
):
    monkeypatch.setattr("gluon_gru.own_texts.model.load_trained", None)
    (tmp_path / "there.html").write_text("mine")
    for out, said in (
        (tmp_path, "is a folder: give the name of a file"),
        (tmp_path / "there.html", "exists: give another name, or --force to replace it"),
        (tmp_path / "none" / "a.html", "can't be written (No such file or directory)"),
    ):
        done = command("page", RUN, "--out", out)
        assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]
    assert (tmp_path / "there.html").read_text() == "mine"


def test_a_cell_that_only_its_name_tells_is_doubted(tmp_path, command):
    run = OLDER / "checkpoints" / "gru-fused.safetensors"
    said = command("page", run, "--out", tmp_path / "a.html").stdout
    assert "recorded only the name of its cell" in said
    said = command("page", RUN, "--out", tmp_path / "b.html").stdout
    assert "name of its cell" not in said


def test_force_replaces_a_file(tmp_path, command):
    (tmp_path / "there.html").write_text("mine")
    assert command("page", RUN, "--out", tmp_path / "there.html", "--force").returncode == 0
    assert (tmp_path / "there.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_page_that_no_browser_could_open_is_refused_before_it_is_measured(
    tmp_path, command, monkeypatch
):
    monkeypatch.setattr(rounding, "rounding", None)
    monkeypatch.setattr(model_page, "MOST", 1000)
    done = command("page", RUN, "--out", tmp_path / "a.html")
    assert done.returncode == 2 and "gluon-gru export writes the model" in done.stderr
    assert not (tmp_path / "a.html").exists()


@pytest.mark.slow
def test_a_model_of_two_layers_of_512_units_comes_with_a_note_of_its_size(tmp_path, command):
    tokens = ["<unk>", *map(chr, range(32, 112))]
    run = alter(tmp_path / "a.safetensors", lambda saved: large(saved, 512, 2, tokens))
    done = command("page", run, "--out", tmp_path / "a.html")
    size = (tmp_path / "a.html").stat().st_size
    assert done.returncode == 0 and size > 6_000_000
    assert done.stderr == (
        f"note: the page is of {size / 1e6:.1f} MB, which a browser takes a while to open\n"
    )


def test_a_character_model_of_128_units_is_a_file_below_one_megabyte(tmp_path, command):
    tokens = ["<unk>", *map(chr, range(32, 132))]
    run = alter(tmp_path / "a.safetensors", lambda saved: large(saved, 128, 1, tokens))
    assert command("page", run, "--out", tmp_path / "a.html").returncode == 0
    assert (tmp_path / "a.html").stat().st_size < 1_000_000
