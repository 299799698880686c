"""A layer's gates over a text, for a page that shows R and Z of any unit at any token."""

from __future__ import annotations

from typing import Any, Sequence

from gluon_gru.gates.inspection import Gates, memory

#: The most tokens and units on a page: with three digits per value at most 2 MB per layer.
MAX_TOKENS, MAX_UNITS = 2000, 64


def walk(name: str, gates: Gates, units: Sequence[int] | None = None) -> dict[str, Any]:
    """Return a layer's gates over a text, rounded to three digits, as JSON and pages hold it.

    Args:
        name: of the model.
        gates: of the layer.
        units: the numbers of units, from 0; by default those that remember longest.

    Returns:
        A dict: ``name``; ``layer``, from 0; ``tokens``, at most the first `MAX_TOKENS`;
        ``num_tokens``, of the whole text; ``num_units``; ``units``, by default at most
        `MAX_UNITS`, longest memory first; for each of them ``taus``, its time constant in tokens
        (`gluon_gru.gates.inspection.memory`; None if infinite), and ``update`` and ``reset``, Z and
        R at each token; ``mean_update`` and ``mean_reset``, over all units, at each token.
    """
    order, taus = memory(gates)
    units = list(order[:MAX_UNITS] if units is None else units)
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
        values = getattr(gates, gate)[:MAX_TOKENS].astype("float64")
        kept[gate] = values[:, units].T.round(3).tolist()
        kept[f"mean_{gate}"] = values.mean(axis=1).round(3).tolist()
    return kept
