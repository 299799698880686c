"""The published runs: 626 printed results of ten protocols, from all builds that are still kept.

They stand in ``runs.csv``, one row for each distinct result that a build of the book's MXNet edition
(18 December 2019 to 15 July 2022) or the slides of 3 July 2019 printed, with the day and the commit
of the build in the repositories d2l-ai/d2l-en-colab, d2l-en-sagemaker and 1day-notebooks. All were
made on ``gpu(0)``. In notebooks of the same builds ``nvidia-smi`` prints Tesla V100-SXM2 (16 GB),
CUDA 10.1, driver 418.67, from which one may infer, but doesn't know, that these runs had one too.
"""

from __future__ import annotations

import csv
import functools
import pathlib
from typing import NamedTuple


class PublishedRun(NamedTuple):
    """A printed result.

    Attributes:
        protocol: a key of `gluon_gru.published.claims.PROTOCOLS`.
        source: ``book`` or ``slides``.
        built: the day, as ``2020-02-17``.
        commit: of the build.
        edition: of the text: a key of `gluon_gru.text.editions.EDITIONS`.
        epochs: how long it was trained.
        perplexity: as printed, with one decimal.
        tokens_per_sec: of the last epoch, on ``gpu(0)``.
        time_traveller, traveller: what it wrote after these prefixes, prefix included.
    """

    protocol: str
    source: str
    built: str
    commit: str
    edition: str
    epochs: int
    perplexity: float
    tokens_per_sec: float
    time_traveller: str
    traveller: str

    @property
    def texts(self) -> tuple[str, str]:
        """Both continuations, in the order of the protocol's prefixes."""
        return self.time_traveller, self.traveller


@functools.lru_cache(maxsize=None)
def published_runs() -> tuple[PublishedRun, ...]:
    """Return all published runs."""
    path = pathlib.Path(__file__).parent / "runs.csv"
    with open(path, encoding="utf-8", newline="") as file:
        return tuple(
            PublishedRun(
                row["protocol"],
                row["source"],
                row["built"],
                row["commit"],
                row["edition"],
                int(row["epochs"]),
                float(row["perplexity"]),
                float(row["tokens_per_sec"]),
                row["time_traveller"],
                row["traveller"],
            )
            for row in csv.DictReader(file)
        )
