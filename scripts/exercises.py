"""Answer the chapter's exercises by running them, and check what its readers' notes state."""

import sys

try:
    from gluon_gru import cli
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")
except KeyboardInterrupt:
    sys.exit(130)

cli.script("exercises")
