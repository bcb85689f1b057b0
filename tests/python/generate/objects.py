"""Instances with state, containers, what Python keeps beside functions and classes, modules, and the result."""

from .functions import default_value

PARTS = ["{0}.__code__", "{0}.__dict__", "{0}.__closure__", "{0}.__defaults__", "{0}.__annotations__", "{0}.__mro__", "{0}.__bases__", "{0}.__init__", "{0}.m", "{0}().m", "{0}.s", "{0}.__members__", "{0}.__subclasses__", "types.MappingProxyType({{'k': {0}}})", "types.MethodType(function, {0})", "functools.partial({0}, 1)", "functools.partialmethod({0})", "staticmethod({0})", "classmethod({0})", "property({0})", "weakref.WeakSet([{0}])", "{{'k': {0}}}.keys()", "({{'k': {0}}}.keys(), {{'k': {0}}}.values(), {{'k': {0}}}.items())", "collections.OrderedDict(k={0}).items()", "types.CellType({0})", "types.CellType()", "types.SimpleNamespace(x={0})", "collections.defaultdict({0}, a=1)", "collections.ChainMap({{'a': {0}}})", "weakref.ref({0})", "iter([{0}])", "{0}.__get__", "super({0}, {0})", "memoryview(b'abc')", "{0}.__kwdefaults__", "copy.copy({0})", "({0}(), {0})", "{0}(1)", "operator.attrgetter('m')", "slice({0}, 1)", "{0}.__qualname__", "functools.lru_cache({0})", "logging.getLogger('made')", "{0}.__module__"]


def instance(p):
    """An object of a class, with state that may hold anything, itself included."""
    name, cls = p.name("o"), p.a("class", "generic", "record", "descriptor", "enum")
    if cls is None:
        return
    value, other = default_value(p), default_value(p)
    made = p.pick(["{0}()", "{0}(1)", "{0}({1})", "{0}({1}, {2})", "{0}.__new__({0})", "{0}(a=1)", "{0}('a')"]).format(cls, value, other)
    if not p.add("%s = %s" % (name, made), "instance", name):
        return
    p.made.setdefault("instance", [])
    for _ in range(p.number(0, 2)):
        p.add(p.pick(["{0}.x = {1}", "{0}.me = {0}", "{0}.s = {1}", "{0}.__dict__.update(z={1}, a=1)", "{0}.both = [{1}, {1}]", "{0}.append({0})", "{0}['k'] = {1}", "{0}.bound = {0}.m", "object.__setattr__({0}, 'forced', {1})"]).format(name, value), None, None, "instance with state")


def value(p):
    """A container of what there is, or a part of it."""
    name = p.name("v")
    names = p.all_names()
    if not names:
        return
    one, two = p.pick(names), p.pick(names)
    if p.chance(1, 8):
        text = p.pick(["{{'k': {0}, 5: {1}}}", "collections.OrderedDict(k={0}, l={1})"]).format(one, two)
        p.add("{0} = {1}\n{0} = [{0}.keys(), {0}.values(), {0}.items()]".format(name, text), "value", name, "views")
    elif p.chance(1, 2):
        text = p.pick(["[{0}, {1}, {0}]", "({0}, {1})", "{{'a': {0}, 'b': [{1}, {0}]}}", "[[{0}], ({0}, {1}), {{1: {1}}}]", "{{{0}: {1}}}", "{{{0}}}", "frozenset([{0}])", "collections.deque([{0}, {1}])"]).format(one, two)
        p.add("%s = %s" % (name, text), "value", name, "container")
    else:
        text = p.pick(PARTS)
        p.add("%s = %s" % (name, text.format(one)), "value", name, "part: " + text)


def module(p):
    """A module made in memory, with a function and a class of its own: alone, imported, or registered to go by value."""
    name = p.name("mod")
    value = default_value(p)
    text = "import json\\nN = 5\\ndef f(x=1): return N, x, json\\nclass C:\\n    def m(self): return f, C\\nalias = f"
    kind = p.pick(["alone", "alone", "alone", "imported", "registered", "registered", "submodule"])
    lines = ["{0} = types.ModuleType('made_{0}'{2})", "exec(\"{1}\", {0}.__dict__)"]
    if kind in ("imported", "registered"):
        lines += ["sys.modules['made_{0}'] = {0}"]
    if kind == "registered":
        lines += ["sys.modules['cloudpickle.cloudpickle']._PICKLE_BY_VALUE_MODULES.add('made_{0}')"]
    if kind == "submodule":
        lines += ["{0}.__path__ = []", "{0}.__package__ = 'made_{0}'", "{0}.sub = sys.modules['made_{0}.sub'] = types.ModuleType('made_{0}.sub')", "def {0}_f(): return {0}.sub"]
    if p.add("\n".join(lines).format(name, text, p.pick(["", ", 'doc'"])), "module", name, "module: " + kind):
        if kind == "submodule":
            p.made.setdefault("function", []).append(name + "_f")
        for part in p.some(["f", "C", "alias", "C().m"], 2):
            other = p.name("x")
            p.add("%s = %s.%s" % (other, name, part), "function" if part in ("f", "alias") else "class" if part == "C" else "value", other, "part of a module")
        if p.chance(1, 3):
            p.add("%s.more = %s" % (name, value))


def result(p):
    """What is dumped: the last thing made, some, or all of them."""
    names = p.all_names()
    if not names:
        text = "NAMES"
    elif p.chance(1, 3):
        text = p.pick(names)
    elif p.chance(1, 3):
        p.kinds.add("result: all")
        text = "[%s]" % ", ".join(names + names)
    else:
        some = [p.pick(names) for _ in range(p.number(1, 4))]
        p.kinds.add("result: some")
        text = "[%s]" % ", ".join(some + some[:1])
    p.add("result = " + text)
