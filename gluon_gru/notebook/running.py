"""Running a notebook's cells one after the other, in a kernel of this very Python."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import pathlib
import queue
import sys
import time
from typing import Any, Callable, Iterator

import nbclient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat import v4

from gluon_gru.errors import InstallError

#: Characters that a cell's output may have.
LIMIT = 20_000_000

#: For so many seconds a cell that took too long may go on after it was interrupted.
_GRACE = 10

# nbclient logs what is told here anyway.
_QUIET = logging.getLogger(__name__)
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclasses.dataclass
class Ran:
    """A cell that was run, or was to be.

    Attributes:
        cell: nbformat's.
        status: ``ran``, ``failed``, ``timed out``, ``died`` (the kernel) or ``not run``.
        error: what it failed with, a line.
        seconds: how long it took.
    """

    cell: Any
    status: str = "not run"
    error: str = ""
    seconds: float = 0.0


class _ThisPython(KernelSpecManager):
    """Starts this Python, by whichever name a notebook asks for its kernel."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        # Without its warnings, which are about how kernels are reached.
        options = ["-f", "{connection_file}", "--IPKernelApp.log_level=40"]
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", *options],
            display_name="Python 3",
            language="python",
        )


class _Client(nbclient.NotebookClient):
    """nbclient's, with that kernel and a limit on what a cell writes."""

    _written = 0

    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = AsyncKernelManager(kernel_spec_manager=_ThisPython())
        return self.km

    def output(self, outs: list, msg: dict, display_id: Any, cell_index: int) -> Any:
        if not outs or self.clear_before_next_output:
            self._written = 0
        before, content = self._written, msg["content"]
        self._written += len(content.get("text") or "")
        self._written += sum(map(len, map(str, content.get("data", {}).values())))
        if self._written <= LIMIT or msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        if before <= LIMIT:
            note = f"\n[left out: what follows the first {LIMIT:,} characters]\n"
            outs.append(v4.new_output("stream", name="stderr", text=note))
        return None


def run_cells(
    notebook: Any,
    folder: pathlib.Path,
    prepare: str = "",
    timeout: int | None = None,
    on_start: Callable[[Any], None] = lambda cell: None,
) -> Iterator[Ran]:
    """Run all cells of code in place; yield each as `Ran` when it is done.

    A cell that fails or takes too long doesn't keep the others from running; a kernel that dies
    does. When the iterator is closed, or left by an exception, the kernel ends.

    Args:
        notebook: nbformat's, version 4.
        folder: the kernel's working directory.
        prepare: code to run before, which isn't in the notebook.
        timeout: how many seconds a cell may take; by default, as many as it likes.
        on_start: called with each cell before it runs.

    Raises:
        InstallError: if the kernel doesn't start, or ``prepare`` fails.
    """
    client = _Client(
        notebook,
        allow_errors=True,
        # Times of day belong to nobody else.
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        shutdown_kernel="immediate",
        # A busy machine is no failure.
        startup_timeout=300,
        iopub_timeout=60,
        log=_QUIET,
    )
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(client.setup_kernel())
            _prepare(client, prepare)
        except CellExecutionError as error:
            raise InstallError(f"no cell can be run: {error.evalue}") from error
        except RuntimeError as error:
            raise InstallError(f"no cell can be run: the kernel doesn't start ({error})") from error
        client.timeout, alive = timeout, True
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            if not alive:
                yield Ran(cell)
                continue
            on_start(cell)
            start = time.perf_counter()
            ran = _run(client, cell, index)
            ran.seconds = time.perf_counter() - start
            alive = ran.status != "died"
            yield ran
        if alive:
            # What the cells left to the end, such as a file's last lines, is done.
            client.shutdown_kernel = "graceful"


def _prepare(client: _Client, code: str) -> None:
    """Run code as a cell that is in the notebook only while it runs."""
    client.nb.cells.append(v4.new_code_cell(code))
    client.allow_errors = False
    try:
        client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1, store_history=False)
    finally:
        client.allow_errors = True
        client.nb.cells.pop()


def _run(client: _Client, cell: Any, index: int) -> Ran:
    try:
        client.execute_cell(cell, index)
    except CellTimeoutError:
        message = f"not done after {client.timeout} seconds"
        status = "timed out" if _interrupted(client) else "died"
        if status == "died":
            message += ", and didn't stop when interrupted: its kernel was ended"
        cell.outputs.append(v4.new_output("error", ename="Timeout", evalue=message, traceback=[]))
        return Ran(cell, status, message)
    except DeadKernelError:
        message = "the kernel died (a crash, or no memory left)"
        cell.outputs.append(v4.new_output("error", ename="Died", evalue=message, traceback=[]))
        return Ran(cell, "died", message)
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if not errors:
        return Ran(cell, "ran")
    return Ran(cell, "failed", _line(errors[0]))


def _line(error: Any) -> str:
    """Return an error as a line."""
    if error.ename == "StdinNotImplementedError":
        return "it asks for input(), which nobody answers here"
    first = error.evalue.strip().partition("\n")[0]
    return f"{error.ename}: {first}" if first else error.ename


def _interrupted(client: Any) -> bool:
    """Interrupt the kernel; return whether it answers again."""
    run_sync(client.km.interrupt_kernel)()
    asked = client.kc.execute("", silent=True)
    try:
        while True:
            reply = run_sync(client.kc.get_shell_msg)(timeout=_GRACE)
            if reply["parent_header"].get("msg_id") == asked:
                return True
    except queue.Empty:
        return False
