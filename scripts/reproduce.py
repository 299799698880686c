"""Re-run every number that the GRU chapter and its slides report, and judge each."""

import sys

try:
    from gluon_gru import cli
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")
except KeyboardInterrupt:
    sys.exit(130)

cli.script("reproduce")
