"""The folder of a run: whether another invocation may go on in it, and its record.

Everything that writes into a folder of the user's asks here first, so that nothing that was
measured is lost, or mixed with what doesn't belong to it.
"""

from __future__ import annotations

import json
import pathlib
import typing
from typing import Any, Iterable

from gluon_gru.errors import InputError
from gluon_gru.runs import record as records
from gluon_gru.runs.files import StrPath, make_folder
from gluon_gru.runs.record import Record


class _Kind(typing.NamedTuple):
    """What a kind of run leaves in its folder.

    Attributes:
        older: patterns for the records of version 0.1.0, which had other names.
        traces: patterns for the other files by which a run is recognised.
        needs_record: whether these files don't tell by themselves what they belong to.
    """

    older: tuple[str, ...]
    traces: tuple[str, ...] = ()
    needs_record: bool = False


# Version 0.1.0 recorded nothing of a folder of exercises but its answers and trainings.
_ANSWERS = (
    "cells",
    "dependencies",
    "forced-gates",
    "gates",
    "hyperparameters",
    "identities",
    "long-distances",
    "parts",
    "sampling",
)

#: Kind of run -> what it leaves.
KINDS = {
    "train": _Kind(("run.json",), ("model.safetensors", "last.safetensors"), True),
    "reproduce": _Kind(("results.json",), ("checkpoints/*.safetensors",)),
    "exercises": _Kind(
        (*(f"{name}.json" for name in _ANSWERS), "runs/*.json"), ("checkpoints/*.safetensors",)
    ),
    "sweep": _Kind(("sweep.json",)),
    "benchmark": _Kind(("benchmark.json",)),
    "own_texts": _Kind(("own_texts.json",)),
}


class Folder:
    """A run's folder.

    Args:
        path: where it is, or is to be.
        kind: of the run: a key of `KINDS`.
        resume: whether it may hold such a run already, to go on with.
        subfolders: names of the folders in it to make.

    Attributes:
        path: a `pathlib.Path`.
        record: the `Record`; None while there is none.

    Raises:
        InputError: if it holds a run and shouldn't, or another kind of run, or can't be read.
    """

    def __init__(
        self, path: StrPath, kind: str, resume: bool, subfolders: Iterable[str] = ()
    ) -> None:
        if not str(path):
            raise InputError("the folder for the run has no name: give one")
        self.path, self.kind, self._resume = pathlib.Path(path), kind, resume
        self._subfolders = tuple(subfolders)
        self.record: Record | None = None
        self._older: list[pathlib.Path] = []
        traces = KINDS[kind].traces
        there = self._there(records.NAME, *KINDS[kind].older, *traces)
        if there and not resume:
            raise InputError(
                f"{str(path)!r} holds a run already ({there[0].name}): go on with it by --resume "
                "(resume=True), or give another folder"
            )
        if self._there(records.NAME):
            self._read()
        elif there:
            self._read_older()
        if there and self.record is None and KINDS[kind].needs_record:
            raise InputError(
                f"{str(path)!r} holds {there[0].name}, but no {records.NAME} that tells what run "
                "it is of: give another folder"
            )

    def _there(self, *patterns: str) -> list[pathlib.Path]:
        return [path for pattern in patterns for path in sorted(self.path.glob(pattern))]

    def _read(self) -> None:
        self.record = records.read(self.path / records.NAME)
        if self.record.kind != self.kind:
            raise InputError(
                f"{str(self.path)!r} holds a run of another kind, {self.record.kind!r}, not "
                f"{self.kind!r}: give another folder"
            )

    def _read_older(self) -> None:
        """Take over the record of version 0.1.0."""
        older = self._there(*KINDS[self.kind].older)
        found = [records.read(path) for path in older]
        if self.kind == "exercises":
            # Each answer and each training has a record; all of a folder have the same settings.
            settings, text = {}, {}
            for one in reversed(found):
                settings.update(one.settings)
                text.update(one.text)
            self.record = Record(self.kind, settings, text, [], {}) if found else None
        elif found:
            self._older, self.record = older, found[0]

    def check(
        self,
        settings: dict[str, Any],
        text: dict[str, Any] | None = None,
        further: Iterable[str] = (),
    ) -> None:
        """Find out whether the run that the folder holds, if any, is the one that is asked for.

        Args:
            settings: those that are given; see `Record`.
            text: the text's facts, likewise; None if it isn't known yet.
            further: what else differs, clauses such as ``its lr is 1, not 2``.

        Raises:
            InputError: if it is another run; it lists every difference.
        """
        differences = [*(self.record.differences(settings, text) if self.record else ()), *further]
        if differences:
            raise InputError(
                f"{str(self.path)!r} holds another run: {'; '.join(differences)}: ask for the "
                "same, or give another folder"
            )

    def begin(
        self,
        settings: dict[str, Any],
        text: dict[str, Any],
        command: str,
        environment: dict[str, Any],
        further: Iterable[str] = (),
    ) -> Record:
        """Make the folder, or go on in it, and write the record; return that.

        Unfinished files that killed processes left are removed.

        Args:
            settings, text, further: see `check`.
            command: the command line.
            environment: see `gluon_gru.runs.environment.environment`.

        Raises:
            InputError: if it holds another run, or can't be written to.
        """
        self.check(settings, text, further)
        for folder in (self.path, *(self.path / name for name in self._subfolders)):
            make_folder(folder)
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
            self.record = Record(self.kind, json.loads(json.dumps(settings)), text, [], {})
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
        while self._older:
            # What it held is in the new one.
            self._older.pop().unlink()
