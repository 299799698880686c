"""The record of what was measured: one schema for all kinds, and older files read as if of it.

A record is a JSON file with the fields ``schema`` (its version), ``kind``, ``settings``, ``text``
and ``invocations``, then those of its kind's results. Version 0.1.0 had a schema for each kind;
`read` translates them.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any, Callable

from gluon_gru.errors import InputError
from gluon_gru.published.records import older_verdict
from gluon_gru.runs.files import StrPath, write_whole

#: The version of the schema that is written. Version 0.1.0's files had none.
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
        settings: what has to be the same for another invocation to go on, a dict.
        text: the text, a dict: its ``name``, its ``sha1`` or ``sha256``, and further facts.
        invocations: of the commands that made it, dicts with ``command`` and ``environment``.
        results: the kind's own, a dict; its names are none of the above, nor ``schema``.
    """

    kind: str
    settings: dict[str, Any]
    text: dict[str, Any]
    invocations: list[dict[str, Any]]
    results: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return what the file holds, a dict."""
        own = {name: getattr(self, name) for name in _FIELDS}
        return {"schema": SCHEMA, **own, **self.results}

    def write(self, path: StrPath) -> None:
        """Write to ``path``, whole or not at all.

        Raises:
            InputError: if it can't be written.
        """
        write_whole(path, json.dumps(self.as_json(), indent=1).encode())

    def differences(
        self, settings: dict[str, Any], text: dict[str, Any] | None = None
    ) -> list[str]:
        """Return how settings, and a text if one is given, differ from the record's, as clauses.

        Settings that only one side has are not compared.
        """
        # As the file holds them: a tuple is a list there.
        given = json.loads(json.dumps(settings))
        differences = [
            f"its {name} is {self.settings[name]!r}, not {value!r}"
            for name, value in given.items()
            if name in self.settings and self.settings[name] != value
        ]
        for hash_name in ("sha256", "sha1"):
            if text and hash_name in text and hash_name in self.text:
                if text[hash_name] != self.text[hash_name]:
                    differences.append(f"its text is {_named(self.text)}, not {_named(text)}")
                break
        return differences


def _named(text: dict[str, Any]) -> str:
    name = next(name for name in ("sha256", "sha1") if name in text)
    return f"{text.get('name', 'another one')!r} ({name.upper()} {text[name][:12]}...)"


# What every record has beside ``schema``.
_FIELDS = ("kind", "settings", "text", "invocations")


def read(path: StrPath) -> Record:
    """Read a record, of this version or an older one.

    Raises:
        InputError: if there is none, or it is another program's file or a newer version's.
    """
    try:
        found = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no record")
        if found.get("schema", 1) not in (1, SCHEMA):
            raise ValueError(f"of schema {found['schema']}, a newer version's")
        if "schema" in found:
            own = {name: found[name] for name in _FIELDS}
            return Record(**own, results=_without(found, "schema", *_FIELDS))
        for fields, translate in _OLDER:
            if fields <= set(found):
                return translate(found)
        raise ValueError("no record of this package")
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} can't be read ({error}): give another folder, or an intact copy"
        ) from error


def _train(found: dict[str, Any]) -> Record:
    results = _without(found, "settings", "text", "invocations")
    return Record("train", found["settings"], found["text"], found["invocations"], results)


def _reproduce(found: dict[str, Any]) -> Record:
    invocations = found["invocations"]
    return Record(
        "reproduce",
        {"device": invocations[-1]["environment"]["device"]} if invocations else {},
        found["corpus"],
        invocations,
        {
            **_without(found, "invocations", "corpus"),
            "verdicts": list(map(older_verdict, found["verdicts"])),
        },
    )


def _exercise(found: dict[str, Any]) -> Record:
    made = found["record"]
    return Record(
        "exercise",
        {"device": made["environment"]["device"], "quick": made["quick"]},
        made["corpus"],
        [_invocation(made)],
        {
            **_without(made, "command", "environment", "quick", "corpus"),
            "verdicts": list(map(older_verdict, found["findings"])),
            "walks": [],
            **_without(found, "record", "findings"),
        },
    )


def _training(found: dict[str, Any]) -> Record:
    return Record(
        "training",
        {"device": found["environment"]["device"]},
        {"sha1": found["corpus_sha1"]},
        [_invocation(found)],
        {"measurement": found["measurement"]},
    )


def _sweep(found: dict[str, Any]) -> Record:
    return Record(
        "sweep",
        found["asked"],
        found["corpus"],
        found["invocations"],
        _without(found, "asked", "corpus", "invocations"),
    )


def _benchmark(found: dict[str, Any]) -> Record:
    return Record(
        "benchmark",
        {name: found[name] for name in ("threads", "rounds")},
        {"name": found["corpus"]},
        [_invocation(found)],
        {name: found[name] for name in ("left_out", "contests")},
    )


def _own_texts(found: dict[str, Any]) -> Record:
    environments = [entry["environment"] for entry in found["texts"][:1] if "environment" in entry]
    return Record(
        "own_texts",
        {},
        {},
        [{"command": found["command"], "environment": one} for one in environments],
        {"texts": found["texts"]},
    )


def _invocation(found: dict[str, Any]) -> dict[str, Any]:
    return {"command": found["command"], "environment": found["environment"]}


def _without(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in names}


# By the fields that a file of version 0.1.0 has, what translates it.
_OLDER: list[tuple[set[str], Callable[[dict[str, Any]], Record]]] = [
    ({"settings", "text", "rounds", "invocations"}, _train),
    ({"invocations", "corpus", "runs", "verdicts"}, _reproduce),
    ({"record", "findings", "tables", "pictures"}, _exercise),
    ({"measurement", "corpus_sha1", "environment", "command"}, _training),
    ({"asked", "corpus", "trials", "invocations"}, _sweep),
    ({"contests", "rounds", "threads", "corpus"}, _benchmark),
    ({"command", "texts"}, _own_texts),
]
