"""Classes and functions that the corpus refers to by name: whoever loads it can import this module."""

import contextlib
import copyreg
import enum
import functools
import sys
import threading
from collections import namedtuple


class Plain:
    """Attributes in a dict; equal by identity."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def method(self):
        return self

    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    def of_nothing():
        return "static"

    class Inner:
        class Innermost:
            def method(self):
                return "innermost"


class Equal(Plain):
    """Equal by attributes."""

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None


class Text(str):
    pass


class Data(bytes):
    pass


class Array(bytearray):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Items(list):
    pass


class Mapping(dict):
    pass


class Pair(tuple):
    pass


class Group(set):
    pass


class Frozen(frozenset):
    pass


Point = namedtuple("Point", "x y")


class Color(enum.Enum):
    RED = 1
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class Größe:
    """A name that is not ASCII."""

    def __eq__(self, other):
        return type(other) is Größe

    __hash__ = None


# --- slots

class Slotted:
    __slots__ = ("a", "b", "__private", "unset")

    def __init__(self, a=1, b=2):
        self.a, self.b, self.__private = a, b, 3

    def __eq__(self, other):
        return type(self) is type(other) and self.slots() == other.slots()

    def slots(self):
        return (self.a, self.b, self.__private)

    __hash__ = None


class SlottedChild(Slotted):
    __slots__ = ("c",)

    def slots(self):
        return (*super().slots(), self.c)


class SlottedWithDict(Slotted):
    def slots(self):
        return (*super().slots(), vars(self))


class OneSlot:
    __slots__ = "only"

    def __eq__(self, other):
        return type(self) is type(other) and self.only == other.only

    __hash__ = None


class NoSlots:
    __slots__ = ()

    def __eq__(self, other):
        return type(self) is type(other)

    __hash__ = None


# --- states

class WithState(Equal):
    """`__getstate__` answers what it was given."""

    state = "never set"

    def __init__(self, state):
        self.state = state

    def __getstate__(self):
        return self.state

    def __setstate__(self, state):
        self.state = state


class StateWithoutSetter(Equal):
    """`__getstate__` answers a dict that becomes the attributes."""

    def __getstate__(self):
        return {"a": 1, "b": [2]}


class SlotState:
    """A state of two parts, for `__dict__` and for slots, without `__setstate__`."""

    __slots__ = ("a", "__dict__")

    def __getstate__(self):
        return (self.__dict__, {"a": self.a})

    def __eq__(self, other):
        return type(self) is type(other) and (self.a, vars(self)) == (other.a, vars(other))

    __hash__ = None


# --- arguments of __new__

class NewArguments(Equal):
    def __new__(cls, *arguments):
        made = super().__new__(cls)
        made.arguments = arguments
        return made

    def __init__(self, *arguments):
        pass

    def __getnewargs__(self):
        return self.arguments


class NewKeywords(Equal):
    def __new__(cls, *arguments, **keywords):
        made = super().__new__(cls)
        made.arguments, made.keywords = arguments, keywords
        return made

    def __init__(self, *arguments, **keywords):
        pass

    def __getnewargs_ex__(self):
        return self.arguments, self.keywords


class WrongArguments(Equal):
    """`__getnewargs__` answers anything."""

    def __init__(self, answer):
        self.answer = answer

    def __getnewargs__(self):
        return self.answer


class WrongKeywords(Equal):
    """`__getnewargs_ex__` answers anything."""

    def __init__(self, answer):
        self.answer = answer

    def __getnewargs_ex__(self):
        return self.answer


class NumberWithArguments(int):
    def __new__(cls, value, note):
        made = super().__new__(cls, value)
        made.note = note
        return made

    def __getnewargs__(self):
        return int(self), self.note


# --- reductions

class Reduced(Equal):
    """`__reduce__` answers what a function makes of the object, with the protocol of `__reduce_ex__` if it asks."""

    def __init__(self, reduction=None, **attributes):
        super().__init__(**attributes)
        self.reduction = reduction

    def __reduce__(self):
        return self.reduction(self)


class ReducedByProtocol(Reduced):
    def __reduce_ex__(self, protocol):
        return self.reduction(self, protocol)


class Loaded(Equal):
    """What the reductions of the corpus build: it keeps all that it is given."""

    def __init__(self, *arguments):
        self.arguments, self.items, self.mapping = arguments, [], {}

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.mapping[key] = value

    def __setstate__(self, state):
        self.state = state


def build(*arguments):
    return Loaded(*arguments)


def set_state(loaded, state):
    loaded.state_by_setter = state


def new_object(cls, *arguments):
    return cls.__new__(cls, *arguments)


# pickle knows these two by their names alone.
new_object.__name__ = "__newobj__"


def new_object_with_keywords(cls, arguments, keywords):
    return cls.__new__(cls, *arguments, **keywords)


new_object_with_keywords.__name__ = "__newobj_ex__"

SINGLETON = Loaded("the only one")


class Singleton(Equal):
    """Reduced to the name of a global."""

    def __reduce__(self):
        return "SINGLETON_BY_NAME"


SINGLETON_BY_NAME = Singleton()


class Named(Equal):
    """Reduced to any name."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


class Name(str):
    """A name that is no exact str."""


class ReducedName(str):
    def __reduce__(self):
        return str, (str.replace(self, "_odd", ""),)


itself = sys.modules[__name__]
singleton = Named("singleton")
named_by_subclass = Named(Name("named_by_subclass"))
named_oddly = Named(ReducedName("named_oddly"))
Named.dotted = Named(Name("Named.dotted"))
Named.dotted_oddly = Named(ReducedName("Named.dotted_oddly"))
through_itself = Named("itself.itself.through_itself")
by_subclass_through_itself = Named(Name("itself.by_subclass_through_itself"))
of_named_module = Named("of_named_module")
of_named_module.__module__ = Name(__name__)


class OfNamedModule:
    __module__ = Name(__name__)


class Registered(Equal):
    """copyreg knows how to reduce it."""


copyreg.pickle(Registered, lambda made: (build, ("registered", vars(made))))


class RegisteredByName(Equal):
    pass


BY_NAME = RegisteredByName()
copyreg.pickle(RegisteredByName, lambda made: "BY_NAME")


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


class RegisteredMeta(type):
    pass


class WithRegisteredMeta(metaclass=RegisteredMeta):
    pass


def class_by_name(name):
    return globals()[name]


copyreg.pickle(RegisteredMeta, lambda cls: (class_by_name, (cls.__name__,)))


class Raising:
    """Fails to be reduced with an exception that is made for each time: raising one again would add to its notes."""

    def __init__(self, make):
        self.make = make

    def __reduce__(self):
        raise self.make()


class Custom(Exception):
    """An exception that keeps attributes and takes two arguments."""

    def __init__(self, code, text):
        super().__init__(code, text)
        self.code, self.text = code, text


class CustomMessage(Exception):
    """An exception whose `str` is its own."""

    def __str__(self):
        return "custom message"


class Changing:
    """Runs something when it is reduced, the first time."""

    def __init__(self, change):
        self.change = change

    def __reduce__(self):
        change, self.change = self.change, lambda: None
        change()
        return (int, ())


class WithProperties:
    """Its attributes are properties over a slot, and its class lies about itself."""

    @property
    def __class__(self):
        return Plain


class Holder(Equal):
    """Holds a lock, which cannot be pickled."""

    def __init__(self):
        self.lock = threading.Lock()


# --- extension codes of one, two and four bytes

class Extended1(Equal):
    pass


class Extended2(Equal):
    pass


class Extended4(Equal):
    pass


EXTENSIONS = (Extended1, 0xF1), (Extended2, 0xF102), (Extended4, 0x7F010203)


@contextlib.contextmanager
def extensions():
    """A world in which copyreg knows extension codes. (Where it knows any, we go other ways with everything.)"""
    for extended, code in EXTENSIONS:
        copyreg.add_extension(__name__, extended.__name__, code)
    try:
        yield
    finally:
        for extended, code in EXTENSIONS:
            copyreg.remove_extension(__name__, extended.__name__, code)


# --- functions

def function(x=1):
    return x + 1


@functools.lru_cache(maxsize=None)
def cached(x):
    return x * 2


@functools.singledispatch
def dispatched(x):
    return "any"


@dispatched.register(int)
def dispatched_int(x):
    return "int"


def decorate(wrapped):
    @functools.wraps(wrapped)
    def wrapper(*arguments):
        return ("decorated", wrapped(*arguments))

    return wrapper


@decorate
def decorated(x):
    return x


def made_here():
    def local():
        return "local"

    return local


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True


STATE = {"counter": 0, "names": ["a", "b"]}
