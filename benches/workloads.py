"""What is measured: the corpus's workloads, and the targets for them."""

from corpus.workloads import WORKLOADS

DATA = [made for made in WORKLOADS if made.kind in ("plain", "reference")]
CODE = [made for made in WORKLOADS if made.kind in ("function", "class")]

WARM = {
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
"""Times as fast as cloudpickle, its cache of code objects filled."""
COLD = {
    "closure of 3 cells": 70,
    "nested 10 deep": 70,
    "100 lambdas in a list": 70,
    "function with 5 globals": 100,
    "partial of a dynamic function": 100,
    "task: (function, args, kwargs)": 100,
    "class with 5 methods": 70,
    "3-level hierarchy and instances": 70,
    "dataclass": 70,
    "enum": 50,
    "ABC": 50,
    "module by value": 50,
}
"""Likewise, its cache emptied before each dump."""
LAMBDA_NS = 500
"""A lambda takes no longer."""
PLAIN, PLAIN_MEAN = 2.5, 5
"""Times as fast as C pickle dumps plain data: each row, and their geometric mean."""
ENCODERS = {"100k unique strs": 1, "10k dicts of 8": 1, "1 MB JSON-like": 1}
"""Times as fast as orjson's and msgspec's encoders."""
LOADS = {"plain": 1, "reference": 1, "function": 4, "class": 2}
LOADS_PLAIN_MEAN = 1.5
"""Times as fast as pickle.loads: each row, and the geometric mean of plain data."""
PEAK = 0.5
"""Peak memory of a dump of many objects beside C pickle's."""
UNMEMOISED = {"100k ints", "100k floats", "1M None/bool", "set of 100k", "100 MB bytes", "100 MB array"}
"""Their pickle alone is most of what C pickle takes, which memoises none of their items: the target is not for them."""
IMPORT_NS = 5_000_000
"""An import takes no longer."""
