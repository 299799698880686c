"""Measure how fast models train and generate, beside other libraries and the processor's limit."""

import sys

try:
    from gluon_gru import cli
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")
except KeyboardInterrupt:
    sys.exit(130)

cli.script("benchmark")
