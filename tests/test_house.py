"""The house: which room may use which, and that every room's imports keep to it."""

import ast
import pathlib

import pytest

import gluon_gru

PACKAGE = pathlib.Path(gluon_gru.__file__).parent

#: Room -> the rooms that it may import from, beside itself.
MAY_USE = {
    "errors": set(),
    "cells": set(),
    "compat": {"programs"},
    "programs": {"errors"},
    "variables": set(),
    "removed_names": set(),
    "mxnet_import": {"errors", "removed_names", "variables"},
    "text": {"errors"},
    "engine": {"errors", "cells", "mxnet_import"},
    "models": {"errors", "cells", "engine", "mxnet_import"},
    "published": {"errors"},
}
# It reads verdicts as older files have them.
MAY_USE["runs"] = MAY_USE["models"] | {"models", "text", "published"}
MAY_USE["training"] = MAY_USE["runs"] | {"runs"}
# Tables, curves and pages of anybody's; it writes whole files as runs do.
MAY_USE["report"] = {"errors", "runs"}
for _room in ("own_texts", "gates", "convert"):
    MAY_USE[_room] = MAY_USE["training"] | {"training", "report"}
# What runs old programs.
MAY_USE["programs"] = {"errors"}
MAY_USE["compat"] = {"errors", "programs"}
# Notebooks are run again beside what is published.
MAY_USE["notebook"] = MAY_USE["training"] | {"training", "published", "programs"}
MAY_USE["studies"] = MAY_USE["gates"] | {"gates", "convert", "published", "report", "own_texts"}
MAY_USE["cli"] = MAY_USE["studies"] | {"studies", "convert", "own_texts", "notebook"}
# The package's face hands on the names of all of them.
MAY_USE["__init__"] = set(MAY_USE)
MAY_USE["__main__"] = {"cli"}


def imported(path):
    """Yield the rooms that a module imports from, wherever in it, and the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, *rest = name.split(".")
            if package == "gluon_gru" and rest:
                yield rest[0], node.lineno


def room_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_every_room_has_its_place():
    assert {room_of(path) for path in PACKAGE.rglob("*.py")} <= set(MAY_USE)


@pytest.mark.parametrize("room", MAY_USE)
def test_imports_run_one_way(room):
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line} imports from {other}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if room_of(path) == room
        for other, line in imported(path)
        if (PACKAGE / other).is_dir() or (PACKAGE / f"{other}.py").is_file()
        if other != room and other not in MAY_USE[room]
    ]
    assert wrong == []
