"""The figures in README and docs are those of the records under ``results/``."""

import collections
import pathlib
import statistics

import pytest

from gluon_gru.published.claims import CLAIMS, counts, fused, on_engine
from gluon_gru.published.judging import spread
from gluon_gru.published.runs import published_runs
from gluon_gru.runs.record import read

_ROOT = pathlib.Path(__file__).parents[1]
_README = _ROOT / "README.md"

pytestmark = pytest.mark.skipif(not _README.is_file(), reason="the repository is not at hand")


@pytest.fixture(scope="module")
def results():
    return read(_ROOT / "results" / "reproduce-cpu" / "record.json").results


ROWS = {
    "chapter, from scratch, 500 epochs: perplexity": ["chapter-scratch/perplexity"],
    "chapter, concise, 500 epochs: perplexity": ["chapter-concise/perplexity"],
    "slides, from scratch, 50 epochs: perplexity": ["slides-scratch/perplexity"],
    "slides, concise, 500 epochs: perplexity": ["slides-concise/perplexity"],
    "concise is faster than from scratch": ["chapter-speedup/speedup"],
    "tokens/sec, from scratch": ["chapter-scratch/tokens/sec", "slides-scratch/tokens/sec"],
    "tokens/sec, concise": ["chapter-concise/tokens/sec", "slides-concise/tokens/sec"],
}


def page(name):
    """Return a page's text, its lines joined."""
    return " ".join((_ROOT / name).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name, count", [("README.md", 3), ("docs/reproduce.md", len(ROWS))])
def test_the_tables_of_claims_are_those_of_their_record(results, name, count):
    verdicts = {verdict["claim"]: verdict for verdict in results["verdicts"]}
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (_ROOT / name).read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    shown = {row[0]: row for row in rows if row[0] in ROWS}
    assert len(shown) == count
    for row in shown.values():
        claim, *others = ROWS[row[0]]
        figures = verdicts[claim]["figures"]
        if claim.endswith("perplexity"):
            measured = spread(figures["measured"], "{:.3f}".format)
        else:
            form = "{:.1f}x" if claim.endswith("speedup") else "{:,.0f}"
            measured = f"{spread(figures['further'], form.format)}, two CPU cores"
        assert row[2:] == [measured, verdicts[claim]["verdict"]]
        assert {verdicts[other]["verdict"] for other in others} <= {row[3]}
    # As the tables' heads say.
    assert results["seeds"] == [1, 2, 3]
    if name == "docs/reproduce.md":
        figures = verdicts["slides-lstm-scratch/perplexity"]["figures"]
        middle, least, most = (
            spread(figures["measured"], "{:.3f}".format)[:-1]
            .replace("(", "")
            .replace("to ", "")
            .split()
        )
        assert f"(epoch 50: {middle}, from {least} to {most}, where 14.4 is printed)" in page(name)


def test_the_readmes_texts_were_written_and_published(results):
    quoted = [
        line[2:]
        for line in _README.read_text(encoding="utf-8").splitlines()
        if line.startswith("> ")
    ]
    written = {
        run["seed"]: run["continuations"]["500"]
        for run in results["runs"]
        if run["model"] == "gru-scratch"
    }
    published = {
        text
        for run in published_runs()
        if run.protocol == "gru-scratch"
        for text in (run.time_traveller, run.traveller)
    }
    assert quoted == written[3] and published.issuperset(quoted)


def test_the_readme_compares_the_engine_with_mxnet_as_recorded(results):
    seconds = collections.defaultdict(list)
    for run in results["runs"]:
        seconds[run["model"]].append(sum(run["seconds"]))
    fused, mxnet = (
        f"{statistics.median(seconds[model]):.0f}" for model in ("gru-fused", "gru-scratch")
    )
    assert f"The 500 epochs from scratch take {fused} seconds, against {mxnet} with" in page(
        "README.md"
    )


def test_engine_and_mxnet_agree_as_far_as_the_docs_say(results):
    runs = {(run["model"], run["seed"]): run["perplexity"] for run in results["runs"]}
    pairs = [
        (runs[model, seed], runs[fused(model), seed])
        for model in ("gru-scratch", "gru-concise")
        for seed in results["seeds"]
    ]
    text = page("docs/engine.md")
    assert (
        "first 200 epochs agree with those on MXNet's operators to within 5 parts in 100,0" in text
    )
    assert all(
        a == pytest.approx(b, rel=5e-5, abs=0) for pair in pairs for a, b in zip(*map(first, pair))
    )
    assert "all end between 1.05 and 1.07" in text
    assert all(1.05 <= run[-1] <= 1.07 for pair in pairs for run in pair)


def first(perplexities):
    assert len(perplexities) == 500
    return perplexities[:200]


def trainings(name):
    """Return the perplexities by epoch of a record's trainings, by model, edition and seed."""
    found = read(_ROOT / "results" / name / "record.json")
    runs = {
        (run["model"], run["edition"], run["seed"]): run["perplexity"]
        for run in found.results["runs"]
    }
    return runs, found.invocations[0]["environment"]


def in_both(one, other):
    """Return by how much each epoch's perplexity differs, for each training of both records."""
    return [[abs(a / b - 1) for a, b in zip(one[key], other[key])] for key in one if key in other]


def test_a_training_moves_with_the_number_of_threads_as_far_as_the_docs_say():
    (two, _), (one, environment) = trainings("reproduce-cpu"), trainings("published-cpu")
    assert "in each of 2 workers" in environment["OMP_NUM_THREADS"]
    apart = in_both(two, one)
    assert len(apart) == 12 and all(max(some[:200]) < 1e-13 for some in apart)
    parted = [
        next(i for i, by in enumerate(some) if by > 1e-7) for some in apart if max(some) > 1e-7
    ]
    assert len(parted) == 2 and all(330 < epoch < 350 for epoch in parted)


def test_a_training_moves_with_the_processor_as_far_as_the_docs_say():
    (ours, here), (older, there) = trainings("published-cpu"), trainings("published-family-25-cpu")
    assert "family 26" in here["processor"] and "family 25" in there["processor"]
    assert "avx512" in here["engine"] and "avx512" in there["engine"]
    apart = in_both(ours, older)
    assert len(apart) == 45 and not any(map(max, apart))


def test_a_training_moves_with_the_instruction_set_as_far_as_the_docs_say():
    (ours, _), (avx2, environment) = trainings("published-cpu"), trainings("published-avx2-cpu")
    assert "avx2" in environment["engine"]
    for model, within, first, last in (
        ("gru-fused", 5e-7, 260, 280),
        ("rnn-scratch-fused", 1e-1, 100, 140),
    ):
        apart = in_both({key: ours[key] for key in ours if key[0] == model}, avx2)
        assert len(apart) == 3 and all(max(some[:200]) < within for some in apart)
        parted = [next(i for i, by in enumerate(some, 1) if by > 0.01) for some in apart]
        assert all(first < epoch < last for epoch in parted), parted


def test_the_table_of_published_distributions_is_that_of_its_records():
    claims = {claim.id: claim for claim in on_engine(CLAIMS)}
    text = (_ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    rows, same, words = [], {}, collections.Counter()
    for name, seeds in (("published-cpu", 20), ("published-deep-cpu", 10)):
        found = read(_ROOT / "results" / name / "record.json").results
        assert found["seeds"] == list(range(1, seeds + 1))
        for verdict in found["verdicts"]:
            claim, figures = claims[verdict["claim"]], verdict["figures"]
            if claim.quantity == "perplexity":
                group = claim.group[: -len("-fused")]
                words[verdict["verdict"]] += 1
                rows.append(
                    f"| `{group}` | {claim.reported} | {counts(figures['printed'])} | "
                    f"{verdict['verdict']}, p = {figures['p']:.2g}, power {int(100 * figures['power'])}% |"
                )
            elif claim.quantity == "continuation":
                same[claim.group] = figures["same"]
    assert [line for line in text.splitlines() if line.startswith("| `book-")] == rows
    assert len(rows) == 14
    wrote = same["book-2019-gru-scratch-fused"]
    assert f"these twenty wrote {wrote} letter for letter" in page("docs/reproduce.md")
    for where in (page("README.md"), page("docs/reproduce.md")):
        assert f"{words['holds']} of {len(rows)} distributions hold" in where


def test_the_counts_of_random_sampling_are_those_that_were_published():
    printed = collections.defaultdict(collections.Counter)
    for run in published_runs():
        printed[run.protocol][run.perplexity] += 1
    went_on = printed["rnn-scratch-random-continued"]
    anew = printed["rnn-scratch-random"]
    text = " ".join((_ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8").split())
    assert (
        f"from 1.3 ({went_on[1.3]} of {sum(went_on.values())} builds; 1.4 in {went_on[1.4]}) to "
        f"1.4 or 1.5 ({anew[1.4] + anew[1.5]} of {sum(anew.values())})"
    ) in text


def test_the_two_grus_learn_own_texts_as_alike_as_the_docs_say():
    text = " ".join((_ROOT / "docs" / "own-texts.md").read_text(encoding="utf-8").split())
    assert "On the five texts [below](#results) their perplexities differ by at most 2.5%" in text
    apart = []
    for name in ("own-texts", "own-texts-large"):
        for entry in read(_ROOT / "results" / name / "own_texts.json").results["texts"]:
            runs = (entry["runs"][of] for of in ("the book's GRU", "GRU as cuDNN's"))
            book, other = (run["best"]["validation_perplexity"] for run in runs)
            apart.append(book / other - 1)
    assert len(apart) == 5 and min(apart) < 0 < max(apart)
    assert max(map(abs, apart)) <= 0.025


def test_the_exercises_figures_are_those_of_their_record():
    """Medians over the seeds of the perplexity at the end, and what is lower or longer by how much."""
    answers = {
        name: read(_ROOT / "results" / "exercises-cpu" / f"{name}.json").results
        for name in ("cells", "parts", "sampling")
    }
    evidence = {
        verdict["claim"]: verdict["evidence"]
        for answer in answers.values()
        for verdict in answer["verdicts"]
    }
    text = page("docs/exercises.md")
    trained = read(_ROOT / "results" / "exercises-cpu" / "record.json").results["runs"]
    ends = collections.defaultdict(list)
    for run in trained:
        if len(run["perplexity"]) == 500:
            ends[run["model"]].append(statistics.median(run["perplexity"][-10:]))
    assert {len(ends[name]) for name in ends} == {10}

    def shown(*names):
        return [f"{statistics.median(ends[name]):.3f}" for name in names]

    cells = [
        [f"{cell}-{kind}" for cell in ("rnn", "gru", "lstm")] for kind in ("scratch", "concise")
    ]
    scratch, concise = (", ".join(shown(*names)) for names in cells)
    assert f"from scratch {scratch}; concise {concise}." in text
    reset, update, whole, rnn = shown(
        "reset-only-scratch", "update-only-scratch", "gru-scratch", "rnn-scratch"
    )
    assert (
        f"a reset gate alone ({reset}) and an update gate alone ({update}) end lower than both "
        f"({whole}); the RNN ends at {rnn}"
    ) in text
    for claim, figures in {
        "cells/gru-against-lstm": ["-0.068", "-0.077", "-0.083 to -0.063", "-0.088 to -0.055"],
        "cells/gru-against-rnn": ["2.84 times"],
        "cells/time-to-perplexity": ["perplexity 2: 478 s from scratch, 155 s concise"],
        "sampling/perplexity": ["1.249", "1.674", "1.069", "1.514"],
        "sampling/from-zeros": ["-0.787", "-0.590"],
        "sampling/cost": ["scratch 1.05", "1.00"],
    }.items():
        assert [figure for figure in figures if figure not in evidence[claim]] == []
    assert "takes 2.8 times" in answers["cells"]["answer"]
    assert "0.77 times the LSTM's" in answers["cells"]["answer"]
