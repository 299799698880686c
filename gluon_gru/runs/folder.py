"""The folder of a run: whether another command may work on it, and its record.

Every command that writes into a folder of the user's asks here first, so that no measurement is
lost or mixed with those of another run.
"""

from __future__ import annotations

import collections
import json
import pathlib
from typing import Iterable

from gluon_gru.errors import InputError
from gluon_gru.runs import record as records
from gluon_gru.runs.files import JSONObject, StrPath, exists, make_folder
from gluon_gru.runs.record import Record

# Version 0.1.0 recorded a folder of exercises only in its answers and trainings.
_EXERCISES = (
    "cells dependencies forced-gates gates hyperparameters identities long-distances parts sampling"
)

#: Kind of run -> patterns for its records of version 0.1.0, and for its weights.
KINDS = {
    "train": (("run.json",), ("model.safetensors", "last.safetensors")),
    "reproduce": (("results.json",), ("checkpoints/*.safetensors",)),
    "exercises": (
        (*(f"{name}.json" for name in _EXERCISES.split()), "runs/*.json"),
        ("checkpoints/*.safetensors",),
    ),
    "sweep": (("sweep.json",), ()),
    "benchmark": (("benchmark.json",), ()),
    "own_texts": (("own_texts.json",), ()),
    "settings": ((), ()),
}


class Folder:
    """A run's folder.

    Args:
        path: the folder, which need not exist yet.
        kind: of the run, a key of `KINDS`.
        resume: whether to continue the run that the folder may hold.
        subfolders: names of further folders to make in it.

    Attributes:
        path: a ``pathlib.Path``.
        record: the `Record`; None before the run begins.

    Raises:
        InputError: if it holds a run and ``resume`` is false, if it holds a run of another kind,
            or if its record can't be read.
    """

    def __init__(
        self, path: StrPath, kind: str, resume: bool, subfolders: Iterable[str] = ()
    ) -> None:
        if not str(path):
            raise InputError("the folder for the run has no name: give one")
        self.path, self.kind, self._resume = pathlib.Path(path), kind, resume
        self._subfolders = tuple(subfolders)
        self.record: Record | None = None
        self._replaced: list[pathlib.Path] = []
        # A folder that may not be entered would look empty.
        exists(self.path / records.NAME)
        older, weights = KINDS[kind]
        there = self._there(records.NAME, *older, *weights)
        if there and not resume:
            raise InputError(
                f"{str(path)!r} holds a run already ({there[0].name}): continue it by --resume "
                "(resume=True), or give another folder"
            )
        self._read()
        if there and self.record is None and kind == "train":
            # The checkpoints of the other kinds tell what they are of.
            raise InputError(
                f"{str(path)!r} holds {there[0].name}, but no {records.NAME} that tells what run "
                "it is of: give another folder"
            )

    def _there(self, *patterns: str) -> list[pathlib.Path]:
        return [path for pattern in patterns for path in sorted(self.path.glob(pattern))]

    def _read(self) -> None:
        """Read the record, or take over those of version 0.1.0."""
        file = self.path / records.NAME
        if exists(file):
            self.record = records.read(file)
            if self.record.kind != self.kind:
                raise InputError(
                    f"{str(self.path)!r} holds a run of another kind, {self.record.kind!r}, not "
                    f"{self.kind!r}: give another folder"
                )
            return
        paths = self._there(*KINDS[self.kind][0])
        older = [records.read(path) for path in paths]
        if older and self.kind == "exercises":
            # Each answer and each training has a record, all with the settings of the folder.
            settings, text = (
                dict(collections.ChainMap(*(getattr(one, name) for one in older)))
                for name in ("settings", "text")
            )
            self.record = Record(self.kind, settings, text, [], {})
        elif older:
            self._replaced, self.record = paths, older[0]

    def check(
        self, settings: JSONObject, text: JSONObject | None = None, further: Iterable[str] = ()
    ) -> None:
        """Check that the run in the folder, if any, is the one that is asked for.

        Args:
            settings: some or all of them; see `Record`.
            text: facts of the text, likewise; None if it isn't known yet.
            further: other differences, clauses such as ``its lr is 1, not 2``.

        Raises:
            InputError: if it is another run; the message lists every difference.
        """
        differences = [*(self.record.differences(settings, text) if self.record else ()), *further]
        if differences:
            raise InputError(
                f"{str(self.path)!r} holds another run: {'; '.join(differences)}: ask for the "
                "same, or give another folder"
            )

    def begin(
        self,
        settings: JSONObject,
        text: JSONObject,
        command: str,
        environment: JSONObject,
        further: Iterable[str] = (),
        results: JSONObject | None = None,
    ) -> Record:
        """Begin or continue the run: make the folder, tidy it, and write the record; return that.

        Args:
            settings, text, further: see `check`.
            command: the command line.
            environment: see `gluon_gru.runs.environment.environment`.
            results: those that a new run begins with.

        Raises:
            InputError: if it holds another run, or can't be written to.
        """
        self.check(settings, text, further)
        for name in ("", *self._subfolders):
            make_folder(self.path / name)
        if self.record is None and (self.path / records.NAME).exists():
            # Another process has begun meanwhile.
            if not self._resume:
                raise InputError(
                    f"{str(self.path)!r} holds a run that was started just now: give another folder"
                )
            self._read()
            self.check(settings, text)
        if self.record is None:
            # As the file holds them.
            self.record = Record(
                self.kind, json.loads(json.dumps(settings)), text, [], results or {}
            )
        self.record.invocations.append({"command": command, "environment": environment})
        self.write()
        return self.record

    def write(self) -> None:
        """Write the record, whole or not at all.

        Raises:
            InputError: if it can't be written.
        """
        assert self.record is not None, "begin() first"
        self.record.write(self.path / records.NAME)
        while self._replaced:
            # The new record holds all of it.
            self._replaced.pop().unlink()
