"""What MXNet 1.9.1 needs of NumPy, and NumPy has removed or changed since.

MXNet binds most of these names while it is imported: NumPy has them for that time only. A few of
its modules look a name up later, in their own ``np`` or ``_np``: that becomes NumPy with the names
added, seen by that module alone. So no other code sees a changed NumPy.
"""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any, Callable, Iterator, Sequence

import numpy
import numpy.testing


def _in1d(ar1: Any, ar2: Any, *args: Any, **kwargs: Any) -> Any:
    return numpy.isin(ar1, ar2, *args, **kwargs).reshape(-1)


def _msort(a: Any) -> Any:
    return numpy.sort(a, axis=0)


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that was NumPy's under another name, too.

    MXNet has a table of its own functions by NumPy's; each name needs a key of its own there.
    """
    return lambda *args, **kwargs: function(*args, **kwargs)


def _financial(name: str) -> Callable[..., Any]:
    """Return a function which raises what NumPy 1.20 to 1.26 raised for its financial functions."""

    def removed(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"NumPy removed the function {name} in its version 1.20; the library numpy-financial has it"
        )

    removed.__name__ = name
    return removed


#: What MXNet reads while it is imported, with what it stood for. NumPy 2.0 to 2.3 still have some.
_NAMES: dict[str, Any] = {
    "bool": bool,
    "Inf": numpy.inf,
    "NAN": numpy.nan,
    "NINF": -numpy.inf,
    "NZERO": -0.0,
    "NaN": numpy.nan,
    "PINF": numpy.inf,
    "PZERO": 0.0,
    "alltrue": _once(numpy.all),
    "in1d": _in1d,
    "msort": _msort,
    "product": _once(numpy.prod),
    "round_": _once(numpy.around),
    "sometrue": _once(numpy.any),
    "trapz": getattr(numpy, "trapezoid", None),
    **{name: _financial(name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")},
}


def _error_text(arrays: Sequence[Any], err_msg: str, **kwargs: Any) -> str:
    return "\n".join([err_msg, *map(repr, arrays)])


_COMPAT = types.SimpleNamespace(basestring=str)

#: What modules of MXNet look up later: (module, its name for one of NumPy's, that one) -> the names
#: that NumPy's may lack today.
_LATER: dict[tuple[str, str, types.ModuleType], dict[str, Any]] = {
    ("gluon.contrib.estimator.event_handler", "np", numpy): {"Inf": numpy.inf},
    ("ndarray.numpy._op", "_np", numpy): {"bool": bool, "compat": _COMPAT},
    ("numpy.multiarray", "_np", numpy): {"bool": bool},
    ("symbol.numpy._symbol", "_np", numpy): {"bool": bool, "compat": _COMPAT},
    ("test_utils", "np", numpy): {"bool": bool, "int": int},
    ("test_utils", "npt", numpy.testing): {"build_err_msg": _error_text},
}

#: Modules that write the parameters of operators as text, which C++ reads: ``(2, 3)``.
_WRITERS = ("_ctypes.ndarray", "_ctypes.symbol", "io.io", "kvstore.base", "symbol.symbol")


class _AnyText(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, str)


class _Text(metaclass=_AnyText):
    """``str``, but for the numbers of NumPy 2 within lists: ``2``, not ``np.int64(2)``."""

    def __new__(cls, value: object = "") -> Any:
        return str(_plain(value) if isinstance(value, (list, tuple)) else value)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value
    return value.item() if isinstance(value, numpy.generic) else value


def _unnamed(convert: Callable[..., Any]) -> Callable[..., Any]:
    """Let what makes MXNet's arrays of NumPy's results take a named tuple, of ``linalg.qr`` say."""

    def converted(object: Any, ctx: Any = None) -> Any:
        return convert(tuple(object) if hasattr(object, "_fields") else object, ctx)

    return converted


def _missing(names: dict[str, Any], module: types.ModuleType = numpy) -> dict[str, Any]:
    # Not hasattr(): for some names NumPy answers with a warning that they will go.
    return {name: value for name, value in names.items() if name not in vars(module)}


@contextlib.contextmanager
def given_back() -> Iterator[None]:
    """Let NumPy have, within the block, the names that MXNet reads while it is imported."""
    added = _missing(_NAMES)
    vars(numpy).update(added)
    try:
        yield
    finally:
        for name in added:
            del vars(numpy)[name]


def give_modules_theirs() -> None:
    """Give MXNet's modules, once they are imported, what they look up later."""
    for (path, alias, numpys), names in _LATER.items():
        missing = _missing(names, numpys)
        if missing:
            # Seen by that module alone.
            changed = types.ModuleType(numpys.__name__, numpys.__doc__)
            vars(changed).update({**vars(numpys), **missing})
            _give(path, alias, changed)
    multiarray = sys.modules.get("mxnet.numpy.multiarray")
    if multiarray is not None:
        _give("numpy.multiarray", "_as_mx_np_array", _unnamed(multiarray._as_mx_np_array))
    if repr(numpy.int64(2)) != "2":
        for path in _WRITERS:
            _give(path, "str", _Text)


def _give(path: str, name: str, value: Any) -> None:
    module = sys.modules.get(f"mxnet.{path}")
    if module is not None:
        vars(module)[name] = value
