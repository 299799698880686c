"""Verdicts as version 0.1.0 recorded them: of numbers in one form, of sentences in another."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping

from gluon_gru.published.claims import CLAIMS, on_engine
from gluon_gru.published.judging import Verdict
from gluon_gru.published.trainings import shown

_CLAIMS = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}


def older_verdict(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return a verdict of version 0.1.0 as today's records hold it.

    Raises:
        KeyError: if it is no verdict.
    """
    if "statement" in recorded:
        claim, evidence = recorded["statement"], recorded["found"]
        ran, figures = recorded["ran"], recorded["figures"]
    else:
        # Lists that are empty were those of other quantities.
        further = ("further", "texts", "shares", "spans")
        figures = {name: recorded[name] for name in ("measured", "epochs")}
        figures.update({name: recorded[name] for name in further if recorded.get(name)})
        claim, protocol = recorded["claim"], _CLAIMS[recorded["claim"]].protocol
        assert protocol is not None
        evidence = shown(_CLAIMS[claim], figures)
        ran = f"{protocol.model}, {figures['epochs']} of {protocol.num_epochs} epochs"
    return dataclasses.asdict(Verdict(claim, recorded["verdict"], ran, evidence, figures))
