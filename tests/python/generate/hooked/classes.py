"""Classes: bases, slots, hooks of pickle and of attributes, names and modules that are not theirs."""

from . import kinds
from .hooks import HOOKS, hook
from .metaclasses import Says
from .program import indented
from .values import atom, value

BASES = ["abc.ABC", "typing.Generic[T]", "typing.Protocol", "Plain", "Slotted", "Exception", "list", "dict", "int", "str", "tuple", "datetime.date", "functools.partial", "collections.OrderedDict", "types.SimpleNamespace", "set", "datetime.datetime", "datetime.timedelta", "bytes", "float", "frozenset"]
SLOTS = ["()", "('a',)", "('a', 'b')", "('a', 'b', '__dict__')", "['a', 'b', '__weakref__']", "'a'", "('__m', 'b')", "('a', '__dict__', '__weakref__')", "('c', 'a', 'b', 'dd', 'é')", "{'a': 'doc'}", "('__m', '__d__', 'a', '__dict__')"]
SPECIAL = [
    (10, "def __setstate__(self, state):\n    {setstate}\n    object.__setattr__(self, 'got', state)"),
    (5, "def __new__(cls, *args, **kw):\n    {new}\n    return object.__new__(cls)"),
    (5, "def __getattr__(self, name):\n    {missing}\n    raise AttributeError(name)"),
    (5, "def __getattribute__(self, name):\n    {get}\n    return object.__getattribute__(self, name)"),
    (2, "@property\ndef __class__(self): {class_}; return int"),
    (2, "@property\ndef __class__(self): {class_}; return type(self)"),
    (2, "@property\ndef __class__(self): {class_}; return Plain"),
    (4, "@property\ndef __dict__(self): {dict}; return {{'z': 1}}"),
    (4, "def __eq__(self, other): {eq}; return self is other\ndef __hash__(self): {hash}; return 5"),
    (1, "__slotnames__ = ['a']"),
    (1, "__slotnames__ = None"),
    (1, "__slotnames__ = ['b', 'a', 'zz']"),
    (3, "__copyreg__ = 1"),
    (3, "__module__ = 'generate.hooked.importable'"),
    (2, "__module__ = None"),
    (2, "__module__ = '__main__'"),
    (3, "__module__ = 'nowhere'"),
    (2, "__qualname__ = 'Plain'"),
    (2, "__qualname__ = 'X.Y'"),
    (8, "long_attribute_a = 1; long_attribute_b = 'text'; long_attr = 3; long_attribute_ = 5"),
    (2, "a = 1"),
    (2, "a = property(lambda self: 1)"),
    (2, "a = functools.cached_property(len)"),
    (2, "a = staticmethod(len)"),
]
"""(so many in a hundred classes, source)"""
USED = ["self", "__class__", "events", "len", "Text", "T", "math"]


def a_class(p):
    """One of all kinds of classes."""
    kind = p.number(0, 99)
    if kind < 12:
        kinds.enum(p)
    elif kind < 24:
        kinds.dataclass(p)
    elif kind < 30:
        kinds.record(p)
    else:
        plain(p)


def plain(p):
    name = p.name("C")
    bases = [p.a("class")] if p.names("class") and p.chance(9, 20) else []
    if p.chance(3, 20):
        bases.append(p.pick(BASES))
    if p.names("metaclass") and p.chance(1, 4):
        bases.append("metaclass=" + p.a("metaclass"))
    body = []
    if p.chance(7, 20):
        body.append("__slots__ = " + p.pick(SLOTS))
    if p.has_hooks and p.chance(3, 10):
        body += [hook(p, name, asked) for asked in dict.fromkeys(p.pick(HOOKS) for _ in range(p.pick([1, 1, 1, 2])))]
    says = Says(p, name)
    body += [source.format_map(says) for percent, source in SPECIAL if p.chance(percent, 100)]
    if p.chance(3, 10):
        body.append("def meth(self, x=%s): return x, %s" % (atom(p), p.pick(USED)))
    if p.chance(1, 10):
        body.append("attr = %s" % value(p))
    p.add("class %s(%s):\n%s" % (name, ", ".join(bases), indented(body + ["pass"])), "class", name)
