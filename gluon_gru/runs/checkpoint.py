"""A training run's whole state in one file, written whole or not at all, verified when read.

The file is a safetensors file (no pickle): the parameters as tensors, everything else as JSON in
its header, and a SHA-256 over both, so a changed byte is found out.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import time

import safetensors
import safetensors.numpy
from mxnet import gluon, np

from gluon_gru.errors import InputError

_FORMAT = "gluon_gru checkpoint 1"

# Writing takes milliseconds; a killed run loses at most this and an epoch.
_SAVE_SECONDS = 5


@dataclasses.dataclass
class Checkpoint:
    """The state of a run between two epochs.

    Attributes:
        params: name -> NumPy array, float32.
        config: what the run is: model, sizes, learning rate, corpus, device; what has to be the
            same for a resumed run to be the same run.
        vocab: the tokens by index, a list of strings.
        epoch: how many epochs are done.
        history: their measurements, as JSON holds them.
        random_state: of the generator that draws the minibatches' offsets, as JSON holds it.
    """

    params: dict
    config: dict
    vocab: list
    epoch: int
    history: dict
    random_state: list

    def save(self, path):
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
            self.params, {"format": _FORMAT, "state": state, "sha256": _digest(self.params, state)}
        )
        write_whole(path, data)


def load(path):
    """Read a `Checkpoint`.

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
    return Checkpoint(params=params, **json.loads(header["state"]))


def _digest(params, state):
    digest = hashlib.sha256(state.encode())
    for name in sorted(params):
        digest.update(f"{name} {params[name].dtype} {params[name].shape}".encode())
        digest.update(params[name].tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _part_of(path):
    """Yield where to write ``path`` to before it is whole; tell of failures by its own name."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{str(path)!r} can't be written ({error.strerror}): mend that, or give "
            "another place; what was there before is untouched"
        ) from error


def write_whole(path, data):
    """Write bytes to ``path`` so that at any instant it holds the old or the new content, whole.

    Raises:
        InputError: if it can't be written.
    """
    path = pathlib.Path(path)
    with _part_of(path) as part:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)


def check_writable(path):
    """Find out now, not after an hour of training, whether ``path`` can be written.

    Raises:
        InputError: if it can't be.
    """
    with _part_of(pathlib.Path(path)) as part:
        part.touch()


def make_folder(path):
    """Make a folder for results, if it isn't there, and check that files can be written to it.

    Raises:
        InputError: if not.
    """
    try:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"folder {str(path)!r} can't be made ({error.strerror}): give another one"
        ) from error
    check_writable(pathlib.Path(path) / "file")


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

    def __init__(self, path, model, rng, vocab, config):
        self.path, self.model, self.rng = pathlib.Path(path), model, rng
        self.vocab, self.config = vocab, config
        self.latest = self.saved = None
        self.saved_at = time.monotonic()

    def _named_params(self):
        if isinstance(self.model, gluon.Block):
            return self.model._collect_params_with_prefix()
        return {f"params.{i:02}": param for i, param in enumerate(self.model.params)}

    def resume(self, num_epochs):
        """Set model and random state to the file's, if there is one; return its history, a dict.

        Raises:
            InputError: if the file is damaged or of another run, or none can be written there.
        """
        if not os.path.exists(self.path):
            check_writable(self.path)
            return {}
        found = load(self.path)
        for name, value in self.config.items():
            if found.config.get(name) != value:
                raise InputError(
                    f"checkpoint {str(self.path)!r} is of another run: its {name} is "
                    f"{found.config.get(name)!r}, this one's {value!r}; give another file, or the "
                    "same settings"
                )
        if found.vocab != list(self.vocab.idx_to_token):
            raise InputError(
                f"checkpoint {str(self.path)!r} has another vocabulary "
                f"({len(found.vocab)} tokens, not these {len(self.vocab)})"
            )
        if found.epoch > num_epochs:
            raise InputError(
                f"checkpoint {str(self.path)!r} is of epoch {found.epoch}, but only "
                f"{num_epochs} were asked for: ask for more, or give another file"
            )
        self._set_params(found.params)
        version, internal, gauss_next = found.random_state
        self.rng.setstate((version, tuple(internal), gauss_next))
        self.latest = self.saved = found
        return found.history

    def _set_params(self, values):
        params = self._named_params()
        shapes = {name: tuple(param.shape) for name, param in params.items()}
        # Gluon has -1 (or 0, as old code does) for sizes it only learns from the first minibatch.
        same = set(shapes) == set(values) and all(
            len(shape) == values[name].ndim
            and all(a in (-1, 0, b) for a, b in zip(shape, values[name].shape))
            for name, shape in shapes.items()
        )
        if not same:
            raise InputError(
                f"checkpoint {str(self.path)!r} holds the parameters of another "
                "model (other names or shapes)"
            )
        for name, param in params.items():
            value = np.array(values[name])
            if isinstance(param, gluon.Parameter):
                param.set_data(value)
            else:
                param[:] = value.as_in_ctx(param.ctx)

    def epoch_ends(self, history):
        """Take note of the state, with ``history``, a dict; write it if it's time."""
        params = {
            name: (param.data() if isinstance(param, gluon.Parameter) else param).asnumpy()
            for name, param in self._named_params().items()
        }
        version, internal, gauss_next = self.rng.getstate()
        self.latest = Checkpoint(
            params=params,
            config=self.config,
            vocab=list(self.vocab.idx_to_token),
            epoch=len(history["perplexity"]),
            history=history,
            random_state=[version, list(internal), gauss_next],
        )
        if time.monotonic() - self.saved_at > _SAVE_SECONDS:
            self.save()

    def save(self):
        """Write the state of the last whole epoch, unless the file holds it already."""
        if self.latest is not self.saved:
            self.latest.save(self.path)
            self.saved, self.saved_at = self.latest, time.monotonic()
