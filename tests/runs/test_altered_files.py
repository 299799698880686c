"""Whatever happened to a file of ours: every reader refuses it in a line, or reads something right.

All in one process, whose memory can't grow with what files claim.
"""

import argparse
import json
import pathlib
import random
import resource
import shutil
import sqlite3

import campaign
import mxnet  # noqa: F401  (its memory is no file's)
import pytest
import safetensors
import safetensors.numpy
from altering import altered
from examples import FILES, OLDER, ROOT, example
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import slow_but

from gluon_gru import own_texts
from gluon_gru.cli import import_
from gluon_gru.cli.train import _summary
from gluon_gru.convert import model_page, torch_file, weights
from gluon_gru.errors import InputError
from gluon_gru.own_texts.comparing import verdict
from gluon_gru.own_texts.folder import RunFolder, curve
from gluon_gru.own_texts.model import load_trained, model_config
from gluon_gru.own_texts.settings import Settings
from gluon_gru.own_texts.starting import load_start
from gluon_gru.own_texts.writing import opening
from gluon_gru.published.claims import CLAIMS, on_engine
from gluon_gru.published.trainings import evidence_of
from gluon_gru.report.axes import Axes
from gluon_gru.report.markdown import markdown
from gluon_gru.report.page import page
from gluon_gru.report.terminal import text as terminal_text
from gluon_gru.runs import checkpoint, record
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import answering
from gluon_gru.studies.exercises import report as exercises
from gluon_gru.studies.reproduce import report as reproduction
from gluon_gru.studies.reproduce import study
from gluon_gru.studies.sweep import report as sweep
from gluon_gru.studies.sweep import results, storage
from gluon_gru.text.rules import Rules

# In bytes: several times what reading and drawing the largest of these files takes.
_MOST_MEMORY = 10**9

seeds = st.integers(0, 2**63)


@pytest.fixture(autouse=True)
def bounded_memory():
    """Have an attempt to allocate much more than there is now fail."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + _MOST_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def refused(read):
    """Return whether reading is refused in one line; what it takes for right must be so."""
    try:
        read()
    except InputError as error:
        assert "\n" not in str(error)
        return True
    return False


def drawn(document):
    """Render a document as everything but pictures."""
    assert markdown(document) and page(document, PICTURES) and terminal_text(document.blocks)


class Anything(dict):
    def __missing__(self, name):
        return PNG


PNG = (ROOT / "results" / "pages" / "gates.png").read_bytes()
PICTURES = Anything()


def read_train(path):
    folder = RunFolder(path.parent, resume=True)
    own_texts.settings.filled(folder.settings({}), 10**6, 28)
    found = folder.record.as_json()
    if found["best"] and found["rounds"]:
        # A training that goes on makes a new one.
        figures = ("order", "num_counted", "bits_per_character", "copied", "held_out_copied")
        found["comparison"] = dict.fromkeys(figures, 1)
        assert _summary(found, "x") and verdict(found) and Axes(curve(found))


def read_reproduce(path):
    found = study.Folder(path.parent, "reproduce", resume=True).record
    measured = dict(map(study.read_training, found.results["runs"]))
    study._not_asked_for(found, CLAIMS, {})
    histories = {}
    for key, history in measured.items():
        histories.setdefault((key.model, key.edition), []).append(history)
    for claim in (*CLAIMS[:10], *on_engine(CLAIMS[:10])):
        evidence_of(claim, histories, "the time traveller", True, False)
    drawn(reproduction.document(found.as_json()))
    assert reproduction.table(found.as_json()) is not None


def read_exercise(path):
    found = answering.recorded(path.parent)
    drawn(exercises.document(found, path.parent))
    assert exercises.table(found)


def read_training(path):
    assert study.read_training(record.read(path).results["measurement"])


def read_sweep(path):
    found = study.Folder(path.parent, "sweep", resume=True).record.as_json()
    drawn(sweep.document(found))
    assert sweep.table(found) is not None


def read_any(path):
    assert record.read(path).as_json()


READERS = {
    "train": (read_train, "run.json"),
    "reproduce": (read_reproduce, "results.json"),
    "exercise": (read_exercise, "gates.json"),
    "training": (read_training, "a.json"),
    "sweep": (read_sweep, "sweep.json"),
    "benchmark": (read_any, "a.json"),
    "own_texts": (read_any, "a.json"),
}


@pytest.mark.campaign
@pytest.mark.parametrize("kind", slow_but(set(READERS) - {"reproduce"}, READERS))
def test_an_altered_record_is_refused_or_read_right(kind, tmp_path, no_pictures):
    read, older = READERS[kind]
    today = "gates.json" if kind == "exercise" else "record.json"
    originals = [(older, FILES[kind].read_text()), (today, json.dumps(example(kind).as_json()))]
    if kind == "reproduce":
        originals.append((today, (ROOT / "results/published-cpu/record.json").read_text()))

    def read_as(name, text):
        path = tmp_path / name
        path.write_text(text)
        try:
            return refused(lambda: read(path))
        finally:
            path.unlink()

    for name, text in originals:
        assert not read_as(name, text)
    assert read_as(today, json.dumps({"schema": 2, "kind": kind}))

    @settings(max_examples=campaign.times(20))
    @given(seeds)
    def alter(seed):
        rng = random.Random(seed)
        # A large one takes long.
        name, text = rng.choice(originals[:2] * 10 + originals[2:])
        read_as(name, altered(text, rng))

    alter()


def saved_again(original, path, rng):
    """Write a checkpoint with an altered state, or altered arrays, and the hash of that."""
    with safetensors.safe_open(original, framework="numpy") as file:
        header = file.metadata()
        params = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if rng.random() < 0.8:
        header["state"] = altered(header["state"], rng)
    else:
        name = rng.choice(sorted(params))
        array = params.pop(name)
        if rng.random() < 0.7:
            changes = [array[:-1], array[None], array.astype("int8"), array.astype("float64")]
            params[rng.choice([name, "more", "learner steps"])] = rng.choice(changes).copy()
    header["sha256"] = checkpoint._digest(params, header["state"])
    path.write_bytes(safetensors.numpy.save(params, header))


def use_model(path, run):
    if not refused(lambda: checkpoint.load(path)):
        saved = checkpoint.load(path)
        refused(lambda: "".join(own_texts.generate(path, "", 3, seed=1)))
        refused(lambda: own_texts.evaluate(path, run / "text"))
        refused(lambda: load_start(path).settings({}))
        refused(lambda: torch_file.to_bytes(weights.from_params(saved.params, saved.config), {}))
        refused(lambda: to_page(path))
        refused(lambda: restore(path))
        return False
    return True


def to_page(path):
    """Make the page of a model, without measuring what rounding changes, which takes longer."""
    learner, vocab, config = load_trained(path)
    taken = weights.taken_apart(learner.params(), config)
    model_page.check(taken, vocab, "float16")
    model_page.to_bytes("name", taken, vocab, config, opening(vocab), "float16")


def use_last(path, run):
    found = record.read(run / "run.json")
    how, size = Settings(**found.settings), found.text["vocab_size"]

    def go_on():
        folder = RunFolder(run, resume=True)
        last = folder.last()
        folder.check_fits(last, model_config(how, size, Rules.of(last.config)))
        assert last.rounds

    (run / "last.safetensors").write_bytes(path.read_bytes())
    return refused(go_on)


def use_training(path, run):
    """Go on with a chapter's training, which is finished."""

    def go_on():
        assert len(tiny_run(path)) >= 1

    return refused(go_on)


def tiny_run(path):
    import mxnet as mx
    import numpy

    import gluon_gru as d2l

    text = "the cat sees a dog and a bird hears the cat " * 6
    vocab = d2l.Vocab(list(text))
    source = numpy.array(vocab[list(text)]), vocab
    data = d2l.SeqDataLoader(4, 5, source=source, rng=random.Random(3))
    model = d2l.RNNModelScratch(
        len(vocab), 5, mx.cpu(), d2l.get_gru_params, d2l.init_gru_state, d2l.gru
    )
    return d2l.train(model, data, vocab, 1, 2, mx.cpu(), checkpoint=path, progress=False)


CHECKPOINTS = {
    "checkpoints/gru.safetensors": use_model,
    "checkpoints/gru-scratch.safetensors": use_model,
    "checkpoints/reset-only.safetensors": use_model,
    "checkpoints/lstm-fused.safetensors": use_model,
    "own_texts/words/model.safetensors": use_model,
    "own_texts/gru/last.safetensors": use_last,
    "checkpoints/gru-scratch.safetensors#": use_training,
}


@pytest.mark.campaign
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_an_altered_checkpoint_is_refused_or_read_right(name, tmp_path):
    run, path, use = tmp_path / "run", tmp_path / "a.safetensors", CHECKPOINTS[name]
    original = OLDER / name.rstrip("#")
    shutil.copytree(OLDER / "own_texts" / "gru", run)
    (run / "text").write_text("the cat sees a dog")
    shutil.copy(original, path)
    assert not use(path, run)
    path.write_bytes(original.read_bytes()[:-1])
    assert use(path, run)

    @settings(max_examples=campaign.times(20))
    @given(seeds)
    def alter(seed):
        saved_again(original, path, random.Random(seed))
        use(path, run)

    alter()


@pytest.mark.campaign
def test_an_altered_vocabulary_is_refused_or_read_right(tmp_path):
    path = tmp_path / "vocab.json"
    original = json.dumps(["<unk>", " ", *"etaoin"])

    @settings(max_examples=campaign.times(50))
    @given(seeds)
    def alter(seed):
        path.write_text(altered(original, random.Random(seed)))
        args = argparse.Namespace(vocab=path, corpus=None)
        refused(lambda: import_._vocabulary(args))

    alter()


@pytest.mark.slow
@pytest.mark.campaign
def test_an_altered_storage_is_refused_or_read_right(tmp_path):
    asked = example("sweep").settings

    @settings(max_examples=campaign.times(5))
    @given(seeds)
    def alter(seed):
        rng, path = random.Random(seed), tmp_path / "study.db"
        shutil.copy(OLDER / "sweep" / "study.db", path)
        with sqlite3.connect(path) as base:
            table = rng.choice(["study_user_attributes", "trial_user_attributes"])
            row, text = rng.choice(
                base.execute(f"SELECT rowid, value_json FROM {table}").fetchall()
            )
            base.execute(
                f"UPDATE {table} SET value_json = ? WHERE rowid = ?",
                (altered(f"[{text}]", rng)[1:-1], row),
            )

        def read():
            with storage.storage_errors(path):
                study = storage.open_study(path, asked, "grid")
                found = record.Record("sweep", asked, {}, [], results.results(study, 3))
            assert len(found.results["trials"]) <= 30

        refused(read)
        pathlib.Path(path).unlink()

    alter()


@pytest.mark.parametrize("size", ["vocab_size", "num_hiddens", "num_layers"])
def test_sizes_that_a_file_claims_allocate_nothing(tmp_path, size):
    path = tmp_path / "a.safetensors"
    saved = checkpoint.load(OLDER / "own_texts" / "gru" / "model.safetensors")
    saved.config[size] = 2**31
    saved.save(path)
    for use in (
        lambda: own_texts.generate(path),
        lambda: restore(path),
        lambda: weights.from_params(checkpoint.load(path).params, checkpoint.load(path).config),
    ):
        with pytest.raises(InputError):
            use()


@pytest.mark.parametrize("size", ["num_hiddens", "num_layers"])
def test_sizes_that_a_record_claims_allocate_nothing(tmp_path, size):
    run = tmp_path / "run"
    shutil.copytree(OLDER / "own_texts" / "gru", run)
    found = json.loads((run / "run.json").read_text())
    # Still fewer weights than are too many.
    found["settings"][size] = 20_000
    (run / "run.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match="last.safetensors"):
        own_texts.train(OLDER / "own_texts" / "toy.txt", run, resume=True)
