"""All exercises by name: those of the modules in ``questions/``."""

from __future__ import annotations

import importlib
import pkgutil

from gluon_gru.studies.exercises import questions
from gluon_gru.studies.exercises.exercise import Exercise

_ALL = [
    one
    for module in pkgutil.iter_modules(questions.__path__, f"{questions.__name__}.")
    for one in vars(importlib.import_module(module.name)).values()
    if isinstance(one, Exercise)
]

#: Name -> `gluon_gru.studies.exercises.exercise.Exercise`.
EXERCISES = {one.name: one for one in sorted(_ALL, key=lambda one: one.name)}

#: Id -> what the exercises check, a `gluon_gru.published.claims.Claim`.
STATEMENTS = {one.id: one for exercise in EXERCISES.values() for one in exercise.statements}
