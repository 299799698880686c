"""Judging: a `Claim` and the `Evidence` on it give a `Verdict`, whatever kind of claim it is."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Callable, Iterable, Sequence

from gluon_gru.published.claims import Claim

#: The words of verdicts, and what each means.
WORDS = {
    "holds": "the evidence agrees in every case",
    "depends": "it agrees in some cases and not in others",
    "does not hold": "it agrees in no case",
    "answered": "a question: the evidence is its answer",
    "direction holds": "the faster model is the same; by how much is a matter of hardware",
    "too few runs to tell": "a difference of one printed decimal could have gone unseen",
    "faster": "a rate, measured on a GPU, at least as high as the published one",
    "slower": "a rate, measured on a GPU, below the published one",
    "other hardware": "a rate, measured elsewhere: not to be compared",
    "side by side": "texts, which another random start always changes: shown, not compared",
    "cut short": "it rests on trainings shorter than the source's",
    "not comparable: other corpus": "it rests on another text than the source's",
    "not measured": "a training that it needs is missing",
}


@dataclasses.dataclass
class Evidence:
    """What was run to judge a claim, and what came of it.

    Attributes:
        ran: what was run, a sentence.
        shows: what came of it, with the figures, a sentence.
        cases: whether the claim is right, once for each case that was looked at.
        figures: the numbers for programs, as JSON holds them.
        limit: a word of `WORDS` if the cases can't decide, since that is in their way.
    """

    ran: str
    shows: str
    cases: Iterable[bool]
    figures: dict
    limit: str = ""


@dataclasses.dataclass
class Verdict:
    """What became of a claim.

    Attributes:
        claim: the `Claim`'s id.
        verdict: one of `WORDS`.
        ran, evidence: what was run and what it shows, a sentence each.
        figures: the numbers for programs; of trainings, see
            `gluon_gru.published.trainings.evidence_of`.
    """

    claim: str
    verdict: str
    ran: str
    evidence: str
    figures: dict


def judge(claim: Claim, evidence: Evidence) -> Verdict:
    """Return the `Verdict` on a claim."""
    cases = list(evidence.cases)
    word = "holds" if all(cases) else "depends" if any(cases) else "does not hold"
    if claim.quantity == "tokens/sec":
        word = "faster" if all(cases) else "slower"
    elif claim.quantity == "speedup" and word == "holds":
        word = "direction holds"
    elif claim.quantity == "continuation":
        word = "side by side"
    elif claim.quantity == "question":
        word = "answered"
    return Verdict(claim.id, evidence.limit or word, evidence.ran, evidence.shows, evidence.figures)


def spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Return the median of ``values``, and their range if there are several, each by ``form``."""
    text = form(statistics.median(values))
    return text if len(values) < 2 else f"{text} ({form(min(values))} to {form(max(values))})"
