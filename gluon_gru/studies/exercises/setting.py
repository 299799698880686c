"""What every exercise works with: text, device, trainings, and what the user asked for."""

import dataclasses
import pathlib

import mxnet as mx

from gluon_gru.studies.exercises.answers import verdict
from gluon_gru.studies.exercises.trainings import Trainings
from gluon_gru.text.corpus import Corpus


@dataclasses.dataclass
class Setting:
    """What every exercise works with.

    Attributes:
        out: the folder of the results.
        corpus: the text that is read, a `gluon_gru.text.corpus.Corpus`.
        source: its ``(tokens, vocab)``.
        ctx: the ``mxnet.Context``.
        trainings: where trained models come from.
        quick: whether trainings are cut short.
        command: the command line, for the record.
    """

    out: pathlib.Path
    corpus: Corpus
    source: tuple
    ctx: mx.Context
    trainings: Trainings
    quick: bool
    command: str

    def verdict(self, cases):
        """Return the word for a finding that rests on trainings; see `answers.verdict`."""
        return "cut short" if self.quick else verdict(cases)
