"""Verdicts, on measurements made up so that the right answer is known."""

import dataclasses

import pytest

from gluon_gru.published.claims import CONCISE, SCRATCH, SCRATCH_SHORT, Claim, Source
from gluon_gru.published.judging import Measurement, judge, verbatim_share, verbatim_spans

SOURCE = Source("a book", "a section", "an edition")
TEXT = "the quick brown fox jumps over the lazy dog"


def measurement(perplexity=1.1, rate=1000.0, epochs=500, model="gru-scratch", seed=1):
    texts = ["time traveller" + TEXT[:50], "traveller" + "x" * 50]
    return Measurement(
        model,
        seed,
        [20.0] * (epochs - 1) + [perplexity],
        [rate / 2] * (epochs - 1) + [rate],
        [1.0] * epochs,
        {str(epoch): texts for epoch in (25, 50, epochs)},
    )


def claim(quantity="perplexity", value=1.1, tolerance=0.05, protocol=SCRATCH, **more):
    return Claim("group", quantity, SOURCE, protocol, value, tolerance, "because", **more)


def verdict(of, *measurements, is_books=True, on_gpu=False):
    return judge(of, list(measurements), TEXT, is_books, on_gpu)


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
    found = verdict(claim(), *[measurement(ppl, seed=i) for i, ppl in enumerate(perplexities)])
    assert (found.verdict, found.measured) == (expected, list(perplexities))


def test_a_claim_at_an_early_epoch_is_read_off_a_longer_run():
    run = measurement()
    run.perplexity[49] = 10.7
    found = verdict(claim(value=10.6, tolerance=0.5, protocol=SCRATCH_SHORT), run)
    assert (found.verdict, found.measured, found.epochs) == ("holds", [10.7], 50)


def test_a_rate_is_other_hardware_on_a_cpu_and_compared_on_a_gpu():
    rate = claim("tokens/sec", 900, None, device="gpu(0)")
    cpu = verdict(rate, measurement())
    assert (cpu.verdict, cpu.measured, cpu.further) == ("other hardware", [1000], [500])
    assert verdict(rate, measurement(), on_gpu=True).verdict == "faster"
    assert verdict(rate, measurement(rate=800.0), on_gpu=True).verdict == "slower"


@pytest.mark.parametrize("rate, expected", [(3000.0, "holds"), (900.0, "does not hold")])
def test_a_speedup_holds_if_the_concise_model_is_faster(rate, expected):
    speedup = claim("speedup", 13.3, None, CONCISE, baseline=SCRATCH)
    found = verdict(speedup, measurement(), measurement(rate=rate, model="gru-concise"))
    assert (found.verdict, found.measured) == (expected, [rate / 1000])


def test_texts_are_shown_side_by_side_with_their_verbatim_shares():
    published = ("time traveller" + "y" * 50, "traveller" + TEXT[3:40])
    found = verdict(claim("continuation", published, None), measurement())
    assert found.verdict == "side by side"
    assert found.shares == [[0, 1], [1, 0]]
    assert found.measured == [0.5]
    assert found.texts == measurement().continuations["500"]


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
    whole = [measurement(), measurement(model="gru-concise")]
    short = [measurement(epochs=25), measurement(epochs=25, model="gru-concise")]
    assert verdict(of, *short).verdict == "cut short"
    assert verdict(of, *short).epochs == 25
    assert verdict(of, *whole, is_books=False).verdict == "not comparable: other corpus"
    assert verdict(of).verdict == "not measured"
    assert verdict(of, measurement()).verdict == "not measured"
    assert verdict(of, *whole).verdict not in ("cut short", "not measured")


def test_another_corpus_gives_no_share_to_the_published_text():
    of = claim("continuation", ("time traveller", "traveller"), None)
    assert [pair[0] for pair in verdict(of, measurement(), is_books=False).shares] == [None, None]


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
    found = verdict(claim("continuation", published, None), measurement())
    assert found.spans == [[[], [[14, 14 + len(TEXT)]]], [[[9, 46]], []]]
    other = verdict(claim("continuation", published, None), measurement(), is_books=False)
    assert [pair[0] for pair in other.spans] == [[], []]


def test_measurements_survive_json():
    assert Measurement(**dataclasses.asdict(measurement())) == measurement()
