"""The folder of a run on a text of one's own.

It holds ``model.safetensors``, the best model; ``last.safetensors``, where a resumed run continues;
``record.json``; ``history.csv``, its rounds as a table; and ``curve.png``, perplexity by epoch.
"""

from __future__ import annotations

import csv
import io
import math
import random
import time
from typing import Any, NamedTuple, Sequence

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.engine.layout import check_model
from gluon_gru.report.document import Curve, Curves, Point
from gluon_gru.report.pictures import pictures
from gluon_gru.runs import checkpoint
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import JSONObject, StrPath, write_whole
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.restore import IN_FOLDER, vocabulary
from gluon_gru.runs.schemas.checking import checked
from gluon_gru.runs.schemas.checkpoints import Place
from gluon_gru.text.vocabulary import Vocab

_LAST, _HISTORY = "last.safetensors", "history.csv"

# The least time between two saves, each of which takes a second at most.
_SAVE_SECONDS = 10


class Last(NamedTuple):
    """Where a training continues.

    Attributes:
        config, vocab: the model's.
        model, learner: the parameters, and the learner's state.
        random_state: before the epoch.
        rounds: the measurements of those that are done; none yet where the training has just
            started from another model.
        place: how many minibatches of the epoch are done.
        done: how many steps are done.
    """

    config: JSONObject
    vocab: Vocab
    model: dict[str, numpy.ndarray]
    learner: dict[str, numpy.ndarray]
    random_state: Sequence[Any]
    rounds: list[JSONObject]
    place: int
    done: int


class RunFolder(Folder):
    """The folder of a run on a text of one's own.

    Args and errors: see `Folder`.
    """

    def __init__(self, path: StrPath, resume: bool) -> None:
        super().__init__(path, "train", resume)
        self._unsaved: dict[str, Checkpoint] = {}
        self._saved_at = -math.inf

    @property
    def started_from(self) -> JSONObject | None:
        """The facts of the model that the run in the folder started from: see `Start.facts`."""
        return self.record.results.get("started_from") if self.record else None

    def settings(self, given: JSONObject, start: JSONObject | None = None) -> JSONObject:
        """Return the settings of the run that it holds, or ``given`` if it holds none.

        Args:
            given: some or all of them.
            start: the facts of the model to start from; None if none was named.

        Raises:
            InputError: if ``given`` differs from them, or the run started from another model.
        """
        ours, differences = self.started_from, []
        if self.record and start and (not ours or ours["sha256"] != start["sha256"]):
            differences = [f"it started from {_start_named(ours)}, not {_start_named(start)}"]
        self.check(given, further=differences)
        return self.record.settings if self.record else given

    def last(self) -> Last | None:
        """Return where to continue the training of a model; None before the first save.

        Raises:
            InputError: if the checkpoint is damaged.
        """
        path = self.path / _LAST
        if not path.exists():
            return None
        saved = checkpoint.load(path)
        parts: dict[str, dict[str, numpy.ndarray]] = {"model": {}, "learner": {}}
        for name, array in saved.params.items():
            of, _, name = name.partition(" ")
            parts.setdefault(of, {})[name] = array
        with checkpoint.naming(path):
            place = checked(saved.history, Place)
            vocab = vocabulary(saved.vocab, saved.config.get("vocab_size"))
            checkpoint.set_state(random.Random(), saved.random_state)
        assert saved.random_state is not None
        params = parts["model"], parts["learner"]
        return Last(saved.config, vocab, *params, saved.random_state, **place)

    def check_fits(self, last: Last, config: JSONObject) -> None:
        """Raise InputError if what `last` returned is of another model than a config describes."""
        with checkpoint.naming(self.path / _LAST):
            check_model(last.model, config)

    def note(self, last: Checkpoint, best: Checkpoint | None) -> None:
        """Keep the last checkpoint, and a new best one; save both if the last save is old."""
        if best:
            self._unsaved[IN_FOLDER] = best
        self._unsaved[_LAST] = last
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()

    def write(self) -> None:
        """Write the record, and its rounds as a table: see `Folder.write`."""
        super().write()
        assert self.record is not None
        rounds = self.record.results.get("rounds")
        if rounds:
            write_whole(self.path / _HISTORY, _csv(rounds))

    def save(self) -> None:
        """Write what isn't written yet; wherever it is killed, the run can be resumed."""
        if not self._unsaved:
            return
        for name in (IN_FOLDER, _LAST):
            if name in self._unsaved:
                self._unsaved[name].save(self.path / name)
        self.write()
        assert self.record is not None
        if self.record.results["rounds"]:
            for name, png in pictures([curve(self.record.as_json())]).items():
                write_whole(self.path / name, png)
        self._unsaved.clear()
        self._saved_at = time.monotonic()


def _csv(rounds: list[JSONObject]) -> bytes:
    table = io.StringIO()
    writer = csv.DictWriter(table, rounds[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rounds)
    return table.getvalue().encode()


def _start_named(facts: JSONObject | None) -> str:
    if not facts:
        return "new weights"
    return f"the model {facts['name']!r} (SHA-256 {facts['sha256'][:12]}...)"


def curve(record: JSONObject) -> Curves:
    """Return perplexity by epoch, with the best round marked.

    Args:
        record: the content of the run's ``record.json``.
    """
    rounds, settings, best = record["rounds"], record["settings"], record["best"]
    cell, epochs = OPTIONS[settings["cell"]].name, [done["epoch"] for done in rounds]
    lowest = best["validation_perplexity"]
    return Curves(
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
