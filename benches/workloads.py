"""What the benchmark measures: the corpus's workloads at full size, what is hoped for them, and what must not grow."""

import contextlib
import sys
import types
from dataclasses import dataclass
from typing import Any, Callable, ContextManager

from corpus.row import run
from corpus.workloads import WORKLOADS

DATA = [made for made in WORKLOADS if made.kind in ("plain", "reference")]
CODE = [made for made in WORKLOADS if made.kind in ("function", "class")]

AIMS = {
    "lambda": 40,
    "closure of 3 cells": 40,
    "nested 10 deep": 40,
    "100 lambdas in a list": 40,
    "function with 5 globals": 25,
    "partial of a dynamic function": 20,
    "task: (function, args, kwargs)": 25,
    "class with 5 methods": 25,
    "3-level hierarchy and instances": 25,
    "dataclass": 25,
    "enum": 15,
    "ABC": 15,
    "module by value": 15,
    "1,000 instances of one dynamic class": 40,
    "10k __slots__ objects": 25,
    "10k plain instances": 25,
    "10k namedtuples of __main__": 50,
    "10k objects with a Python __reduce__ of __main__": 6,
    "10k datetimes": 50,
    "10k namedtuples": 50,
    "10k importable __slots__ objects": 25,
    "10k importable instances": 25,
    "10k objects with a Python __reduce__": 6,
    "function by reference": 30,
    "class by reference": 30,
    "small message": 20,
}
"""Times as fast as cloudpickle, warm."""
PLAIN_AIM, PLAIN_MEAN_AIM = 2.5, 5
"""Times as fast as C pickle: each row, and their geometric mean."""
LOADS_AIMS = {"plain": 1.5, "reference": 1.5, "function": 4, "class": 2}
"""Times as fast as pickle.loads."""


@contextlib.contextmanager
def further_modules(count):
    """`sys.modules` with so many modules more."""
    names = ["package%d.module%d" % (n % 50, n) for n in range(count)]
    sys.modules.update((name, types.ModuleType(name)) for name in names)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def no_more():
    return contextlib.nullcontext()


@dataclass(frozen=True)
class Growth:
    """One object in a small and in a large world: what should grow by `fair` and no more."""

    name: str
    make: Callable[[int], Any]
    small: int
    large: int
    fair: float
    world: Callable[[int], ContextManager]


def naming_packages(_):
    return run(
        "import json, xml.dom, email.mime, concurrent.futures\n"
        "def result(x): return json.dumps(x), xml.dom.Node, email.mime, concurrent.futures.Future"
    )["result"]


def sharing_globals(count):
    """Functions of one module, with globals that all of them use."""
    shared = "".join("G%d = %d\n" % (n, n) for n in range(20))
    use = " + ".join("G%d" % n for n in range(20))
    functions = "".join("def f%d(x): return x + %s\n" % (n, use) for n in range(count))
    return run(shared + functions + "result = [%s]" % ", ".join("f%d" % n for n in range(count)))["result"]


def with_attributes(count):
    return run("class result:\n" + "".join("    attribute%d = %d\n" % (n, n) for n in range(count)))["result"]


GROWTHS = [
    Growth("function naming 4 packages; 100, 20,000 more modules", naming_packages, 100, 20_000, 1, further_modules),
    Growth("1, 1,000 functions sharing 20 globals", sharing_globals, 1, 1_000, 1_000, lambda _: no_more()),
    Growth("class with 200, 2,000 attributes", with_attributes, 200, 2_000, 10, lambda _: no_more()),
]
