"""The rounds of a training as TensorBoard reads them: event files, which tensorboardX writes."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from gluon_gru.errors import InputError, not_installed
from gluon_gru.runs.files import JSONObject, StrPath


def package() -> Any:
    """Return the package ``tensorboardX``.

    Raises:
        InstallError: if it isn't installed.
    """
    try:
        import tensorboardX
    except ImportError as error:
        what = "--tensorboard (tensorboard=True)"
        raise not_installed(what, "the package tensorboardX", "tensorboard") from error
    return tensorboardX


@contextlib.contextmanager
def event_file(folder: StrPath) -> Iterator[Callable[[int, JSONObject], None]]:
    """Begin an event file; yield ``write(step, figures)``, after which TensorBoard can read them.

    TensorBoard reads all event files of a folder, in the order of their names. This one begins with
    the mark at which it forgets what the earlier ones hold.

    Raises:
        InputError: if it can't be written.
        InstallError: see `package`.
    """
    # Not its SummaryWriter, whose thread would wait for ever on a full disk.
    writer = package().RecordWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.proto.summary_pb2 import Summary

    path = pathlib.Path(folder) / f"events.out.tfevents.{time.time():.6f}"

    def add(*events: Any) -> None:
        try:
            for event in events:
                file.write(event.SerializeToString())
            file.flush()
        except OSError as error:
            raise unwritten(error) from error

    def unwritten(error: OSError) -> InputError:
        return InputError(
            f"{str(path)!r} can't be written ({error.strerror}): fix that, or go on without "
            "--tensorboard (tensorboard=True)"
        )

    def write(step: int, figures: JSONObject) -> None:
        values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
        add(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    try:
        file = writer(str(path))
    except OSError as error:
        raise unwritten(error) from error
    with contextlib.closing(file):
        add(
            Event(wall_time=time.time(), file_version="brain.Event:2"),
            Event(wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)),
        )
        yield write
