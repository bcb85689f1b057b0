"""Modules: by reference if they are in sys.modules, else by value."""

import importlib
import sys
import types

from . import importable
from .row import module, row

for name in ("os", "os.path", "sys", "builtins", "json", "json.decoder", "xml.etree.ElementTree", "corpus", "corpus.importable", "_pickle", "math"):
    def check(loaded, name=name):
        assert loaded is importlib.import_module(name)

    row("module " + name, lambda name=name: importlib.import_module(name), check)


def by_value(name, make, check):
    def checked(loaded):
        assert type(loaded) is types.ModuleType and "print" in loaded.__dict__["__builtins__"]
        check(loaded)

    row("module by value: " + name, make, checked)


def check_names(**names):
    def check(loaded):
        for name, value in names.items():
            assert getattr(loaded, name) == value, name

    return check


by_value("empty", lambda: types.ModuleType("made"), check_names(__name__="made", __doc__=None))
by_value("with a doc", lambda: types.ModuleType("made", "doc"), check_names(__doc__="doc"))
by_value("with data", lambda: module("made", "A = 1\nB = [A, {'k': 2}]"), check_names(A=1, B=[1, {"k": 2}]))
by_value("with an imported module", lambda: module("made", "import json, os.path"), lambda loaded: check_json(loaded))
by_value("with functions", lambda: module("made", FUNCTIONS), lambda loaded: check_functions(loaded))
by_value("of a dotted name", lambda: module("made.inner", "A = 1"), check_names(A=1, __name__="made.inner"))
by_value("with an importable object", lambda: module("made", "", plain=importable.Plain, level=importable.Level.HIGH), check_names(plain=importable.Plain, level=importable.Level.HIGH))
by_value("non-ASCII", lambda: module("mad\u00e9", "\u00e9 = 1"), check_names(__name__="mad\u00e9"))

FUNCTIONS = """
N = 5
def f(x): return x + N
def g(x): return f(x) * 2
h = lambda x, y=f: y(x)
"""


def check_json(loaded):
    import json

    assert loaded.json is json


def check_functions(loaded):
    assert (loaded.f(1), loaded.g(1), loaded.h(1)) == (6, 12, 6) and loaded.f.__module__ == "made"


def twice():
    made = module("made", "A = []")
    return [made, made, made.A]


row("module by value: twice", twice, lambda loaded: check_twice(loaded))


def check_twice(loaded):
    assert loaded[0] is loaded[1] and loaded[0].A is loaded[2]


row("module by value: function of it", lambda: module("made", FUNCTIONS).g, lambda loaded: check_g(loaded))
row("module by value: functions of it, and it", lambda: (lambda made: [made.g, made, made.f])(module("made", FUNCTIONS)), lambda loaded: check_g(loaded[0]))


def check_g(loaded):
    assert loaded(1) == 12


def under_a_name_that_is_taken():
    return module("json", "A = 1")


row("module with the name of an imported one", under_a_name_that_is_taken, lambda loaded: check_taken(loaded))


def check_taken(loaded):
    assert loaded is sys.modules["json"]


def without_name():
    made = types.ModuleType("made")
    del made.__name__
    return made


def with_wrong_name():
    made = types.ModuleType("made")
    made.__name__ = 5
    return made


def check_wrong_name(loaded):
    assert type(loaded) is types.ModuleType and loaded.__name__ == 5


def with_lock():
    made = module("made", "import threading\nlock = threading.Lock()")
    return made


class Subclass(types.ModuleType):
    pass


row("refused: module without a name", without_name)
row("module whose name is no str", with_wrong_name, lambda loaded: check_wrong_name(loaded))
row("refused: module by value with a lock", with_lock)
row("refused: module of a subclass", lambda: importable_module_subclass())


def importable_module_subclass():
    made = Subclass("made")
    made.a = 1
    return made
