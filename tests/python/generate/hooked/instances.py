"""Instances with attributes put there in every way, many instances of one class, functions and values."""

from . import changes
from .values import atom, value

KEYS = ["5", "Text('a')", "Text('__reduce__')", "None", "Key(1)", "(1, 2)", "b'x'"]
FUNCTIONS = [
    "def {0}(x={1}): return x, {0}",
    "{0} = lambda: ({2}, {1})",
    "def {0}():\n    def inner(y): return {0}, y, cell\n    cell = {1}\n    return inner\n{0} = {0}()",
    "def {0}(): return events.asked, math.sin\n{0}.attr = {1}",
    "async def {0}(): pass",
    "def {0}(): yield {2}",
]
CHANGES_OF_ONE = ["object.__delattr__(each, {0!r})", "each.__dict__", "each.__dict__ = {{'a': 1}}", "each.zz = 1", "each.__dict__['q'] = each", "each.__class__ = Plain", "each.__reduce__ = lambda: (list, ())", "each.__getstate__ = lambda: 5"]


def instance(p):
    cls = p.a("class")
    if cls is None:
        return
    name = p.name("i")
    p.add("%s = importable.new(%s)" % (name, cls), "instance", name)
    p.made.setdefault("instance", [])
    attributes = p.some(p.attributes, len(p.attributes)) if p.chance(3, 10) else p.attributes[: p.number(0, len(p.attributes))]
    for attribute in attributes:
        put = value(p) if p.chance(2, 5) else atom(p)
        how = p.number(0, 99)
        if how < 80:
            p.add("object.__setattr__(%s, %r, %s)" % (name, attribute, put))
        elif how < 90:
            p.add("%s.__dict__[%r] = %s" % (name, attribute, put))
        elif how < 92:
            p.add("%s.__dict__[%s] = %s" % (name, p.pick(KEYS + ["Text(%r)" % attribute]), put))
        else:
            # A text that is not interned, or of another type.
            p.add("setattr(%s, %s, %s)" % (name, p.pick(["''.join([%r])", "Text(%r)"]) % attribute, put))
    if p.chance(3, 20):
        p.add(changes.of_instance(p, name))


def many(p):
    """So many instances that what is known of one is used for the next; some are not like the others."""
    cls = p.a("class")
    if cls is None:
        return
    name = p.name("many")
    if not p.add("%s = [importable.new(%s) for _ in range(%d)]" % (name, cls, p.pick([5, 30, 300, 1001])), "instance", name):
        return
    lines = ["for n, each in enumerate(%s):" % name, "    for attribute, put in zip(%r, [n, str(n), None, %s, n / 2, True, 'text']):" % (p.attributes, value(p))]
    p.add("\n".join(lines + ["        try: object.__setattr__(each, attribute, put)", "        except Exception: pass"]))
    if p.chance(3, 10):
        change = p.pick(CHANGES_OF_ONE).format(p.attributes[0])
        p.add("for each in %s[::7]:\n    try: %s\n    except Exception: pass" % (name, change))


def function(p):
    name = p.name("f")
    p.add(p.pick(FUNCTIONS).format(name, value(p), p.a("class", "instance") or "1"), "function", name)


def a_value(p):
    name = p.name("v")
    p.add("%s = %s" % (name, value(p)), "value", name)
