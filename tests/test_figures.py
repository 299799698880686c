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


def test_the_readmes_table_is_that_of_its_record(results):
    verdicts = {verdict["claim"]: verdict for verdict in results["verdicts"]}
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in _README.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    shown = {row[0]: row for row in rows if row[0] in ROWS}
    assert set(shown) == set(ROWS)
    for name, (claim, *others) in ROWS.items():
        figures = verdicts[claim]["figures"]
        if claim.endswith("perplexity"):
            measured = spread(figures["measured"], "{:.3f}".format)
        else:
            form = "{:.1f}x" if claim.endswith("speedup") else "{:,.0f}"
            measured = f"{spread(figures['further'], form.format)}, two CPU cores"
        assert shown[name][2:] == [measured, verdicts[claim]["verdict"]]
        assert {verdicts[other]["verdict"] for other in others} <= {shown[name][3]}
    # As the table's head says.
    assert results["seeds"] == [1, 2, 3]


def test_the_readme_compares_the_engine_with_mxnet_as_recorded(results):
    seconds = collections.defaultdict(list)
    for run in results["runs"]:
        seconds[run["model"]].append(sum(run["seconds"]))
    fused, mxnet = (
        f"{statistics.median(seconds[model]):.0f}" for model in ("gru-fused", "gru-scratch")
    )
    text = " ".join(_README.read_text(encoding="utf-8").split())
    assert f"the 500 epochs from scratch take {fused} seconds, against {mxnet} with" in text


def test_engine_and_mxnet_agree_as_far_as_the_readme_says(results):
    runs = {(run["model"], run["seed"]): run["perplexity"] for run in results["runs"]}
    pairs = [
        (runs[model, seed], runs[fused(model), seed])
        for model in ("gru-scratch", "gru-concise")
        for seed in results["seeds"]
    ]
    text = " ".join(_README.read_text(encoding="utf-8").split())
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


def test_a_training_moves_with_the_number_of_threads_as_far_as_the_docs_say(results):
    found = read(_ROOT / "results" / "published-cpu" / "record.json")
    assert "in each of 2 workers" in found.invocations[0]["environment"]["OMP_NUM_THREADS"]
    one = {(run["model"], run["edition"], run["seed"]): run for run in found.results["runs"]}
    pairs = [
        (run["perplexity"], one[key]["perplexity"])
        for run in results["runs"]
        for key in [(run["model"], run["edition"], run["seed"])]
        if key in one
    ]
    assert len(pairs) == 6
    apart = [[abs(a / b - 1) for a, b in zip(*pair)] for pair in pairs]
    assert all(max(some[:200]) < 1e-13 for some in apart)
    parted = [
        next(i for i, by in enumerate(some) if by > 1e-7) for some in apart if max(some) > 1e-7
    ]
    assert len(parted) == 2 and all(330 < epoch < 350 for epoch in parted)


def test_the_table_of_published_distributions_is_that_of_its_record():
    found = read(_ROOT / "results" / "published-cpu" / "record.json").results
    claims = {claim.id: claim for claim in on_engine(CLAIMS)}
    text = (_ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    rows, same = [], {}
    for verdict in found["verdicts"]:
        claim, figures = claims[verdict["claim"]], verdict["figures"]
        if claim.quantity == "perplexity":
            group = claim.group[: -len("-fused")]
            rows.append(
                f"| `{group}` | {claim.reported} | {counts(figures['printed'])} | "
                f"{verdict['verdict']}, p = {figures['p']:.2g}, power {figures['power']:.0%} |"
            )
        elif claim.quantity == "continuation":
            same[claim.group] = figures["same"]
    assert [line for line in text.splitlines() if line.startswith("| `book-")] == rows
    assert found["seeds"] == [1, 2, 3, 4, 5] and len(rows) == 9
    wrote = same["book-2019-gru-scratch-fused"]
    assert f"these five wrote {wrote} letter for letter" in " ".join(text.split())


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
