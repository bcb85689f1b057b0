"""Changes of instances, classes and what all pickling shares; each one statement, run while the program is made, between
dumps, or inside a hook."""

from .hooks import HOOKS
from .values import atom, value

OF_INSTANCES = ["{0}.__dict__.pop({name}, None)", "object.__delattr__({0}, {name})", "{0}.__dict__", "held = {0}.__dict__", "{0}.__dict__ = {{'a': 1, 'b': {atom}}}", "{0}.__dict__ = dict({0}.__dict__)", "{0}.__dict__ = {other}.__dict__", "{0}.__dict__.clear()", "object.__setattr__({0}, 'me', {0})", "object.__setattr__({0}, {name}, {other})", "object.__setattr__({0}, 'dict_of', {other}.__dict__)", "{0}.__dict__.update(zz=1, yy={other})", "{0}.__dict__[5] = {atom}", "{0}.__dict__[Text('a')] = {atom}", "{0}.__dict__[Key(2)] = {atom}", "{0}.__dict__[Text('__reduce_ex__')] = {atom}", "object.__setattr__({0}, {name}, {value})", "{0}.__dict__['__class__'] = int", "{0}.__dict__['__dict__'] = {{}}", "{0}.__dict__['__slotnames__'] = ['a']", "for n in range(40): object.__setattr__({0}, 'q%d' % n, n)", "gc.collect()", "object.__setattr__({0}, '__class__', {cls})", "object.__setattr__({0}, '__class__', {cls})"]
HOOKS_OF_INSTANCES = ["object.__setattr__({0}, '{hook}', functools.partial(importable.build))", "{0}.__dict__['{hook}'] = None", "{0}.__dict__['{hook}'] = lambda *args: (importable.build, ())", "{0}.__dict__['{hook}'] = lambda *args: {{'st': 1}}", "del {0}.__dict__['{hook}']"]
OF_CLASSES = ["{0}.attr2 = {atom}", "{0}.attr2 = lambda self: 1", "del {0}.attr2", "{0}.__slotnames__ = ['a']", "{0}.__slotnames__ = []", "{0}.__slotnames__ = None", "{0}.__slotnames__ = ('a',)", "{0}.__slotnames__.append('zz')", "del {0}.__slotnames__", "del {0}.a", "{0}.a = 5", "{0}.__name__ = 'renamed'", "{0}.__module__ = 'generate.hooked.importable'", "{0}.__module__ = None", "{0}.__module__ = '__main__'", "{0}.__qualname__ = 'Q.R'", "{0}.__doc__ = 'doc'", "{0}.__getattr__ = lambda self, name: (events.asked('{0}.later missing:' + name), object.__getattribute__(self, name))[1]", "{0}.__getattribute__ = lambda self, name: (events.asked('{0}.later get:' + name), object.__getattribute__(self, name))[1]", "del {0}.__getattribute__", "{0}.__eq__ = lambda self, other: self is other", "{0}.__setstate__ = lambda self, state: None", "{0}.only = importable.new({0})", "{0}.__bases__ = ({cls},)", "{0}.__bases__ = ({cls},)"]
HOOKS_OF_CLASSES = ["lambda self, *args: (importable.build, (2,))", "lambda self, *args: object.__reduce_ex__(self, 2)", "lambda self, *args: {{'st': 1}}", "lambda self: ()", "None", "object.__reduce__", "object.__reduce_ex__", "functools.partial(importable.build)", "importable.build", "property(lambda self: importable.build)", "classmethod(lambda cls, *args: (importable.build, ()))", "staticmethod(importable.build)"]
OF_ALL = ["copyreg.pickle({cls}, lambda obj: (importable.build, (3,)))", "copyreg.dispatch_table.pop({cls}, None)", "copyreg.dispatch_table[{cls}] = importable.build", "copyreg.dispatch_table[{cls}] = lambda obj: 'Plain'", "copyreg.dispatch_table[{cls}] = lambda obj: object.__reduce_ex__(obj, 2)", "copyreg.add_extension('generate.hooked.importable', 'Plain', 77)", "copyreg.remove_extension('generate.hooked.importable', 'Plain', 77)", "copyreg.add_extension('generate.hooked.importable', 'build', 300)", "copyreg.add_extension('cloudpickle.cloudpickle', '_make_function', 78)", "events.asked('again')", "gc.collect()", "sys.modules['cloudpickle.cloudpickle']._DYNAMIC_CLASS_TRACKER_BY_CLASS.pop({cls}, None)"]


def of_instance(p, name=None):
    name = name or p.a("instance") or "None"
    options = OF_INSTANCES + (HOOKS_OF_INSTANCES * 2 if p.has_hooks else [])
    return filled(p, p.pick(options), name)


def of_class(p):
    if p.has_hooks and p.chance(1, 4):
        change = p.pick(["{0}.%s = %s" % (p.pick(HOOKS), p.pick(HOOKS_OF_CLASSES)), "del {0}.{hook}"])
    else:
        change = p.pick(OF_CLASSES)
    return filled(p, change, p.a("class") or "Plain")


def of_all(p):
    return filled(p, p.pick(OF_ALL), None)


def filled(p, change, name):
    return change.format(name, name=repr(p.pick(p.attributes)), atom=atom(p), value=value(p), other=p.a("instance") or "None", cls=p.pick([*p.names("class"), "Plain"]), hook=p.pick(HOOKS))


def any_change(p):
    """Of anything; some leave the hook in which they are made by an error."""
    if p.chance(1, 16):
        return "raise events.Stop('stopped')"
    kind = p.number(0, 99)
    return of_instance(p) if kind < 45 else of_class(p) if kind < 80 else of_all(p)
