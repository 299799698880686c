"""What every exercise works with: text, device, trainings, and what the user asked for."""
import dataclasses
import pathlib
import typing

import mxnet as mx

from ..corpus import Corpus
from .trainings import Trainings


@dataclasses.dataclass
class Setting:
    """What every exercise works with.

    Attributes:
        out: the folder of the results.
        corpus: the text that is read, a `gluon_gru.corpus.Corpus`.
        source: its ``(tokens, vocab)``.
        ctx: the ``mxnet.Context``.
        trainings: where trained models come from.
        quick: whether trainings are cut short.
        command: the command line, for the record.
        text, checkpoint: for the exercise ``gates``: what it looks at; None for its own choice.
    """

    out: pathlib.Path
    corpus: Corpus
    source: tuple
    ctx: mx.Context
    trainings: Trainings
    quick: bool
    command: str
    text: typing.Optional[str] = None
    checkpoint: typing.Optional[str] = None

    def verdict(self, holds, otherwise="does not hold"):
        """Return the word for a finding that rests on trainings."""
        if self.quick:
            return "cut short"
        return "holds" if holds else otherwise
