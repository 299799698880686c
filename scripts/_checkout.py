"""What the scripts beside this file share: each runs a subcommand of the package in this checkout."""

import pathlib
import sys

# Where the package is not installed; the libraries that it needs have to be.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from gluon_gru.cli import script  # noqa: E402, F401
