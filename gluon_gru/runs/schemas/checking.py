"""Data as JSON holds them, held against a schema, and what schemas are made of.

Records, the states in checkpoints and vocabularies are JSON that anything may have happened to.
`parsed` and `checked` are where that ends: code elsewhere meets only data of a schema, as lists and
dicts. A field that a schema lacks is an error, so a fact that is written needs its line there.
"""

# Python 3.8 can't look up `X | Y` and `list[X]`, which msgspec does.
import json
import re
import sys
from typing import Any, Iterable, TypeVar, Union

import msgspec
from msgspec import Meta, Struct, UnsetType

from gluon_gru.text.editions import EDITIONS
from gluon_gru.text.rules import CASES, TOKENS

if sys.version_info >= (3, 9):
    from typing import Annotated
else:
    from typing_extensions import Annotated

# Deeper than any file is nested; json and repr() take some hundreds, by what called them.
_DEEPEST = 50

# Numbers end where sums and axes of them would be infinite. Whole ones stay whole.
_LARGEST, _LARGEST_WHOLE = 1e300, 2**53
Number = Union[
    Annotated[int, Meta(ge=-_LARGEST_WHOLE, le=_LARGEST_WHOLE)],
    Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)],
]
Amount = Union[
    Annotated[int, Meta(ge=0, le=_LARGEST_WHOLE)], Annotated[float, Meta(ge=0, le=_LARGEST)]
]
Positive = Union[
    Annotated[int, Meta(gt=0, le=_LARGEST_WHOLE)], Annotated[float, Meta(gt=0, le=_LARGEST)]
]
Share = Union[Annotated[int, Meta(ge=0, le=1)], Annotated[float, Meta(ge=0, le=1)]]
Count = Annotated[int, Meta(ge=0, le=_LARGEST_WHOLE)]
Size = Annotated[int, Meta(ge=1, le=2**31)]
Fact = Union[str, bool, Number, None]

_T = TypeVar("_T")
# What may be left out; by default it is ``UNSET``.
Maybe = Union[_T, UnsetType]


def one_of(words: Iterable[str]) -> Meta:
    """Return what limits a string to some words."""
    return Meta(pattern=rf"\A(?:{'|'.join(map(re.escape, words))})\Z")


Tokens = Annotated[str, one_of(TOKENS)]
Case = Annotated[str, one_of(CASES)]
EditionName = Annotated[str, one_of(EDITIONS)]


class Strict(Struct, forbid_unknown_fields=True):
    """An object without other fields than those that its schema names."""


def refuse(wrong: Any, what: str) -> None:
    """Raise ValueError that says ``what`` is ``wrong``, unless nothing is."""
    if wrong:
        raise ValueError(f"{what} {wrong}")


def parsed(text: Union[str, bytes], schema: Any = Any) -> Any:
    """Return what JSON holds, if it is of a schema.

    Raises:
        ValueError: if it isn't, or is no JSON; one line on what is wrong, and where.
    """
    try:
        return checked(json.loads(text), schema)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None


def checked(data: Any, schema: Any) -> Any:
    """Return data as JSON holds them, if they are of a schema; what may be left out is filled in.

    Raises:
        ValueError: see `parsed`.
    """
    level, depth = [data], 0
    while level:
        refuse(depth > _DEEPEST and "too deep", "its brackets are nested")
        parts = (part for part in level if isinstance(part, (dict, list, tuple)))
        level = [
            one for part in parts for one in (part.values() if isinstance(part, dict) else part)
        ]
        depth += 1
    try:
        return msgspec.to_builtins(msgspec.convert(data, schema), str_keys=True)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
