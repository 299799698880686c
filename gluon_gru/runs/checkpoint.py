"""A trained model, or the whole state of a training, in one file.

It is a safetensors file (no pickle): the parameters as tensors, everything else as JSON in its
header, and a SHA-256 over both. MXNet is imported only for a model of MXNet's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import stat
import time
from typing import Any, Iterator, Mapping, Sequence

import numpy
import safetensors
import safetensors.numpy

from gluon_gru.cells import CELLS, of_mode, of_scratch
from gluon_gru.engine.layout import MODELS, plain_name
from gluon_gru.errors import InputError
from gluon_gru.runs.files import (
    JSONObject,
    StrPath,
    check_writable,
    exists,
    remove_parts,
    write_whole,
)
from gluon_gru.runs.schemas.checking import checked, parsed
from gluon_gru.runs.schemas.checkpoints import BUILT, Config, State
from gluon_gru.runs.schemas.records import Epochs
from gluon_gru.text.editions import UNNAMED

_FORMAT = "gluon_gru checkpoint 1"

# The least time between two saves, each of which takes milliseconds.
_SAVE_SECONDS = 5


@dataclasses.dataclass
class Checkpoint:
    """A model, and of a training also what it takes to continue after its last whole epoch.

    Attributes:
        params: name -> array, float32.
        config: the facts that must be the same when the run is continued: model, sizes, learning
            rate, corpus, device. ``cell`` is a key of `gluon_gru.cells.CELLS`, or None for a
            reader's own; ``cell_by_name`` is True for files of version 0.1.0, which could not tell
            a reader's own function from the package's of the same name. ``edition`` is that of the
            book's text, or ``text`` says how one's own was read.
        vocab: the tokens by index.
        epoch: the number of epochs that are done; None without a training.
        history: their measurements; None without a training.
        random_state: the ``getstate()`` of the generator that draws the minibatches' offsets; None
            without a training.
    """

    params: Mapping[str, numpy.ndarray]
    config: JSONObject
    vocab: list[str]
    epoch: int | None = None
    history: JSONObject | None = None
    random_state: Sequence[Any] | None = None

    def save(self, path: StrPath) -> None:
        """Write to ``path``, whole or not at all.

        Raises:
            InputError: if it can't be written.
        """
        state = json.dumps({name: value for name, value in vars(self).items() if name != "params"})
        header = {"format": _FORMAT, "state": state, "sha256": _digest(self.params, state)}
        write_whole(path, safetensors.numpy.save(dict(self.params), header))


def load(path: StrPath) -> Checkpoint:
    """Read a `Checkpoint`, of this version or an older one.

    Raises:
        InputError: if there is none, or it is truncated, altered, or another program's file.
    """
    try:
        _check_readable(path)
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            params = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.get("format") != _FORMAT:
            raise ValueError(
                f"its format is {header.get('format')!r}, this version of gluon_gru reads {_FORMAT!r}"
            )
        if header.get("sha256") != _digest(params, header.get("state", "")):
            raise ValueError("it was altered after it was written: its SHA-256 differs")
        state = parsed(header.get("state", ""), State)
        state["config"] = _checked_config(described(state["config"]))
    except Exception as error:
        # What safetensors raises for a damaged file depends on its version.
        known = isinstance(error, (OSError, ValueError))
        what = "can't be read" if known else "is damaged or no checkpoint"
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"checkpoint {str(path)!r} {what} ({reason}): give a file that this package "
            "wrote, or put back an intact copy"
        ) from error
    if "corpus" in state["config"]:
        state["config"].setdefault("edition", UNNAMED)
    return Checkpoint({plain_name(name): array for name, array in params.items()}, **state)


def _check_readable(path: StrPath) -> None:
    """Raise OSError or ValueError for what safetensors calls missing, or waits for as for a pipe."""
    # On Windows a pipe is no file that can be named.
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("it is no regular file")
    finally:
        os.close(file)


@contextlib.contextmanager
def naming(path: StrPath) -> Iterator[None]:
    """Have what a ``with`` block finds wrong with a checkpoint become an InputError that names it."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"checkpoint {str(path)!r}: {error}") from error


def described(config: Mapping[str, Any]) -> JSONObject:
    """Return a checkpoint's config with ``cell`` and ``on_engine``, which version 0.1.0 left out.

    It recorded only the name of a forward function or layer: ``gru`` is the book's GRU as a
    function, Gluon's as a layer, and ``fused.gru`` the same on the engine.
    """
    if "cell" in config or not {"forward_fn", "layer"} & set(config):
        return dict(config)
    module, _, name = str(config.get("forward_fn") or config.get("layer")).rpartition(".")
    if "forward_fn" in config:
        cell = of_scratch(name)
    else:
        cell = CELLS["gru_before"] if name == "gru_before" else of_mode(name)
    on_engine = bool(cell) and module == "fused"
    return {**config, "cell": cell and cell.name, "on_engine": on_engine, "cell_by_name": True}


def _checked_config(config: JSONObject) -> JSONObject:
    """Return a config as it is, after checking what the package reads of it."""
    checked(config, Config)
    if config["model"] in MODELS and config.get("cell") in CELLS:
        checked(config, BUILT)
    return config


def _digest(params: Mapping[str, numpy.ndarray], state: str) -> str:
    digest = hashlib.sha256(state.encode())
    for name in sorted(params):
        digest.update(f"{name} {params[name].dtype} {params[name].shape}".encode())
        digest.update(params[name].tobytes())
    return digest.hexdigest()


def set_state(rng: Any, state: Sequence[Any] | None) -> None:
    """Set a ``random.Random`` (or the module ``random``) to its ``getstate()``, maybe read from JSON.

    Raises:
        ValueError: if it is none.
    """
    try:
        version, internal, gauss_next = state or ()
        rng.setstate((version, tuple(internal), gauss_next))
    except (OverflowError, TypeError) as error:
        raise ValueError(f"its random state is none of Python's: {error}") from error


class RunFile:
    """The checkpoint file of a training.

    Args:
        path: the file.
        model: the MXNet model that is trained.
        rng: the ``random.Random`` (or the module ``random``) that draws the minibatches' offsets.
        vocab: the `gluon_gru.Vocab`.
        config: see `Checkpoint`.

    Attributes:
        latest: the `Checkpoint` after the last whole epoch; None before the first.
    """

    def __init__(self, path: StrPath, model: Any, rng: Any, vocab: Any, config: JSONObject) -> None:
        self.path, self.model, self.rng = pathlib.Path(path), model, rng
        self.vocab, self.config = vocab, config
        self.latest: Checkpoint | None = None
        self._saved: Checkpoint | None = None
        self._saved_at = time.monotonic()

    def resume(self, num_epochs: float) -> JSONObject:
        """Set the model and the random state to the file's, if it exists; return its history.

        Raises:
            InputError: if the file is damaged or of another run, or none can be written there.
        """
        remove_parts(self.path.parent, self.path.name)
        if not exists(self.path):
            check_writable(self.path)
            return {}
        from gluon_gru.models.parameters import set_params

        saved = load(self.path)
        self._check_is_this_run(saved, num_epochs)
        with naming(self.path):
            history = checked(saved.history, Epochs)
            if len(history["perplexity"]) != saved.epoch:
                raise ValueError(f"it is of epoch {saved.epoch}, but has another number of them")
            set_params(self.model, saved.params)
            set_state(self.rng, saved.random_state)
        self.latest = self._saved = saved
        return history

    def _check_is_this_run(self, saved: Checkpoint, num_epochs: float) -> None:
        uncertain = ["cell", "on_engine"] if saved.config.get("cell_by_name") else []
        if saved.config.get("corpus") == self.config.get("corpus"):
            # The same tokens are the same text, whatever an older version called it.
            uncertain.append("edition")
        differences = [
            f"its {name} is {saved.config.get(name)!r}, this one's {value!r}"
            for name, value in self.config.items()
            if saved.config.get(name) != value and name not in uncertain
        ]
        if saved.vocab != self.vocab.idx_to_token:
            sizes = f"{len(saved.vocab)} tokens, not these {len(self.vocab)}"
            differences.append(f"it has another vocabulary ({sizes})")
        if saved.random_state is None:
            differences.append("it holds a model, but no training to continue")
        elif saved.epoch is not None and saved.epoch > num_epochs:
            differences.append(
                f"it is of epoch {saved.epoch}, but only {num_epochs} were asked for"
            )
        if differences:
            raise InputError(
                f"checkpoint {str(self.path)!r} is of another run: {'; '.join(differences)}: give "
                "another file, or the same settings"
            )

    def epoch_ends(self, history: JSONObject) -> None:
        """Keep the state with this ``history`` as the latest; save it if the last save is old."""
        from gluon_gru.models.parameters import params_of

        self.latest = Checkpoint(
            params_of(self.model),
            self.config,
            list(self.vocab.idx_to_token),
            len(history["perplexity"]),
            history,
            self.rng.getstate(),
        )
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the latest state, unless the file holds it already."""
        if self.latest is not None and self.latest is not self._saved:
            self.latest.save(self.path)
            self._saved, self._saved_at = self.latest, time.monotonic()
