"""Enums, dataclasses, namedtuples and TypedDicts, some with hooks."""

import sys

from .hooks import HOOKS, hook
from .program import indented
from .values import value

ENUMS = ["enum.Enum", "enum.IntEnum", "enum.Flag", "enum.IntFlag", "str, enum.Enum", "Text, enum.Enum"]
OPTIONS = ["frozen=True", "order=True", "eq=False", "unsafe_hash=True", "repr=False"]
FIELDS = ["a: int = 1", "b: list = dataclasses.field(default_factory=list)", "c: typing.ClassVar[int] = 3", "dd: 'later' = None", "e: dataclasses.InitVar[int] = 0", "f: object = dataclasses.field(default=None, repr=False, compare=False, metadata={'m': 1})"]
RECORDS = [
    "{0} = collections.namedtuple('{0}', 'a b', defaults=(1, 2))",
    "class {0}(typing.NamedTuple):\n    a: int = 1\n    b: str = 'x'\n    def m(self): return self.a",
    "class {0}(collections.namedtuple('{0}', 'a b', defaults=(1, 2))): __slots__ = ()",
    "class {0}(collections.namedtuple('{0}', 'a b', defaults=(1, 2))): pass",
    "class {0}(collections.namedtuple('{0}', 'a b', defaults=(1, 2))):\n    __slots__ = ()\n    def __iter__(self): {iter}; return iter((1,))",
    "class {0}(typing.TypedDict):\n    a: int\n    b: 'str'",
    "class {0}(typing.TypedDict, total=False):\n    a: int\n    b: 'str'",
]
if sys.version_info >= (3, 10):
    OPTIONS += ["slots=True", "kw_only=True"]
if sys.version_info >= (3, 11):
    ENUMS.append("enum.StrEnum")
    OPTIONS.append("slots=True, weakref_slot=True")


def enum(p):
    """An enum, and a member of it or all of them."""
    name = p.name("E")
    base = p.pick(ENUMS)
    if p.chance(1, 5):
        base = p.pick(["Enum", "Flag", "IntEnum"])
        made = p.add("%s = enum.%s('%s', %s)" % (name, base, name, p.pick(["'A B C'", "['A', 'B', 'C']", "{'A': 1, 'B': 2, 'C': 4}"])))
    else:
        made = p.add("class %s(%s):\n%s" % (name, base, indented(enum_body(p, name, base))))
    if not made:
        return
    if p.chance(3, 10):
        p.add("%s.A.extra = %s" % (name, value(p)))
    if p.chance(1, 10):
        p.add("%s.A.__reduce__ = lambda: 5" % name)
    members = ["{0}.A", "{0}.B", "{0}.C", "list({0})"] + (["{0}.A | {0}.B", "{0}(3)"] if "Flag" in base else [])
    member = p.name("i")
    p.add("%s = %s" % (member, p.pick(members).format(name)), "instance", member)
    # As a class it may be a base, be made anew and be changed.
    p.made.setdefault("class" if p.chance(3, 10) else "value", []).append(name)


def enum_body(p, name, base):
    is_text = "str" in base.lower() or "Text" in base
    body = ["A = 'a'", "B = 'b'", "C = 'a'"] if is_text else ["A = 1", "B = " + p.pick(["2", "enum.auto()"]), "C = " + p.pick(["1", "4", "3"])]
    if p.chance(1, 10):
        body.insert(0, "def _generate_next_value_(name, start, count, last): return 2 ** count")
    if p.chance(1, 5):
        body.append("@classmethod\ndef _missing_(cls, value): events.asked('missing'); return cls.A")
    if p.chance(1, 5):
        body.append("def m(self): return self.value")
    if p.has_hooks and p.chance(1, 5):
        body.append(hook(p, name, p.pick(HOOKS)))
    if p.chance(1, 10):
        body.append("class Inner: q = 1")
    return body


def dataclass(p):
    name = p.name("D")
    options = [option for option in OPTIONS if p.chance(1, 5)]
    body = [field for field in FIELDS if p.chance(1, 2)]
    if p.chance(1, 5):
        body.append("def __post_init__(self, *args): pass")
    if p.has_hooks and p.chance(1, 5):
        body.append(hook(p, name, p.pick(HOOKS)))
    bases = p.a("class") if p.names("class") and p.chance(1, 5) else ""
    p.add("@dataclasses.dataclass(%s)\nclass %s(%s):\n%s" % (", ".join(options), name, bases, indented(body + ["pass"])), "class", name)


def record(p):
    name = p.name("N")
    p.add(p.pick(RECORDS).format(name, iter="events.asked('%s.iter')" % name), "class", name)
