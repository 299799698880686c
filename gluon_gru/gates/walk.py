"""A text that one can walk through on a page, with R and Z of a chosen unit at every token."""

from __future__ import annotations

from typing import Any

from gluon_gru.gates.inspection import Gates, memory

#: A page has the text's first so many tokens, and so many units, those that remember longest: with
#: three digits a value that makes about 2 MB a layer at most.
MAX_TOKENS, MAX_UNITS = 2000, 64


def walk(name: str, gates: Gates) -> dict[str, Any]:
    """Return a layer's gates over a text, rounded to three digits, as JSON and pages hold it.

    Args:
        name: of the model.
        gates: of the layer.

    Returns:
        A dict: ``name``; ``layer``, from 0; ``tokens``, the first `MAX_TOKENS` of the text that the
        model read; ``num_tokens``, of the whole text; ``num_units``; ``units``, those that remember
        longest, longest first; for each of them ``taus``, the time constants in tokens
        (`gluon_gru.gates.inspection.memory`; None if infinite), and ``update`` and ``reset``, Z and
        R, a value for each token; and ``mean_update`` and ``mean_reset``, over all units.
    """
    order, taus = memory(gates)
    units = order[:MAX_UNITS]
    kept = {
        "name": name,
        "layer": gates.layer,
        "tokens": list(gates.text[:MAX_TOKENS]),
        "num_tokens": len(gates.text),
        "num_units": len(taus),
        "units": [int(unit) for unit in units],
        "taus": [round(float(tau), 1) if tau < float("inf") else None for tau in taus[units]],
    }
    for gate in ("update", "reset"):
        values = getattr(gates, gate)[:MAX_TOKENS].astype("float64").round(3)
        kept[gate] = values[:, units].T.tolist()
        kept[f"mean_{gate}"] = (
            getattr(gates, gate)[:MAX_TOKENS].astype("float64").mean(axis=1).round(3).tolist()
        )
    return kept
