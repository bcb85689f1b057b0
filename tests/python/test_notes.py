"""The notes of a failed dump, line by line those of cloudpickle, wherever in an object the culprit lies: in what rebuilds
it, in its state, in what hooks raise at each of their calls. From CPython 3.14 on, whose `_pickle` adds notes; before, there
is one of our own, which names a path."""

import abc
import collections
import dataclasses
import datetime
import enum
import functools
import io
import operator
import re
import sys
import types
import typing

import cloudpickle
import pytest
from face import libcloudpickle as ours

LIKE_PICKLE = sys.version_info >= (3, 14)
ADDRESS = re.compile("0x[0-9a-f]+")


class Lock:
    def __reduce_ex__(self, protocol):
        raise TypeError("cannot pickle 'Lock' object")


class Refused:
    """Its reduce value is none, so that it is named itself."""

    def __reduce__(self):
        return 5


class Plain:
    def __init__(self, pool):
        self.pool = pool


class Slots:
    __slots__ = ("first", "pool")

    def __init__(self, pool):
        self.first, self.pool = 1, pool


class SlotsAndDict(Slots):
    __slots__ = ("__dict__",)

    def __init__(self, pool):
        self.first, self.other = 1, pool


class Arguments:
    def __new__(cls, *given):
        return object.__new__(cls)

    def __init__(self, *given):
        self.given = given

    def __getnewargs__(self):
        return self.given


class Keywords(Arguments):
    def __getnewargs_ex__(self):
        return (1,), {"given": self.given}


class Zone(datetime.tzinfo):
    def __init__(self, inner=None):
        self.inner = inner

    def __reduce__(self):
        return Zone, (self.inner,)


class Reduction:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return tuple(iter(part) if nth in (3, 4) and part else part for nth, part in enumerate(self.parts))


def function(culprit=None, **attributes):
    """One that finds the culprit among its globals, if there is one, and has these attributes."""
    code = "lambda *arguments: POOL" if culprit is not None else "lambda *arguments: 0"
    made = eval(code, {"__name__": "__main__", "POOL": culprit})
    made.__dict__.update(attributes)
    return made


def closure(culprit):
    return lambda: (culprit, collections)


def with_defaults(culprit):
    made = function()
    made.__defaults__ = (1, culprit)
    return made


def with_keyword_defaults(culprit):
    made = function()
    made.__kwdefaults__ = {"a": 1, "b": culprit}
    return made


def with_annotations(culprit):
    made = function()
    made.__annotations__ = {"a": culprit}
    return made


def with_constant(culprit):
    made = function()
    return types.FunctionType(made.__code__.replace(co_consts=(None, culprit)), {"__name__": "__main__"})


def with_base_globals(culprit):
    return eval("lambda: 0", {"__name__": "__main__", "__path__": culprit})


def dynamic(*bases, metaclass=type, **attributes):
    return metaclass("Dynamic", bases, dict(attributes, __module__="__main__"))


# The registry of an abstract class does not hold its classes.
HELD = []


def abstract(culprit):
    made = dynamic(metaclass=abc.ABCMeta)
    for registered in (dynamic(), dynamic(pool=culprit)):
        made.register(registered)
        HELD.append(registered)
    return made


def generic(culprit):
    variable = typing.TypeVar("variable")
    variable.__module__ = "__main__"
    fill = {"__module__": "__main__"}
    base = types.new_class("Base", (typing.Generic[variable],), exec_body=lambda namespace: namespace.update(fill))
    return types.new_class("Derived", (base[dynamic(pool=culprit)],), exec_body=lambda namespace: namespace.update(fill))


def type_variable(culprit, constrained):
    bound = dynamic(pool=culprit)
    made = typing.TypeVar("made", int, bound) if constrained else typing.TypeVar("made", bound=bound)
    made.__module__ = "__main__"
    return made


def enumeration(culprit, members=None, **more):
    made = enum.Enum("Made", members or {"a": 1, "b": [2]}, module="__main__", **more)
    if members is None:
        made.extra = culprit
    return made


def data_class(**field):
    made = dataclasses.make_dataclass("Made", [("a", int, dataclasses.field(**field))])
    made.__module__ = "__main__"
    return made


def named_tuple(culprit):
    made = collections.namedtuple("Made", "a b")
    made.__module__, made.extra = "__main__", culprit
    return made


def module(culprit):
    made = types.ModuleType("made")
    made.first, made.pool = 1, culprit
    return made


Point = collections.namedtuple("Point", "x y")


SHAPES = {
    "list": lambda it: [1, it],
    "long list": lambda it: [[1]] * 1500 + [it],
    "tuple": lambda it: (0, it),
    "dict": lambda it: {"k": it},
    "long dict": lambda it: dict({n: n for n in range(1001)}, k=it),
    "set": lambda it: {Plain(it)},
    "frozenset": lambda it: frozenset([Plain(it)]),
    "bytes": lambda it: [b"some", bytearray(b"more"), it],
    "instance": Plain,
    "two instances": lambda it: [Plain(1), Plain(it)],
    "slots": Slots,
    "two with slots": lambda it: [Slots(1), Slots(it)],
    "slots and dict": SlotsAndDict,
    "__getnewargs__": lambda it: Arguments(1, it),
    "__getnewargs_ex__": Keywords,
    "reduction": lambda it: Reduction(print, (1, it), it),
    "reduction's state": lambda it: Reduction(print, (1,), it),
    "reduction's callable": lambda it: Reduction(function(it), (1,)),
    "reduction's setter": lambda it: Reduction(print, (1,), 5, None, None, function(it)),
    "setter's state": lambda it: Reduction(print, (1,), it, None, None, print),
    "reduction's items": lambda it: Reduction(list, (), None, [1, it]),
    "reduction's pairs": lambda it: Reduction(dict, (), None, None, [(1, 2), ("k", it)]),
    "reduction's keys": lambda it: Reduction(dict, (), None, None, [(1, 2), (it, 3)]),
    "exception": lambda it: ValueError(1, it),
    "partial": lambda it: functools.partial(print, 1, a=it),
    "ordered dict": lambda it: collections.OrderedDict(a=it),
    "default dict": lambda it: collections.defaultdict(list, a=it),
    "deque": lambda it: collections.deque([1, it]),
    "mapping proxy": lambda it: types.MappingProxyType({"a": it}),
    "keys": lambda it: {Plain(it): 1}.keys(),
    "values": lambda it: {1: it}.values(),
    "items": lambda it: {1: it}.items(),
    "keys in order": lambda it: collections.OrderedDict({Plain(it): 1}).keys(),
    "values in order": lambda it: collections.OrderedDict({1: it}).values(),
    "items in order": lambda it: collections.OrderedDict({1: it}).items(),
    "namedtuple": lambda it: Point(1, it),
    "two namedtuples": lambda it: [Point(1, 2), Point(1, it)],
    "class of namedtuples": named_tuple,
    "zone": lambda it: datetime.datetime(2020, 1, 1, tzinfo=Zone(it)),
    "itemgetter": lambda it: operator.itemgetter(1, it),
    "namespace": lambda it: types.SimpleNamespace(a=it),
    "method": lambda it: types.MethodType(function(), Plain(it)),
    "method's function": lambda it: types.MethodType(function(it), Plain(1)),
    "method in C": lambda it: [it].append,
    "property": lambda it: property(function(), function(it)),
    "class method": lambda it: classmethod(function(it)),
    "static method": lambda it: staticmethod(function(it)),
    "cell": types.CellType,
    "closure": closure,
    "global": function,
    "attribute": lambda it: function(pool=it),
    "defaults": with_defaults,
    "keyword defaults": with_keyword_defaults,
    "annotations": with_annotations,
    "constant": with_constant,
    "base globals": with_base_globals,
    "class": lambda it: dynamic(first=1, pool=it),
    "class's method": lambda it: dynamic(method=function(it)),
    "class's property": lambda it: dynamic(method=property(function(it))),
    "class's __dict__": lambda it: dynamic(__dict__=property(function(it))),
    "class with slots": lambda it: dynamic(__slots__=("a",), pool=it),
    "base": lambda it: dynamic(Plain, dynamic(pool=it)),
    "base's base": lambda it: dynamic(dynamic(dynamic(pool=it))),
    "metaclass": lambda it: dynamic(metaclass=dynamic(type, pool=it)),
    "instance's class": lambda it: dynamic(pool=it)(),
    "abstract class": lambda it: dynamic(metaclass=abc.ABCMeta, pool=it),
    "registered class": abstract,
    "generic class": generic,
    "bound": lambda it: type_variable(it, False),
    "constraint": lambda it: type_variable(it, True),
    "enumeration": enumeration,
    "enumeration's member": lambda it: enumeration(it).b,
    "member's value": lambda it: enumeration(it, {"a": 1, "b": it}),
    "enumeration's base": lambda it: enumeration(it, {"a": 1}, type=dynamic(int, pool=it)),
    "dataclass": lambda it: data_class(default=1, metadata={"m": it}),
    "dataclass's factory": lambda it: data_class(default_factory=function(it)),
    "dataclass's instance": lambda it: data_class(default=1)(it),
    "module": module,
    "module of a function": lambda it: function(module(it)),
    "bases of two": lambda it: [dynamic(dynamic(first=1)), dynamic(dynamic(pool=it))],
}


def failure(dump, *arguments):
    """What it raises: type, words and notes."""
    try:
        dump(*arguments)
    except Exception as error:
        return type(error), ADDRESS.sub("0x", str(error)), getattr(error, "__notes__", None)
    return None


def compare(name, protocol, mine, theirs):
    if LIKE_PICKLE:
        assert mine == theirs, (name, protocol)
    else:
        assert mine[:2] == theirs[:2], (name, protocol)
        # What lies in no part of the object has no path.
        assert mine[2] is None or len(mine[2]) == 1 and mine[2][0].startswith("while pickling obj"), (name, protocol)


@pytest.mark.parametrize("culprit", (Lock, Refused), ids=lambda culprit: culprit.__name__)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_place(shape, culprit):
    obj = SHAPES[shape](culprit())
    # Before protocol 2 an object with slots is refused itself.
    for protocol in (2, 3, 4, 5) if "slots" in shape else range(6):
        mine, theirs = failure(ours.dumps, obj, protocol), failure(cloudpickle.dumps, obj, protocol)
        assert theirs is not None
        compare(shape, protocol, mine, theirs)


# A long way is cut by us, and not by `_pickle`.
INNER = ("list", "two with slots", "closure", "base", "registered class", "member's value", "mapping proxy", "property", "module")


@pytest.mark.parametrize("outer", SHAPES)
def test_each_place_in_each(outer):
    for inner in INNER:
        obj = SHAPES[outer](SHAPES[inner](Lock()))
        for protocol in (2, 5):
            mine, theirs = failure(ours.dumps, obj, protocol), failure(cloudpickle.dumps, obj, protocol)
            if LIKE_PICKLE and any("…" in note for note in mine[2] or ()):
                assert len(theirs[2]) > 12, (outer, inner, theirs[2])
            else:
                compare((outer, inner), protocol, mine, theirs)


class Stopped(Exception):
    pass


def hooked(base, name, call):
    """A Pickler whose hook of that name raises at that call."""
    calls = 0

    def hook(self, obj):
        nonlocal calls
        calls += 1
        if calls == call:
            raise Stopped(type(obj).__name__)
        return None if name == "persistent_id" else base.reducer_override(self, obj)

    return type("Hooked", (base,), {name: hook})


@pytest.mark.parametrize("hook, protocol", (("persistent_id", 0), ("persistent_id", 4), ("reducer_override", 2), ("reducer_override", 5)))
@pytest.mark.parametrize("shape", (shape for shape in SHAPES if "long" not in shape))
def test_each_call_of_a_hook(shape, hook, protocol):
    obj = SHAPES[shape]("some text")
    # The first dump leaves traces in classes.
    failure(cloudpickle.dumps, obj, protocol)
    for call in range(1, 3000):
        mine, theirs = (
            failure(hooked(pickler, hook, call)(io.BytesIO(), protocol).dump, obj)
            for pickler in (ours.Pickler, cloudpickle.Pickler)
        )
        if theirs is None or theirs[0] is not Stopped:
            assert mine is theirs is None or mine[:2] == theirs[:2], (mine, theirs)
            break
        compare((shape, call), protocol, mine, theirs)
    else:
        assert False, "it did not come to an end"
    assert call > 1 or hook == "reducer_override"
