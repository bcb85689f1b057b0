"""Dataclasses, namedtuples and TypedDicts."""

import sys

from .functions import annotation, default_value, expression

NEW = sys.version_info >= (3, 10)
OPTIONS = ["frozen=True", "order=True", "eq=False", "unsafe_hash=True", "repr=False", "init=False"]
if NEW:
    OPTIONS += ["slots=True", "kw_only=True", "match_args=False"]
if sys.version_info >= (3, 11):
    OPTIONS += ["slots=True, weakref_slot=True"]


def dataclass(p):
    name = p.name("R")
    options = p.some(OPTIONS, 2)
    for option in options:
        p.kinds.add("dataclass: " + option.split(", ")[-1])
    bases = p.some(p.names("dataclass"), 1) + ([p.a("class")] if p.names("class") and p.chance(1, 6) else []) + (["typing.Generic[T]"] if p.chance(1, 8) else [])
    lines = ["@dataclasses.dataclass(%s)" % ", ".join(options) if options else "@dataclasses.dataclass", "class %s(%s):" % (name, ", ".join(dict.fromkeys(bases)))]
    if p.chance(1, 5):
        lines.append("    'Docs.'")
    fields = p.some(["a", "b", "c", "d"], 4)
    keyword_only = any("kw_only" in option for option in options)
    for n, field in enumerate(fields):
        kind = p.number(0, 9) if n or p.chance(1, 2) else 9
        if kind == 0:
            lines.append("    %s: list = dataclasses.field(default_factory=%s)" % (field, p.pick(["list", p.a("function", "class") or "dict", "lambda: [LIMIT]"])))
            p.kinds.add("dataclass: default_factory")
        elif kind == 1:
            lines.append("    %s: int = dataclasses.field(default=%s, repr=False, compare=False, hash=None, metadata={'m': %s})" % (field, p.pick(["1", "'x'", "None"]), default_value(p)))
            p.kinds.add("dataclass: field")
        elif kind == 2:
            lines.append("    %s: dataclasses.InitVar[int] = 5" % field)
            p.kinds.add("dataclass: InitVar")
        elif kind == 3:
            lines.append("    %s: typing.ClassVar[int] = %s" % (field, default_value(p)))
            p.kinds.add("dataclass: ClassVar")
        elif kind == 4 and NEW and not keyword_only:
            lines += ["    _: dataclasses.KW_ONLY", "    %s: int = 1" % field]
            keyword_only = True
            p.kinds.add("dataclass: KW_ONLY")
        elif kind == 5 and NEW:
            lines.append("    %s: int = dataclasses.field(kw_only=True, default=2)" % field)
        elif kind == 6 and not n:
            lines.append("    %s: %s" % (field, annotation(p)))
        else:
            lines.append("    %s: %s = %s" % (field, annotation(p), p.pick(["1", "'x'", "None", "(1, 2)", "RATE"])))
    if p.chance(1, 4):
        lines.append("    def __post_init__(self, *args): object.__setattr__(self, 'post', args) if hasattr(self, '__dict__') else None")
        p.kinds.add("dataclass: __post_init__")
    if p.chance(1, 3):
        lines.append("    def method(self, x=1): return %s" % expression(p, ["self", "x"], 1))
    if p.chance(1, 6):
        lines += ["    @property", "    def derived(self): return dataclasses.fields(self)[0].name"]
    lines.append("    pass")
    if p.add("\n".join(lines), "record", name, "dataclass"):
        p.made.setdefault("dataclass", []).append(name)
    elif p.add("%s = dataclasses.make_dataclass('%s', ['a', ('b', int, 5)], namespace={'m': lambda self: self.b})" % (name, name), "record", name, "dataclass by a call"):
        pass


def namedtuple(p):
    name = p.name("N")
    kind = p.number(0, 3)
    if kind == 0:
        p.add("%s = collections.namedtuple('%s', 'a b', defaults=[%s]%s)" % (name, name, default_value(p), p.pick(["", ", module='made'", ", rename=True"])), "record", name, "namedtuple")
    elif kind == 1:
        p.add("class %s(collections.namedtuple('%s', 'a b')):\n    %s\n    def method(self): return self.a, %s" % (name, name, p.pick(["__slots__ = ()", "'doc'"]), default_value(p)), "record", name, "namedtuple: subclass")
    else:
        lines = ["class %s(%s):" % (name, "typing.NamedTuple" if sys.version_info < (3, 11) or p.chance(3, 4) else "typing.NamedTuple, typing.Generic[T]"), "    a: %s" % annotation(p), "    b: int = %s" % default_value(p)]
        if p.chance(1, 2):
            lines.append("    def method(self): return %s" % expression(p, ["self"], 1))
        p.add("\n".join(lines), "record", name, "namedtuple: typing")


def typed_dict(p):
    name = p.name("TD")
    bases = p.a("typed dict") if p.names("typed dict") and p.chance(1, 3) else "typing.TypedDict"
    if p.chance(1, 4):
        text = "%s = typing.TypedDict('%s', {'a': int, 'not a name': %s}%s)" % (name, name, "'later'", p.pick(["", ", total=False"]))
    else:
        text = "class %s(%s%s):\n    a: %s\n    b: %s" % (name, bases, p.pick(["", ", total=False"]), annotation(p), p.pick(["int", "'later'"] + (["typing.Required[int]", "typing.NotRequired[str]"] if sys.version_info >= (3, 11) else [])))
    if p.add(text, "record", name, "TypedDict"):
        p.made.setdefault("typed dict", []).append(name)


def generic(p):
    """Type variables of all kinds, and aliases."""
    name = p.name("G")
    new = sys.version_info
    options = ["typing.TypeVar('%s')" % name, "typing.TypeVar('%s', bound=%s)" % (name, p.a("class") or "int"), "typing.TypeVar('%s', int, %s)" % (name, p.a("class") or "str"), "typing.TypeVar('%s', covariant=True)" % name, "typing.NewType('%s', int)" % name, "typing.List[%s]" % (p.a("class") or "int"), "typing.Dict[str, T]", "typing.Callable[[T], int]", "list[T]", "typing.Literal[1, 'a']", "typing.Annotated[int, %s]" % default_value(p), "typing.ForwardRef('%s')" % name, "typing.Optional[T]"]
    if new >= (3, 10):
        options += ["typing.ParamSpec('%s')" % name, "int | None", "typing.Callable[typing.Concatenate[int, typing.ParamSpec('P')], str]"]
    if new >= (3, 11):
        options += ["typing.TypeVarTuple('%s')" % name, "tuple[typing.Unpack[typing.TypeVarTuple('Ts')]]"]
    if new >= (3, 13):
        options += ["typing.TypeVar('%s', default=int)" % name]
    if new >= (3, 12) and p.chance(1, 8):
        p.add("type %s[X] = list[X]" % name, "value", name, "type alias")
        return
    text = p.pick(options)
    p.add("%s = %s" % (name, text), "value", name, "typing: " + text.split("(")[0].split("[")[0])
