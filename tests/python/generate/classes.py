"""Classes: bases, metaclasses, keywords, slots, members, and what is set on them afterwards."""

import sys

from .functions import annotation, body, default_value, definition, expression

BASES = ["int", "str", "float", "bytes", "list", "dict", "set", "frozenset", "tuple", "Exception", "ValueError", "collections.OrderedDict", "collections.UserDict", "collections.deque", "abc.ABC", "collections.abc.Mapping", "collections.abc.Sized", "collections.abc.Hashable", "typing.Generic[T]", "typing.Generic[T, K]", "typing.Protocol", "typing.Protocol[T]", "list[int]", "typing.List[T]", "typing.Dict[str, T]", "importable.Plain", "importable.Slotted", "importable.Items", "importable.WithMeta", "contextlib.AbstractContextManager", "string.Formatter", "threading.local", "logging.Handler", "datetime.date", "types.SimpleNamespace"]
SLOTS = ["'st'", "('s', 't')", "['s']", "'s'", "()", "('s', '__dict__')", "('s', '__weakref__')", "('__dict__', '__weakref__')", "('__private',)", "{'s': 'doc of s'}", "('s', 't', '__dict__', '__weakref__')"]


def metaclass(p):
    """Classes of classes: with `__new__`, `__prepare__`, keywords, comparisons of their own."""
    name = p.name("M")
    base = p.pick(["type", "type", "abc.ABCMeta", p.a("metaclass") or "type"])
    lines = ["class %s(%s):" % (name, base)]
    options = {
        "new": ["def __new__(mcs, name, bases, ns, **kw):", "    ns['made_by'] = 'new'", "    return super().__new__(mcs, name, bases, dict(ns))"],
        "new with keywords": ["def __new__(mcs, name, bases, ns, *, tag=None, **kw):", "    cls = super().__new__(mcs, name, bases, ns)", "    cls.tag = tag", "    return cls"],
        "prepare": ["@classmethod", "def __prepare__(mcs, name, bases, **kw): return %s" % p.pick(["{}", "collections.OrderedDict()", "dict(prepared=1)"])],
        "init": ["def __init__(cls, name, bases, ns, **kw):", "    super().__init__(name, bases, ns)", "    cls.number = len(ns)"],
        "call": ["def __call__(cls, *args, **kw): return super().__call__(*args, **kw)"],
        "compare by identity": ["def __eq__(cls, other): return cls is other", "def __hash__(cls): return hash(%s.__name__)" % name],
        "compare by name": ["def __eq__(cls, other): return type(other) is type(cls) and cls.__qualname__ == other.__qualname__", "def __hash__(cls): return hash(cls.__qualname__)"],
        "attributes": ["listed = [%s]" % default_value(p), "@property", "def size(cls): return len(cls.__name__)"],
        "getattr": ["def __getattr__(cls, name):", "    if name.startswith('_'): raise AttributeError(name)", "    return 'of the metaclass'"],
        "mro": ["def mro(cls): return super().mro()"],
        "iteration": ["def __iter__(cls): return iter([cls.__name__])", "def __len__(cls): return 0"],
        "subclasses": ["def __instancecheck__(cls, other): return super().__instancecheck__(other)"],
        "text": ["def __repr__(cls): return '<%s>' % cls.__name__"],
    }
    for option in p.some(options, 3):
        p.kinds.add("metaclass: " + option)
        lines += ["    " + line for line in options[option]]
    p.add("\n".join(lines + ["    pass"]), "metaclass", name)


def descriptor(p):
    """A descriptor with `__set_name__`."""
    name = p.name("D")
    lines = ["class %s:" % name, "    def __init__(self, default=None): self.default = default", "    def __set_name__(self, owner, name): self.name, self.owner = name, %s" % p.pick(["owner", "owner.__name__", "None"])]
    lines += ["    def __get__(self, obj, owner=None): return self if obj is None else (self.name, self.default)"]
    if p.chance(1, 2):
        lines += ["    def __set__(self, obj, value): obj.__dict__['set'] = value"]
    p.add("\n".join(lines), "descriptor", name)


def member(p, name, own, has_bases, is_abstract):
    """Lines of one member, and the names that it defines. `own` is the methods so far."""
    inner = ["    " + line for line in body(p, ["self"], "")]
    value = default_value(p)

    def method(first, decorator=None):
        lines = definition(p, name, first=[first])
        if own and p.chance(1, 3) and lines[-1].startswith("    return"):
            lines[-1] = "    return %s.%s" % (first, p.pick(own))
            p.kinds.add("member: calls another")
        elif lines[-1].startswith("    return") and p.chance(1, 3) and "async" not in lines[0]:
            lines[-1] = "    return " + p.pick(["super().__init__", "__class__", "super().%s" % (p.pick(own) if own else "x"), "(__class__, super().__hash__ is None)"])
            p.kinds.add("member: class cell")
        return ([decorator] if decorator else []) + lines

    def option(kind, *lines):
        return lambda: (kind, list(lines))

    options = [
        lambda: ("function", method("self")),
        lambda: ("function", method("self")),
        lambda: ("lambda", ["%s = lambda self, x=%s: %s" % (name, value, expression(p, ["self", "x"], 1))]),
        lambda: ("static method", ["@staticmethod"] + definition(p, name)),
        lambda: ("class method", method("cls", "@classmethod")),
        option("property", "@property", "def %s(self):" % name, *inner, *(["@%s.setter" % name, "def %s(self, value): self.__dict__['value'] = value" % name] if p.chance(1, 3) else [])),
        option("property with doc", "%s = property(lambda self: %s, doc=%s)" % (name, value, p.pick(["'doc'", "None"]))),
        option("cached property", "@functools.cached_property", "def %s(self):" % name, *inner) if sys.version_info >= (3, 12) or p.chance(1, 6) else option("value", "%s = %s" % (name, value)),
        option("partial method", "%s = functools.partialmethod(lambda self, *args: args, %s)" % (name, value)),
        option("nested class", "class %s:" % name, "    z = %s" % value, "    class Deep:", "        def m(self): return %s" % expression(p, ["self"], 1)),
        option("annotation", "%s: %s" % (name, annotation(p))),
        option("annotated value", "%s: %s = %s" % (name, annotation(p), value)),
        option("value", "%s = %s" % (name, value)),
        option("value", "%s = [%s, %s]" % (name, value, value)),
        option("class comprehension", "%s = [w for w in (1, 2)]" % name),
        option("private", "__p%s = %s" % (name, value)),
        option("module", "%s = %s" % (name, p.pick(["json", "os.path", "xml.dom"]))),
    ]
    if p.names("descriptor"):
        options.append(option("descriptor", "%s = %s(%s)" % (name, p.a("descriptor"), value)))
    if is_abstract:
        options += [option("abstract method", "@abc.abstractmethod", "def %s(self): ..." % name), option("abstract property", "@property", "@abc.abstractmethod", "def %s(self): ..." % name), option("abstract class method", "@classmethod", "@abc.abstractmethod", "def %s(cls): ..." % name)]
    kind, lines = p.pick(options)()
    p.kinds.add("member: " + kind)
    return lines


def special(p):
    """Lines of members that Python itself looks for."""
    value = default_value(p)
    options = {
        "__init__": ["def __init__(self, *args, **kw):", "    %s" % p.pick(["super().__init__()", "super().__init__(*args)", "self.z = args"])],
        "__new__": ["def __new__(cls, *args, **kw):", "    return super().__new__(cls, *args)"],
        "__eq__": ["def __eq__(self, other): return type(self) is type(other)"],
        "__hash__": ["def __hash__(self): return 5"],
        "__repr__": ["def __repr__(self): return '<%s>' % type(self).__name__"],
        "__call__": ["def __call__(self, x=1): return x, %s" % expression(p, ["self", "x"], 1)],
        "__len__": ["def __len__(self): return 0"],
        "__iter__": ["def __iter__(self): return iter([1])"],
        "__getattr__": ["def __getattr__(self, name):", "    if name.startswith('_'): raise AttributeError(name)", "    return name"],
        "__init_subclass__": ["def __init_subclass__(cls, **kw):", "    super().__init_subclass__()", "    cls.subclass_of = __class__"],
        "__class_getitem__": ["def __class_getitem__(cls, item): return cls, item"],
        "__getstate__": ["def __getstate__(self): return {'state': %s}" % value],
        "__getstate__ and __setstate__": ["def __getstate__(self): return [%s]" % value, "def __setstate__(self, state): self.got = state"],
        "__reduce__": ["def __reduce__(self): return %s" % p.pick(["(list, ())", "(type(self), ())", "(importable.build, (type(self), 1))", "(object.__new__, (type(self),), {'r': %s})" % value])],
        "__getnewargs__": ["def __getnewargs__(self): return ()"],
        "__doc__": ["__doc__ = %s" % value],
        "__module__": ["__module__ = %s" % p.pick(["'__main__'", "'made'", "None", "'json'"])],
        "__qualname__": ["__qualname__ = %s" % p.pick(["'Outer.C'", "'C'", "'é'"])],
        "__match_args__": ["__match_args__ = ('s',)"],
        "__enter__": ["def __enter__(self): return self", "def __exit__(self, *error): return True"],
        "__del__": ["def __del__(self): pass"],
        "__dict__": ["__dict__ = property(lambda self: {})"],
    }
    name = p.pick(options)
    p.kinds.add("special: " + name)
    return options[name]


def bases(p):
    """Texts of the bases and keywords."""
    found, keywords = [], []
    kind = p.number(0, 7)
    if kind >= 3:
        own = p.names("class", "generic", "generic", "protocol")
        if p.chance(1, 6):
            found.append(p.pick(["typing.Generic[T]", "typing.Generic[T, K]", "typing.Protocol[T]"]))
        for _ in range(p.number(1, 2)):
            if own and p.chance(2, 3):
                base = p.pick(own)
                if base in p.names("generic") and p.chance(2, 3):
                    base = "%s[%s]" % (base, p.pick(["int", "T", "str", "'later'", own[0]]))
                    p.kinds.add("base: generic with arguments")
                p.kinds.add("base: earlier")
            else:
                base = p.pick(BASES)
                p.kinds.add("base: " + base)
            if base not in found:
                found.append(base)
    if p.chance(1, 4) and p.names("metaclass"):
        keywords.append("metaclass=" + p.a("metaclass"))
        p.kinds.add("class with metaclass")
        if p.chance(1, 3):
            keywords.append("tag=%s" % default_value(p))
            p.kinds.add("class keyword")
    elif p.chance(1, 8):
        keywords.append("metaclass=abc.ABCMeta")
    return found, keywords


def plain(p):
    """A class statement."""
    name = p.name("C")
    found, keywords = bases(p)
    parameters = ""
    if sys.version_info >= (3, 12) and p.chance(1, 14):
        parameters = p.pick(["[X]", "[X: int]", "[*Xs]", "[**Q]", "[X, Y: (int, str)]"] + (["[X = int]"] if sys.version_info >= (3, 13) else []))
        p.kinds.add("class[T]")
    lines = []
    if p.chance(1, 12):
        lines.append(p.pick(["@functools.total_ordering", "@typing.final", "@typing.runtime_checkable", "@(lambda cls: cls)"]))
    lines.append("class %s%s(%s):" % (name, parameters, ", ".join(found + keywords)))
    if p.chance(1, 4):
        lines.append("    " + repr(p.pick(["Docs of a class.", "é"])))
    if p.chance(1, 4):
        lines.append("    __slots__ = " + p.pick(SLOTS))
        p.kinds.add("slots")
        p.kinds.add("slots: " + lines[-1].split("=")[1].strip())
    own = []
    is_abstract = any("abc" in base for base in found + keywords)
    for _ in range(p.number(0, 4)):
        attribute = p.pick(["m", "n", "o", "value", "é", "x"])
        lines += ["    " + line for line in member(p, attribute, own, bool(found), is_abstract)]
        own.append(attribute)
    if p.chance(1, 2):
        lines += ["    " + line for line in special(p)]
    lines.append("    pass")
    kind = "protocol" if any(base.startswith("typing.Protocol") for base in found) else "generic" if parameters or any("[T" in base for base in found) else "class"
    p.add("\n".join(lines), kind, name)


def called(p):
    """A class by a call of its metaclass."""
    name = p.name("C")
    base = p.a("class") or "object"
    members = "{'a': %s, 'f': lambda self: %s%s}" % (default_value(p), expression(p, ["self"], 1), p.pick(["", ", '__slots__': ('s',)", ", '__doc__': 'd'", ", '__module__': 'made'", ", '__qualname__': 'X.Y'"]))
    text = p.pick(["type('{0}', ({1},), {2})", "types.new_class('{0}', ({1},), {{}}, lambda ns: ns.update({2}))", "{3}('{0}', (), {2})", "type('{0}', (), {2})", "type('é', ({1},), {2})"])
    p.add("%s = %s" % (name, text.format(name, base, members, p.a("metaclass") or "type")), "class", name, "class by a call")


def change(p):
    """Something is set on a class, taken off it, registered with it, or done with it."""
    name = p.a("class", "generic", "protocol", "enum", "record")
    if name is None:
        return
    other = p.a(*p.made)
    value = default_value(p)
    options = {
        "set": "{0}.later = {1}", "itself": "{0}.itself = {0}", "another": "{0}.other = {2}\n{2}.back = {0}", "instance": "{0}.one = {0}()", "function": "def later(self): return __name__, self\n{0}.later = later", "dict": "{0}.seen = {0}.__dict__",
        "delete": "del {0}.m", "registered": "{0}.register({2})", "registered builtin": "{0}.register(int)", "asked": "isinstance(1, {0}), issubclass(str, {0})", "annotations": "{0}.__annotations__", "copied": "copy.copy({0}())", "doc": "{0}.__doc__ = {1}", "name": "{0}.__name__ = 'Renamed'",
        "qualname": "{0}.__qualname__ = 'A.' + {0}.__name__", "module": "{0}.__module__ = 'no_such_module'", "method of another": "{0}.taken = {2}.m", "subclass": "class {0}_(%s): pass\n{0}.sub = {0}_" % name, "bases": "{0}.__bases__ = ({2},)", "odd name": "setattr({0}, 'not a name', {1})", "property": "{0}.p = property(lambda self: {0}, lambda self, value: None)",
        "slot names": "__import__('copyreg')._slotnames({0})", "long text": "{0}.text = 'long' * 100",
    }
    kind = p.pick(options)
    p.add(options[kind].format(name, value, other), None, None, "change: " + kind)
