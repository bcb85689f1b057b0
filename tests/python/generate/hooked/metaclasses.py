"""Metaclasses that see what is asked of their classes, and answer some of it otherwise than `type` does."""

from .program import indented

METHODS = [
    "def __hash__(cls): {hash}; return type.__hash__(cls)\ndef __eq__(cls, other): {eq}; return cls is other",
    "def __reduce__(cls): {reduce}; return 'Plain'",
    "def __reduce_ex__(cls, protocol): {reduce_ex}; return type.__reduce_ex__(cls, protocol)",
    "def __getattribute__(cls, name):\n    {get}\n    return type.__getattribute__(cls, name)",
    "def __getattr__(cls, name):\n    {missing}\n    raise AttributeError(name)",
    "def __setattr__(cls, name, value):\n    {set}\n    type.__setattr__(cls, name, value)",
    "@property\ndef __dict__(cls): {dict}; return type.__dict__['__dict__'].__get__(cls)",
    "@property\ndef __name__(cls): {name}; return 'other'",
    "@property\ndef __module__(cls): {module}; return '__main__'",
    "@property\ndef __class__(cls): {class_}; return type",
    "x = 1",
    "def __instancecheck__(cls, obj): {instance}; return type.__instancecheck__(cls, obj)",
    "def __subclasscheck__(cls, other): {subclass}; return type.__subclasscheck__(cls, other)",
    "def mro(cls): {mro}; return type.mro(cls)",
    "@staticmethod\ndef __prepare__(name, bases, **kw): {prepare}; return {{}}",
    "def __call__(cls, *args, **kw): {call}; return type.__call__(cls, *args, **kw)",
    "def __bool__(cls): {bool}; return False",
    "def __dir__(cls): {dir}; return []",
]


class Says(dict):
    """key -> the statement with which a hook says that it was asked."""

    def __init__(self, p, owner):
        self.p, self.owner = p, owner

    def __missing__(self, key):
        # With the name that was asked for, of which there are too many to have actions.
        if key in ("get", "missing"):
            return "events.asked('%s.%s:' + name)" % (self.owner, key)
        return self.p.asked("%s.%s" % (self.owner, key))


def metaclass(p):
    name = p.name("M")
    methods = [p.pick(METHODS).format_map(Says(p, name)) for _ in range(p.number(1, 2))]
    p.add("class %s(%s):\n%s" % (name, p.pick(["type", "type", "abc.ABCMeta"]), indented(methods)), "metaclass", name)
