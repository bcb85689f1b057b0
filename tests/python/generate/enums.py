"""Enumerations: plain, of numbers, of text, flags; with methods, mixins, aliases, and by a call."""

import sys

from .functions import default_value, expression

NEW = sys.version_info >= (3, 11)
KINDS = {"enum.Enum": ["1", "'a'", "(1, 2)", "enum.auto()", "None", "[1]", "object"], "enum.IntEnum": ["1", "2", "-3", "enum.auto()"], "enum.Flag": ["1", "2", "4", "3", "enum.auto()"], "enum.IntFlag": ["1", "2", "8", "enum.auto()"], "str, enum.Enum": ["'a'", "'b'", "'é'"], "float, enum.Enum": ["1.5", "2.5"], "bytes, enum.Enum": ["b'a'", "b'b'"], "tuple, enum.Enum": ["(1, 2)", "(3,)"]}
if NEW:
    KINDS["enum.StrEnum"] = ["'a'", "'b'", "enum.auto()"]
    KINDS["enum.ReprEnum"] = ["1", "2"]


def enumeration(p):
    name = p.name("E")
    base = p.pick(KINDS)
    p.kinds.add("enum: " + base.replace(",", " and"))
    if p.chance(1, 6):
        return by_call(p, name, base)
    lines = []
    values = KINDS[base]
    mixin = p.a("class")
    bases = base
    if mixin and p.chance(1, 6) and "," not in base:
        bases = "%s, %s" % (mixin, base)
    keyword = ""
    if NEW and "Flag" in base and p.chance(1, 3):
        keyword = ", boundary=enum.%s" % p.pick(["STRICT", "CONFORM", "EJECT", "KEEP"])
        p.kinds.add("enum: boundary")
    if p.chance(1, 6):
        p.kinds.add("enum without members, inherited")
        if p.add("class %s_(%s%s):\n    def shown(self): return self.name\n    def __str__(self): return 'shown'" % (name, bases, keyword), None, None):
            bases, keyword = name + "_", ""
    if p.chance(1, 8):
        lines.append("@enum.unique")
    lines += ["class %s(%s%s):" % (name, bases, keyword)]
    if p.chance(1, 5):
        lines.append("    'Docs of an enum.'")
    if p.chance(1, 10):
        lines.append("    _ignore_ = ['ignored']")
        lines.append("    ignored = 5")
        p.kinds.add("enum: ignored")
    if p.chance(1, 8) and base != "enum.ReprEnum":
        lines += ["    def _generate_next_value_(name, start, count, last): return %s" % ("name.lower()" if base in ("enum.Enum", "enum.StrEnum") else "2 ** (count + 1)")]
        p.kinds.add("enum: next values")
    if base == "enum.Enum" and p.chance(1, 4):
        lines += ["    def __init__(self, *args): self.args = args"] if p.chance(1, 2) else ["    def __new__(cls, *args):", "        made = object.__new__(cls)", "        made._value_ = len(cls.__members__)", "        return made"]
        p.kinds.add("enum: __init__ or __new__")
    members = p.some(["A", "B", "C", "é", "x"], 4)
    for member in members:
        value = p.pick(values)
        if base == "enum.Enum" and p.chance(1, 5):
            value = default_value(p)
        lines.append("    %s = %s" % (member, value))
    if members and p.chance(1, 4):
        lines.append("    ALIAS = %s" % members[0])
        p.kinds.add("enum: alias")
    if p.chance(1, 3):
        lines.append("    def method(self, x=1): return self.name, %s" % expression(p, ["self", "x"], 1))
        p.kinds.add("enum: method")
    if p.chance(1, 6):
        lines += ["    @property", "    def shown(self): return type(self).__name__"]
    if p.chance(1, 8):
        lines += ["    @classmethod", "    def _missing_(cls, value): return next(iter(cls), None)"]
        p.kinds.add("enum: _missing_")
    if NEW and p.chance(1, 8):
        lines.append("    plain = enum.nonmember(%s)" % default_value(p))
        p.kinds.add("enum: nonmember")
    if p.chance(1, 10):
        lines.append("    annotated: int")
    if p.chance(1, 10):
        lines.append("    __slots__ = ()")
    lines.append("    pass")
    if p.add("\n".join(lines), "enum", name):
        for _ in range(p.number(0, 2)):
            value = p.name("e")
            if members:
                p.add("%s = %s.%s" % (value, name, p.pick(members)), "value", value, "enum member")
            if "Flag" in base and len(members) > 1:
                p.add("%s = %s.%s | %s.%s" % (value, name, members[0], name, members[1]), "value", value, "enum: flags joined")


def by_call(p, name, base):
    text = p.pick(["{0} = {1}('{0}', 'A B C')", "{0} = {1}('{0}', ['A', 'B'], module='__main__')", "{0} = {1}('{0}', [('A', 1), ('B', 2)], qualname='X.{0}', start=5)", "{0} = {1}('{0}', {{'A': 1, 'B': 1}})"])
    kind = base if "," not in base else "enum.IntEnum"
    p.add(text.format(name, kind), "enum", name, "enum by a call")
