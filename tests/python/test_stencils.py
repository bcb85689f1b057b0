"""Stretches of pickles that are cut once and copied from then on: the first dump of a function writes it the long way,
the second one cuts, later ones copy. All are the oracle's bytes, whatever of the function was met before."""

import collections
import copyreg
import functools
import gc
import itertools
import sys
import types
import weakref

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus.row import run

FUNCTIONS = {
    "plain": "made = lambda x: x + 1",
    "one character": "def f(a): return a\nmade = f",
    "no characters": "def f(a): return a\nf.__name__ = f.__qualname__ = ''\nmade = f",
    "no letters of ASCII": "def größe(ä): return 'ö' + ä\nmade = größe",
    "surrogates": "made = lambda: '\\ud800'",
    "names twice": "def name(name, x):\n    return [name for name in x], 'name', ('name', 'x')\nmade = name",
    "constants": "def f(): return 1, -1, 300, 70000, 2**40, 2**70, 1.5, None, True, b'x', b'', '', (), (1, ('y', (b'z',)))\nmade = f",
    "rare constants": "def f(x): return x in {1, 2, 3}, 1j, ...\nmade = f",
    "a text of five thousand": "def f(): return '" + "x" * 5000 + "'\nmade = f",
    "an int of many digits": "def f(): return 0x" + "f" * 3300 + "\nmade = f",
    "twenty thousand bytes": "def f(): return " + ", ".join(repr("%04d" % i * 25) for i in range(200)) + "\nmade = f",
    "inner code": "def f():\n    def g(x):\n        return lambda: x\n    return g\nmade = f",
    "inner code twice": "def f(x):\n    return [(lambda: x), (lambda: x), (lambda: x)]\nmade = f",
    "deep code": "made = " + "lambda: " * 10 + "0",
    "closure": "def f(x, y):\n    return lambda z: (x, y, z)\nmade = f(1, 'y')",
    "defaults": "def f(a, b=2, *, c='c') -> int:\n    'What it is for.'\n    return a\nmade = f",
    "attributes": "def f(): pass\nf.mark = 'mark'\nmade = f",
    "a constant attribute": "def f(): pass\nf.__isabstractmethod__ = True\nmade = f",
    "constant attributes": "def f(): pass\nf.a, f.größe, f.x, f.f = None, True, False, True\nmade = f",
    "five constant attributes": "def f(): pass\nf.a = f.b = f.c = f.d = f.e = True\nmade = f",
    "a constant attribute and another": "def f(): pass\nf.a, f.b = True, [f]\nmade = f",
    "a constant attribute less": "def f(): pass\nf.a = f.b = True\ndel f.a\nmade = f",
    "no attribute any more": "def f(): pass\nf.a = True\ndel f.a\nmade = f",
    "attributes under no names": "def f(): pass\nvars(f)[5] = True\nmade = f",
    "attributes in a dict that shows others": "class D(dict):\n    def items(self): return [('b', True)]\n"
    "def f(): pass\nf.__dict__ = D(a=True)\nmade = f",
    "attributes in a dict that is empty": "class D(dict):\n    def items(self): return [('b', True)]\n"
    "def f(): pass\nf.__dict__ = D()\nmade = f",
    "a wrapper": "import functools\ndef f(x: int) -> int: return x\n@functools.wraps(f)\ndef g(*all): return f(*all)\nmade = g",
    "a default": "def f(a, b=2): return a\nmade = f",
    "a default of what has a name": "def f(*, c=2): return c\nmade = f",
    "constant defaults": "def f(a=1, b='b', c=(1, ('x', None)), d=(), *, e=True, f=-2.5): return a\nmade = f",
    "a default by name": "def f(*, c=None): return c\nmade = f",
    "defaults that are names": "def f(a='f', b='a', *, c='c', d='__name__'): return a\nmade = f",
    "nine defaults by name": "def f(*, a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8, i=9): return a\nmade = f",
    "no defaults by name": "def f(*, c=2): return c\nf.__kwdefaults__ = {}\nmade = f",
    "a default by name less": "def f(*, c=2, d=3): return c\ndel f.__kwdefaults__['c']\nmade = f",
    "defaults by no names": "def f(*, c=2): return c\nf.__kwdefaults__[5] = 1\nmade = f",
    "a long default": "def f(a='" + "x" * 5000 + "', *, b='" + "y" * 5000 + "'): return a\nmade = f",
    "a default of a subclass": "class I(int): pass\ndef f(a=I(5), *, b=(I(6),)): return a\nmade = f",
    "a list as a default": "def f(a=1, b=[], *, c={}): return a\nmade = f",
    "defaults, and values of its own": "def f(x):\n    def g(a=1, *, b=2): return x, g\n    g.mark = [x]\n    return g\nmade = f([1])",
    "defaults, and annotations": "def f(a: int = 1, *, b: 'str' = 'b') -> None: return a\nmade = f",
    "a global that is not there": "def f(): return other\nmade = f",
    "submodules": "import xml.etree.ElementTree\ndef f(): return xml.etree.ElementTree\nmade = f",
    "submodules of a package in the closure": "import xml.etree.ElementTree\ndef f(x): return lambda: x.etree.ElementTree\nmade = f(xml)",
    "globals": "import os\nother = 5\ndef f(): return os.path, other\nmade = f",
    "no annotations yet": "def f(): pass\nmade = f",
    "empty annotations": "def f(): pass\nf.__annotations__\nmade = f",
    "itself": "def f(n): return f(n - 1) if n else 0\nmade = f",
}

# What comes before the function in the object that is dumped.
BEFORE = {
    "nothing": lambda f: (),
    "its code": lambda f: (f.__code__,),
    "its constants": lambda f: f.__code__.co_consts,
    "the tuple of its constants": lambda f: (f.__code__.co_consts,),
    "the tuple of its names": lambda f: (f.__code__.co_names, f.__code__.co_varnames),
    "its names": lambda f: f.__code__.co_names + f.__code__.co_varnames + (f.__name__, f.__module__),
    "its bytecode": lambda f: (f.__code__.co_code, f.__code__.co_filename),
    "names of slots": lambda f: tuple(map(str.__str__, ("__doc__", "__module__", "__name__", "_cloudpickle_submodules"))),
    "another function": lambda f: (types.FunctionType(f.__code__, f.__globals__, "other", None, f.__closure__),),
    "three hundred objects": lambda f: tuple("text %d" % i for i in range(300)),
    "almost a frame": lambda f: ("x" * 32_000, "y" * 33_000),
    "a frame but for few bytes": lambda f: ("x" * 32_000, "y" * 33_400),
}


# Objects that begin with the function: the memo is empty when it is met.
BEGINNING = {
    "nothing else": lambda f: f,
    "itself again": lambda f: (f, f, [f]),
    "its parts": lambda f: (f, f.__code__, f.__name__, f.__module__, f.__doc__, f.__code__.co_consts, f.__globals__["__name__"]),
    "its annotations": lambda f: (f, f.__annotations__, f.__annotations__),
    "a function with its code": lambda f: (f, types.FunctionType(f.__code__, f.__globals__, "other", None, f.__closure__)),
    "foreign code that gives its parts": lambda f: (f, Lends(f), Lends(f)),
    "a hundred objects": lambda f: (f, [str(i) for i in range(100)], f, [object] * 3),
    "itself behind many": lambda f: (f, list(MANY), f),
    "itself under way in others, behind many": lambda f: (((f, 1), 2), list(MANY), f),
    "many under way": lambda f: (((((((((((((f,),),),),),),),),),), list(MANY)), f), f),
}

# Objects in which it comes behind few numbers.
FEW = {
    "a list": lambda f: [f, f],
    "a name": lambda f: {"a": f, "b": [f.__name__, f.__module__]},
    "its own name": lambda f: {f.__name__: f},
    "its module's name": lambda f: {f.__globals__["__name__"]: f},
    "its code": lambda f: [f.__code__, f],
    "a name of its code": lambda f: [*f.__code__.co_varnames[:1], f],
    "a constant": lambda f: [*f.__code__.co_consts[-1:], f],
    "the name of a slot": lambda f: [str("__doc__"), f, "__doc__"],
    "the names of slots": lambda f: [sys.intern("__doc__"), sys.intern("__module__"), f],
    "a partial": functools.partial,
    "a partial of it that is under way": lambda f: [functools.partial(f, [f]), f],
    "what is under way": lambda f: [((f, 1), 2), f],
    "fifteen texts": lambda f: [*MANY[:15], f],
    "sixteen texts": lambda f: [*MANY[:16], f],
    "texts that nobody else has": lambda f: [str(1.5), str(2.5), f],
    "foreign code": lambda f: [Lends(len), f],
}
BEGINNING.update({"behind " + few: make for few, make in FEW.items()})

# Objects that others refer to as well, so that the memo's table has all of them.
MANY = ["many %d" % number for number in range(300)]


class Lends:
    """Runs foreign code, by which the parts of a function are met."""

    def __init__(self, function):
        self.function = function

    def __reduce__(self):
        f = self.function
        return list, ([f, f.__annotations__, f.__name__, f.__module__, f.__code__.co_varnames],)


def made(source):
    return run(source)["made"]


@pytest.mark.parametrize("beginning", BEGINNING)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_pickle_that_begins_with_the_function(function, beginning):
    f = made(FUNCTIONS[function])
    for protocol in range(2, 6):
        for number in range(4):
            obj = BEGINNING[beginning](f)
            theirs = outcome(by_cloudpickle, obj, protocol)
            # After a small dump the memo's table is small.
            binding.dumps([MANY[0]], protocol)
            found = difference(outcome(binding.dumps, obj, protocol), theirs)
            assert found is None, "dump %d: %s" % (number, found)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_behind_few_numbers_and_then_others(function):
    """Which numbers it is behind first is kept; behind others it is written all the same."""
    f = made(FUNCTIONS[function])
    for number in 0, 0, 0, 3, 3, 3, 0, 2, 3, 16, 17, 3, 1, 0, 3:
        obj = [*MANY[: number - 1], f] if number else (f,)
        assert difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5)) is None, number


CHANGES = {
    "__name__": lambda f: setattr(f, "__name__", "changed"),
    "__qualname__": lambda f: setattr(f, "__qualname__", "changed"),
    "__module__": lambda f: setattr(f, "__module__", "changed"),
    "__doc__": lambda f: setattr(f, "__doc__", "changed"),
    "no __doc__": lambda f: setattr(f, "__doc__", None),
    "__dict__": lambda f: setattr(f, "mark", "changed"),
    "a constant in __dict__": lambda f: setattr(f, "mark", None),
    "other constants in __dict__": lambda f: vars(f).update(mark=False, a=True, x=None),
    "__defaults__": lambda f: setattr(f, "__defaults__", (1,)),
    "__kwdefaults__": lambda f: setattr(f, "__kwdefaults__", {"c": 1}),
    "the same __defaults__ anew": lambda f: setattr(f, "__defaults__", f.__defaults__ and tuple(list(f.__defaults__))),
    "a default by name in place": lambda f: (f.__kwdefaults__ or {}).update(c=1, e=[], b="changed"),
    "one more default by name": lambda f: (f.__kwdefaults__ or {}).update(more=1),
    "no defaults by name any more": lambda f: (f.__kwdefaults__ or {}).clear(),
    "the same defaults by name anew": lambda f: setattr(f, "__kwdefaults__", f.__kwdefaults__ and dict(f.__kwdefaults__)),
    "shared defaults by name": lambda f: setattr(f, "__kwdefaults__", SHARED),
    "__annotations__": lambda f: setattr(f, "__annotations__", {"return": int}),
    "empty __annotations__": lambda f: setattr(f, "__annotations__", {}),
    "empty __annotations__ of another kind": lambda f: setattr(f, "__annotations__", collections.OrderedDict()),
    "shared __annotations__": lambda f: setattr(f, "__annotations__", SHARED),
    "__code__": lambda f: setattr(f, "__code__", f.__code__.replace(co_name="changed")),
    "a global of its own": lambda f: f.__globals__.update(x=1, other="changed", os=types),
    "__file__ of its globals": lambda f: f.__globals__.update(__file__="changed"),
    "__path__ of its globals": lambda f: f.__globals__.update(__path__=["changed"]),
    "no __package__ in its globals": lambda f: f.__globals__.pop("__package__", None),
    "another __name__ of its globals": lambda f: f.__globals__.update(__name__="changed"),
}
SHARED = {}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "function",
    [
        *("plain", "no characters", "defaults", "globals", "a global that is not there", "submodules", "itself"),
        *("empty annotations", "a constant attribute", "a wrapper", "constant defaults", "a default by name"),
        *("no defaults by name", "defaults, and values of its own", "a list as a default"),
    ],
)
def test_a_function_that_changes(function, change):
    namespace = run(FUNCTIONS[function])
    f = namespace["made"]
    before = dict(f.__globals__)
    try:
        for step in (lambda f: None, CHANGES[change]):
            step(f)
            for number in range(4):
                # First while nothing else refers to its annotations.
                for make in (lambda: f, lambda: [f, f.__annotations__, f.__kwdefaults__, f.__defaults__]):
                    obj = make()
                    found = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
                    del obj
                    assert found is None, "dump %d: %s" % (number, found)
    finally:
        f.__globals__.clear()
        f.__globals__.update(before)


def test_globals_that_are_the_attributes_of_an_object():
    """Which change without the dict that shows them (CPython 3.13)."""

    class Namespace:
        pass

    space = Namespace()
    space.__name__, space.__file__ = "__main__", "one"
    f = types.FunctionType(made("made = lambda x: x + 1").__code__, vars(space))
    for name in "one", "two", "three":
        space.__file__ = name
        for _ in range(4):
            assert difference(outcome(binding.dumps, f, 5), outcome(by_cloudpickle, f, 5)) is None
    space.__name__ = "other"
    assert difference(outcome(binding.dumps, f, 5), outcome(by_cloudpickle, f, 5)) is None


class Does:
    """Does something when it is pickled."""

    def __init__(self, what):
        self.what = what

    def __reduce__(self):
        self.what()
        return int, ()


@pytest.mark.parametrize("part", ["attribute", "closure", "argument"])
@pytest.mark.parametrize(
    "what",
    [
        lambda f: (f.__kwdefaults__ or {}).update(b=[1]),
        lambda f: (f.__kwdefaults__ or {}).clear(),
        lambda f: (f.__kwdefaults__ or {}).update(more=1),
        lambda f: setattr(f, "__kwdefaults__", {"b": 5}),
        lambda f: setattr(f, "__defaults__", (5,)),
        lambda f: f.__annotations__.update(a=1),
        lambda f: SEEN.extend([f.__kwdefaults__, f.__annotations__]),
        lambda f: None,
    ],
)
@pytest.mark.parametrize("defaults", ["a=1, *, b=2", "a=1", ""])
def test_foreign_code_changes_what_is_copied(defaults, what, part):
    source = "def outer(x):\n    def f(%s): return x\n    return f\nmade = outer" % defaults

    outer = made(source)

    def world(does):
        f = outer(None)
        f.__annotations__.clear()
        acts = Does(lambda: does and what(f))
        if part == "attribute":
            f.mark = acts
        if part == "closure":
            f.__closure__[0].cell_contents = acts
        return [acts, f, f.__kwdefaults__] if part == "argument" else [f, f]

    for does in (False, False, False, False, True, False, True):
        theirs = outcome(by_cloudpickle, world(does), 5)
        assert difference(outcome(binding.dumps, world(does), 5), theirs) is None
    SEEN.clear()


SEEN = []


class Shows(dict):
    """It shows others than it has."""

    def items(self):
        return [("shown", True)]

    def __getitem__(self, key):
        return "shown" if key == "__name__" else super().__getitem__(key)


ATTRIBUTES = {}, Shows(), Shows(mark=True), {"mark": True}, {"mark": None}, {"mark": True, "x": False}, {"x": False, "mark": True}, {"mark": 1}, {5: True}


@pytest.mark.parametrize("function", ["plain", "closure", "defaults", "a constant attribute", "globals"])
def test_functions_of_one_code_that_are_called_otherwise(function):
    """The one that was there first has its stencils; the others have but the code in common with it."""
    f = made(FUNCTIONS[function])
    functions = []
    # One without cells may have a closure, too.
    closures = [f.__closure__] if f.__closure__ else [None, ()]
    for name, closure in itertools.product((f.__name__, "other", "one more"), closures):
        for attributes in ATTRIBUTES:
            other = types.FunctionType(f.__code__, f.__globals__, name, f.__defaults__, closure)
            other.__module__, other.__kwdefaults__ = f.__module__, f.__kwdefaults__
            if type(attributes) is Shows:
                other.__dict__ = attributes
            else:
                other.__dict__.update(attributes)
            functions.append(other)
    for space in ({}, Shows()):
        space.update(f.__globals__)
        functions.append(types.FunctionType(f.__code__, space, f.__name__, f.__defaults__, f.__closure__))
        functions[-1].__module__, functions[-1].__kwdefaults__ = f.__module__, f.__kwdefaults__
    for _ in range(4):
        for obj in [*functions, functions, functions[::-1]]:
            found = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
            assert found is None, found


@pytest.mark.parametrize("function", ["plain", "closure", "defaults", "inner code", "globals", "a constant attribute"])
def test_a_limit_counts_what_is_written(function):
    f = made(FUNCTIONS[function])
    for obj in (f, [f, f.__code__]):
        length = len(binding.dumps(obj, 5))
        for limit in [*range(1, length, 7), *range(length - 40, length)]:
            with pytest.raises(ValueError, match="max_bytes"):
                binding.dumps_to_memory(obj, max_bytes=limit)
        for limit in range(length, length + 40):
            assert binding.dumps_to_memory(obj, max_bytes=limit) == by_cloudpickle(obj, 5)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_copy_is_what_the_first_dump_writes(function, before):
    f = made(FUNCTIONS[function])
    for protocol in range(2, 6):
        for obj in ([*BEFORE[before](f), f], {"f": f, "again": [f, *BEFORE[before](f)]}):
            theirs = outcome(by_cloudpickle, obj, protocol)
            for number in range(4):
                found = difference(outcome(binding.dumps, obj, protocol), theirs)
                assert found is None, "dump %d: %s" % (number, found)


def test_parts_that_the_memo_left_out_when_the_stencil_was_cut():
    """One dump meets the names first in their tuple, where only that holds them, and then cuts the stencil."""
    for _ in range(2):
        f = made("def f(first_name, second_name):\n    return third_name, fourth_name\nmade = f")
        binding.dumps(f, 5)
        obj = [f.__code__.co_names, f.__code__.co_consts, f]
        for _ in range(4):
            assert difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5)) is None


@pytest.mark.parametrize("name", ["_make_function", "_builtin_type", "_function_setstate"])
def test_extension_codes_are_asked_for(name):
    f = made(FUNCTIONS["plain"])
    before = [binding.dumps(f, 5) for _ in range(3)]
    copyreg.add_extension("cloudpickle.cloudpickle", name, 0x7F)
    try:
        with_code = [binding.dumps(f, 5) for _ in range(3)]
        assert with_code == [by_cloudpickle(f, 5)] * 3
        assert with_code[0] != before[0]
    finally:
        copyreg.remove_extension("cloudpickle.cloudpickle", name, 0x7F)
    assert binding.dumps(f, 5) == before[0]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_package_comes_and_goes(function, monkeypatch):
    """Each of its loads has functions of its own, to which a pickle may refer again."""
    package = sys.modules["cloudpickle.cloudpickle"]
    other = types.ModuleType(package.__name__)
    for name, value in vars(package).items():
        if isinstance(value, types.FunctionType):
            value = types.FunctionType(value.__code__, value.__globals__, name, value.__defaults__, value.__closure__)
        setattr(other, name, value)
    f = made(FUNCTIONS[function])
    theirs = outcome(by_cloudpickle, [f, f.__code__], 5)
    for loaded in (None, package, other, package, None, other):
        if loaded:
            monkeypatch.setitem(sys.modules, package.__name__, loaded)
        else:
            monkeypatch.delitem(sys.modules, package.__name__)
        for _ in range(4):
            assert difference(outcome(binding.dumps, [f, f.__code__], 5), theirs) is None
            if loaded and theirs.error is None:
                assert binding.dumps([f, loaded._make_function], 5).count(b"\x0e_make_function") == 1


def test_a_frame_ends_where_it_would_without():
    """For every length of what lies before, around the place where the first frame ends."""
    f = made(FUNCTIONS["constants"])
    length = len(binding.dumps(f, 5))
    for size in range(65536 - 2 * length, 65536, 7):
        obj = ["x" * (size // 2), "y" * (size - size // 2), f, f.__code__]
        assert difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5)) is None, size


@pytest.mark.parametrize("function", ["plain", "closure", "defaults", "globals"])
def test_a_frame_ends_behind_a_default(function):
    """What follows is not as it would be within a frame."""
    f = made(FUNCTIONS[function])
    length = len(binding.dumps(f, 5))
    f.__kwdefaults__ = {"c": "z"}
    for size in [5, 5, 5, *range(65536 - length, 65536 - length // 4, 5)]:
        f.__defaults__ = ("x" * size,)
        assert difference(outcome(binding.dumps, f, 5), outcome(by_cloudpickle, f, 5)) is None, size


def test_a_hook_that_is_asked_gets_every_part():
    f = made(FUNCTIONS["inner code"])
    for _ in range(4):
        binding.dumps(f, 5)
    asked = []

    def hook(obj):
        asked.append(type(obj))
        return NotImplemented

    with_hook = binding.dumps_to_memory(f, reducer=hook)
    assert with_hook == by_cloudpickle(f, 5)
    assert asked.count(types.CodeType) == 3


@pytest.mark.parametrize("ty", [object, type, property, int, OSError, Exception, super, type(None), types.CodeType])
def test_types_of_builtins(ty):
    for obj in (ty, [ty, "builtins", ty, list], {"ty": ty, "int": int, "super": super}):
        for protocol in range(6):
            for _ in range(3):
                assert difference(outcome(binding.dumps, obj, protocol), outcome(by_cloudpickle, obj, protocol)) is None


def test_a_type_that_builtins_does_not_have_any_more(monkeypatch):
    import builtins

    for there in (True, False, True):
        with monkeypatch.context() as patch:
            if not there:
                patch.setattr(builtins, "frozenset", 5)
            obj = [frozenset, int]
            found = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
            assert found is None, found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_stencil_does_not_keep_its_code_alive(function):
    def references():
        f = made(FUNCTIONS[function])
        for _ in range(5):
            outcome(binding.dumps, f, 5)
        return weakref.ref(f), weakref.ref(f.__code__)

    gone = references()
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
