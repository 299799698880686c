"""Recorded verdicts on claims about trainings: what they must hold, and those of version 0.1.0.

Version 0.1.0 recorded verdicts on numbers in one form, and on sentences in another.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Iterable, Mapping

from gluon_gru.published.claims import CLAIMS, Claim, on_engine
from gluon_gru.published.judging import Verdict
from gluon_gru.published.trainings import shown

_CLAIMS = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}


def check_verdicts(recorded: Iterable[Mapping[str, Any]]) -> None:
    """Raise ValueError unless recorded verdicts are on claims there are, with all their figures."""
    for verdict in recorded:
        _claim(verdict["claim"], verdict["figures"])


def _claim(name: str, figures: Mapping[str, Any]) -> Claim:
    """Return a claim by its id, after checking that its figures are there."""
    if name not in _CLAIMS:
        raise ValueError(f"it judges {name!r}, which is no claim about trainings")
    claim = _CLAIMS[name]
    needed = {
        "perplexity": ["late", "printed", "p", "power"] if claim.many else [],
        "continuation": ["published", "same"] if claim.many else ["texts", "shares"],
    }.get(claim.quantity, ["further"])
    # A list without an entry is as good as none; a number may be 0.
    missing = [figure for figure in needed if figures.get(figure, []) == []]
    if figures["measured"] and missing:
        raise ValueError(f"the figures of {name!r} lack {', '.join(missing)}")
    return claim


def older_verdict(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return a verdict of version 0.1.0 as today's records hold it.

    Raises:
        ArithmeticError, LookupError, TypeError, ValueError: if it is damaged.
    """
    if "statement" in recorded:
        claim, evidence = recorded["statement"], recorded["found"]
        ran, figures = recorded["ran"], recorded["figures"]
    else:
        # Lists that are empty were those of other quantities.
        further = ("further", "texts", "shares", "spans")
        figures = {name: recorded[name] for name in ("measured", "epochs")}
        figures.update({name: recorded[name] for name in further if recorded.get(name)})
        claim = recorded["claim"]
        found = _claim(claim, figures)
        assert found.protocol is not None
        evidence = shown(found, figures)
        ran = f"{found.protocol.model}, {figures['epochs']} of {found.protocol.num_epochs} epochs"
    return dataclasses.asdict(Verdict(claim, recorded["verdict"], ran, evidence, figures))
