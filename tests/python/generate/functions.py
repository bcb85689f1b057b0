"""Functions: arguments, bodies, closures, and what is set on them."""

import sys

CONSTANTS = ["1", "0", "2**70", "-1.5", "'text'", "'a'", "b'bytes'", "None", "(1, 'a', (2,))", "...", "'é'", "1j", "''", "()", "True", "frozenset({1})"]
GLOBALS = ["LIMIT", "RATE", "NAMES", "TABLE", "NOTHING", "é", "STATE"]
ARGUMENTS = ["a", "b", "c", "x", "y", "data"]
ANNOTATIONS = ["int", "'later'", "list[int]", "typing.Optional[str]", "None", "'int'", "typing.Callable[..., int]", "T", "typing.List[T]", "(1, 2)", "importable.Plain"]


def expression(p, scope, depth=2):
    """Text of an expression; scope is the local names."""
    if depth <= 0 or p.chance(1, 3):
        return p.pick(sorted(scope) * 3 + GLOBALS + CONSTANTS)

    def inner(*more):
        return expression(p, list(scope) + list(more), depth - 1)

    def called():
        name = p.a("function", "class", "closure", "enum")
        if name is None:
            return "function(%s)" % inner()
        p.kinds.add("body: names another")
        return "%s(%s)" % (name, ", ".join(inner() for _ in range(p.number(0, 2))))

    def named():
        p.kinds.add("body: names an object")
        return p.pick(p.all_names() or GLOBALS)

    def submodule():
        p.kinds.add("body: submodule")
        return p.pick(["os.path.join('a', str(%s))", "xml.dom.Node.ELEMENT_NODE", "ET.Element(str(%s)).tag", "concurrent.futures.Future", "collections.abc.Sized", "json.dumps(str(%s))", "json.decoder.JSONDecoder", "importable.function(%s)"]).replace("%s", inner())

    def scoped(kind, text):
        p.kinds.add("body: " + kind)
        return text

    options = [
        lambda: "(%s, %s)" % (inner(), inner()),
        lambda: "[%s, *[%s]]" % (inner(), inner()),
        lambda: "{'k': %s, **{}}" % inner(),
        lambda: scoped("comprehension", "[%s for w in (%s,)]" % (inner("w"), inner())),
        lambda: scoped("comprehension", "{str(k): %s for k, v in {1: %s}.items()}" % (inner("k", "v"), inner())),
        lambda: scoped("generator expression", "tuple(%s for w in [%s])" % (inner("w"), inner())),
        lambda: scoped("lambda", "(lambda w=%s: %s)" % (inner(), inner("w"))),
        lambda: scoped("lambda", "(lambda *args: (args, %s))(%s)" % (inner("args"), inner())),
        lambda: "(%s if %s else %s)" % (inner(), inner(), inner()),
        lambda: "f'{%s!r:>5}'" % p.pick(sorted(scope) + GLOBALS),
        lambda: "len([%s])" % inner(),
        lambda: "type(%s).__name__" % inner(),
        lambda: "(%s == %s)" % (inner(), inner()),
        lambda: "str(%s)[:5]" % inner(),
        lambda: scoped("missing global", "missing" if p.chance(1, 4) else "LIMIT"),
        called,
        called,
        named,
        submodule,
        submodule,
    ]
    return p.pick(options)()


def arguments(p, scope, first=()):
    """Text of an argument list, and its names."""
    names, parts, default = list(first), list(first), False
    for name in p.some(ARGUMENTS, 3):
        names.append(name)
        text = name
        if p.chance(1, 4):
            p.kinds.add("annotation")
            text += ": " + annotation(p)
        if default or p.chance(1, 2):
            default = True
            p.kinds.add("default")
            text += "=" + default_value(p)
        parts.append(text)
    if len(parts) > len(first) and p.chance(1, 8):
        parts.insert(len(first) + 1, "/")
        p.kinds.add("positional only")
    if p.chance(1, 5):
        parts.append("*args")
        names.append("args")
    if p.chance(1, 4):
        if "*args" not in parts:
            parts.append("*")
        parts.append("k%s=%s" % (": int" if p.chance(1, 2) else "", default_value(p)))
        p.kinds.add("keyword default")
        names.append("k")
    if p.chance(1, 6):
        parts.append("**kw")
        names.append("kw")
    return ", ".join(parts), names


def annotation(p):
    name = p.a("class", "enum", "generic")
    if name and p.chance(1, 4):
        return p.pick([name, repr(name), "typing.List[%s]" % name, "list[%s]" % name])
    if p.later or sys.version_info >= (3, 14):
        # It need not exist: nothing looks, until somebody does.
        if p.chance(1, 12):
            p.kinds.add("annotation of what is missing")
            return "Missing"
    return p.pick(ANNOTATIONS)


def default_value(p):
    name = p.a(*p.made) if p.chance(1, 3) else None
    return name or p.pick(CONSTANTS + GLOBALS)


def body(p, scope, pad, depth=1, returns=True, method=False, is_async=False):
    """Lines of a body."""
    lines, scope = [], list(scope)
    if p.chance(1, 4):
        lines.append(repr(p.pick(["Docs.", "é", "x"])))
    for _ in range(p.number(0, 2)):
        kind = p.number(0, 12)
        if kind == 0 and depth:
            name = p.pick(["inner", "other"])
            if p.chance(1, 4):
                lines += ["class %s:" % name, "    z = %s" % expression(p, scope, 1), "    def m(self): return %s" % expression(p, scope + ["self"], 1)]
                p.kinds.add("body: nested class")
            else:
                text, names = arguments(p, scope)
                lines += ["def %s(%s):" % (name, text)] + ["    " + line for line in body(p, scope + names, "", depth - 1)]
                p.kinds.add("body: nested function")
            scope.append(name)
        elif kind == 1:
            lines += ["try:", "    v = %s" % expression(p, scope), "except ValueError as e:", "    v = e", "finally:", "    u = 1"]
            scope += ["v", "u"]
            p.kinds.add("body: try")
        elif kind == 2:
            lines += ["for w in range(2):", "    if w: continue", "    u = %s" % expression(p, scope + ["w"])]
            scope += ["u"]
        elif kind == 3:
            lines += ["with contextlib.suppress(TypeError):", "    v = %s" % expression(p, scope)]
            p.kinds.add("body: with")
        elif kind == 4:
            lines += ["global WRITTEN", "WRITTEN = %s" % expression(p, scope)]
            p.kinds.add("body: global")
        elif kind == 5:
            lines += ["import %s" % p.pick(["json", "os.path as path", "xml.dom", "string as s"])]
            p.kinds.add("body: import")
        elif kind == 6 and sys.version_info >= (3, 10):
            lines += ["match %s:" % expression(p, scope, 1), "    case [first, *_]:", "        t = first", "    case {'k': t}: pass", "    case _:", "        t = %s" % expression(p, scope, 1)]
            scope.append("t")
            p.kinds.add("body: match")
        elif kind == 7:
            lines.append("t: %s = %s" % (p.pick(ANNOTATIONS), expression(p, scope)))
            scope.append("t")
        elif kind == 8:
            lines.append("if (u := %s): pass" % expression(p, scope))
            scope.append("u")
        elif kind == 9 and is_async:
            lines.append("await asyncio.sleep(0)")
            p.kinds.add("body: await")
        else:
            lines.append("t = %s" % expression(p, scope))
            scope.append("t")
    if p.chance(1, 8):
        lines.append("yield %s" % expression(p, scope, 1))
        p.kinds.add("body: yield")
    elif returns:
        lines.append("return %s" % expression(p, scope))
    else:
        lines.append("pass")
    if lines[-1].startswith("yield") and p.chance(1, 3) and not is_async:
        lines.append("yield from [%s]" % expression(p, scope, 1))
    return [pad + line for line in lines]


def definition(p, name, scope=(), first=(), pad="", depth=1):
    """Lines of `def name(...)`."""
    text, names = arguments(p, scope, first)
    is_async = p.chance(1, 14)
    parameters = ""
    if sys.version_info >= (3, 12) and p.chance(1, 16):
        parameters = p.pick(["[X]", "[X: int]", "[*Xs]", "[**Q]", "[X, Y: (int, str)]"])
        p.kinds.add("function[T]")
    returns = " -> " + annotation(p) if p.chance(1, 5) else ""
    head = "%sdef %s%s(%s)%s:" % ("async " if is_async else "", name, parameters, text, returns)
    if is_async:
        p.kinds.add("async")
    return [pad + head] + body(p, list(scope) + names, pad + "    ", depth, is_async=is_async)


def function(p):
    """A function or a lambda at the top, perhaps with a decorator and with things set on it."""
    name = p.name("f")
    kind = p.number(0, 9)
    if kind < 6:
        lines = definition(p, name)
        if p.chance(1, 8):
            lines.insert(0, "@functools.wraps(%s)" % (p.a("function") or "function") if p.chance(1, 2) else "@functools.singledispatch")
            p.kinds.add("decorated")
        done = p.add("\n".join(lines), "function", name)
    elif kind == 6:
        text, names = arguments(p, ())
        # A lambda has no annotations.
        text = text if ":" not in text else "x=1"
        done = p.add("%s = lambda %s: %s" % (name, text, expression(p, names if text != "x=1" else ["x"])), "function", name, "lambda")
    elif kind == 7:
        done = p.add("%s = functools.partial(%s, %s)" % (name, p.a("function") or "function", default_value(p)), "value", name, "partial")
        return
    elif kind == 8:
        original = p.a("function")
        if original is None:
            return
        # The same code with globals, a name, defaults and a module of its own.
        own = p.pick(["%s.__globals__", "dict(%s.__globals__, LIMIT=11)", "{'LIMIT': 3, '__name__': 'made', '__file__': 'made.py'}", "{'LIMIT': 4}", "collections.OrderedDict(LIMIT=1, __name__='__main__', __package__=None)"])
        made = "types.FunctionType({0}.__code__, {1}, '{2}', {0}.__defaults__, {0}.__closure__)".format(original, own.replace("%s", original), name)
        done = p.add("%s = %s" % (name, made), "function", name, "function made again")
    else:
        done = p.add("def %s(*args): return args, %s" % (name, expression(p, ["args"])), "function", name)
    if not done:
        return
    for _ in range(p.number(0, 2)):
        value = default_value(p)
        p.add(
            p.pick(["{0}.note = {1}", "{0}.me = {0}", "{0}.__module__ = {2}", "{0}.__qualname__ = 'Outer.' + {0}.__name__", "{0}.__name__ = 'renamed'", "{0}.__doc__ = {1}", "{0}.__annotations__ = {{'x': {1}}}", "{0}.__defaults__ = ({1},)", "{0}.__kwdefaults__ = {{'k': {1}}}", "{0}.__dict__.update(b=1, a={1})", "del {0}.__module__", "{0}.__annotations__"]).format(name, value, p.pick(["None", "'__main__'", "'json'", "'no_such_module'"])),
            None, None, "function with something set",
        )


def closures(p):
    """A maker of functions that share cells: they read and write them, call each other and themselves."""
    maker = p.name("make")
    free = p.some(ARGUMENTS, 3) or ["a"]
    lines, made = ["def %s(%s):" % (maker, ", ".join(free))], []
    if p.chance(1, 5):
        lines += ["    if LIMIT < 0: never = 1"]
        free_and = free + ["never"]
        p.kinds.add("closure: empty cell")
    else:
        free_and = list(free)
    for _ in range(p.number(1, 3)):
        kind, name = p.number(0, 5), "g%d" % len(made)
        if kind == 0:
            lines += ["    def %s(value=5):" % name, "        nonlocal %s" % free[0], "        %s = value" % free[0], "        return %s" % expression(p, free_and, 1)]
            p.kinds.add("closure: nonlocal")
        elif kind == 1:
            lines += ["    def %s(n=2): return [%s(n - 1)] if n > 0 else %s" % (name, name, expression(p, free_and, 1))]
            p.kinds.add("closure: of itself")
        elif kind == 2:
            lines += ["    %s = lambda x=1: (x, %s)" % (name, expression(p, free_and + ["x"], 1))]
        elif kind == 3:
            lines += ["    class %s:" % name, "        one = %s" % free[0], "        def get(self, other=None): return %s" % expression(p, free_and + ["self", "other"], 1), "        def itself(self): return %s.__name__" % name]
            p.kinds.add("closure: class")
        else:
            lines += definition(p, name, free_and, pad="    ")
        made.append(name)
    if len(made) > 1 and p.chance(1, 2):
        lines += ["    def last(n=1): return [%s, n]" % ", ".join("%s is None" % name for name in made)]
        made.append("last")
        p.kinds.add("closure: of each other")
    lines += ["    return %s," % ", ".join(made)]
    if not p.add("\n".join(lines), "function", maker, "closure maker"):
        return
    for _ in range(p.number(1, 2)):
        names = [p.name("g") for _ in made]
        values = ", ".join(default_value(p) for _ in free)
        if p.add("%s, = %s(%s)" % (", ".join(names), maker, values), "closure", names[0]):
            p.made["closure"] += names[1:]
