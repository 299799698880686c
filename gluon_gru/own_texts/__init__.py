"""Models of texts of one's own.

::

    from gluon_gru import own_texts

    own_texts.train("my.txt", "runs/mine")
    print("".join(own_texts.generate("runs/mine", "Once ")))
    print(own_texts.evaluate("runs/mine", "other.txt").perplexity)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gluon_gru.own_texts.scoring import Score, evaluate
    from gluon_gru.own_texts.training import train
    from gluon_gru.own_texts.writing import generate

__all__ = ["Score", "evaluate", "generate", "train"]

_HOMES = {"Score": "scoring", "evaluate": "scoring", "generate": "writing", "train": "training"}


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: the settings alone are at hand at once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
