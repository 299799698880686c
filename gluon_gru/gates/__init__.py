"""What a trained GRU's gates do over a text, and what is lost when they are held."""

from gluon_gru.gates.inspection import (
    Gates,
    boundary_correlation,
    explained_by_token,
    has_ends,
    inspect,
    memory,
    resets,
    written_out,
)

__all__ = [
    "Gates",
    "boundary_correlation",
    "explained_by_token",
    "has_ends",
    "inspect",
    "memory",
    "resets",
    "written_out",
]
