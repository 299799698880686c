"""What a measurement was made with: hardware, versions, commit."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import subprocess
from typing import Any

import numpy

from gluon_gru import engine


def environment(device: str) -> dict[str, Any]:
    """Return what a record of measurements names, as JSON holds it.

    Args:
        device: what is measured, as MXNet writes it: ``cpu(0)``.
    """
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "mxnet": _mxnet(),
        "device": str(device),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "engine": _engine(),
        "commit": _commit(),
    }


def _mxnet() -> str:
    try:
        # Importing it takes seconds.
        return importlib.metadata.version("mxnet")
    except importlib.metadata.PackageNotFoundError:
        # Built from source, it may have left no trace but itself.
        import mxnet

        return mxnet.__version__


def _engine() -> str:
    facts = engine.info()
    if facts["engine"] == "off":
        return "off"
    return f"{facts['engine']}, {facts['instructions']}, {facts['threads']} threads"


def cores() -> int:
    """Return how many cores this process may use."""
    # A container or taskset may grant fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()


def _commit() -> str:
    """Return the commit of the checkout that this package is in, ``unknown`` if it is in none."""
    folder = pathlib.Path(__file__).parents[1]

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=folder, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        # An installed copy may lie inside another project's checkout.
        if not git("ls-files", "--", __file__):
            return "unknown"
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit + (", changed since" if changed else "")
