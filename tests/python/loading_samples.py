"""Pickles of each kind, for the tests that load: as C pickle and cloudpickle write them."""

import array
import collections
import datetime
import decimal
import enum
import fractions
import pickle
import types
import typing

import cloudpickle

SOURCE = """
import abc, collections, dataclasses, enum, functools, json, typing

K = 3

def plain(x, y=2, *, z=1):
    "A docstring."
    return x + y + z + K

def closure(a):
    def inner(b):
        return a + b
    return inner

def empty_cell():
    def inner():
        return later
    if False:
        later = 1
    return inner

def generator(n):
    try:
        yield from range(n)
    finally:
        pass

def uses_module(x):
    return json.dumps(x)

plain.extra = [1, 2]

class Base(abc.ABC):
    limit = 5
    @abc.abstractmethod
    def name(self):
        return "base"
    @classmethod
    def make(cls):
        return cls()
    @staticmethod
    def double(x):
        return x * 2
    @property
    def size(self):
        return 7

class Derived(Base):
    def name(self):
        return "derived of " + super().name()

class Slots:
    __slots__ = ("a", "b")

class State:
    def __getstate__(self):
        return {"x": self.x}
    def __setstate__(self, state):
        self.x = state["x"] + 1

class Colour(enum.Enum):
    RED = 1
    GREEN = "g"

class Flags(enum.IntFlag):
    A = 1
    B = 2

@dataclasses.dataclass
class Point:
    x: int
    y: list = dataclasses.field(default_factory=list)
    z: typing.ClassVar[int] = 3

class Meta(type):
    pass

class WithMeta(metaclass=Meta):
    pass

T = typing.TypeVar("T", int, str)

class Generic(typing.Generic[T]):
    pass

Pair = collections.namedtuple("Pair", "left right")
"""


def namespace():
    made = {"__name__": "__main__"}
    exec(compile(SOURCE, "<samples>", "exec"), made)
    return made


def cyclic_list():
    made = [1]
    made.append(made)
    return made


def cyclic_dict():
    made = {}
    made["self"] = made
    return made


PLAIN = {
    "none": None,
    "true": True,
    "false": False,
    "ints": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**63 - 1, -(2**63), 2**64, 2**70, -(2**2100)],
    "floats": [0.0, -0.0, 1.5, -1e300, float("inf"), 5e-324],
    "complex": 1 + 2j,
    "texts": ["", "a", "\xe9", "abc", "\u65e5\u672c\u8a9e", "\ud800x", "\U0001f600", "x" * 300, "\n\\", "__name__"],
    "long text": "y" * 70000,
    "bytes": [b"", b"abc", b"x" * 300, b"\x00\n'"],
    "long bytes": b"z" * 70000,
    "bytearray": bytearray(b"abc"),
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), ((),))],
    "lists": [[], [1], [[]], list(range(2500))],
    "dicts": [{}, {"a": 1}, {1: {2: {}}}, {i: str(i) for i in range(2500)}],
    "sets": [set(), {1, 2, 3}, set(range(2500)), frozenset(), frozenset([1, 2])],
    "dates": [datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.date(2020, 1, 1), datetime.timedelta(1, 2, 3)],
    "numbers": [fractions.Fraction(1, 3), decimal.Decimal("1.10")],
    "collections": [collections.OrderedDict(b=1, a=2), collections.Counter("abca"), collections.deque([1, 2], 5)],
    "defaultdict": collections.defaultdict(list, {1: [2]}),
    "array": array.array("d", [1.0, 2.0]),
    "small objects": [range(5), slice(1, 2, 3), Ellipsis, NotImplemented],
    "globals": [len, int, collections.OrderedDict.fromkeys, type(None)],
    "exception": ("e", 1),
}


def plain_pickles():
    """(name, object, pickle) at each protocol."""
    for name, thing in PLAIN.items():
        for protocol in range(6):
            yield "%s-%d" % (name, protocol), thing, pickle.dumps(thing, protocol)


def by_value():
    """(name, pickle) of what cloudpickle pickles by value, in the default protocol."""
    found = namespace()
    slots = found["Slots"]()
    slots.a = 1
    state = found["State"]()
    state.x = 1
    module = types.ModuleType("made_up")
    module.answer = 42
    things = {
        "plain": found["plain"],
        "closure": found["closure"](10),
        "empty cell": found["empty_cell"](),
        "generator": found["generator"],
        "uses_module": found["uses_module"],
        "lambda": lambda x: x + 1,
        "abstract": found["Base"],
        "derived": found["Derived"],
        "instance": found["Derived"](),
        "slots": slots,
        "state": state,
        "enum": found["Colour"],
        "member": found["Colour"].GREEN,
        "flags": found["Flags"].A | found["Flags"].B,
        "dataclass": found["Point"],
        "point": found["Point"](1),
        "metaclass": found["WithMeta"],
        "typevar": found["T"],
        "generic": found["Generic"],
        "parametrized": found["Generic"][int],
        "namedtuple": found["Pair"](1, 2),
        "module": module,
        "keys": {1: 2}.keys(),
        "values": {1: 2}.values(),
        "items": {1: 2}.items(),
        "ordered keys": collections.OrderedDict(a=1).keys(),
        "code": found["plain"].__code__,
        "method": found["Derived"]().name,
    }
    return [(name, cloudpickle.dumps(thing)) for name, thing in things.items()]


def check_by_value(name, loaded):
    """Raises if what was loaded does not do what it should."""
    if name == "plain":
        assert loaded(1) == 7 and loaded(1, 1, z=0) == 5 and loaded.extra == [1, 2] and loaded.__module__ == "__main__"
        assert loaded.__doc__ == "A docstring." and loaded.__qualname__ == "plain" and loaded.__kwdefaults__ == {"z": 1}
    elif name == "closure":
        assert loaded(5) == 15
    elif name == "empty cell":
        try:
            loaded()
        except NameError:
            return
        raise AssertionError("the cell is not empty")
    elif name == "generator":
        assert list(loaded(3)) == [0, 1, 2]
    elif name == "uses_module":
        assert loaded([1]) == "[1]"
    elif name == "lambda":
        assert loaded(1) == 2
    elif name == "abstract":
        assert loaded.__abstractmethods__ == {"name"} and loaded.double(4) == 8
    elif name == "derived":
        assert loaded.make().name() == "derived of base" and loaded().size == 7 and loaded.limit == 5
    elif name == "instance":
        assert loaded.name() == "derived of base"
    elif name == "slots":
        assert loaded.a == 1 and not hasattr(loaded, "b")
    elif name == "state":
        assert loaded.x == 2
    elif name == "enum":
        assert loaded(1) is loaded.RED and loaded.GREEN.value == "g" and issubclass(loaded, enum.Enum)
    elif name == "member":
        assert loaded.name == "GREEN" and loaded is type(loaded).GREEN
    elif name == "flags":
        assert loaded == 3
    elif name == "dataclass":
        assert loaded(1) == loaded(1, []) and loaded.z == 3 and set(loaded.__dataclass_fields__) == {"x", "y", "z"}
    elif name == "point":
        assert loaded.x == 1 and loaded.y == []
    elif name == "metaclass":
        assert type(loaded).__name__ == "Meta"
    elif name == "typevar":
        assert isinstance(loaded, typing.TypeVar) and loaded.__constraints__ == (int, str)
    elif name == "generic":
        assert loaded[int].__args__ == (int,)
    elif name == "parametrized":
        assert loaded.__args__ == (int,)
    elif name == "namedtuple":
        assert loaded == (1, 2) and loaded.right == 2
    elif name == "module":
        assert loaded.answer == 42 and loaded.__name__ == "made_up" and isinstance(loaded.__builtins__, dict)
    elif name in ("keys", "values", "items", "ordered keys"):
        assert list(loaded) == {"keys": [1], "values": [2], "items": [(1, 2)], "ordered keys": ["a"]}[name]
    elif name == "code":
        assert loaded.co_name == "plain" and loaded.co_argcount == 2
    elif name == "method":
        assert loaded() == "derived of base"
    else:
        raise AssertionError("no check for %s" % name)
