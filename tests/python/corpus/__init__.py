"""The one corpus of objects, shared by the tests of bytes, behaviour, doors and leaks."""

from . import (  # noqa: F401  each adds its rows
    atoms,
    classes,
    closures,
    code,
    containers,
    decisions,
    descriptors,
    enums,
    functions,
    generics,
    hostile,
    importable,
    known,
    metaclasses,
    modules,
    records,
    reductions,
    references,
    standard,
    text,
    traps,
    types_names,
    views,
    workloads,
)
from .row import HIGHEST, PROTOCOLS, ROWS  # noqa: F401

rows = list(ROWS.values())
