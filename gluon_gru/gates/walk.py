"""A text that one can walk through on a page, with R and Z of a chosen unit at every token."""

from gluon_gru.gates.inspection import memory
from gluon_gru.gates.picture import shown

#: A page has the text's first so many tokens, and so many units, those that remember longest: with
#: three digits a value that makes about 2 MB a layer at most.
MAX_TOKENS, MAX_UNITS = 2000, 64


def walk(name, gates):
    """Return a layer's gates over a text, rounded to three digits, as JSON and pages hold it.

    Args:
        name: of the model.
        gates: a `gluon_gru.gates.inspection.Gates`.

    Returns:
        A dict: ``name``; ``layer``, from 0; ``tokens``, the first `MAX_TOKENS` of the text that the
        model read; ``num_tokens``, of the whole text; ``num_units``; ``units``, those that remember
        longest, longest first; for each of them ``taus``, the time constants in tokens
        (`gluon_gru.gates.inspection.memory`; None if infinite), and ``update`` and ``reset``, Z and
        R, a list of a value a token; and ``mean_update`` and ``mean_reset``, over all units.
    """
    order, taus = memory(gates)
    units = order[:MAX_UNITS]
    found = {
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
        found[gate] = values[:, units].T.tolist()
        found[f"mean_{gate}"] = (
            getattr(gates, gate)[:MAX_TOKENS].astype("float64").mean(axis=1).round(3).tolist()
        )
    return found


def words(walk):
    """Return a walk's tokens in groups that a line shall not be broken in.

    A list of lists of pairs: a token's place, and what is shown for it.
    """
    groups = [[]]
    for place, token in enumerate(walk["tokens"]):
        groups[-1].append((place, shown(token)))
        if not token.strip() or len(token) > 1 and token != "<unk>":
            groups.append([])
    return [group for group in groups if group]
