"""What a measurement was made with: hardware, versions, commit."""

import os
import pathlib
import platform
import subprocess

import mxnet as mx
import numpy

from gluon_gru import engine


def environment(ctx):
    """Return what a record of measurements names, as JSON holds it.

    Args:
        ctx: the ``mxnet.Context`` that is measured.
    """
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "mxnet": mx.__version__,
        "device": str(ctx),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "engine": _engine(),
        "commit": _commit(),
    }


def _engine():
    found = engine.info()
    return (
        found["engine"]
        if found["engine"] == "off"
        else f"{found['engine']}, {found['instructions']}, {found['threads']} threads"
    )


def cores():
    """Return how many cores this process may use."""
    # A container or taskset may grant fewer than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()


def _commit():
    """Return the commit of the checkout that this package is in, ``unknown`` if it is in none."""
    folder = pathlib.Path(__file__).parents[1]

    def git(*args):
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
