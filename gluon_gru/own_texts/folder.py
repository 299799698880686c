"""The folder of a run on a text of one's own: what it holds, and that all of it is whole.

``model.safetensors`` is the best checkpoint, ``last.safetensors`` what a resumed run goes on from,
``record.json`` the record of it all, ``curve.png`` the picture.
"""

from __future__ import annotations

import math
import time
from typing import Any

from gluon_gru.errors import InputError
from gluon_gru.own_texts.settings import checked
from gluon_gru.runs import checkpoint
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import StrPath, write_whole
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.runs.restore import IN_FOLDER

# Writing takes milliseconds to a second; a killed run loses at most this and a round.
_SAVE_SECONDS = 10


class RunFolder:
    """The folder of a run on a text of one's own.

    Args:
        path: of the folder.
        resume: whether it may hold such a run already, to go on with.

    Raises:
        InputError: if it holds a run and shouldn't, or can't be read.
    """

    def __init__(self, path: StrPath, resume: bool) -> None:
        self._folder = Folder(path, "train", resume)
        self._last: Checkpoint | None = None
        self._best: Checkpoint | None = None
        self._saved_at = -math.inf

    def settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of the run that it holds; those that are given, if it holds none.

        Raises:
            InputError: if some are given that are not that run's, or its record is damaged.
        """
        self._folder.check(given)
        if self._folder.record is None:
            return given
        try:
            return checked(self._folder.record.settings)
        except InputError as error:
            raise InputError(
                f"the record in {str(self._folder.path)!r} can't be read ({error}): give another "
                "folder, or an intact copy"
            ) from error

    def last(self) -> Checkpoint | None:
        """Return the checkpoint to go on from; None before the first."""
        path = self._folder.path / "last.safetensors"
        return checkpoint.load(path) if path.exists() else None

    def begin(
        self,
        settings: dict[str, Any],
        text: dict[str, Any],
        command: str,
        engine: str,
        rounds: list[dict[str, Any]],
    ) -> None:
        """Make the folder, or go on in it, and write the record.

        Args:
            settings, text: see `gluon_gru.runs.record.Record`.
            command: the command line.
            engine: what computes.
            rounds: those that are done; further ones may be appended.

        Raises:
            InputError: if it holds another run, or can't be written to.
        """
        self._folder.begin(settings, text, command, environment("cpu(0)"))
        self.record.results.update(engine=engine, rounds=rounds)
        self._write_record()

    @property
    def record(self) -> Record:
        """The run's record, once it has begun."""
        assert self._folder.record is not None
        return self._folder.record

    def note(self, last: Checkpoint, best: Checkpoint | None) -> None:
        """Take note of the last and, if it is new, the best checkpoint; write if it's time."""
        self._last = last
        self._best = best or self._best
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write what isn't written yet, in an order in which a killed run can be resumed."""
        if self._last is None:
            return
        path = self._folder.path
        if self._best is not None:
            self._best.save(path / IN_FOLDER)
        self._last.save(path / "last.safetensors")
        self._write_record()
        from gluon_gru.own_texts.curve import curve_png

        write_whole(path / "curve.png", curve_png(self.record.as_json()))
        self._best = self._last = None
        self._saved_at = time.monotonic()

    def _write_record(self) -> None:
        rounds = self.record.results["rounds"]
        self.record.results["best"] = best_round(rounds) if rounds else None
        self._folder.write()


def best_round(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the round of the lowest perplexity on the held-out part, the first of equals."""
    return min(rounds, key=lambda done: done["validation_perplexity"])
