"""The record of a run: one JSON schema for all kinds, into which `read` translates older files.

A record has the fields ``schema`` (its version), ``kind``, ``settings``, ``text`` and
``invocations``, and then the results of its kind.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Callable, Tuple

from gluon_gru.errors import InputError
from gluon_gru.published.records import older_verdict
from gluon_gru.runs.files import JSONObject, StrPath, write_whole
from gluon_gru.text.editions import UNNAMED

#: The version of the schema that is written. Files of version 0.1.0 have none.
SCHEMA = 2

#: The name of a folder's record.
NAME = "record.json"


@dataclasses.dataclass
class Record:
    """What was measured, of what, and how.

    Attributes:
        kind: ``train`` (a text of one's own), ``reproduce``, ``exercises`` (the folder),
            ``exercise`` (one answer), ``training`` (one of the exercises'), ``sweep``,
            ``benchmark`` or ``own_texts`` (the comparison with PyTorch).
        settings: what must stay the same when the run is continued.
        text: the text's ``name``, its ``sha1`` or ``sha256``, and further facts.
        invocations: ``command`` and ``environment`` of each command that worked on it.
        results: the fields of the kind's own.
    """

    kind: str
    settings: JSONObject
    text: JSONObject
    invocations: list[JSONObject]
    results: JSONObject

    def as_json(self) -> JSONObject:
        """Return what the file holds."""
        return {"schema": SCHEMA, **{name: getattr(self, name) for name in _FIELDS}, **self.results}

    def write(self, path: StrPath) -> None:
        """Write to ``path`` by `write_whole`."""
        write_whole(path, json.dumps(self.as_json(), indent=1).encode())

    @property
    def edition(self) -> str:
        """The edition of the book's text that was read, where it was that."""
        return self.text.get("edition", UNNAMED)

    def differences(self, settings: JSONObject, text: JSONObject | None = None) -> list[str]:
        """Return clauses on how settings, and maybe a text, differ from the record's.

        Settings that only one side has are not compared.
        """
        # As the file holds them: a tuple is a list there.
        given = json.loads(json.dumps(settings))
        differences = [
            f"its {name} is {self.settings[name]!r}, not {value!r}"
            for name, value in given.items()
            if name in self.settings and self.settings[name] != value
        ]
        both = [name for name in _HASHES if text and name in text and name in self.text]
        if text and both and text[both[0]] != self.text[both[0]]:
            differences.append(f"its text is {_named(self.text)}, not {_named(text)}")
        if text and "edition" in text and text["edition"] != self.edition:
            differences.append(
                f"it reads the edition {self.edition!r} of the text, not {text['edition']!r}"
            )
        return differences


# The fields that every record has, beside ``schema``.
_FIELDS = ("kind", "settings", "text", "invocations")

_HASHES = ("sha256", "sha1")


def _named(text: JSONObject) -> str:
    name = next(name for name in _HASHES if name in text)
    return f"{text.get('name', 'another one')!r} ({name.upper()} {text[name][:12]}...)"


def read(path: StrPath) -> Record:
    """Read a record, of this version or an older one.

    Raises:
        InputError: if there is none, or it is another program's file or a newer version's.
    """
    try:
        found = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
        schema = found.pop("schema", None)
        if schema == SCHEMA:
            return Record(**{name: found.pop(name) for name in _FIELDS}, results=found)
        if schema is not None:
            raise ValueError(f"it is of schema {schema!r}, this version reads {SCHEMA}")
        for kind, (fields, translate) in _OLDER.items():
            if fields <= set(found):
                return Record(kind, *translate(found))
        raise ValueError("it is no record of this package")
    except (OSError, LookupError, TypeError, ValueError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{str(path)!r} can't be read ({why}): give another folder, or an intact copy"
        ) from error


# Settings, text, invocations and results. The functions that make them of a file of version 0.1.0
# take out of it what has another place today.
_Parts = Tuple[dict, dict, list, dict]


def _train(found: JSONObject) -> _Parts:
    return found.pop("settings"), found.pop("text"), found.pop("invocations"), found


def _reproduce(found: JSONObject) -> _Parts:
    invocations = found.pop("invocations")
    settings = {"device": invocations[-1]["environment"]["device"]} if invocations else {}
    found["verdicts"] = [older_verdict(verdict) for verdict in found["verdicts"]]
    return settings, found.pop("corpus"), invocations, found


def _exercise(found: JSONObject) -> _Parts:
    made = found.pop("record")
    verdicts = [older_verdict(verdict) for verdict in found.pop("findings")]
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


# Kind -> the fields by which its files of version 0.1.0 are known, and what translates them.
_OLDER: dict[str, tuple[set[str], Callable[[JSONObject], _Parts]]] = {
    "train": ({"settings", "text", "rounds", "invocations"}, _train),
    "reproduce": ({"invocations", "corpus", "runs", "verdicts"}, _reproduce),
    "exercise": ({"record", "findings", "tables", "pictures"}, _exercise),
    "training": ({"measurement", "corpus_sha1", "environment", "command"}, _training),
    "sweep": ({"asked", "corpus", "trials", "invocations"}, _sweep),
    "benchmark": ({"contests", "rounds", "threads", "corpus"}, _benchmark),
    "own_texts": ({"command", "texts"}, _own_texts),
}
