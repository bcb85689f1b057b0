"""What goes by its name: functions, classes and methods that can be imported; and what only seems so."""

import _compat_pickle
import collections
import copyreg
import datetime
import functools
import importlib
import itertools
import json
import math
import operator
import os
import types

from . import importable
from .row import plain, row


def by_name(name, make, **more):
    """A row for an object that loads as itself."""

    def check(loaded):
        assert loaded is make(), loaded

    plain("reference: " + name, make, check, **more)


for name, value in {
    "builtin function": len,
    "builtin functions": print,
    "function of a C module": math.sin,
    "function of os": os.getcwd,
    "function of a Python module": json.dumps,
    "function with a C twin": operator.add,
    "function of ours": importable.function,
    "decorated function of ours": importable.decorated,
    "lru_cache of ours": importable.cached,
    "singledispatch of ours": importable.dispatched,
    "builtin class": int,
    "class object": object,
    "class type": type,
    "exception": ValueError,
    "class of a C module": collections.OrderedDict,
    "class of a Python module": json.JSONDecoder,
    "class of ours": importable.Plain,
    "inner class": importable.Plain.Inner,
    "innermost class": importable.Plain.Inner.Innermost,
    "method of a class": importable.Plain.method,
    "static method": importable.Plain.of_nothing,
    "method of an inner class": importable.Plain.Inner.Innermost.method,
    "enum class": importable.Color,
    "namedtuple class": importable.Point,
    "reconstructor": copyreg.__newobj__,
    "abstract class": collections.abc.Mapping,
}.items():
    by_name(name, lambda value=value: value)

# Names that are no exact str, and a module that is an attribute of itself: CPython versions write them differently. What
# is written need not load: where the name itself is pickled, STACK_GLOBAL may refuse what is built of it.
for name, value in {
    "name": importable.singleton,
    "name of a subclass of str": importable.named_by_subclass,
    "name that is reduced": importable.named_oddly,
    "dotted name of a subclass of str": importable.Named.dotted,
    "dotted name that is reduced": importable.Named.dotted_oddly,
    "name through the module itself": importable.through_itself,
    "name of a subclass through the module itself": importable.by_subclass_through_itself,
    "module name of a subclass of str": importable.of_named_module,
    "class with a module name of a subclass": importable.OfNamedModule,
}.items():
    plain("reference: " + name, lambda value=value: [value, value, str(value)], lambda loaded, value=value: same(loaded[0], value))

plain("reference: many", lambda: [len, int, len, importable.Plain, importable.Plain.Inner, importable.Plain, math.sin] * 3)
plain("reference: non-ASCII class", lambda: importable.Größe)
plain("reference: as keys", lambda: {int: "int", len: "len", importable.Plain: "Plain"})


def check_called(loaded, expected, *arguments):
    assert loaded(*arguments) == expected


# Methods in C are reduced to getattr.
plain("C method of a class", lambda: str.upper, lambda loaded: check_upper(loaded, "a"))
plain("C method of an object", lambda: "a".upper, lambda loaded: check_upper(loaded))
plain("C method of a list", lambda: [1, 2].copy, lambda loaded: check_copy(loaded))
plain("C class method", lambda: dict.fromkeys, lambda loaded: check_fromkeys(loaded))
plain("C class method of a subclass", lambda: importable.Mapping.fromkeys, lambda loaded: check_fromkeys(loaded))
plain("C static method", lambda: str.maketrans, lambda loaded: check_called(loaded, {97: 98}, "a", "b"))
plain("slot wrapper", lambda: object.__init__, lambda loaded: check_called(loaded, None, object()))
plain("method wrapper", lambda: (1).__add__, lambda loaded: check_add(loaded))
plain("class method of C module", lambda: itertools.chain.from_iterable, lambda loaded: check_chain(loaded))
plain("datetime.now", lambda: datetime.datetime.now, lambda loaded: same(type(loaded()), datetime.datetime))
plain("dict method of itself", lambda: method_of_itself(), lambda loaded: same(loaded["get"].__self__, loaded))


def method_of_itself():
    made = {}
    made["get"] = made.get
    return made


def check_upper(loaded, *arguments):
    assert loaded(*arguments) == "A"


def check_copy(loaded):
    assert loaded() == [1, 2]


def check_fromkeys(loaded):
    assert loaded("ab") == {"a": None, "b": None}


def check_add(loaded):
    assert loaded(2) == 3


def check_chain(loaded):
    assert list(loaded([[1], [2]])) == [1, 2]


# The types that have a name in `types` only.
for type_name in ("FunctionType", "LambdaType", "CodeType", "ModuleType", "GeneratorType", "MethodType", "CellType",
                  "BuiltinFunctionType", "MappingProxyType", "SimpleNamespace", "TracebackType", "FrameType"):
    row("type " + type_name, lambda value=getattr(types, type_name): value, lambda loaded, value=getattr(types, type_name): same(loaded, value))


def same(loaded, value):
    assert loaded is value


# --- methods

def check_method(loaded):
    assert isinstance(loaded, types.MethodType) and loaded() is loaded.__self__


row("bound method", lambda: importable.Plain(a=1).method, check_method)
row("bound method of itself", lambda: bound_to_itself(), lambda loaded: check_method(loaded.method_kept))
row("bound method of an inner class", lambda: importable.Plain.Inner.Innermost().method, lambda loaded: check_inner(loaded))
row("bound method twice", lambda: [importable.Plain(a=1).method] * 2, lambda loaded: same(loaded[0], loaded[1]))
row("bound class method", lambda: importable.Plain.of_class, lambda loaded: check_of_class(loaded))
row("bound class method of an object", lambda: importable.Plain().of_class, lambda loaded: check_of_class(loaded))
row("method bound to a number", lambda: types.MethodType(importable.function, 5), lambda loaded: check_six(loaded))
row("method bound to a class", lambda: types.MethodType(len, "abc"), lambda loaded: check_three(loaded))


def bound_to_itself():
    made = importable.Plain()
    made.method_kept = made.method
    return made


def check_inner(loaded):
    assert loaded() == "innermost"


def check_of_class(loaded):
    assert loaded() is importable.Plain


def check_six(loaded):
    assert loaded() == 6


def check_three(loaded):
    assert loaded() == 3


# --- Python 2 had other names for these, and the protocols below 3 use them

def renamed():
    """Every function and class whose name or module was another one in Python 2, as far as this Python has it."""
    found = {}
    for module, name in sorted(_compat_pickle.REVERSE_NAME_MAPPING):
        try:
            value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
        found["%s.%s" % (module, name)] = value
    for module in sorted(_compat_pickle.REVERSE_IMPORT_MAPPING):
        # These open windows or need a terminal.
        if module.startswith(("tkinter", "winreg", "dbm", "_dbm", "_gdbm", "curses")):
            continue
        try:
            names = vars(importlib.import_module(module))
        except ImportError:
            continue
        for name, value in sorted(names.items()):
            if getattr(value, "__module__", None) == module and isinstance(value, (type, types.FunctionType)):
                if getattr(value, "__qualname__", None) == name:
                    found["%s.%s" % (module, name)] = value
                    break
    return found


def check_renamed(loaded, value):
    # Some exceptions had no counterpart in Python 2: they come back as a base class.
    assert loaded is value or issubclass(value, loaded)


for name, value in renamed().items():
    plain("once " + name, lambda value=value: value, lambda loaded, value=value: check_renamed(loaded, value))


# --- partial and the other callables of the library

def check_partial(loaded):
    assert loaded.func is importable.function and loaded() == 3


plain("partial", lambda: functools.partial(importable.function, 2), check_partial)
plain("partial with keywords", lambda: functools.partial(importable.function, x=2), check_partial)
plain("partial with attributes", lambda: partial_with_attributes(), lambda loaded: check_attributes(loaded))
plain("partial of a partial", lambda: functools.partial(functools.partial(importable.build, 1), 2), lambda loaded: check_build(loaded))
plain("partial of itself", lambda: partial_of_itself(), lambda loaded: same(loaded.me, loaded))


def partial_with_attributes():
    made = functools.partial(importable.function, 2)
    made.note = [1]
    return made


def check_attributes(loaded):
    assert loaded.note == [1] and loaded() == 3


def check_build(loaded):
    assert loaded().arguments == (1, 2)


def partial_of_itself():
    made = functools.partial(importable.function)
    made.me = made
    return made


plain("itemgetter", lambda: operator.itemgetter(1, "k"), lambda loaded: check_itemgetter(loaded))
plain("attrgetter", lambda: operator.attrgetter("real.real", "imag"), lambda loaded: check_called(loaded, (5, 0), 5))
plain("methodcaller", lambda: operator.methodcaller("split", ","), lambda loaded: check_methodcaller(loaded))
plain("methodcaller with keywords", lambda: operator.methodcaller("split", sep=","), lambda loaded: check_methodcaller(loaded))


def check_itemgetter(loaded):
    assert loaded({1: 2, "k": 3}) == (2, 3)


def check_methodcaller(loaded):
    assert loaded("a,b") == ["a", "b"]
