"""Where the command ``gluon-gru`` starts: outside of the package, whose import takes a second.

Whoever presses Ctrl-C in it wants to end the command, and no traceback.
"""

import os


def main():
    """Be the command ``gluon-gru``."""
    try:
        from gluon_gru import cli as commands
    except KeyboardInterrupt:
        os._exit(130)
    commands.main()
