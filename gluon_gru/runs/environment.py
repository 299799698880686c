"""The hardware, the versions and the commit behind a measurement."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess

import numpy

from gluon_gru import engine
from gluon_gru.engine.native import cores
from gluon_gru.mxnet_import import installed
from gluon_gru.runs.files import JSONObject


def environment(device: str) -> JSONObject:
    """Return the facts about this machine that a record holds; ``device`` is such as ``cpu(0)``."""
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
    if not installed():
        return "not installed"
    try:
        return importlib.metadata.version("mxnet")
    except importlib.metadata.PackageNotFoundError:
        # A build from source may lack metadata. Importing MXNet takes seconds.
        import mxnet

        return mxnet.__version__


def _engine() -> str:
    facts = engine.info()
    if facts["engine"] == "off":
        return "off"
    return f"{facts['engine']}, {facts['instructions']}, {facts['threads']} threads"


def _processor() -> str:
    """Return the processor's name, with family and model, since clouds call many "AMD EPYC"."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            first = file.read().partition("\n\n")[0]
    except OSError:
        first = ""
    facts = dict(re.findall(r"^([^\t:]+)\s*: (.*)$", first, re.M))
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    if "cpu family" not in facts:
        return facts["model name"]
    return f"{facts['model name']} (family {facts['cpu family']}, model {facts.get('model', '?')})"


def _commit() -> str:
    """Return the commit of this package's checkout, or ``unknown`` outside of one."""
    folder = pathlib.Path(__file__).parents[1]

    def git(*args: str) -> str:
        return subprocess.check_output(
            ["git", *args], cwd=folder, stderr=subprocess.DEVNULL, text=True, timeout=10
        ).strip()

    try:
        commit = git("rev-parse", "HEAD")
        # An installed copy may lie inside another project's checkout.
        if not git("ls-files", "--", __file__):
            return "unknown"
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit + (", changed since" if changed else "")
