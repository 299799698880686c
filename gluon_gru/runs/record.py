"""The record of a run: one JSON schema for all kinds, into which `read` translates older files.

A record has the fields ``schema`` (its version), ``kind``, ``settings``, ``text`` and
``invocations``, and then the results of its kind.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any, Dict

from gluon_gru.errors import InputError
from gluon_gru.published.records import check_verdicts
from gluon_gru.runs.files import JSONObject, StrPath, write_whole
from gluon_gru.runs.schemas import older
from gluon_gru.runs.schemas.checking import checked, parsed
from gluon_gru.runs.schemas.records import RECORD
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
            ``benchmark``, ``own_texts`` (the comparison with PyTorch) or ``settings`` (of texts of
            one's own, beside each other).
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
    """Read a record, of this version or an older one, all of which is as ``RECORD`` has it.

    Raises:
        InputError: if there is none, or it is damaged, another program's file or a newer version's.
    """
    try:
        found = parsed(pathlib.Path(path).read_bytes(), Dict[str, Any])
        schema = found.pop("schema", None)
        if schema is None:
            found = older.translated(found)
        elif schema != SCHEMA:
            raise ValueError(f"it is of schema {schema!r}, this version reads {SCHEMA}")
        found = checked(found, RECORD)
        if found["kind"] == "reproduce":
            check_verdicts(found["verdicts"])
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{str(path)!r} can't be read ({why}): give another folder, or an intact copy"
        ) from error
    return Record(**{name: found.pop(name) for name in _FIELDS}, results=found)
