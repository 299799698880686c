"""The exercises, on small models and the bundled story, held against float64 NumPy."""

import dataclasses
import functools
import html
import json
import pathlib
import random
import re
import shutil

import mxnet as mx
import numpy
import pytest
import reference
from examples import ENVIRONMENT
from mxnet import np

import gluon_gru as d2l
from gluon_gru import models
from gluon_gru.errors import InputError
from gluon_gru.gates import holding
from gluon_gru.models import fused
from gluon_gru.published.claims import Protocol
from gluon_gru.runs.folder import Folder
from gluon_gru.studies.exercises import answering, comparing, trained
from gluon_gru.studies.exercises import influence as influences
from gluon_gru.studies.exercises.catalogue import EXERCISES, STATEMENTS
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.questions import (
    forced_gates,
    gate_decisions,
    hyperparameters,
    invalid_words,
    long_distances,
    parts_of_a_gru,
)
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.studies.sweep.space import Space
from gluon_gru.text.corpus import SAMPLE, find, load_corpus

WRITTEN_BY_0_1_0 = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0" / "exercises"

EPOCHS = 2
SPACE = Space((2, 4), (3,), (0.1, 1), epochs=2, batch_size=16, train_windows=32, valid_windows=16)
STUDIES = {
    "sweep": SPACE,
    "sweep-initialisation": dataclasses.replace(SPACE, init=("pytorch", "normal")),
    "sweep-last-cell": dataclasses.replace(SPACE, num_steps=(2,), lr=(1,)),
}


def float32(values):
    return np.array(values, dtype="float32")


@pytest.fixture(scope="module", autouse=True)
def small_protocols():
    with pytest.MonkeyPatch.context() as patch:
        chapters = Protocol("", EPOCHS, 160, batch_size=4, num_steps=5, num_hiddens=8)
        patch.setattr(trained, "CHAPTERS", chapters)
        patch.setattr(comparing, "_ROUNDS", 1)
        patch.setattr(influences, "DISTANCES", 12)
        patch.setattr(influences, "_PLACES", 2)
        patch.setattr(long_distances, "_DISTANCES", (1, 2))
        patch.setattr(long_distances, "_LENGTHS", (5, 6))
        patch.setattr(long_distances, "NUM_MINIBATCHES", 25)
        patch.setattr(invalid_words, "_BEFORE", 5)
        patch.setattr(invalid_words, "_AFTER", 2)
        patch.setattr(gate_decisions, "_READ", 50)
        patch.setattr(hyperparameters, "_STUDIES", STUDIES)
        for name, value in (("_ROWS", 4), ("_STEPS", 5), ("_WARM_UP", 5), ("_PLACES", 5)):
            patch.setattr(holding, name, value)
        yield


def answer(out, *names, **kwargs):
    return answering.answer(out, names, corpus=SAMPLE, device="cpu", **kwargs)


@pytest.fixture(scope="module")
def answered(tmp_path_factory, small_protocols):
    """Return the folder of a full run, the cells with two seeds, and what it returned."""
    out = tmp_path_factory.mktemp("exercises")
    answer(out, "cells", num_seeds=2, command="python tests")
    return out, answer(
        out, *(name for name in EXERCISES if name != "cells"), resume=True, command="python tests"
    )


def models_in(folder, *names, num_seeds=1, sha1=None):
    """Return trained models of a folder, of the sample unless another text is named."""
    text = find(SAMPLE)
    made_by = {"command": "", "environment": ENVIRONMENT}
    corpus = dataclasses.replace(text, sha1=sha1 or text.sha1)
    opened = Folder(folder, "exercises", True, ["checkpoints"])
    context = Context(opened, corpus, load_corpus(text), mx.cpu(), num_seeds, False, made_by)
    opened.begin(context.settings, context.text_facts, **made_by)
    return trained.trained(names, context)


# Which gates let only the input at t' count.


def numpy_states(params, inputs, schedule, at):
    """Run the book's GRU in float64 with forced gates; return the last state."""
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h = params[:9]
    H = numpy.zeros(W_hh.shape[0])
    for t, x in enumerate(inputs):
        Z = reference.sigmoid(x @ W_xz + H @ W_hz + b_z)
        R = reference.sigmoid(x @ W_xr + H @ W_hr + b_r)
        update, reset = schedule[0] if t < at else schedule[1] if t == at else schedule[2]
        Z, R = Z if update is None else update, R if reset is None else reset
        H = Z * H + (1 - Z) * numpy.tanh(x @ W_xh + (R * H) @ W_hh + b_h)
    return H


def random_params(get_params, seed):
    """Return parameters for 3 inputs and 4 units that are not small, in float64."""
    rng = numpy.random.RandomState(seed)
    return [rng.normal(scale=0.5, size=param.shape) for param in get_params(3, 4, mx.cpu())]


def model_of(forward, params, init_state=d2l.init_gru_state):
    own = [float32(param) for param in params]
    return d2l.RNNModelScratch(3, 4, mx.cpu(), lambda *_: own, init_state, forward)


def with_gates(schedule, at, params):
    forward = functools.partial(d2l.gru, gates=forced_gates.forced(schedule, at))
    return model_of(forward, params)


def by_finite_differences(last, inputs):
    """Return the norms of the derivatives of ``last(inputs)`` by the inputs, (num_steps, 3)."""
    norms = []
    for t in range(len(inputs)):
        columns = []
        for i in range(3):
            moved = numpy.zeros_like(inputs)
            moved[t, i] = 1e-5
            columns.append((last(inputs + moved) - last(inputs - moved)) / 2e-5)
        norms.append(numpy.linalg.norm(columns))
    return norms


@pytest.mark.parametrize("schedule", forced_gates.SCHEDULES.values(), ids=forced_gates.SCHEDULES)
def test_influence_is_the_norm_of_the_jacobian_by_finite_differences(schedule):
    params, at = random_params(models.get_gru_params, 0), 2
    inputs = numpy.random.RandomState(0).normal(size=(6, 3))
    norms, state = influences.influence(with_gates(schedule, at, params), float32(inputs))

    def last(inputs):
        return numpy_states(params, inputs, schedule, at)

    assert state == pytest.approx(last(inputs), abs=1e-5)
    assert norms == pytest.approx(by_finite_differences(last, inputs), rel=1e-3, abs=1e-7)


def test_our_gates_leave_exactly_nothing_of_the_other_inputs_and_the_published_ones_something():
    params = random_params(models.get_gru_params, 1)
    inputs = float32(numpy.random.RandomState(1).normal(size=(8, 3)))

    def counted(schedule):
        norms, _ = influences.influence(with_gates(schedule, 3, params), inputs)
        return numpy.flatnonzero(norms).tolist()

    assert {name: counted(schedule) for name, schedule in forced_gates.SCHEDULES.items()} == {
        "ours": [3],
        "published": [2, 3],
        "published, as explained": [7],
        "not forced": list(range(8)),
    }


def test_influence_takes_an_lstm_with_its_two_states():
    params, zeros = random_params(models.get_lstm_params, 2), numpy.zeros((1, 4))
    inputs = numpy.random.RandomState(5).normal(size=(5, 3))
    model = model_of(d2l.lstm, params, d2l.init_lstm_state)
    norms, state = influences.influence(model, float32(inputs))

    def last(inputs):
        _, (H, _) = reference.scratch(reference.lstm_cell, inputs[:, None], (zeros, zeros), params)
        return H[0]

    assert state == pytest.approx(last(inputs), abs=1e-5)
    assert norms == pytest.approx(by_finite_differences(last, inputs), rel=1e-3)


# Parts of a GRU, as published.


def test_the_published_class_with_an_update_gate_is_an_rnn():
    params, zeros = random_params(models.get_update_only_params, 3), numpy.zeros((2, 4))
    X = numpy.random.RandomState(4).normal(size=(5, 2, 3))
    H = parts_of_a_gru.last_state(
        parts_of_a_gru.published_update_only,
        float32(X),
        float32(zeros),
        [float32(param) for param in params],
    )
    _, (expected,) = reference.scratch(reference.rnn_cell, X, (zeros,), params[3:])
    assert H.asnumpy() == pytest.approx(expected, abs=1e-5)


# A whole run.


def test_every_statement_gets_a_verdict_and_none_is_invented(answered):
    _, answers = answered
    for name, answer in answers.items():
        judged = [verdict["claim"] for verdict in answer["verdicts"]]
        assert judged == [claim.id for claim in EXERCISES[name].statements]
        assert {claim.group for claim in EXERCISES[name].statements} == {name}
    assert set(answers) == set(EXERCISES) and len(STATEMENTS) == 40
    verdicts = {verdict["verdict"] for answer in answers.values() for verdict in answer["verdicts"]}
    assert verdicts <= {"holds", "does not hold", "depends", "answered"}


def test_verdicts_that_need_no_training_are_those_that_mathematics_gives(answered):
    _, answers = answered
    verdicts = {
        verdict["claim"]: verdict
        for name in ("forced-gates", "parts", "identities")
        for verdict in answers[name]["verdicts"]
    }
    for statement in (
        "forced-gates/contains-rnn",
        "forced-gates/skips",
        "forced-gates/resets",
        "identities/concatenation",
        "identities/shapes",
        "identities/state-range",
        "identities/untrained",
        "identities/clipping",
    ):
        assert verdicts[statement]["verdict"] == "holds", statement
    for statement in (
        "forced-gates/reset-alone",
        "forced-gates/published-gates",
        "forced-gates/published-reading",
        "forced-gates/published-formula",
        "parts/published-reset-only",
        "parts/published-update-only",
    ):
        assert verdicts[statement]["verdict"] == "does not hold", statement
    assert "'Z' is not defined" in verdicts["parts/published-reset-only"]["evidence"]
    assert verdicts["parts/published-update-only"]["figures"]["gate_gradient"] == 0
    for norms in verdicts["forced-gates/answer"]["figures"].values():
        assert numpy.flatnonzero(norms).tolist() == [forced_gates._AT]
    batch = verdicts["identities/where-is-the-batch"]["figures"]
    assert batch["apart"] < 1e-5 < 1e-3 < batch["next"]


def test_the_report_has_every_statement_table_and_picture(answered):
    out, answers = answered
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "NOT the book's corpus" in text and "`python tests`" in text
    for name, answer in answers.items():
        assert EXERCISES[name].question in text and EXERCISES[name].reasoning in text
        assert answer["answer"] in text
        for verdict in answer["verdicts"]:
            assert verdict["evidence"] in text and f"### {verdict['claim']}\n" in text
        for chart in answer["charts"]:
            assert f"]({chart['file']})" in text
            assert (out / chart["file"]).read_bytes().startswith(b"\x89PNG")
        for table in answer["tables"]:
            assert f"**{table['title']}**" in text
    assert "cut short" not in text


def test_the_page_has_them_too_and_both_grus_gates_to_walk_through(answered):
    out, answers = answered
    page = html.unescape((out / "report.html").read_text(encoding="utf-8"))
    for answer in answers.values():
        for verdict in answer["verdicts"]:
            assert f'id="{verdict["claim"].replace("/", "")}"' in page
    assert page.count('<details class="fold">') == len(answers)
    # Drawn by the page: no picture is embedded.
    kinds = {"Curves": "curves", "Bars": "bars", "HeatMap": "map"}
    for kind, name in kinds.items():
        number = sum(one["kind"] == kind for answer in answers.values() for one in answer["charts"])
        number += 2 * (kind == "HeatMap")
        assert len(re.findall(f'<figure class="{name}["\\s]', page)) == number
    assert "<img" not in page
    assert [walk["tokens"] for walk in answers["gates"]["walks"]] == [list(gate_decisions.TEXT)] * 2
    assert page.count('class="walk"') == 2


def test_tables_hold_what_was_trained(answered):
    _, answers = answered
    costs, texts, *_ = answers["cells"]["tables"]
    rows = {row[0]: row for row in costs["rows"]}
    vocab_size = len(load_corpus(find(SAMPLE))[1])
    gate = vocab_size * 8 + 8 * 8 + 8
    output = 8 * vocab_size + vocab_size
    for cell, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        assert rows[f"{cell} from scratch"][1] == f"{gates * gate + output:,}"
    runs = models_in(answered[0], "gru-scratch", num_seeds=2)["gru-scratch"]
    middle = sum(run.history.perplexity[-1] for run in runs) / 2
    assert rows["GRU from scratch"][-2].startswith(f"{middle:.3f} (")
    assert [f"`{text}`" for text in runs[0].history.continuations[str(EPOCHS)]] == [
        row[1] for row in texts["rows"] if row[0] == "GRU from scratch"
    ]


def test_trainings_are_those_of_the_library_on_the_engine_and_are_made_once(answered):
    out, _ = answered
    before = {path: path.stat().st_mtime_ns for path in (out / "checkpoints").iterdir()}
    made = models_in(out, "rnn-scratch-random")["rnn-scratch-random"][0].history
    assert before == {path: path.stat().st_mtime_ns for path in (out / "checkpoints").iterdir()}
    d2l.set_seed(1)
    source = load_corpus(find(SAMPLE))
    loader = d2l.SeqDataLoader(4, 5, True, 160, source, random.Random(1))
    model = d2l.RNNModelScratch(
        len(source[1]), 8, mx.cpu(), d2l.get_rnn_params, d2l.init_rnn_state, fused.rnn
    )
    history = d2l.train(model, loader, source[1], 1, EPOCHS, mx.cpu(), use_random_iter=True)
    assert made.perplexity == history.perplexity


def test_a_training_whose_weights_are_gone_is_made_again(answered, tmp_path):
    out, _ = answered
    shutil.copy(out / "record.json", tmp_path)
    made = models_in(tmp_path, "gru-scratch")["gru-scratch"][0]
    assert pathlib.Path(made.checkpoint).exists()
    runs = json.loads((tmp_path / "record.json").read_text())["runs"]
    assert len(runs) == len(json.loads((out / "record.json").read_text())["runs"])
    with pytest.raises(InputError, match="its text is .* give another folder"):
        models_in(tmp_path, "gru-scratch", sha1="another")


@pytest.mark.parametrize("part", ["reset-only-scratch", "update-only-scratch"])
def test_a_part_of_a_gru_trains_on_the_engine_as_its_own_equations_do(part):
    """The engine holds the other gate; the part's own cell, from the same weights, is MXNet's."""
    protocol, vocab = Protocol("", 3, num_hiddens=8), reference.loader().vocab
    d2l.set_seed(1)
    held = MODELS[f"{part}-fused"].make(protocol, len(vocab), mx.cpu())
    own = MODELS[part].make(protocol, len(vocab), mx.cpu())
    # Update gate, reset gate, candidate hidden state, output: without the gate that is held.
    kept = [*held.params[3:]] if part.startswith("reset") else [*held.params[:3], *held.params[6:]]
    for param, value in zip(own.params, kept):
        param[:] = value
    one, other = (
        d2l.train(model, reference.loader(), vocab, 1, 3, mx.cpu()).perplexity
        for model in (held, own)
        for _ in [d2l.set_seed(1)]
    )
    assert one == pytest.approx(other, rel=2e-6)
    for param, value in zip(own.params, kept):
        numpy.testing.assert_allclose(param.asnumpy(), value.asnumpy(), rtol=0, atol=2e-6)


@pytest.mark.slow
def test_quick_cuts_trainings_and_the_verdicts_that_rest_on_them(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "QUICK_EPOCHS", 1)
    answers = answer(tmp_path, "parts", quick=True)
    verdicts = {verdict["claim"]: verdict["verdict"] for verdict in answers["parts"]["verdicts"]}
    assert verdicts["parts/both-needed"] == "cut short"
    assert verdicts["parts/published-reset-only"] == "does not hold"
    runs = json.loads((tmp_path / "record.json").read_text())["runs"]
    assert {len(run["perplexity"]) for run in runs} == {1}


# Gates of a text and a model of the user's.


def checkpoint(answered, name):
    return answered[0] / "checkpoints" / f"{name}.safetensors"


@pytest.mark.parametrize("name", ["gru-concise-seed1", "gru-scratch-seed1"])
def test_gates_of_a_text_and_a_checkpoint(answered, tmp_path, name):
    look = answering.look(tmp_path, "So it IS, 7 so", checkpoint(answered, name), device="cpu")
    report = (tmp_path / "text" / "report.md").read_text(encoding="utf-8")
    assert "    So it IS, 7 so\n" in report
    # Read as the corpus is: small letters, one space for all else.
    assert {row[0]: row[2] for row in look.tables[1].rows} == {
        "`s`": "3",
        "`o`": "2",
        "` `": "3",
        "`i`": "2",
        "`t`": "1",
    }
    assert (tmp_path / "text" / "gates-1.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_every_layer_is_looked_at_and_a_text_may_have_no_ends_of_words(tmp_path):
    loader = reference.loader()
    d2l.set_seed(1)
    d2l.train(
        d2l.RNNModel(mx.gluon.rnn.GRU(4, num_layers=2), len(loader.vocab)),
        loader,
        loader.vocab,
        1,
        1,
        mx.cpu(),
        checkpoint=tmp_path / "two.safetensors",
    )
    look = answering.look(tmp_path, "abc", tmp_path / "two.safetensors", device="cpu")
    assert [table.title.split(":")[0].split(", ")[-1] for table in look.tables] == [
        "layer 0",
        "layer 0",
        "layer 1",
        "layer 1",
    ]
    assert {row[3] for row in look.tables[0].rows} == {""}


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("gru-scratch-seed1", "§§", "'§§' has no token that the model knows"),
        ("rnn-scratch-seed1", "so", "the model's cell is .*rnn"),
        ("lstm-concise-seed1", "so", "the model's cell is LSTM"),
        ("missing", "so", "isn't there"),
    ],
)
def test_texts_and_checkpoints_that_have_no_gates_are_refused(
    answered, tmp_path, name, text, message
):
    with pytest.raises(InputError, match=message):
        answering.look(tmp_path, text, checkpoint(answered, name), device="cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_without_a_checkpoint_a_text_is_checked_before_anything_is_trained(tmp_path):
    with pytest.raises(InputError, match="no token"):
        answering.look(tmp_path, "§", corpus=SAMPLE, device="cpu")
    assert not list(tmp_path.iterdir())
    look = answering.look(tmp_path, corpus=SAMPLE, device="cpu")
    assert len(look.tables) == 4 and len(list((tmp_path / "checkpoints").iterdir())) == 2


# What users get wrong.


def test_a_folder_that_holds_answers_is_refused_without_resume(answered):
    out, _ = answered
    with pytest.raises(InputError, match="--resume"):
        answer(out, "forced-gates")
    with pytest.raises(InputError, match="its quick is False, not True"):
        answer(out, "forced-gates", quick=True, resume=True)


@pytest.mark.slow
def test_what_is_answered_stays_unless_other_seeds_are_asked_for(answered, tmp_path, capsys):
    answer(tmp_path, "forced-gates")
    before = (tmp_path / "forced-gates.json").read_text()
    answer(tmp_path, "forced-gates", resume=True, command="again")
    assert (tmp_path / "forced-gates.json").read_text() == before
    assert "answered already" in capsys.readouterr().err
    answer(tmp_path, "forced-gates", resume=True, num_seeds=2, command="again")
    assert "again" in (tmp_path / "forced-gates.json").read_text()


def test_a_text_too_short_for_the_study_is_refused_before_anything_is_trained(
    tmp_path, monkeypatch
):
    longer = {"sweep": dataclasses.replace(SPACE, train_windows=20000)}
    monkeypatch.setattr(hyperparameters, "_STUDIES", longer)
    with pytest.raises(InputError, match="too short for the exercise hyperparameters"):
        answer(tmp_path / "new", "cells", "hyperparameters")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "names, options, message",
    [
        (("cell",), {}, "cell: choose from cells, dependencies"),
        ((), {}, r"\(none\)"),
        (("cells",), {"num_seeds": 0}, "seeds"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(tmp_path, names, options, message):
    with pytest.raises(InputError, match=message):
        answer(tmp_path / "new", *names, **options)
    assert not (tmp_path / "new").exists()


# Folders that version 0.1.0 wrote.


@pytest.fixture
def written_by_0_1_0(tmp_path):
    folder = tmp_path / "exercises"
    shutil.copytree(WRITTEN_BY_0_1_0, folder)
    return folder


def test_answers_of_an_older_version_are_read_like_todays(written_by_0_1_0):
    for name, answer in answering.recorded(written_by_0_1_0).items():
        old = json.loads((written_by_0_1_0 / f"{name}.json").read_text())
        for finding, verdict in zip(old["findings"], answer["verdicts"]):
            assert set(verdict) == {"claim", "verdict", "ran", "evidence", "figures"}
            assert verdict["evidence"] == finding["found"]
        assert {verdict["claim"] for verdict in answer["verdicts"]} <= {
            claim.id for claim in EXERCISES[name].statements
        }
        assert answer["seeds"] == old["record"]["seeds"] and answer["tables"] == old["tables"]


def test_a_folder_of_an_older_version_is_not_mixed_with_todays_trainings(written_by_0_1_0):
    before = {path: path.read_bytes() for path in written_by_0_1_0.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="edition '2020-09' .* give another folder"):
        answer(written_by_0_1_0, "parts", resume=True)
    assert before == {path: path.read_bytes() for path in before}


def test_a_text_without_a_whole_minibatch_is_refused_before_anything_is_trained(tmp_path):
    (tmp_path / "short.txt").write_text("so it is and so it was")
    with pytest.raises(InputError, match="too short"):
        answering.answer(tmp_path / "new", ["cells"], corpus=tmp_path / "short.txt", device="cpu")
    assert not (tmp_path / "new").exists()
