"""The one corpus of objects, shared by the tests of bytes, behaviour, doors and leaks."""

from . import (  # noqa: F401  each adds its rows
    atoms,
    closures,
    code,
    containers,
    functions,
    importable,
    known,
    modules,
    reductions,
    references,
    standard,
    text,
    workloads,
)
from .row import HIGHEST, PROTOCOLS, ROWS  # noqa: F401

rows = list(ROWS.values())
