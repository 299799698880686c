"""The folder of a run on a text of one's own.

It holds ``model.safetensors``, the best model; ``last.safetensors``, where a resumed run continues;
``record.json``; and ``curve.png``, perplexity by epoch.
"""

from __future__ import annotations

import math
import time

from gluon_gru.cells import OPTIONS
from gluon_gru.errors import InputError
from gluon_gru.own_texts.settings import checked
from gluon_gru.report.document import Curve, Curves, Point
from gluon_gru.runs import checkpoint
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import JSONObject, StrPath, write_whole
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.restore import IN_FOLDER

_LAST = "last.safetensors"

# The least time between two saves, each of which takes a second at most.
_SAVE_SECONDS = 10


class RunFolder(Folder):
    """The folder of a run on a text of one's own.

    Args and errors: see `Folder`.
    """

    def __init__(self, path: StrPath, resume: bool) -> None:
        super().__init__(path, "train", resume)
        self._unsaved: dict[str, Checkpoint] = {}
        self._saved_at = -math.inf

    def settings(self, given: JSONObject) -> JSONObject:
        """Return the settings of the run that it holds, or ``given`` if it holds none.

        Raises:
            InputError: if ``given`` differs from them, or the record is damaged.
        """
        self.check(given)
        if self.record is None:
            return given
        try:
            return checked(self.record.settings)
        except InputError as error:
            raise InputError(
                f"the record in {str(self.path)!r} can't be read ({error}): give another folder, "
                "or an intact copy"
            ) from error

    def last(self) -> Checkpoint | None:
        """Return the checkpoint to continue from; None before the first save."""
        path = self.path / _LAST
        return checkpoint.load(path) if path.exists() else None

    def note(self, last: Checkpoint, best: Checkpoint | None) -> None:
        """Keep the last checkpoint, and a new best one; save both if the last save is old."""
        if best:
            self._unsaved[IN_FOLDER] = best
        self._unsaved[_LAST] = last
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write what isn't written yet; wherever it is killed, the run can be resumed."""
        if not self._unsaved:
            return
        for name in (IN_FOLDER, _LAST):
            if name in self._unsaved:
                self._unsaved[name].save(self.path / name)
        self.write()
        assert self.record is not None
        write_whole(self.path / "curve.png", curve_png(self.record.as_json()))
        self._unsaved.clear()
        self._saved_at = time.monotonic()


def curve_png(record: JSONObject) -> bytes:
    """Return a PNG picture of perplexity by epoch, with the best round marked.

    Args:
        record: the content of the run's ``record.json``.
    """
    from gluon_gru.report.pictures import pictures

    rounds, settings, best = record["rounds"], record["settings"], record["best"]
    cell, epochs = OPTIONS[settings["cell"]].name, [done["epoch"] for done in rounds]
    lowest = best["validation_perplexity"]
    block = Curves(
        f"{record['text']['name']}: {settings['cell']}, {settings['num_layers']} x "
        f"{settings['num_hiddens']} hidden units",
        "curve.png",
        [
            Curve(label, [[done[name] for done in rounds]], cell, epochs, dashed=dashed)
            for label, name, dashed in (
                ("held-out part", "validation_perplexity", False),
                ("training part", "train_perplexity", True),
            )
        ],
        [Point(best["epoch"], lowest, f"best: {lowest:.4g}", across=False)],
        ylabel=f"perplexity ({settings['tokens']})",
    )
    return pictures([block])[block.file]
