"""``python -m gluon_gru`` is the command ``gluon-gru``."""

from gluon_gru import cli

cli.main()
