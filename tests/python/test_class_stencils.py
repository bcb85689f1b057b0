"""What the pickles of one class have in common is cut once and copied from then on: the first dump finds what is in the
state, the second one cuts, later ones copy. All are the oracle's bytes, whatever of the class was met before or changes."""

import abc
import enum
import gc
import types
import weakref

import binding
import cloudpickle
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus.row import run

CLASSES = {
    "nothing": "class C: pass\nmade = C",
    "an attribute": "class C: a = 1\nmade = C",
    "constants": "class C:\n    'What it is for.'\n    a, b, c, d, e, f, g = None, True, -1, 2**70, 1.5, b'bytes', ''\nmade = C",
    "tuples": "class C:\n    a = (1, ('x', (2, (3,))))\n    b = ()\n    c = a\n    d = a[1]\nmade = C",
    "a deep tuple": "class C: a = (((((((1,),),),),),),)\nmade = C",
    "a tuple that is no constant": "class C: a = (1, [2])\nmade = C",
    "a named tuple": "import collections\nT = collections.namedtuple('T', 'a b')\nclass C: a = T(1, 2)\nmade = C",
    "an int of a class": "class I(int): pass\nclass C: a = I(5)\nmade = C",
    "names of one character": "class C: a = b = é = 'a'\nmade = C",
    "its own name": "class C: a, b, c, d = 'C', 'a', '__module__', '__doc__'\nmade = C",
    "no letters of ASCII": "class Größe: ä = 'ö'\nmade = Größe",
    "a surrogate": "class C: a = '\\ud800'\nmade = C",
    "long values": "class C:\n    a = 'x' * 5000\n    b = b'y' * 5000\n    c = 'z' * 300\nmade = C",
    "many attributes": "class C: locals().update({'a%d' % i: i for i in range(190)})\nmade = C",
    "too many attributes": "class C: locals().update({'a%d' % i: i for i in range(220)})\nmade = C",
    "a thousand attributes": "class C: locals().update({'a%d' % i: i for i in range(1000)})\nmade = C",
    "values of its own": "import os\nclass C:\n    a, b, c, d = [], 1, {}, os.path\n    def f(self): return self.a\n    e = 5\nmade = C",
    "values of its own only": "class C:\n    def f(self): pass\n    def g(self): pass\nmade = C",
    "itself": "class C: pass\nC.me, C.more = C, 1\nmade = C",
    "itself in its base": "class B: pass\nclass C(B): a = 1\nB.sub, B.a = C, 2\nmade = C",
    "itself in its metaclass": "class M(type): pass\nclass C(metaclass=M): a = 1\nM.of, M.b = C, 2\nmade = C",
    "bases": "import collections\nclass A: a = 1\nclass C(A, collections.UserDict): a = 1\nmade = C",
    "an exception": "class C(ValueError): 'Raised.'\nmade = C",
    "slots": "class C: __slots__ = 'a', 'b'\nmade = C",
    "a slot": "class C:\n    __slots__ = 'a'\n    b = 1\nmade = C",
    "a list of slots": "class C: __slots__ = ['a', 'b']\nmade = C",
    "a property in the place of its dict": "class C: __dict__ = property(lambda self: {})\nmade = C",
    "a generic": "import typing\nT = typing.TypeVar('T')\nclass C(typing.Generic[T]): a = 1\nmade = C",
    "a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int\n    b: str = 'b'\nmade = C",
    "a metaclass": "class M(type): pass\nclass C(metaclass=M): a = 1\nmade = C",
    "a metaclass that gives names": "class M(type):\n    __name__ = property(lambda self: 'other')\nclass C(metaclass=M): a = 1\nmade = C",
    "a metaclass that gives a module": "class M(type):\n    __module__ = property(lambda self: 'other')\nclass C(metaclass=M): a = 1\nmade = C",
    "an ABC": "import abc\nclass C(abc.ABC):\n    a = 1\n    @abc.abstractmethod\n    def f(self): pass\nmade = C",
    "an ABC with a registry": "import abc\nclass C(abc.ABC): a = 1\nC.register(int)\nmade = C",
    "an ABC of constants": "import abc\nclass C(abc.ABC): a = 1\nmade = C",
    "an enumeration": "import enum\nclass C(enum.Enum): a, b, c = 1, 'b', (2, 'c')\nmade = C",
    "an enumeration of one": "import enum\nclass C(enum.Enum): a = 1\nmade = C",
    "an enumeration of none": "import enum\nclass C(enum.Enum): pass\nmade = C",
    "an enumeration with an alias": "import enum\nclass C(enum.Enum):\n    a = 1\n    b = 1\n    C = 3\nmade = C",
    "an enumeration of a thousand": "import enum\nC = enum.Enum('C', [('m%d' % i, i) for i in range(1000)], module='__main__')\nmade = C",
    "an enumeration of lists": "import enum\nclass C(enum.Enum): a, b = [1], {}\nmade = C",
    "an enumeration that does things": "import enum\nclass C(enum.Enum):\n    'What it is for.'\n    a = 1\n    def f(self): return self.value\nmade = C",
    "an enumeration of ints": "import enum\nclass C(enum.IntEnum): a, b = 1, 2\nmade = C",
    "flags": "import enum\nclass C(enum.Flag): a, b, c = 1, 2, 3\nmade = C",
    "an enumeration of texts": "import enum\nclass C(str, enum.Enum): a, b = 'a', 'C'\nmade = C",
}

# What is dumped with the class.
WITH = {
    "nothing else": lambda C: C,
    "itself again": lambda C: (C, C, [C]),
    "its parts": lambda C: (C.__name__, C.__qualname__, C.__module__, C, C.__doc__, C.__bases__, type(C)),
    "what it has": lambda C: [*list(vars(C))[:20], *plain(C), C, *plain(C)],
    "its maker": lambda C: ("_make_skeleton_class", "cloudpickle.cloudpickle", "__module__", "__doc__", C),
    "an instance": lambda C: [made_of(C), made_of(C)],
    "another class": lambda C: (type("D", (), {"a": 1}), C),
    "a subclass": lambda C: subclass_of(C),
    "almost a frame": lambda C: ("x" * 32_000, "y" * 33_300, C),
    "a frame but for few bytes": lambda C: ("x" * 32_000, "y" * 33_430, C),
    "foreign code": lambda C: [Foreign(), C],
    "many others": lambda C: [["text %d" % i for i in range(300)], C],
}


class Foreign:
    def __reduce__(self):
        return list, ()


def plain(C):
    return [value for value in vars(C).values() if type(value) in (int, str, tuple, float, bytes)][:20]


def made_of(C):
    try:
        return next(iter(C)) if isinstance(C, enum.EnumMeta) else C()
    except (TypeError, StopIteration):
        return None


def subclass_of(C):
    try:
        return type(C)("Sub", (C,), {"b": 2})
    except (TypeError, AttributeError):
        return None


def made(source):
    return run(source)["made"]


def dumped(obj, protocol):
    return difference(outcome(binding.dumps, obj, protocol), outcome(by_cloudpickle, obj, protocol))


@pytest.mark.parametrize("beside", WITH)
@pytest.mark.parametrize("source", CLASSES)
def test_the_copy_is_what_the_oracle_writes(source, beside):
    C = made(CLASSES[source])
    for protocol in (5, 4, 2, 5):
        for number in range(4):
            found = dumped(WITH[beside](C), protocol)
            assert found is None, "dump %d in protocol %d: %s" % (number, protocol, found)


@pytest.mark.parametrize("source", CLASSES)
def test_a_copy_behind_anything_that_is_written_otherwise(source):
    """Cut while it is dumped alone, copied where the frame ends at each of its places."""
    C = made(CLASSES[source])
    for _ in range(4):
        assert dumped(C, 5) is None
    for length in range(65_536 - 12_000 if "attributes" in source else 65_536 - 1400, 65_536 - 20, 97):
        text = "x" * (length - 30_000), "y" * 30_000
        assert dumped([*text, C], 5) is None, length


CHANGES = {
    "__name__": lambda C: setattr(C, "__name__", "changed"),
    "__qualname__": lambda C: setattr(C, "__qualname__", "changed"),
    "__name__ past its version": lambda C: vars(type)["__name__"].__set__(C, "changed"),
    "__qualname__ past its version": lambda C: vars(type)["__qualname__"].__set__(C, "changed"),
    "__module__": lambda C: setattr(C, "__module__", "changed"),
    "__doc__": lambda C: setattr(C, "__doc__", "changed"),
    "a value": lambda C: setattr(C, "a", "changed"),
    "a value to one of its own": lambda C: setattr(C, "b", ["changed"]),
    "one more": lambda C: setattr(C, "more", 1),
    "another order": lambda C: [setattr(C, name, 1) for name in ("zz", "aa")] and delattr(C, "zz"),
    "one less": lambda C: delattr(C, "a"),
    "what its base has": lambda C: setattr(ours(C.__mro__[1]), "a", 1),
    "what is registered": lambda C: abc.ABCMeta.register(C, float),
    "another base": lambda C: setattr(C, "__bases__", (*C.__bases__, Other)),
    "its metaclass": lambda C: setattr(ours(type(C)), "__getattribute__", lambda C, name: type.__getattribute__(C, name)),
    "an attribute of its metaclass": lambda C: setattr(ours(type(C)), "__name__", "changed"),
    "a value of a member": lambda C: setattr(first(C), "_value_", 7),
    "a name of a member": lambda C: setattr(first(C), "_name_", "changed"),
    "the order of members": lambda C: C._member_names_.reverse(),
    "a member less": lambda C: C._member_names_.pop(),
    "a member for another": lambda C: C._member_map_.update({C._member_names_[0]: C._member_map_[C._member_names_[-1]]}),
    "its id": lambda C: cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.update({C: "changed"}),
    "what is in its list": lambda C: [value.append(1) for value in vars(C).values() if type(value) is list],
    "its class": lambda C: setattr(C, "__class__", Meta),
}


class Other:
    pass


class Meta(type):
    pass


def ours(C):
    """A class that is not of the standard library, where it would stay changed."""
    if C.__module__ != "__main__":
        raise TypeError
    return C


def first(C):
    return C._member_map_[C._member_names_[0]]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("source", CLASSES)
def test_a_class_that_changes(source, change):
    C = made(CLASSES[source])
    for step in (lambda C: None, CHANGES[change], lambda C: None):
        try:
            step(C)
        except (TypeError, AttributeError, IndexError, RuntimeError):
            return  # not this class
        for number in range(4):
            found = dumped([C, 1], 5)
            assert found is None, "dump %d: %s" % (number, found)


@pytest.mark.parametrize("source", ["constants", "values of its own", "an ABC", "an enumeration", "an enumeration that does things"])
def test_what_enum_and_abc_do_changes(source, monkeypatch):
    C = made(CLASSES[source])
    for _ in range(4):
        assert dumped(C, 5) is None
    monkeypatch.setattr(enum.EnumMeta, "__iter__", lambda C: iter([first(C)]))
    for _ in range(4):
        assert dumped(C, 5) is None
    monkeypatch.undo()
    for _ in range(4):
        assert dumped(C, 5) is None
    monkeypatch.setattr(enum.EnumMeta.__iter__, "__code__", (lambda C: iter([first(C)])).__code__)
    monkeypatch.setitem(enum.EnumMeta.__iter__.__globals__, "first", first)
    for _ in range(4):
        assert dumped(C, 5) is None


@pytest.mark.parametrize("name", ["name", "value"])
def test_what_a_member_says_of_itself_changes(name, monkeypatch):
    C = made(CLASSES["an enumeration of one"])
    for _ in range(4):
        assert dumped(C, 5) is None
    monkeypatch.setattr(vars(enum.Enum)[name], "fget", lambda member: "other")
    for _ in range(4):
        assert dumped(C, 5) is None


@pytest.mark.parametrize("name", ["_class_setstate", "_make_skeleton_class", "_make_skeleton_enum"])
@pytest.mark.parametrize("source", ["constants", "values of its own", "an enumeration"])
def test_cloudpickle_has_another_function(source, name, monkeypatch):
    C = made(CLASSES[source])
    for _ in range(4):
        assert dumped(C, 5) is None
    known = getattr(cloudpickle.cloudpickle, name)
    other = types.FunctionType(known.__code__, known.__globals__, name, known.__defaults__)
    other.__module__, other.__qualname__ = known.__module__, name + "_renamed"
    monkeypatch.setattr(cloudpickle.cloudpickle, name, other)
    monkeypatch.setattr(cloudpickle.cloudpickle, name + "_renamed", other, raising=False)
    for _ in range(4):
        assert dumped(C, 5) is None


def test_classes_of_one_shape_do_not_share():
    classes = [made("class C: a, b = %d, 'b%d'\nmade = C" % (number, number)) for number in range(20)]
    for _ in range(4):
        for C in classes:
            assert dumped(C, 5) is None
        assert dumped(classes, 5) is None


def test_a_stencil_does_not_keep_the_class():
    C = made("import enum\nclass C(enum.Enum):\n    a, b = 1, (2, 'x')\n    def f(self): return C\nmade = C")
    D = made("class C:\n    a, b = 1, (2, 'x')\n    def f(self): return C\nmade = C")
    for _ in range(5):
        binding.dumps([C, D], 5)
    dead = [weakref.ref(C), weakref.ref(D)]
    del C, D
    gc.collect()
    assert [reference() for reference in dead] == [None, None]
