"""Training that starts from a trained model, on another text: the model, and rows for new tokens."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy

from gluon_gru.cells import OPTIONS
from gluon_gru.engine.layout import check_model
from gluon_gru.errors import InputError, shown
from gluon_gru.own_texts.model import initial_params
from gluon_gru.runs import checkpoint
from gluon_gru.runs.files import JSONObject, StrPath
from gluon_gru.runs.restore import checkpoint_of, vocabulary
from gluon_gru.text.reading import Text
from gluon_gru.text.vocabulary import Vocab


@dataclasses.dataclass(frozen=True)
class Start:
    """A trained model that a training starts from.

    Attributes:
        path: as it was given.
        params, config, vocab: the model's.
        sha256: of the checkpoint's file, in hexadecimal.
    """

    path: str
    params: Mapping[str, numpy.ndarray]
    config: JSONObject
    vocab: Vocab
    sha256: str

    @property
    def facts(self) -> JSONObject:
        """What a record says of it; the name is without the folder."""
        name = os.path.basename(os.path.abspath(self.path))
        return {"name": shown(name), "sha256": self.sha256, "vocab_size": len(self.vocab)}

    def settings(self, given: Mapping[str, Any]) -> JSONObject:
        """Return settings with those that are the model's own: its shape, and what its tokens are.

        Raises:
            InputError: if another value is given for one of these.
        """
        cell = next(name for name, cell in OPTIONS.items() if cell.name == self.config["cell"])
        own = {
            **{name: self.config["text"][name] for name in ("tokens", "case")},
            "cell": cell,
            **{name: self.config[name] for name in ("num_hiddens", "num_layers")},
        }
        for name, value in own.items():
            if given.get(name, value) != value:
                raise InputError(
                    f"{name} is {given[name]!r}, but the model {self.path!r} has {value!r}, which "
                    f"more training can't change: leave {name} out, or train a new model"
                )
        return {**given, **own}

    def check_reads(self, text: Text) -> None:
        """Raise InputError if a text, read with this vocabulary at least, has no known token."""
        known = text.tokens < len(self.vocab)
        if self.vocab.unk is not None:
            known &= text.tokens != self.vocab.unk
        if not known.any():
            learned = [token for token in self.vocab.idx_to_token if token != "<unk>"]
            raise InputError(
                f"text {text.name!r} has none of the {len(learned):,} tokens that the model "
                f"{self.path!r} has learned, such as {', '.join(map(repr, learned[:6]))}: train a "
                "new model on it"
            )

    def grown(self, config: JSONObject, seed: int) -> dict[str, numpy.ndarray]:
        """Return the parameters with rows for more tokens: those of `initial_params`.

        So the logits of the tokens that the model knows are what they were.

        Args:
            config: of the model with these tokens, whose vocabulary begins with this one.
            seed: of the random numbers.
        """
        params = initial_params(config, seed)
        for name, old in self.params.items():
            params[name][tuple(map(slice, old.shape))] = old
        return params


def load_start(path: StrPath) -> Start:
    """Return the model to start from.

    Args:
        path: a run's folder, or the file of a model of a text of one's own.

    Raises:
        InputError: if it can't be read, or is a model that `gluon_gru.own_texts.train` couldn't
            have made.
    """
    file = checkpoint_of(path)
    saved = checkpoint.load(file)
    config = saved.config
    with checkpoint.naming(file):
        if "text" not in config:
            raise InputError(
                "it is a model of the book's text: name a run of gluon-gru train to start from"
            )
        cells = [cell.name for cell in OPTIONS.values()]
        is_layers = config["model"] == "RNNModel" and config.get("directions") == 1
        if not is_layers or config.get("cell") not in cells:
            raise InputError(
                "gluon-gru train can't train such a model further: it takes layers of one "
                f"direction, of the cells {', '.join(OPTIONS)}"
            )
        check_model(saved.params, config)
        vocab = vocabulary(saved.vocab, config["vocab_size"])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Start(str(path), saved.params, config, vocab, digest)
