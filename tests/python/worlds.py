"""Objects by chance that change each other while they are pickled: some of them run code when they are reduced, and that takes
away from others what these had when they were reduced themselves. A seed gives the same world each time."""

import abc
import collections
import dataclasses
import enum
import functools
import gc
import random
import types

DEPTH = 3
JUNK = 20


class Acting:
    """Changes others when it is reduced, once."""

    act = None

    def acts(self):
        act, self.act = self.act, None
        if act:
            act()


class Reducing(Acting):
    def __reduce__(self):
        self.acts()
        return int, ()


class Giving(Acting):
    def __reduce__(self):
        self.acts()
        return list, ((1,),), None, iter([[2]])


class Stateful(Acting):
    def __getstate__(self):
        self.acts()
        return {"x": 1}


Pair = collections.namedtuple("Pair", "a b")
Record = dataclasses.make_dataclass("Record", ["a", "b"])
for made in (Pair, Record):
    # Not to be found: they go by value.
    made.__module__, made.__qualname__ = "__main__", made.__name__ + " of a world"
SOURCE = "def outer(x, y):\n def f(a=1, *, b=2):\n  'doc %d'\n  return x, y, g, h\n return f"


class World:
    """A list of objects, and a protocol."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0
        self.objects, self.acting = [], []
        self.makes = {kind[5:]: getattr(self, kind) for kind in dir(self) if kind.startswith("make_")}
        self.kinds = [*self.makes, *["function"] * 4, *["a_class"] * 3, *["instance"] * 3]
        self.root = [self.thing(DEPTH) for _ in range(self.random.randrange(1, 4))]
        self.protocol = self.random.choice([5, 5, 5, 4, 3, 2, 1, 0])
        for one in self.acting:
            changes = [self.change_of(self.random.choice(self.objects)) for _ in range(self.random.randrange(1, 6))]
            one.act = functools.partial(carry_out, changes, self.chance(0.3))

    def chance(self, share):
        return self.random.random() < share

    def name(self, beginning="t"):
        """A text that nobody else has."""
        self.names += 1
        return "".join([beginning, "_%d" % self.names])

    def leaf(self):
        number, name = self.names, self.name()
        leaves = number, name, None, name.encode(), bytearray(b"ba"), 1.5, (name, 2), [name], int
        return self.random.choice(leaves)

    def value(self, depth):
        kind = self.random.random()
        if kind < 0.12:
            self.acting.append(self.random.choice([Reducing, Reducing, Giving, Stateful])())
            return self.acting[-1]
        if kind < 0.45 or not depth:
            return self.leaf()
        if kind < 0.55 and self.objects:
            return self.random.choice(self.objects)
        return self.thing(depth - 1)

    def thing(self, depth):
        made = self.makes[self.random.choice(self.kinds)](depth)
        self.objects.append(made)
        return made

    def values(self, depth, most):
        return [self.value(depth) for _ in range(self.random.randrange(most))]

    def one_of(self, kind, make, depth):
        found = [one for one in self.objects if isinstance(one, kind) and not isinstance(one, enum.EnumMeta)]
        return self.random.choice(found) if found else make(depth)

    def make_function(self, depth):
        world = {"__name__": "".join(["__ma", "in__"])}
        exec(SOURCE % self.names, world)
        made = world.pop("outer")(self.value(depth), self.value(depth))
        del world["__builtins__"]
        world["g"] = self.value(depth)
        if self.chance(0.7):
            world["h"] = self.value(depth)
        if self.chance(0.5):
            made.__defaults__ = (self.value(depth),)
        if self.chance(0.5):
            made.__kwdefaults__ = {"b": self.value(depth)}
        if self.chance(0.5):
            made.__annotations__ = {"a": self.value(depth), self.name(): self.leaf()}
        if self.chance(0.5):
            made.__doc__ = self.name()
        for value in self.values(depth, 3):
            setattr(made, self.name(), value)
        if self.chance(0.3):
            made.__qualname__ = made.__name__ = self.name()
        if self.chance(0.15):
            made.__code__ = made.__code__.replace(co_consts=(*made.__code__.co_consts, self.value(depth)))
        return made

    def make_a_class(self, depth):
        members = {"__module__": "__main__", **{self.name("m"): value for value in self.values(depth, 4)}}
        bases = (self.one_of(type, self.make_a_class, 0),) if self.objects and self.chance(0.2) else ()
        if not bases and self.chance(0.3):
            members["__slots__"] = self.random.choice([("s", "t"), ["s", "t"]])
        if self.chance(0.3):
            members["p"] = property(len, doc=self.name())
        if self.chance(0.3):
            members["static"] = staticmethod(self.value(depth))
        meta = abc.ABCMeta if self.chance(0.3) else type
        name = self.name("C")
        try:
            return types.new_class(name, bases, {"metaclass": meta}, lambda namespace: namespace.update(members))
        except TypeError:
            # No class can be made of such bases.
            return type(name, (), {"__module__": "__main__"})

    def make_instance(self, depth):
        made = self.one_of(type, self.make_a_class, depth)()
        for value in self.values(depth, 4):
            try:
                setattr(made, self.random.choice(["s", "t", self.name()]), value)
            except AttributeError:
                pass
        return made

    def make_module(self, depth):
        made = types.ModuleType(self.name("module"))
        vars(made).update({self.name(): value for value in self.values(depth, 5)})
        return made

    def make_enumeration(self, depth):
        members = [(self.name("E"), (n, self.name())) for n in range(self.random.randrange(1, 4))]
        made = enum.Enum(self.name("Enum"), members, module="__main__")
        if self.chance(0.4):
            setattr(made, self.name(), self.value(depth))
        return made

    def make_partial(self, depth):
        function = self.one_of(types.FunctionType, self.make_function, depth)
        return functools.partial(function, self.value(depth), **{self.name(): self.value(depth)})

    def make_method(self, depth):
        return types.MethodType(self.make_function(depth), self.value(depth) or 1)

    def make_property(self, depth):
        return property(self.make_function(depth), None, self.make_function(depth), self.name())

    def make_list(self, depth):
        return self.values(depth, 5)

    def make_tuple(self, depth):
        return tuple(self.values(depth, 5))

    def make_dict(self, depth):
        return {self.name(): value for value in self.values(depth, 5)}

    def make_ordered(self, depth):
        return collections.OrderedDict(self.make_dict(depth))

    def make_proxy(self, depth):
        return types.MappingProxyType(self.make_dict(depth))

    def make_set(self, depth):
        return {self.name()}

    def make_deque(self, depth):
        return collections.deque(self.values(depth, 3))

    def make_cell(self, depth):
        return types.CellType(self.value(depth))

    def make_namespace(self, depth):
        return types.SimpleNamespace(**self.make_dict(depth))

    def make_pair(self, depth):
        return Pair(self.value(depth), self.value(depth))

    def make_record(self, depth):
        return Record(self.value(depth), self.value(depth))

    def make_rows(self, depth):
        return [Record(self.leaf(), self.value(0)) for _ in range(6)]

    def change_of(self, target):
        """What a change does to an object, in words of `change`."""
        new = self.name("new ")
        return target, self.random.randrange(10), self.name(), [new] if self.chance(0.5) else new


def carry_out(changes, collects):
    for target, number, name, new in changes:
        try:
            change(target, number, name, new)
        except (AttributeError, TypeError):
            # It does not let itself be changed like this.
            pass
    if collects:
        gc.collect()
    # In the places of what was let go.
    return [["junk %d" % n] for n in range(JUNK)]


def change(target, number, name, new):
    """One of up to ten changes of an object."""
    if isinstance(target, types.FunctionType):
        change_function(target, number, name, new)
    elif isinstance(target, type):
        change_class(target, number, name, new)
    elif isinstance(target, types.ModuleType):
        change_dict(vars(target), number, name, new)
    elif isinstance(target, functools.partial):
        target.__setstate__((target.func, (new,), {name: new}, {"x": new}))
    elif isinstance(target, list):
        [target.clear, lambda: target.append(new), target.reverse, lambda: target.__setitem__(slice(0, 1), [new])][number % 4]()
    elif type(target) is dict:
        # A dict that changes its size is refused.
        target.update(dict.fromkeys(list(target)[:2], new))
    elif isinstance(target, types.CellType):
        target.cell_contents = new
    elif isinstance(target, property):
        target.__init__(None, None, None, new)
    elif not isinstance(target, Acting):
        change_instance(target, number, name, new)


def change_function(function, number, name, new):
    if number == 0:
        function.__doc__ = new
    elif number == 1:
        function.__defaults__ = (new,)
    elif number == 2:
        function.__kwdefaults__ = {"b": new}
    elif number == 3:
        function.__annotations__ = {}
    elif number == 4:
        function.__dict__ = {}
    elif number == 5:
        function.__dict__.clear()
    elif number == 6:
        setattr(function, name, new)
    elif number == 7:
        function.__globals__.clear()
    elif number == 8:
        function.__module__ = function.__qualname__ = function.__name__ = name
    else:
        function.__code__ = function.__code__.replace(co_name=name, co_consts=(new,) * len(function.__code__.co_consts))


def change_class(cls, number, name, new):
    if number < 4:
        setattr(cls, name, new)
    elif number < 6:
        for own in [own for own in vars(cls) if own.startswith("m_")][:1]:
            delattr(cls, own)
    elif number < 8:
        cls.__name__ = name
    else:
        cls.__qualname__ = name


def change_dict(dictionary, number, name, new):
    if number < 3:
        dictionary.clear()
    elif number < 6:
        dictionary[name] = new
    else:
        for key in list(dictionary)[:1]:
            del dictionary[key]


def change_instance(instance, number, name, new):
    if number < 2:
        instance.__dict__ = {name: new}
    elif number < 6:
        for own in list(vars(instance)):
            setattr(instance, own, new)
    elif number < 8:
        instance.s, instance.t = new, new
    else:
        del instance.s
