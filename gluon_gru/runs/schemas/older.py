"""Records of version 0.1.0, which had a form for each kind, in the form of today."""

from __future__ import annotations

from typing import Callable, Tuple

from gluon_gru.published.records import older_verdict
from gluon_gru.runs.files import JSONObject
from gluon_gru.text.editions import UNNAMED

# Settings, text, invocations and results. The functions that make them of a file of version 0.1.0
# take out of it what has another place today.
_Parts = Tuple[dict, dict, list, dict]


def _train(found: JSONObject) -> _Parts:
    return found.pop("settings"), found.pop("text"), found.pop("invocations"), found


def _reproduce(found: JSONObject) -> _Parts:
    invocations = found.pop("invocations")
    settings = {"device": invocations[-1]["environment"]["device"]} if invocations else {}
    found["verdicts"] = list(map(older_verdict, found["verdicts"]))
    return settings, found.pop("corpus"), invocations, found


def _exercise(found: JSONObject) -> _Parts:
    made = found.pop("record")
    verdicts = list(map(older_verdict, found.pop("findings")))
    invocation = _invocation(made)
    settings = {"device": invocation["environment"]["device"], "quick": made.pop("quick")}
    text = {**made.pop("corpus"), "edition": UNNAMED}
    return settings, text, [invocation], {**made, "verdicts": verdicts, "walks": [], **found}


def _training(found: JSONObject) -> _Parts:
    invocation = _invocation(found)
    settings = {"device": invocation["environment"]["device"]}
    text = {"sha1": found.pop("corpus_sha1"), "edition": UNNAMED}
    return settings, text, [invocation], found


def _sweep(found: JSONObject) -> _Parts:
    text = {**found.pop("corpus"), "edition": UNNAMED}
    return found.pop("asked"), text, found.pop("invocations"), found


def _benchmark(found: JSONObject) -> _Parts:
    settings = {name: found.pop(name) for name in ("threads", "rounds")}
    return settings, {"name": found.pop("corpus")}, [_invocation(found)], found


def _own_texts(found: JSONObject) -> _Parts:
    command, made = found.pop("command"), found["texts"][:1]
    environments = [entry["environment"] for entry in made if "environment" in entry]
    return {}, {}, [{"command": command, "environment": one} for one in environments], found


def _invocation(found: JSONObject) -> JSONObject:
    return {name: found.pop(name) for name in ("command", "environment")}


# Kind -> the fields by which its files are known, and what translates them.
_OLDER: dict[str, tuple[set[str], Callable[[JSONObject], _Parts]]] = {
    "train": ({"settings", "text", "rounds", "invocations"}, _train),
    "reproduce": ({"invocations", "corpus", "runs", "verdicts"}, _reproduce),
    "exercise": ({"record", "findings", "tables", "pictures"}, _exercise),
    "training": ({"measurement", "corpus_sha1", "environment", "command"}, _training),
    "sweep": ({"asked", "corpus", "trials", "invocations"}, _sweep),
    "benchmark": ({"contests", "rounds", "threads", "corpus"}, _benchmark),
    "own_texts": ({"command", "texts"}, _own_texts),
}


def translated(found: JSONObject) -> JSONObject:
    """Return a record of version 0.1.0 in the form of today, in which it is still to be checked.

    Raises:
        ValueError: if it is none, or lacks what the translation takes for granted.
    """
    for kind, (fields, translate) in _OLDER.items():
        if fields <= set(found):
            try:
                settings, text, invocations, results = translate(found)
            except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
                raise ValueError(f"it is no whole record of version 0.1.0: {error}") from error
            head = {"settings": settings, "text": text, "invocations": invocations}
            return {"kind": kind, **head, **results}
    raise ValueError("it is no record of this package")
