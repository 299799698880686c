"""The claims are whole, and stand in one place only."""

import pathlib
import re

import pytest

import gluon_gru
from gluon_gru.errors import InputError
from gluon_gru.published.claims import CLAIMS, PROTOCOLS, select
from gluon_gru.published.runs import published_runs
from gluon_gru.text.editions import EDITIONS

PACKAGE = pathlib.Path(gluon_gru.__file__).parent


def test_ids_are_unique():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def test_every_training_output_claims_a_perplexity_a_rate_and_texts():
    groups = dict.fromkeys(claim.group for claim in CLAIMS)
    outputs = [group for group in groups if not group.endswith("speedup")]
    assert outputs[:4] == ["chapter-scratch", "chapter-concise", "slides-scratch", "slides-concise"]
    assert [group for group in outputs if group.startswith("book-2020-09")] == [
        f"book-2020-09-{protocol}" for protocol in PROTOCOLS
    ]
    for group in outputs:
        assert [claim.quantity for claim in CLAIMS if claim.group == group] == [
            "perplexity",
            "tokens/sec",
            "continuation",
        ]


def test_the_published_runs_are_626_of_ten_protocols_whose_counts_are_those_of_the_claims():
    runs = published_runs()
    assert len(runs) == 626 and {run.protocol for run in runs} == set(PROTOCOLS)
    assert {run.edition for run in runs} == set(EDITIONS)
    # Nobody printed an edition before it was.
    assert max(run.built for run in runs if run.edition == "2019") < "2020-09-01"
    assert min(run.built for run in runs if run.edition == "2020-09") > "2020-09-01"
    told = {claim.id: claim.reported for claim in CLAIMS}
    assert told["book-2019-gru-scratch/perplexity"] == "1.1 in 40 of 43, 1.0 in 3"
    assert told["book-2020-09-gru-speedup/speedup"] == "4.3x, 14.1x, 19.9x on gpu(0)"
    # With random sampling: the model that was trained already, and, from April 2021 on, a new one.
    assert told["book-2019-rnn-scratch-random-continued/perplexity"] == (
        "1.3 in 41 of 59, 1.4 in 16, 1.2 in 2"
    )
    assert told["book-2020-09-rnn-scratch-random/perplexity"] == "1.4 in 9 of 16, 1.5 in 7"
    new = [run.built for run in runs if run.protocol == "rnn-scratch-random"]
    assert min(new) == "2021-04-23" and "2021-12-12" not in new


def test_what_a_build_printed_stands_as_it_was_printed():
    """The chapter's, and the slides' of the day: not collapsed, with the double spaces."""
    says = {claim.id: claim.says for claim in CLAIMS}
    assert says["chapter-scratch/perplexity"] == says["chapter-concise/perplexity"] == 1.1
    assert says["chapter-scratch/tokens/sec"] == 14693
    assert says["chapter-concise/tokens/sec"] == 194937
    assert says["chapter-scratch/continuation"] == (
        "time traveller  it s against reason said filby  what reason said",
        "traveller  it s against reason said filby  what reason said",
    )
    assert says["slides-scratch/perplexity"] == 10.6
    assert says["slides-lstm-scratch/perplexity"] == 14.4


@pytest.mark.parametrize(
    "words, groups",
    [
        (["slides-scratch"], {"slides-scratch"}),
        (["chapter"], {"chapter-scratch", "chapter-concise", "chapter-speedup"}),
        (["lstm-deep"], {"book-2019-lstm-deep", "book-2020-09-lstm-deep"}),
    ],
)
def test_claims_are_chosen_by_source_protocol_or_group(words, groups):
    assert {claim.group for claim in select(words)} == groups


@pytest.mark.parametrize("words", [[], ["chapters"], ["chapter", "gru-before"]])
def test_unknown_claims_are_an_error_that_lists_what_there_is(words):
    with pytest.raises(InputError, match="claims .*: choose from the sources chapter, .*gru-scra"):
        select(words)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_has_a_source_and_a_reason_for_its_tolerance(claim):
    assert claim.source.title and claim.source.section and "20" in claim.source.edition
    assert len(claim.reason) > 20
    assert (claim.tolerance is not None) == (claim.quantity == "perplexity" and not claim.many)


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.quantity == "continuation"], ids=lambda claim: claim.id
)
def test_published_texts_are_the_prefixes_and_fifty_characters(claim):
    assert claim.protocol.num_predicts == 50
    for texts in claim.says if claim.many else [claim.says]:
        for text, prefix in zip(texts, claim.protocol.prefixes):
            assert text.startswith(prefix)
            assert len(text) - len(prefix) == 50


def test_speedups_are_the_ratios_of_the_published_rates():
    rates = {claim.group: claim.says for claim in CLAIMS if claim.quantity == "tokens/sec"}
    speedups = {claim.group: claim.says for claim in CLAIMS if claim.quantity == "speedup"}
    for source, digits in (("chapter", 13.3), ("slides", 7.2)):
        ratio = rates[f"{source}-concise"] / rates[f"{source}-scratch"]
        assert speedups[f"{source}-speedup"] == ratio
        assert round(ratio, 1) == digits


def test_no_module_repeats_a_published_rate_or_text():
    published = [run.texts for run in published_runs()]
    texts = {text for pair in published for text in pair}
    rates = {f"{run.tokens_per_sec:.0f}" for run in published_runs() if run.tokens_per_sec > 9999}
    for path in PACKAGE.rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        assert not [text for text in texts if text in code], path
        numbers = set(re.findall(r"(?<!\w)\d{5,}(?!\w)", code.replace(",", "").replace("_", "")))
        assert not numbers & rates, path
