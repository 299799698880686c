"""Verdicts, on measurements made up so that the right answer is known."""

import json
import pathlib
import statistics

import pytest

from gluon_gru.published.claims import CLAIMS, PROTOCOLS, SCRATCH, SCRATCH_SHORT, Claim, on_engine
from gluon_gru.published.judging import WORDS, Evidence, judge
from gluon_gru.published.records import older_verdict
from gluon_gru.published.sources import Source
from gluon_gru.published.trainings import evidence_of
from gluon_gru.published.two_samples import LEVEL, POWER, rank_sum_p
from gluon_gru.published.verbatim import verbatim_share, verbatim_spans
from gluon_gru.training.loop import History

CONCISE = PROTOCOLS["gru-concise"]
SOURCE = Source("a book", "a section", "an edition")
TEXT = "the quick brown fox jumps over the lazy dog"
WRITTEN_BY_0_1_0 = pathlib.Path(__file__).parents[1] / "data" / "written_by_0.1.0"


def history(perplexity=1.1, rate=1000.0, epochs=500):
    texts = ["time traveller" + TEXT[:50], "traveller" + "x" * 50]
    return History(
        [20.0] * (epochs - 1) + [perplexity],
        [rate / 2] * (epochs - 1) + [rate],
        [1.0] * epochs,
        {str(epoch): texts for epoch in (25, 50, epochs)},
    )


def claim(quantity="perplexity", says=1.1, tolerance=0.05, protocol=SCRATCH, **more):
    return Claim(
        f"group/{quantity}",
        SOURCE,
        says,
        quantity=quantity,
        protocol=protocol,
        tolerance=tolerance,
        **more,
    )


def verdict(of, *scratch, concise=(), is_books=True, on_gpu=False):
    histories = {SCRATCH.key: scratch, CONCISE.key: concise}
    return judge(of, evidence_of(of, histories, TEXT, is_books, on_gpu))


@pytest.mark.parametrize(
    "cases, word", [([True, True], "holds"), ([False, True], "depends"), ([False], "does not hold")]
)
def test_a_sentence_is_judged_by_its_cases_unless_something_is_in_the_way(cases, word):
    sentence = Claim("group/sentence", SOURCE, "So it is.")
    found = judge(sentence, Evidence("Ran it.", "It showed 7.", iter(cases), {"shown": 7}))
    assert (found.claim, found.verdict) == ("group/sentence", word)
    assert (found.ran, found.evidence, found.figures) == ("Ran it.", "It showed 7.", {"shown": 7})
    assert judge(sentence, Evidence("", "", cases, {}, "cut short")).verdict == "cut short"


@pytest.mark.parametrize(
    "perplexities, expected",
    [
        ([1.06] * 10, "holds"),
        ([1.06] * 9 + [1.3], "holds"),
        ([1.14] * 5 + [1.16] * 5, "does not hold"),
        ([1.01] * 10, "does not hold"),
        ([1.06], "too few runs to tell"),
    ],
)
def test_what_many_builds_printed_is_compared_as_counts(perplexities, expected):
    of = claim(says=(1.1,) * 40 + (1.0,) * 3, tolerance=None, many=True)
    found = verdict(of, *map(history, perplexities))
    assert found.verdict == expected
    printed = [round(value, 1) for value in perplexities]
    assert found.figures["printed"] == printed
    assert found.figures["p"] == rank_sum_p(printed, of.says)
    assert (found.figures["p"] < LEVEL) == (expected == "does not hold")
    assert (found.figures["power"] < POWER) == (expected == "too few runs to tell")
    assert found.figures["late"] == [20.0] * len(perplexities)
    ten = "20.000 (20.000 to 20.000)" if len(perplexities) > 1 else "20.000"
    assert f"last 10 epochs {ten}; p = " in found.evidence


def test_texts_of_many_builds_are_counted_where_ours_are_the_same():
    other = ("time traveller" + "y" * 50, "traveller" + TEXT[:40] + "y" * 10)
    same = ("time traveller" + TEXT[:50], "traveller" + "y" * 50)
    of = claim("continuation", (other, same, same), None, many=True)
    found = verdict(of, history(), history())
    assert found.verdict == "side by side" and found.figures["same"] == 2
    assert found.figures["measured"] == [0.5, 0.5]
    assert found.figures["published"] == [pytest.approx(0.4), 0.5, 0.5]


def test_every_word_is_explained_and_none_is_never_given():
    question = Claim("group/question", SOURCE, "Where?", quantity="question")
    given = {"depends", judge(question, Evidence("", "", [], {})).verdict}
    for of in CLAIMS:
        for runs in ([history()], [history(8, 1e6)], [history(epochs=25)], []):
            for where in ({}, {"is_books": False}, {"on_gpu": True}):
                given.add(verdict(of, *runs, concise=[history()], **where).verdict)
    assert given == set(WORDS) and all(WORDS.values())


@pytest.mark.parametrize(
    "perplexities, expected",
    [
        ((1.06,), "holds"),
        ((1.149,), "holds"),
        ((1.04,), "does not hold"),
        ((1.16,), "does not hold"),
        ((1.06, 1.3, 1.1), "holds"),
        ((1.2, 1.3, 1.1), "does not hold"),
    ],
)
def test_a_perplexity_holds_if_the_median_is_within_the_tolerance(perplexities, expected):
    found = verdict(claim(), *map(history, perplexities))
    assert (found.verdict, found.figures["measured"]) == (expected, list(perplexities))


def test_a_claim_at_an_early_epoch_is_read_off_a_longer_run():
    run = history()
    run.perplexity[49] = 10.7
    found = verdict(claim(says=10.6, tolerance=0.5, protocol=SCRATCH_SHORT), run)
    assert (found.verdict, found.figures["measured"], found.figures["epochs"]) == (
        "holds",
        [10.7],
        50,
    )


def test_a_rate_is_other_hardware_on_a_cpu_and_compared_on_a_gpu():
    rate = claim("tokens/sec", 900, None, device="gpu(0)")
    cpu = verdict(rate, history())
    assert (cpu.verdict, *map(cpu.figures.get, ("measured", "further"))) == (
        "other hardware",
        [1000],
        [500],
    )
    assert verdict(rate, history(), on_gpu=True).verdict == "faster"
    assert verdict(rate, history(rate=800.0), on_gpu=True).verdict == "slower"


@pytest.mark.parametrize("rate, expected", [(3000.0, "direction holds"), (900.0, "does not hold")])
def test_the_direction_of_a_speedup_holds_if_the_concise_model_is_faster(rate, expected):
    speedup = claim("speedup", 13.3, None, CONCISE, baseline=SCRATCH)
    found = verdict(speedup, history(), concise=[history(rate=rate)])
    assert (found.verdict, found.figures["measured"]) == (expected, [rate / 1000])


def test_texts_are_shown_side_by_side_with_their_verbatim_shares():
    published = ("time traveller" + "y" * 50, "traveller" + TEXT[3:40])
    found = verdict(claim("continuation", published, None), history())
    assert found.verdict == "side by side"
    assert found.figures["shares"] == [[0, 1], [1, 0]]
    assert found.figures["measured"] == [0.5]
    assert found.figures["texts"] == history().continuations["500"]


@pytest.mark.parametrize(
    "quantity, value",
    [
        ("perplexity", 1.1),
        ("tokens/sec", 900),
        ("continuation", ("time traveller", "traveller")),
        ("speedup", 2.0),
    ],
)
def test_whatever_was_cut_short_or_on_another_corpus_or_not_run_says_so(quantity, value):
    of = claim(quantity, value, 0.05, CONCISE, baseline=SCRATCH if quantity == "speedup" else None)
    whole, short = [history()], [history(epochs=25)]
    assert verdict(of, *short, concise=short).verdict == "cut short"
    assert verdict(of, *short, concise=short).figures["epochs"] == 25
    assert (
        verdict(of, *whole, concise=whole, is_books=False).verdict == "not comparable: other corpus"
    )
    assert verdict(of).verdict == "not measured"
    assert verdict(of, *whole).verdict == "not measured"
    assert verdict(of, *whole, concise=whole).verdict not in ("cut short", "not measured")


def test_another_corpus_gives_no_share_to_the_published_text():
    of = claim("continuation", ("time traveller", "traveller"), None)
    assert [pair[0] for pair in verdict(of, history(), is_books=False).figures["shares"]] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    "generated, share",
    [
        ("", 0),
        ("quick brow", 1),
        ("quick bro", 0),
        ("quick browZ", 10 / 11),
        ("Zquick brown foxZ", 15 / 17),
        ("lazy dogthe quick", 0),
        ("quick browquick brow", 1),
        ("the quick quick brown", 1),
    ],
)
def test_the_verbatim_share_counts_characters_in_runs_of_ten(generated, share):
    assert verbatim_share(generated, TEXT) == pytest.approx(share)


@pytest.mark.parametrize(
    "generated, spans",
    [
        ("quick brow", [[0, 10]]),
        ("quick bro", []),
        ("Zquick brown foxZ", [[1, 16]]),
        ("quick browquick brow", [[0, 20]]),
        ("quick browZthe quick b", [[0, 10], [11, 22]]),
    ],
)
def test_verbatim_runs_are_found_where_they_are(generated, spans):
    assert verbatim_spans(generated, TEXT) == spans


def test_the_places_of_verbatim_runs_are_counted_from_the_prefix():
    published = ("time traveller" + "y" * 50, "traveller" + TEXT[3:40])
    found = verdict(claim("continuation", published, None), history())
    assert found.figures["spans"] == [[[], [[14, 14 + len(TEXT)]]], [[[9, 46]], []]]
    other = verdict(claim("continuation", published, None), history(), is_books=False)
    assert [pair[0] for pair in other.figures["spans"]] == [[], []]


def test_verdicts_of_older_records_read_like_todays():
    recorded = json.loads((WRITTEN_BY_0_1_0 / "reproduce" / "results.json").read_text())
    by_claim = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}
    for old in recorded["verdicts"]:
        new = older_verdict(old)
        assert (new["claim"], new["verdict"]) == (old["claim"], old["verdict"])
        for name, value in new["figures"].items():
            assert value == old[name]
        quantity = by_claim[old["claim"]].quantity
        assert ("texts" in new["figures"]) == (quantity == "continuation")
        assert ("further" in new["figures"]) == (quantity in ("tokens/sec", "speedup"))
        assert f"{statistics.median(old['measured']):,.3f}"[:3] in new["evidence"] or (
            quantity == "continuation" and "verbatim" in new["evidence"]
        )
    recorded = json.loads((WRITTEN_BY_0_1_0 / "exercises" / "parts.json").read_text())
    for old in recorded["findings"]:
        new = older_verdict(old)
        assert (new["claim"], new["evidence"]) == (old["statement"], old["found"])
        assert all(new[name] == old[name] for name in ("verdict", "ran", "figures"))
