"""A trained model, or a training's whole state, in one file: verified when read.

The file is a safetensors file (no pickle): the parameters as tensors, everything else as JSON in
its header, and a SHA-256 over both, which detects a changed byte. Nothing here imports MXNet until
a model of MXNet's is given.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import time
from typing import Any, Mapping

import numpy
import safetensors
import safetensors.numpy

from gluon_gru.cells import CELLS, of_mode, of_scratch
from gluon_gru.engine.layout import plain_name
from gluon_gru.errors import InputError
from gluon_gru.runs.files import StrPath, check_writable, remove_parts, write_whole
from gluon_gru.text.editions import UNNAMED

_FORMAT = "gluon_gru checkpoint 1"

# Writing takes milliseconds; a killed run loses at most this and an epoch.
_SAVE_SECONDS = 5


@dataclasses.dataclass
class Checkpoint:
    """A model, and between two epochs of a training everything that it takes to go on.

    Attributes:
        params: name -> NumPy array, float32.
        config: what the run is: model, sizes, learning rate, corpus, device; what has to be the
            same for a resumed run to be the same run. ``cell`` is a key of
            `gluon_gru.cells.CELLS`, or None for a reader's own; ``cell_by_name`` is True if the
            file is of version 0.1.0, which took a reader's own function for the package's if the
            two had the same name. ``edition`` is that of the book's text, or ``text`` says how
            one's own was read.
        vocab: the tokens by index, a list of strings.
        epoch: how many epochs are done; None for a model that isn't in training.
        history: their measurements, as JSON holds them; None likewise.
        random_state: of the generator that draws the minibatches' offsets, as `state_of` returns
            it; None likewise.
    """

    params: Mapping[str, numpy.ndarray]
    config: dict[str, Any]
    vocab: list[str]
    epoch: int | None = None
    history: dict[str, Any] | None = None
    random_state: list[Any] | None = None

    def save(self, path: StrPath) -> None:
        """Write to ``path``, whole or not at all; an older file there stays until then.

        Raises:
            InputError: if it can't be written (no such folder, no permission, disk full).
        """
        state = json.dumps(
            {
                field.name: getattr(self, field.name)
                for field in dataclasses.fields(self)
                if field.name != "params"
            }
        )
        data = safetensors.numpy.save(
            dict(self.params),
            {"format": _FORMAT, "state": state, "sha256": _digest(self.params, state)},
        )
        write_whole(path, data)


def load(path: StrPath) -> Checkpoint:
    """Read a `Checkpoint`, of this version or an older one.

    Raises:
        InputError: if there is none, or it is truncated, altered, or another program's file.
    """
    mend = "give a file that this package wrote, or put back an intact copy"
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            params = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"checkpoint {str(path)!r} can't be read ({error}): {mend}") from error
    except Exception as error:
        # safetensors has no public class for what a damaged file makes it raise in each version.
        raise InputError(
            f"checkpoint {str(path)!r} is damaged or no checkpoint ({error}): {mend}"
        ) from error
    if header.get("format") != _FORMAT:
        raise InputError(
            f"{str(path)!r} is not a {_FORMAT!r} file but {header.get('format')!r}: "
            "give one that this version of gluon_gru wrote"
        )
    if header.get("sha256") != _digest(params, header.get("state", "")):
        raise InputError(
            f"checkpoint {str(path)!r} was altered after it was written (its "
            f"SHA-256 differs): {mend}"
        )
    saved = Checkpoint(params=params, **json.loads(header["state"]))
    saved.params = {plain_name(name): array for name, array in params.items()}
    saved.config = described(saved.config)
    if "corpus" in saved.config:
        saved.config.setdefault("edition", UNNAMED)
    return saved


def described(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's config with ``cell`` and ``on_engine``, which version 0.1.0 left out.

    It recorded the name of a forward function or layer, whosever it was: ``gru`` is the book's as a
    function and Gluon's as a layer; with ``fused.`` before it, the same on the engine.
    """
    if "cell" in config or not {"forward_fn", "layer"} & set(config):
        return dict(config)
    name = str(config.get("forward_fn") or config.get("layer"))
    on_engine = name.startswith("fused.")
    name = name[len("fused.") :] if on_engine else name
    if "forward_fn" in config:
        cell = of_scratch(name)
    else:
        cell = CELLS["gru_before"] if name == "gru_before" else of_mode(name)
    return {
        **config,
        "cell": cell and cell.name,
        "on_engine": bool(cell) and on_engine,
        "cell_by_name": True,
    }


def _digest(params: Mapping[str, numpy.ndarray], state: str) -> str:
    digest = hashlib.sha256(state.encode())
    for name in sorted(params):
        digest.update(f"{name} {params[name].dtype} {params[name].shape}".encode())
        digest.update(params[name].tobytes())
    return digest.hexdigest()


def state_of(rng: Any) -> list[Any]:
    """Return the state of a `random.Random` (or of the module `random`) as JSON holds it."""
    version, internal, gauss_next = rng.getstate()
    return [version, list(internal), gauss_next]


def set_state(rng: Any, state: list[Any]) -> None:
    """Set a `random.Random` (or the module `random`) to what `state_of` returned."""
    version, internal, gauss_next = state
    rng.setstate((version, tuple(internal), gauss_next))


class RunFile:
    """The checkpoint file of a run that is being trained.

    Args:
        path: the file.
        model: what is trained; its parameters are read and set.
        rng: the `random.Random` (or the module `random`) that the minibatches draw from.
        vocab: the `gluon_gru.Vocab`.
        config: see `Checkpoint`.

    Attributes:
        latest: the `Checkpoint` after the last whole epoch; None before the first.
    """

    def __init__(
        self, path: StrPath, model: Any, rng: Any, vocab: Any, config: dict[str, Any]
    ) -> None:
        self.path, self.model, self.rng = pathlib.Path(path), model, rng
        self.vocab, self.config = vocab, config
        self.latest: Checkpoint | None = None
        self._saved: Checkpoint | None = None
        self._saved_at = time.monotonic()

    def resume(self, num_epochs: float) -> dict[str, Any]:
        """Set model and random state to the file's, if there is one; return its history, a dict.

        Raises:
            InputError: if the file is damaged or of another run, or none can be written there.
        """
        remove_parts(self.path.parent, self.path.name)
        if not os.path.exists(self.path):
            check_writable(self.path)
            return {}
        there = load(self.path)
        self._check_is_this_run(there, num_epochs)
        from gluon_gru.models.parameters import set_params

        try:
            set_params(self.model, there.params)
        except InputError as error:
            raise InputError(f"checkpoint {str(self.path)!r}: {error}") from error
        assert there.random_state is not None and there.history is not None
        set_state(self.rng, there.random_state)
        self.latest = self._saved = there
        return there.history

    def _check_is_this_run(self, there: Checkpoint, num_epochs: float) -> None:
        by_name = there.config.get("cell_by_name")
        # The same tokens are the same text, whatever an older version called it.
        same_text = there.config.get("corpus") == self.config.get("corpus")
        differences = [
            f"its {name} is {there.config.get(name)!r}, this one's {value!r}"
            for name, value in self.config.items()
            if there.config.get(name) != value
            and not (by_name and name in ("cell", "on_engine"))
            and not (same_text and name == "edition")
        ]
        if there.vocab != list(self.vocab.idx_to_token):
            differences.append(
                f"it has another vocabulary ({len(there.vocab)} tokens, not these "
                f"{len(self.vocab)})"
            )
        if there.random_state is None:
            differences.append("it holds a model, but no training to go on with")
        elif there.epoch is not None and there.epoch > num_epochs:
            differences.append(
                f"it is of epoch {there.epoch}, but only {num_epochs} were asked for"
            )
        if differences:
            raise InputError(
                f"checkpoint {str(self.path)!r} is of another run: {'; '.join(differences)}: give "
                "another file, or the same settings"
            )

    def epoch_ends(self, history: dict[str, Any]) -> None:
        """Take note of the state, with ``history``, a dict; write it if it's time."""
        from gluon_gru.models.parameters import params_of

        self.latest = Checkpoint(
            params_of(self.model),
            self.config,
            list(self.vocab.idx_to_token),
            len(history["perplexity"]),
            history,
            state_of(self.rng),
        )
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the state of the last whole epoch, unless the file holds it already."""
        if self.latest is not None and self.latest is not self._saved:
            self.latest.save(self.path)
            self._saved, self._saved_at = self.latest, time.monotonic()
