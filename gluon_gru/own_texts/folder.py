"""The folder of a run on a text of one's own: what it holds, and that all of it is whole.

``model.safetensors`` is the best checkpoint, ``last.safetensors`` what a resumed run goes on from,
``run.json`` the record of it all, ``curve.png`` the picture.
"""

from __future__ import annotations

import json
import math
import pathlib
import time
from typing import Any

from gluon_gru.cells import OPTIONS
from gluon_gru.errors import InputError
from gluon_gru.own_texts.settings import Settings
from gluon_gru.report.document import Curve, Curves, Point
from gluon_gru.runs import checkpoint
from gluon_gru.runs.restore import IN_FOLDER

# Writing takes milliseconds to a second; a killed run loses at most this and a round.
_SAVE_SECONDS = 10


class Folder:
    """A run's folder.

    Args:
        out: its path.
        resume: whether it may hold a run already, to go on with.

    Attributes:
        record: what ``run.json`` holds; None for a new run.

    Raises:
        InputError: if it holds a run and shouldn't, or can't be read or written.
    """

    def __init__(self, out, resume):
        if not str(out):
            raise InputError("the folder for the run has no name: give one")
        self.path = pathlib.Path(out)
        self.record = self._best = self._last = None
        self._saved_at = -math.inf
        names = ("run.json", IN_FOLDER, "last.safetensors")
        held = [name for name in names if (self.path / name).exists()]
        if held and not resume:
            raise InputError(
                f"{str(out)!r} holds a run already ({held[0]}): go on with it by "
                "--resume (resume=True), or give another folder"
            )
        if held and held[0] != "run.json":
            raise InputError(
                f"{str(out)!r} holds {held[0]}, but no run.json that tells what run "
                "it is of: give another folder"
            )
        if held:
            self.record = self._read(self.path / "run.json")

    @staticmethod
    def _read(path):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not {"settings", "text", "rounds", "invocations"} <= set(record):
                raise ValueError("no record of a run")
            Settings(**record["settings"])
            return record
        except (OSError, TypeError, ValueError) as error:
            raise InputError(
                f"{str(path)!r} can't be read ({error}): give another folder"
            ) from error

    def check_continues(self, given, text):
        """Raise InputError if settings that are given, or the text, are not the record's."""
        unknown = set(given) - set(self.record["settings"])
        if unknown:
            raise InputError(
                f"{', '.join(sorted(unknown))} is no setting: there are "
                f"{', '.join(self.record['settings'])}"
            )
        differences = [
            f"{name} is {recorded!r} there and {given[name]!r} here"
            for name, recorded in self.record["settings"].items()
            if name in given and given[name] != recorded
        ]
        if text and text.sha256 != self.record["text"]["sha256"]:
            differences.append(
                f"its text is {self.record['text']['name']!r} with the SHA-256 "
                f"{self.record['text']['sha256'][:12]}..., this one's is "
                f"{text.sha256[:12]}..."
            )
        if differences:
            raise InputError(
                f"{str(self.path)!r} holds another run: {'; '.join(differences)}: "
                "give the same, or another folder"
            )

    def last(self):
        """Return the `Checkpoint` to go on from, None before the first."""
        path = self.path / "last.safetensors"
        return checkpoint.load(path) if path.exists() else None

    def begin(self, record):
        """Make the folder, and write the record."""
        checkpoint.make_folder(self.path)
        if self.record is None and (self.path / "run.json").exists():
            raise InputError(
                f"{str(self.path)!r} holds a run that was started just now: give another folder"
            )
        self.record = record
        self._write_record()

    def round_ends(self, last, best):
        """Take note of the last and, if it is new, the best `Checkpoint`; write if it's time."""
        self._last = last
        self._best = best or self._best
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()

    def save(self):
        """Write what isn't written yet, in an order in which a killed run can be resumed."""
        if self._last is None:
            return
        if self._best is not None:
            self._best.save(self.path / IN_FOLDER)
        self._last.save(self.path / "last.safetensors")
        self._write_record()
        self.write_curve()
        self._best = self._last = None
        self._saved_at = time.monotonic()

    def _write_record(self):
        rounds = self.record["rounds"]
        self.record["best"] = best_round(rounds) if rounds else None
        checkpoint.write_whole(self.path / "run.json", json.dumps(self.record, indent=1).encode())

    @property
    def curve(self):
        """The path of the picture."""
        return self.path / "curve.png"

    def write_curve(self):
        """Draw perplexity by epoch of the training and the held-out part, the best one marked."""
        from gluon_gru.report.pictures import pictures

        curve = pictures([curves(self.record)])[self.curve.name]
        checkpoint.write_whole(self.curve, curve)


def curves(record: dict[str, Any]) -> Curves:
    """Return the perplexities of a run's record as curves: what ``curve.png`` shows."""
    rounds, settings = record["rounds"], record["settings"]
    epochs, best = [done["epoch"] for done in rounds], best_round(rounds)
    cell = OPTIONS[settings["cell"]].name

    def curve(label, name, dashed):
        return Curve(label, [[done[name] for done in rounds]], cell, epochs, dashed=dashed)

    return Curves(
        f"{record['text']['name']}: {settings['cell']}, {settings['num_layers']} x "
        f"{settings['num_hiddens']} hidden units",
        "curve.png",
        [
            curve("held-out part", "validation_perplexity", False),
            curve("training part", "train_perplexity", True),
        ],
        [
            Point(
                best["epoch"],
                best["validation_perplexity"],
                f"best: {best['validation_perplexity']:.4g}",
                across=False,
            )
        ],
        ylabel=f"perplexity ({settings['tokens']})",
    )


def best_round(rounds):
    """Return the round of the lowest perplexity on the held-out part, the first of equals."""
    return min(rounds, key=lambda done: done["validation_perplexity"])
