"""Verdicts as records hold them, those of version 0.1.0 too."""

from __future__ import annotations

import typing

from gluon_gru.published.claims import CLAIMS, on_engine
from gluon_gru.published.trainings import shown

_CLAIMS = {claim.id: claim for claim in (*CLAIMS, *on_engine(CLAIMS))}


def verdict_recorded(recorded: typing.Mapping[str, typing.Any]) -> dict:
    """Return a recorded verdict with the fields of `gluon_gru.published.judging.Verdict`.

    Version 0.1.0 had one form for sentences and another one for numbers.

    Raises:
        KeyError, TypeError: if it is no verdict.
    """
    if "statement" in recorded:
        return {
            "claim": recorded["statement"],
            "verdict": recorded["verdict"],
            "ran": recorded["ran"],
            "evidence": recorded["found"],
            "figures": recorded["figures"],
        }
    if "measured" in recorded:
        names = ("measured", "epochs", "further", "texts", "shares", "spans")
        # Empty ones were those of other quantities.
        figures = {
            name: recorded[name]
            for name in names
            if recorded.get(name) or name in ("measured", "epochs")
        }
        claim = _CLAIMS[recorded["claim"]]
        protocol = claim.protocol
        assert protocol is not None
        return {
            "claim": claim.id,
            "verdict": recorded["verdict"],
            "ran": f"{protocol.model}, {figures['epochs']} of {protocol.num_epochs} epochs",
            "evidence": shown(claim, figures),
            "figures": figures,
        }
    return {name: recorded[name] for name in ("claim", "verdict", "ran", "evidence", "figures")}
