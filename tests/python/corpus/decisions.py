"""By reference or by value: what decides, and the register of modules."""

import colorsys
import contextlib
import sys
import types

from .row import checked, module, row, run



@contextlib.contextmanager
def modules(made):
    """A world in which other modules are imported, too: name -> module, or whatever else may lie there."""
    saved = {name: sys.modules[name] for name in made if name in sys.modules}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            sys.modules.pop(name, None)
        sys.modules.update(saved)


@contextlib.contextmanager
def by_value(*names):
    """A world in which these modules are registered with cloudpickle, and so with us."""
    register = sys.modules["cloudpickle.cloudpickle"]._PICKLE_BY_VALUE_MODULES if names else set()
    register.update(names)
    try:
        yield
    finally:
        register.difference_update(names)


TEXT = """
N = [5]
def f(x): return x + len(N)
def g(x): return f(x)
class C:
    class Inner:
        def m(self): return 'm'
    def m(self): return N
    @classmethod
    def c(cls): return cls
def make():
    def local(): return N
    return local
lam = lambda: N
alias = f
"""


def in_module(name, pick, check, text=TEXT, registered=(), imported=True, prefix=""):
    """A row for what `pick` takes out of a module, which is imported for the time of the dump."""
    @contextlib.contextmanager
    def world():
        places = {"world": module("world"), "world.inner": module("world.inner")} if imported else {}
        with by_value(*registered), modules(places):
            yield

    def make():
        made, package = module("world.inner", text), module("world")
        package.inner = made
        package.__path__ = []
        if "world" in sys.modules:
            sys.modules.update({"world": package, "world.inner": made})
        return pick(made)

    row(prefix + name, make, checked(check), world=world)


# What goes by reference cannot be loaded elsewhere: those rows are compared by their bytes.
for name, pick in {
    "function": lambda m: m.f, "class": lambda m: m.C, "inner class": lambda m: m.C.Inner, "method": lambda m: m.C.m, "method of an inner class": lambda m: m.C.Inner.m, "bound method": lambda m: m.C().m, "class method": lambda m: m.C.c,
    "instance": lambda m: m.C(), "module": lambda m: m, "alias": lambda m: m.alias, "all": lambda m: [m, m.f, m.C, m.C(), m.N],
}.items():
    in_module(name, pick, "", prefix="imported: ")
in_module("local function", lambda m: m.make(), "assert result() == [5]", prefix="imported: ")
in_module("lambda", lambda m: m.lam, "assert result() == [5]", prefix="imported: ")
in_module("function that was replaced", lambda m: replaced(m, "f"), "assert result(1) == 2", prefix="imported: ")
in_module("class that was replaced", lambda m: replaced(m, "C"), "assert result().m() == [5]", prefix="imported: ")
in_module("function that was deleted", lambda m: deleted(m, "f"), "assert result(1) == 2", prefix="imported: ")
in_module("class that was deleted", lambda m: deleted(m, "C"), "assert result().m() == [5]", prefix="imported: ")
in_module("inner class that was replaced", lambda m: inner_replaced(m), "assert result().m() == 'm'", prefix="imported: ")
in_module("function renamed", lambda m: renamed(m.f, "nowhere"), "assert result(1) == 2", prefix="imported: ")
in_module("function renamed to another", lambda m: renamed(m.f, "g"), "assert result(1) == 2", prefix="imported: ")
in_module("function renamed to its alias", lambda m: renamed(m.f, "alias"), "", prefix="imported: ")
in_module("function with an empty name", lambda m: renamed(m.f, ""), "assert result(1) == 2", prefix="imported: ")
in_module("function with dots for a name", lambda m: renamed(m.f, ".."), "assert result(1) == 2", prefix="imported: ")
in_module("function named like an attribute of a builtin", lambda m: renamed(m.f, "N.append"), "assert result(1) == 2", prefix="imported: ")
in_module("class named like its module's dict", lambda m: renamed(m.C, "__dict__"), "assert result().m() == [5]", prefix="imported: ")
in_module("function of module None, found", lambda m: moved(m.f, None), "", prefix="imported: ")
in_module("class of module None, found", lambda m: moved(m.C, None), "", prefix="imported: ")
in_module("function of module None, not found", lambda m: moved(deleted(m, "lam"), None), "assert result() == [5]", prefix="imported: ")
in_module("function of another module", lambda m: moved(m.f, "json"), "assert result(1) == 2", prefix="imported: ")
in_module("function of __main__", lambda m: moved(m.f, "__main__"), "assert result(1) == 2", prefix="imported: ")
in_module("function of __mp_main__", lambda m: moved(m.f, "__mp_main__"), "assert result(1) == 2", prefix="imported: ")
in_module("function of a module that is None", lambda m: moved(m.f, "world.none"), "assert result(1) == 2", prefix="imported: ")
in_module("function of its package", lambda m: moved(m.f, "world"), "assert result(1) == 2", prefix="imported: ")
in_module("function of a package that has it too", lambda m: reexported(m), "", prefix="imported: ")
in_module("closure over the module", lambda m: (lambda: m), "", prefix="imported: ")
in_module("function by value that uses it", lambda m: run("def result(x): return f(x), C, inner", f=m.f, C=m.C, inner=m)["result"], "", prefix="imported: ")
in_module("subclass by value", lambda m: type("Sub", (m.C,), {"x": 1}), "", prefix="imported: ")

for name, pick in {"function": lambda m: m.f, "class": lambda m: m.C, "inner class": lambda m: m.C.Inner, "instance": lambda m: m.C(), "module": lambda m: m, "function and module": lambda m: [m.g, m]}.items():
    in_module(name, pick, {"function": "assert result(1) == 2", "class": "assert result().m() == [5]", "inner class": "assert result().m() == 'm'", "instance": "assert result.m() == [5]", "module": "assert result.g(1) == 2", "function and module": "assert result[0](1) == 2 and result[1].N == [5]"}[name], imported=False, prefix="not imported: ")

for registered in ("world", "world.inner"):
    for name, pick, check in (
        ("function", lambda m: m.f, "assert result(1) == 2"),
        ("functions", lambda m: [m.f, m.g, m.alias, m.lam], "assert result[1](1) == 2 and result[0] is result[2] and result[3]() == [5]"),
        ("class", lambda m: m.C, "assert result().m() == [5] and result.__module__ == 'world.inner'"),
        ("inner class", lambda m: m.C.Inner, "assert result().m() == 'm'"),
        ("instance", lambda m: m.C(), "assert result.m() == [5]"),
        ("method", lambda m: m.C.m, "assert result(1) == [5]"),
        ("bound method", lambda m: m.C().m, "assert result() == [5]"),
        ("class method", lambda m: m.C.c, "assert result().__name__ == 'C'"),
        ("module", lambda m: m, "assert result.g(1) == 2 and result.__name__ == 'world.inner'"),
        ("module and all", lambda m: [m, m.f, m.C, m.N], "m, f, c, n = result; assert m.f is f and m.C is c and m.N is n"),
        ("local function", lambda m: m.make(), "assert result() == [5]"),
        ("subclass by value", lambda m: type("Sub", (m.C,), {"x": 1}), "assert result().m() == [5]"),
        ("function by value that uses it", lambda m: run("def result(x): return f(x), C, inner", f=m.f, C=m.C, inner=m)["result"], "assert result(1)[0] == 2"),
    ):
        in_module(name, pick, check, registered=(registered,), prefix="registered %s: " % registered)
in_module("function", lambda m: m.f, "", registered=("world.inner.deeper", "worl", "inner", ""), prefix="registered others: ")
in_module("module", lambda m: m, "", registered=("world.inner.deeper", "worl", "inner", ""), prefix="registered others: ")
in_module("its package", lambda m: sys.modules.get("world"), "assert result.inner.N == [5]", registered=("world",), prefix="registered world: ")
in_module("TypeVar", lambda m: m.T, "assert result.__name__ == 'T'", "import typing\nT = typing.TypeVar('T')", registered=("world",), prefix="registered world: ")
in_module("TypeVar", lambda m: m.T, "", "import typing\nT = typing.TypeVar('T')", prefix="imported: ")
in_module("TypeVar of another name", lambda m: m.S, "assert result.__name__ == 'T'", "import typing\nS = typing.TypeVar('T')", prefix="imported: ")
in_module("enum", lambda m: [m.E, m.E.A], "assert result[0].A is result[1]", "import enum\nclass E(enum.Enum):\n    A = 1", registered=("world",), prefix="registered world: ")
in_module("dataclass", lambda m: m.D(1), "assert result.x == 1", "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int", registered=("world",), prefix="registered world: ")
in_module("namedtuple", lambda m: m.P(1), "assert result.x == 1", "import collections\nP = collections.namedtuple('P', 'x')", registered=("world",), prefix="registered world: ")


def replaced(made, name):
    old = getattr(made, name)
    setattr(made, name, 5)
    return old


def deleted(made, name):
    old = getattr(made, name)
    delattr(made, name)
    return old


def inner_replaced(made):
    old = made.C.Inner
    made.C.Inner = 5
    return old


def renamed(made, name):
    made.__qualname__ = made.__name__ = name
    return made


def moved(made, name):
    made.__module__ = name
    return made


def reexported(made):
    if "world" in sys.modules:
        sys.modules["world"].f = made.f
    return moved(made.f, "world")


# --- what lies in `sys.modules` under a name

MP = module("mp", "def f(): return 1")


def hidden(name, value):
    return lambda: modules({name: value})


def check_colorsys(loaded):
    assert loaded is colorsys


def check_hsv(loaded):
    assert loaded(1, 1, 1) == (0.0, 0.0, 1)


row("module whose entry is None", lambda: colorsys, check_colorsys, world=hidden("colorsys", None))
row("module whose entry is another", lambda: colorsys, check_colorsys, world=hidden("colorsys", module("colorsys")))
row("function whose module is None", lambda: colorsys.rgb_to_hsv, check_hsv, world=hidden("colorsys", None))
row("function whose module is another", lambda: colorsys.rgb_to_hsv, check_hsv, world=hidden("colorsys", module("colorsys")))
row("function whose module is a number", lambda: colorsys.rgb_to_hsv, check_hsv, world=hidden("colorsys", 5))
row("function whose module is a namespace", lambda: colorsys.rgb_to_hsv, check_hsv, world=hidden("colorsys", types.SimpleNamespace(**vars(colorsys))))
row("function beside a key None", lambda: run("import os\ndef result(): return os.path")["result"], checked("assert result() is __import__('os').path"), world=hidden(None, None))
row("function of module None beside a number", lambda: moved(run("def f(): return 1")["f"], None), checked("assert result() == 1"), world=hidden("odd", 5))
row("main module", lambda: sys.modules["__main__"], checked("assert result.__name__ == '__main__'"))
row("function of module None that __mp_main__ has", lambda: moved(MP.f, None), checked("assert result() == 1"), world=hidden("__mp_main__", MP))
