"""Tokens of a text as a reader shall see them."""

from __future__ import annotations

from typing import Any

# Tokens that would be invisible, or wide.
_SHOWN = {" ": "\N{OPEN BOX}", "<unk>": "\N{REPLACEMENT CHARACTER}"}


def shown(token: str) -> str:
    """Return what stands for a token in a picture: something to see for a space, too."""
    return _SHOWN.get(token, token)


def words(walk: dict[str, Any]) -> list[list[tuple[int, str]]]:
    """Return a walk's tokens in groups that a line shall not be broken in.

    A list of lists of pairs: a token's place, and what is shown for it.
    """
    groups: list[list[tuple[int, str]]] = [[]]
    for place, token in enumerate(walk["tokens"]):
        groups[-1].append((place, shown(token)))
        if not token.strip() or len(token) > 1 and token != "<unk>":
            groups.append([])
    return [group for group in groups if group]
