"""Runs an old program: see `gluon_gru.programs`."""

from gluon_gru import programs

programs.main()
