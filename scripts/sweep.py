"""Study the GRU's hyperparameters, alone or with any number of workers on any machines."""

import sys

try:
    from gluon_gru import cli
except ImportError as error:
    sys.exit(f"error: {error} (README.md has the command that sets everything up)")
except KeyboardInterrupt:
    sys.exit(130)

cli.script("sweep")
