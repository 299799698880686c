"""A page that shows learning: the chapter's GRU from scratch after some epochs of one training."""

from __future__ import annotations

import pathlib
from typing import Iterable

from gluon_gru.convert import model_page
from gluon_gru.convert.rounding import rounding
from gluon_gru.convert.weights import taken_apart
from gluon_gru.own_texts.writing import opening
from gluon_gru.published.claims import SCRATCH, fused
from gluon_gru.runs import checkpoint as checkpoints
from gluon_gru.runs.files import StrPath, exists, write_whole
from gluon_gru.runs.restore import vocabulary
from gluon_gru.studies.reproduce.models import MODELS

#: The page's name, beside the report.
PAGE = "learning.html"

#: The models whose training it may show. On the engine, which trains first, it is there sooner.
SHOWN = fused(SCRATCH.model), SCRATCH.model


def kept(checkpoint: StrPath, epoch: int) -> pathlib.Path:
    """Return the file, beside a training's checkpoint, that keeps the model after an epoch."""
    path = pathlib.Path(checkpoint)
    return path.with_name(f"{path.stem}-epoch{epoch}{path.suffix}")


def write_page(folder: pathlib.Path, checkpoint: StrPath, epochs: Iterable[int]) -> None:
    """Write the page of a training into a folder, if the model was kept after two epochs or more.

    The weights are in float16 if that changes no text that any of the stages writes by itself, see
    `gluon_gru.convert.rounding`; otherwise in float32.

    Args:
        folder: the report's.
        checkpoint: of the training.
        epochs: those after which the model may have been kept. A training that an older version
            began lacks some.

    Raises:
        InputError: if a file can't be read, or the page can't be written.
    """
    files = {epoch: kept(checkpoint, epoch) for epoch in epochs}
    models = {epoch: checkpoints.load(file) for epoch, file in files.items() if exists(file)}
    if len(models) < 2:
        return
    config = models[min(models)].config
    vocab = vocabulary(models[min(models)].vocab)
    start = opening(vocab)
    stages = {
        f"after {epoch} epoch{'s' * (epoch > 1)}": taken_apart(model.params, config)
        for epoch, model in models.items()
    }
    changes = [rounding(model.params, config, start, vocab.unk) for model in models.values()]
    precision = "float16" if all(change.is_harmless for change in changes) else "float32"
    page = model_page.to_bytes(MODELS[SCRATCH.model].name, stages, vocab, config, start, precision)
    write_whole(folder / PAGE, page)
