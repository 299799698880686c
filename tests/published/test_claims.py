"""The claims are whole, and stand in one place only."""

import pathlib
import re

import pytest

import gluon_gru
from gluon_gru.published.claims import CLAIMS, GROUPS

PACKAGE = pathlib.Path(gluon_gru.__file__).parent


def test_ids_are_unique():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def test_every_training_output_claims_a_perplexity_a_rate_and_two_texts():
    outputs = [group for group in GROUPS if not group.endswith("speedup")]
    assert outputs == ["chapter-scratch", "chapter-concise", "slides-scratch", "slides-concise"]
    for group in outputs:
        assert [claim.quantity for claim in CLAIMS if claim.group == group] == [
            "perplexity",
            "tokens/sec",
            "continuation",
        ]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_has_a_source_and_a_reason_for_its_tolerance(claim):
    assert claim.source.title and claim.source.section and "2019" in claim.source.edition
    assert len(claim.reason) > 20
    assert (claim.tolerance is not None) == (claim.quantity == "perplexity")


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.quantity == "continuation"], ids=lambda claim: claim.id
)
def test_published_texts_are_the_prefixes_and_what_a_page_shows_of_fifty_characters(claim):
    assert claim.protocol.num_predicts == 50
    for text, prefix in zip(claim.says, claim.protocol.prefixes):
        assert text.startswith(prefix)
        # A page does not show spaces at the end.
        assert 48 <= len(text) - len(prefix) <= 50


def test_speedups_are_the_ratios_of_the_published_rates():
    rates = {claim.group: claim.says for claim in CLAIMS if claim.quantity == "tokens/sec"}
    speedups = {claim.group: claim.says for claim in CLAIMS if claim.quantity == "speedup"}
    for source, digits in (("chapter", 13.3), ("slides", 7.2)):
        ratio = rates[f"{source}-concise"] / rates[f"{source}-scratch"]
        assert speedups[f"{source}-speedup"] == ratio
        assert round(ratio, 1) == digits


def test_no_other_module_repeats_a_published_rate_or_text():
    published = [str(claim.says) for claim in CLAIMS if claim.quantity == "tokens/sec"]
    published += [
        text for claim in CLAIMS if claim.quantity == "continuation" for text in claim.says
    ]
    for path in PACKAGE.rglob("*.py"):
        code = path.read_text(encoding="utf-8").replace(",", "").replace("_", "")
        found = [value for value in published if re.search(rf"(?<!\w){value}(?!\w)", code)]
        assert bool(found) == (path.name == "claims.py"), (path, found)
