"""Records by value: dataclasses, namedtuples, TypedDict."""

from .row import source

# --- dataclasses

D = "import dataclasses, typing\nfrom dataclasses import dataclass, field\n"
source("dataclass", D + "@dataclass\nclass result:\n    x: int\n    y: float = 0.5", "r = result(1); assert (r.x, r.y) == (1, 0.5) and r == result(1) and repr(r) == 'result(x=1, y=0.5)'")
source("dataclass and instances", D + "@dataclass\nclass C:\n    x: int\n    y: list = field(default_factory=list)\nresult = [C, C(1), C(2, [3])]", "c, a, b = result; assert a == c(1) and b.y == [3] and c(5).y == []")
for option in ("frozen", "order", "unsafe_hash", "eq", "init", "repr"):
    source("dataclass with %s" % option, D + "@dataclass(%s=%s)\nclass result:\n    x: int = 1" % (option, option in ("frozen", "order", "unsafe_hash")), "import dataclasses; assert [f.name for f in dataclasses.fields(result)] == ['x'] and result().x == 1")
for option in ("slots", "kw_only", "match_args"):
    source("dataclass with %s" % option, D + "@dataclass(%s=True)\nclass result:\n    x: int = 1\n    y: str = 'y'" % option, "import dataclasses; assert dataclasses.replace(result(), x=5).x == 5", since=(3, 10))
source("dataclass with weakref_slot", D + "@dataclass(slots=True, weakref_slot=True)\nclass result:\n    x: int", "import weakref; r = result(1); assert weakref.ref(r)() is r", since=(3, 11))
source("dataclass frozen with slots, instance", D + "@dataclass(frozen=True, slots=True)\nclass C:\n    x: int\nresult = C(5)", "assert result.x == 5", since=(3, 10))
source("dataclass with sentinels", D + "@dataclass\nclass result:\n    a: typing.ClassVar[int] = 1\n    b: dataclasses.InitVar[int] = 2\n    c: int = 3\n    def __post_init__(self, b): self.d = b", "import dataclasses; f = result.__dataclass_fields__\nassert f['a']._field_type is dataclasses._FIELD_CLASSVAR and f['b']._field_type is dataclasses._FIELD_INITVAR and f['c']._field_type is dataclasses._FIELD\nassert result(b=7).d == 7 and [x.name for x in dataclasses.fields(result)] == ['c']")
source("dataclass field sentinels alone", "import dataclasses\nresult = [dataclasses._FIELD, dataclasses._FIELD_CLASSVAR, dataclasses._FIELD_INITVAR, dataclasses._FIELD]", "import dataclasses; assert result[0] is result[3] is dataclasses._FIELD and result[2] is dataclasses._FIELD_INITVAR")
source("dataclass MISSING and KW_ONLY", "import dataclasses\nresult = [dataclasses.MISSING, getattr(dataclasses, 'KW_ONLY', None)]", "assert type(result[0]).__name__ == '_MISSING_TYPE'")
source("dataclass fields of all kinds", D + "@dataclass\nclass result:\n    a: int = field(default=1, repr=False)\n    b: list = field(default_factory=lambda: [1])\n    c: int = field(init=False, default=3, metadata={'unit': 'm'})\n    d: int = field(compare=False, hash=False, default=4)", "r = result(); assert r.b == [1] and r.__dataclass_fields__['c'].metadata['unit'] == 'm'")
source("dataclass with _: KW_ONLY", D + "@dataclass\nclass result:\n    a: int\n    _: dataclasses.KW_ONLY\n    b: int = 2", "assert result(1, b=3).b == 3", since=(3, 10))
source("dataclass of a dataclass", D + "@dataclass\nclass A:\n    x: int = 1\n@dataclass\nclass B(A):\n    y: int = 2\nresult = B", "assert result(5).x == 5 and issubclass(result, result.__mro__[1])")
source("dataclass with its own __init__ and methods", D + "@dataclass\nclass result:\n    x: int\n    def __init__(self, x): self.x = x * 2\n    def double(self): return self.x * 2\n    @property\n    def half(self): return self.x / 2", "assert result(1).double() == 4 and result(1).half == 1")
source("dataclass that names itself", D + "@dataclass\nclass Node:\n    next: 'Node' = None\nresult = Node(Node())", "assert type(result.next) is type(result)")
source("dataclass with annotations as text", "from __future__ import annotations\n" + D + "@dataclass\nclass result:\n    x: int\n    y: typing.ClassVar[int] = 1\n    z: dataclasses.InitVar[int] = 2", "assert result(1).x == 1 and result.__dataclass_fields__['y']._field_type.name == '_FIELD_CLASSVAR'")
source("dataclass made", "import dataclasses\nresult = dataclasses.make_dataclass('Made', [('x', int), ('y', int, dataclasses.field(default=5))], namespace={'sum': lambda self: self.x + self.y})", "assert result(1).sum() == 6")
source("dataclass generic", D + "T = typing.TypeVar('T')\n@dataclass\nclass result(typing.Generic[T]):\n    x: T", "assert result[int](5).x == 5")
source("dataclass abstract", D + "import abc\n@dataclass\nclass result(abc.ABC):\n    x: int\n    @abc.abstractmethod\n    def f(self): ...", "assert result.__abstractmethods__ == {'f'}")
source("dataclass field alone", "import dataclasses\nresult = dataclasses.field(default=1, metadata={'a': 1})", "assert result.default == 1 and result.metadata['a'] == 1")
source("dataclass in a function", D + "def make(n):\n    @dataclass\n    class Local:\n        x: int = n\n    return Local\nresult = make(5)", "assert result().x == 5")
source("dataclass with an enum", D + "import enum\nclass E(enum.Enum):\n    A = 1\n@dataclass\nclass result:\n    e: E = E.A", "assert result().e.name == 'A'")

# --- namedtuples

source("namedtuple of __main__", "import collections\nresult = collections.namedtuple('P', 'x y')", "p = result(1, y=2); assert p == (1, 2) and p._asdict() == {'x': 1, 'y': 2} and p._replace(x=5).x == 5 and repr(p) == 'P(x=1, y=2)'")
source("namedtuple of __main__ and instances", "import collections\nP = collections.namedtuple('P', 'x y')\nresult = [P(1, 2), P, P([3], 4)]", "a, p, b = result; assert type(a) is type(b) is p and b.x == [3]")
source("namedtuple with defaults", "import collections\nresult = collections.namedtuple('P', 'x y z', defaults=[1, 2])", "assert result(0) == (0, 1, 2) and result._field_defaults == {'y': 1, 'z': 2}")
source("namedtuple renamed", "import collections\nresult = collections.namedtuple('P', 'x def x', rename=True)", "assert result._fields == ('x', '_1', '_2')")
source("namedtuple of a module", "import collections\nresult = collections.namedtuple('P', 'x', module='some.where')", "assert result.__module__ == 'some.where'")
source("namedtuple without fields", "import collections\nresult = collections.namedtuple('P', '')", "assert result() == ()")
source("namedtuple of many fields", "import collections\nresult = collections.namedtuple('P', ['f%d' % n for n in range(300)])", "assert result(*range(300)).f299 == 299")
source("namedtuple subclass", "import collections\nclass P(collections.namedtuple('P', 'x y')):\n    __slots__ = ()\n    def sum(self): return self.x + self.y\nresult = P", "assert result(1, 2).sum() == 3")
source("namedtuple subclass, instance", "import collections\nclass P(collections.namedtuple('Base', 'x y')):\n    def sum(self): return self.x + self.y\nresult = P(1, 2)\nresult.note = 'n'", "assert result.sum() == 3 and result.note == 'n'")
source("NamedTuple", "import typing\nclass result(typing.NamedTuple):\n    'doc'\n    x: int\n    y: str = 'y'\n    def both(self): return self.x, self.y", "assert result(1).both() == (1, 'y') and result.__doc__ == 'doc'")
source("NamedTuple and instance", "import typing\nclass P(typing.NamedTuple):\n    x: int\nresult = [P(1), P]", "assert type(result[0]) is result[1]")
source("NamedTuple by call", "import typing\nresult = typing.NamedTuple('P', [('x', int), ('y', str)])", "assert result(1, 'a').y == 'a'")
source("NamedTuple generic", "import typing\nT = typing.TypeVar('T')\nclass result(typing.NamedTuple, typing.Generic[T]):\n    x: T", "assert result(1).x == 1", since=(3, 11))

# --- TypedDict

source("TypedDict", "import typing\nclass result(typing.TypedDict):\n    x: int\n    y: str", "assert result(x=1, y='a') == {'x': 1, 'y': 'a'}")
source("TypedDict by call", "import typing\nresult = typing.TypedDict('D', {'x': int, 'in': str})", "assert result(x=1) == {'x': 1}")
source("TypedDict not total", "import typing\nclass result(typing.TypedDict, total=False):\n    x: int", "assert result.__total__ is False or result() == {}")
source("TypedDict of a TypedDict", "import typing\nclass A(typing.TypedDict):\n    x: int\nclass result(A):\n    y: int", "assert result(x=1, y=2) == {'x': 1, 'y': 2}")
source("TypedDict with Required", "import typing\nclass result(typing.TypedDict):\n    x: typing.Required[int]\n    y: typing.NotRequired[int]", "assert result(x=1) == {'x': 1}", since=(3, 11))
source("TypedDict used by a function", "import typing\nclass D(typing.TypedDict):\n    x: int\ndef result(d: D) -> D: return D(x=d['x'])", "assert result({'x': 1}) == {'x': 1}")
