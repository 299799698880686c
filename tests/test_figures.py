"""The figures in README and docs are those of the records under ``results/``."""

import collections
import pathlib
import re
import statistics

import pytest

from benchmarks import judging, settings_report
from benchmarks.catalogue import LIMIT, PEERS
from gluon_gru.published.claims import CLAIMS, counts, fused, on_engine
from gluon_gru.published.judging import spread
from gluon_gru.published.runs import published_runs
from gluon_gru.runs.record import read
from gluon_gru.studies.exercises.catalogue import EXERCISES
from gluon_gru.studies.sweep.results import outcomes

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
        "cells/gru-against-lstm": ["-0.063", "-0.071", "-0.086 to -0.055", "-0.091 to -0.062"],
        "cells/gru-against-rnn": ["3.07 times"],
        "cells/time-to-perplexity": ["perplexity 2: 286 s from scratch, 73 s concise"],
        "sampling/perplexity": ["1.243", "1.669", "1.070", "1.514"],
        "sampling/from-zeros": ["-0.799", "-0.578"],
        "sampling/cost": ["scratch 0.99", "0.95"],
    }.items():
        assert [figure for figure in figures if figure not in evidence[claim]] == []
    assert "takes 3.1 times" in answers["cells"]["answer"]
    assert "0.90 times the LSTM's" in answers["cells"]["answer"]


#: A statement -> what its evidence says, and how the docs say it.
_SAID = {
    "hyperparameters/perplexity": {
        "lr 0.1: 13.05, 1: 7.37, 10: 7.85": "ends at 13.05, with 1 at 7.37, with 10 at 7.85",
        "num_steps 32, num_hiddens 64, lr 1": "the most steps and units, 32 and 64",
    },
    "hyperparameters/initialisation": {
        "lr 0.1: 13.39 and 16.83": "13.4 or 16.8",
        "is gives 16.80": "is gives 16.8",
    },
    "long-distances/recall": {
        "RNN 5, GRU 80, GRU from scratch 80, LSTM 10": "80 symbols, the LSTM over 10, the RNN over 5"
    },
    "long-distances/skipping": {
        "RNN 40, GRU 80, GRU from scratch 80, LSTM 80": "skip symbols (80, 80, 40)"
    },
    "long-distances/resetting": {
        "RNN 20, GRU 80, GRU from scratch 80, LSTM 40": "at a break (80, 40, 20)"
    },
    "long-distances/vanishing-gradients": {
        "untrained: RNN 1e-08, 1e-16, 2e-32, GRU 0.001, 2e-06": "2e-06 of the last one in both, and 1e-16",
        "trained: RNN 1, 0.8, 0.3, GRU 1, 0.5,": "the RNN's share, 0.8,",
    },
    "long-distances/lstm-vanishing-gradients": {
        "LSTM 0.001, 2e-06": "in both",
        "LSTM 1, 0.8,": "no lower than theirs",
    },
    "exploding-gradients/clipping": {
        "9 of 10 (RNN from scratch), with clipping then 1.24": "in 9 of 10 seeds; with it those end at 1.24",
        "0 of 10 (RNN concise (rnn.RNN)); 0 of 10 (GRU": "`rnn.RNN` and the GRU don't explode",
    },
    "dependencies/update-long": {
        "after 4.7 (4.0 to 5.2) (GRU from scratch); 4.1": "4.7 (update) in the GRU from",
        "(95% interval -0.1 to +0.9); -0.3 (95% interval -0.7 to +0.1)": "of the differences include 0",
        "with R held 39, with Z held 24": "24 and 22 steps",
        "with R held 57, with Z held 22": "without R's 39 and 57",
    },
    "dependencies/reset-short": {
        "4.2 (3.3 to 5.5) (GRU from scratch); 4.4 (2.9": "within 4.2 characters (reset)"
    },
    "gates/keep-or-not": {"Z: 66%": "in 66% of the units"},
    "gates/word-boundaries": {"Z: 2%": "does so in 2%"},
    "invalid-words/reset": {"R +0.001": "moves by 0.001 or less", "R +0.000": "0.001 or less"},
}


def test_the_docs_say_what_the_exercises_evidence_says():
    text, found = page("docs/exercises.md"), {}
    folder = _ROOT / "results" / "exercises-cpu"
    for name in EXERCISES:
        answer = read(folder / f"{name}.json").results
        assert answer["seeds"] == (3 if name == "hyperparameters" else 10)
        found.update((verdict["claim"], verdict["evidence"]) for verdict in answer["verdicts"])
    for claim, pairs in _SAID.items():
        for evidence, said in pairs.items():
            assert evidence in found[claim], claim
            assert said in text, said
    (table,) = read(folder / "exploding-gradients.json").results["tables"]
    assert "276 (266 to 288)" in table["rows"][0] and "after 266 to 288 epochs" in text


def test_the_published_grid_is_that_of_its_record():
    """All 100 points with three seeds each; the best and the worst of them at each learning rate."""
    found = read(_ROOT / "results" / "exercises-cpu" / "sweep-full" / "record.json").results
    every, text = outcomes(found["trials"]), page("docs/exercises.md")
    assert {len(one.complete) for one in every} == {3} and len(every) == 100
    assert all(one.point["init"] == "pytorch" for one in every)

    def at(one):
        return f"{one.point['num_steps']}, {one.point['num_hiddens']}"

    def shown(values):
        return spread(values, "{:.2f}".format)

    for lr in (0.01, 0.1, 1, 10):
        points = [one for one in every if one.point["lr"] == lr]
        best, *_, worst = points
        lowest = min(points, key=lambda one: statistics.median(one.best))
        row = (
            f"| {lr:g} | {shown(best.last)} at {at(best)} | {shown(lowest.best)} at {at(lowest)} |"
        )
        assert f"{row} {statistics.median(worst.last):.2f} at {at(worst)} |" in text
        if lr == 0.01:
            assert min(best.last) > found["baselines"]["frequencies"]
    assert f"character is, which gives {found['baselines']['frequencies']:.1f}" in text

    def along(axis, **point):
        values = {one.point[axis]: one for one in every if point.items() <= one.point.items()}
        return [values[value] for value in sorted(values)]

    def listed(values):
        *most, last = (f"{statistics.median(value):.2f}" for value in values)
        return f"{', '.join(most)} and {last}"

    by_steps = along("num_steps", num_hiddens=64, lr=1)
    assert f"from 8 to 128 steps, it ends at {listed(one.last for one in by_steps)};" in text
    seconds = [one.of("seconds") for one in by_steps]
    assert all(1.5 < more / less < 2.5 for less, more in zip(seconds, seconds[1:]))
    by_units = along("num_hiddens", num_steps=128, lr=1)
    assert f"from 8 to 128 units, it ends at {listed(one.last for one in by_units)}." in text
    fast = along("num_steps", num_hiddens=128, lr=10)
    assert f"from 8 to 128 steps, it ends at {listed(one.last for one in fast)};" in text
    assert f"those stood at {listed(one.best for one in fast)}." in text
    for trial in every[0].complete:
        # The last word may be cut off.
        assert set(trial["continuation"].split()[2:-1]) <= {"the", "and", "time"}


def by_measure(name):
    """Return the contests of a benchmark's record, by measure, and the seconds it took."""
    found, contests = read(_ROOT / "results" / name / "record.json").results, {}
    for contest in found["contests"]:
        contests.setdefault(contest["measure"], []).append(contest)
    return contests, found["seconds"]


def figures(contests, over):
    """Return the figures of contests whose goals are over something."""
    every = (figure for contest in contests for figure in judging.figures(contest))
    return [figure for figure in every if figure.over == over]


def span(contests, over, form):
    """Return from which value to which a figure goes; nothing without one."""
    values = [figure.value for figure in figures(contests, over)]
    return " to ".join(
        dict.fromkeys(form(end) for end in (min(values), max(values))) if values else ()
    )


def test_the_table_of_all_shapes_is_that_of_its_records():
    """By measure: how many shapes, from which share to which, and how many times as fast."""
    (zen, seconds), (avx2, _), (xeon, _) = (
        by_measure(f"benchmark-{machine}-cpu") for machine in ("zen", "zen-avx2", "xeon")
    )
    text = page("docs/engine.md")
    for measure in zen.keys() - {"threads", "block"}:
        shares = [
            span(contests.get(measure, ()), LIMIT, "{:.0%}".format)
            for contests in (zen, avx2, xeon)
        ]
        times = [span(contests[measure], PEERS, "{:.2f}".format) for contests in (zen, xeon)]
        cells = [len(zen[measure]), shares[0], times[0], shares[1], shares[2], times[1]]
        row = " | ".join(["", measure, *map(str, cells), ""])
        assert " ".join(row.split()) in text, row
    assert f"{seconds:.0f} seconds)" in text
    met, met_avx2 = (
        [figure.met for figure in figures(sum(contests.values(), []), LIMIT)]
        for contests in (zen, avx2)
    )
    assert f"at {sum(met)} of {len(met)} shapes with AVX-512, and at" in text
    assert f"and at {sum(met_avx2)} of {len(met_avx2)} with AVX2" in text
    alone = span(zen["threads"], "engine, 1 thread", "{:.2f}".format)
    assert f"Two threads are {alone} times as fast as one" in text
    block = span(zen["block"], "PyTorch nn.GRU", "{:.2f}".format)
    assert f"the Gluon block trains {block} times as fast" in text
    small = span(zen["small"], "engine, 1 thread", "{:.2f}".format)
    assert f"and {small} times with small models" in text
    few = [one for one in zen["shapes"] if one["num_hiddens"] == 128]
    assert f"(128: {span(few, LIMIT, '{:.0%}'.format)})" in text
    for contests, num_hiddens, said in (
        (zen, 256, "with one layer of 256 units"),
        (zen, 512, "with two of 512"),
        (xeon, 512, ": then each token"),
    ):
        ratios = sorted(
            figure.value
            for contest in contests["writing"]
            for figure in judging.figures(contest)
            if contest["num_hiddens"] == num_hiddens and figure.over.endswith("Cell")
        )
        written = f"{ratios[0]:.2f} to {ratios[-1]:.2f} times"
        assert re.search(rf"{written}[a-zA-Z' ]*{said}", text), written
    for contests in (zen, xeon):
        whole = [
            measure
            for measure, some in contests.items()
            if all(figure.met for figure in figures(some, PEERS))
            and measure not in ("threads", "block", "generation")
        ]
        shapes = sum(len(contests[measure]) for measure in whole)
        assert f"At none of {shapes} shapes does PyTorch (without `torch.compile`), JAX" in page(
            "README.md"
        )


def test_what_is_said_of_compiled_peers_is_in_its_record():
    contests = read(_ROOT / "results" / "benchmark-compiled-cpu" / "record.json").results[
        "contests"
    ]
    gru, rnn = (judging.figures(contest)[0].value for contest in contests)
    text = page("docs/engine.md")
    assert f"faster than its `nn.GRU`, and the engine {gru:.2f} times as fast" in text
    assert f"the engine {rnn:.2f} times as fast as `nn.RNN`" in text


def test_what_is_said_of_tiny_shakespeare_is_in_its_record():
    record = read(_ROOT / "results" / "shakespeare-cpu" / "record.json")
    docs, readme = page("docs/own-texts.md"), page("README.md")
    rows = settings_report.table(record.as_json()).rows
    for row in rows:
        assert " ".join(" | ".join(row[1:]).split()) in docs, row
    runs = collections.defaultdict(list)
    for run in record.results["runs"]:
        runs[run["candidate"]].append(run)

    def seconds(candidate, loss):
        after = [settings_report.minutes_to(run, loss) for run in runs[candidate]]
        return f"{60 * statistics.median(after):.0f} seconds"

    nanogpt, published = record.settings["beside"]
    assert (
        f"a validation loss of 1.88 in {seconds(2, 1.88)}, where nanoGPT's CPU command takes "
        f"{60 * nanogpt['minutes']:.0f} seconds to {nanogpt['loss']:.2f}; 1.50 in {seconds(1, 1.5)}; "
        f"1.47, which nanoGPT reports for an A100, in {seconds(0, 1.47)}"
    ) in readme
    assert f"{published['loss']:.2f}" == "1.47"
    best = statistics.median(min(run["losses"]) for run in runs[0])
    minutes = statistics.median(run["minutes"][-1] for run in runs[0])
    in_windows = statistics.median(run["windows"]["256"] for run in runs[0])
    assert (
        f"ends at {best:.2f} after {minutes:.1f} minutes, at {in_windows:.2f} in windows as nanoGPT's"
    ) in readme
    (sample,) = re.findall("```text\n(.*?)\n?```", _README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(sample) >= 200 and runs[0][0]["sample"].startswith(sample)
