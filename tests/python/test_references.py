"""Functions and classes that go by reference are found once more where they were found before, and written as they were, as
long as that is still so; and what most pickles of functions have in common has its number from the first of them."""

import contextlib
import copyreg
import gc
import io
import sys
import types

import binding
import cloudpickle
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus.row import run
from face import libcloudpickle

TEXT = """
class Class: pass
class Meta(type): pass
class OfMeta(metaclass=Meta): pass
class Outer:
    class Inner:
        def method(self): pass
        class OfMeta(metaclass=Meta): pass
    def method(self): pass
class OuterOfMeta(metaclass=Meta):
    def method(self): pass
def function(x): return x
other = function
def renamed(x): return x
renamed.__qualname__ = renamed.__name__ = 'function'
def long(): pass
long.__qualname__ = 'long' * 2000
globals()[long.__qualname__] = long
"""
WARM = 4


@pytest.fixture
def module():
    """An imported module with all of that, which goes away again."""
    made = types.ModuleType("made_for_references", "What is found by reference.")
    exec(TEXT, vars(made))
    sys.modules[made.__name__] = made
    yield made
    sys.modules.pop(made.__name__, None)


def objects(module):
    outer = module.Outer
    inner = {"Inner": outer.Inner, "Inner.method": outer.Inner.method, "Inner.OfMeta": outer.Inner.OfMeta}
    methods = {"method": outer.method, "method of Meta": module.OuterOfMeta.method}
    names = ("Class", "OfMeta", "Outer", "OuterOfMeta", "Meta", "function", "renamed", "long")
    return {**{name: vars(module)[name] for name in names}, **inner, **methods}


def all_agree(objects, protocols=(5, 4, 2)):
    for name, obj in objects.items():
        # CPython gives a class a version when it looks for what the class has.
        getattr(obj, "no_such_name", None)
        for shown in (obj, [obj, obj], [obj.__module__, obj.__qualname__, obj, obj.__name__]):
            for protocol in protocols:
                found = difference(outcome(binding.dumps, shown, protocol), outcome(by_cloudpickle, shown, protocol))
                assert found is None, "%s at %d: %s" % (name, protocol, found)


@contextlib.contextmanager
def attribute(owner, name, value):
    """Sets it and takes it back."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    yield
    setattr(owner, name, before)


@contextlib.contextmanager
def entry(dictionary, key, *value):
    """Sets it, or takes it away, and takes that back."""
    before = dictionary.pop(key)
    if value:
        dictionary[key] = value[0]
    yield
    dictionary[key] = before


@contextlib.contextmanager
def by_value(module):
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@contextlib.contextmanager
def extension(module, name):
    copyreg.add_extension(module.__name__, name, 0x1234)
    yield
    copyreg.remove_extension(module.__name__, name, 0x1234)


class Lazy(types.ModuleType):
    """A module that says what it has when asked."""

    def __getattr__(self, name):
        return getattr(sys.modules["made_for_references.all"], name)


@contextlib.contextmanager
def lazy(module):
    sys.modules["made_for_references.all"] = module
    sys.modules[module.__name__] = Lazy(module.__name__)
    yield
    sys.modules[module.__name__] = sys.modules.pop("made_for_references.all")


@contextlib.contextmanager
def told_module(module):
    """A metaclass says the module of a class that does not say it itself."""
    before = module.OfMeta.__module__
    del module.OfMeta.__module__
    module.Meta.__getattr__ = lambda cls, name: before if name == "__module__" else type.__getattribute__(cls, name)
    yield
    module.OfMeta.__module__ = before
    del module.Meta.__getattr__


class Answering(types.ModuleType):
    """A module whose attributes are not what its dict has."""

    function = Class = property(lambda self: "something else")


def answering(module):
    other = Answering(module.__name__)
    vars(other).update(vars(module))
    return entry(sys.modules, module.__name__, other)


@contextlib.contextmanager
def dotted(module, *names):
    """What a path leads to stands in the module under the path, and nowhere else."""
    outer = module.Outer
    for name in names:
        vars(module)["Outer." + name] = vars(outer)[name]
    kept = {name: vars(outer)[name] for name in names}
    for name in names:
        delattr(outer, name)
    yield
    for name in names:
        setattr(outer, name, kept[name])
        del vars(module)["Outer." + name]


@contextlib.contextmanager
def other_modules(module):
    """A `sys.modules` that denies the module."""

    class Modules(dict):
        def get(self, name, *default):
            return default[0] if name == module.__name__ else super().get(name, *default)

    before = sys.modules
    sys.modules = Modules(before)
    yield
    sys.modules = before


@contextlib.contextmanager
def given(owner, name, value):
    """Sets what the class has not itself, and takes it away again."""
    assert name not in vars(owner)
    setattr(owner, name, value)
    yield
    delattr(owner, name)


@contextlib.contextmanager
def registered(ty, reducer):
    copyreg.pickle(ty, reducer)
    yield
    del copyreg.dispatch_table[ty]


class Answers(type):
    """A metaclass that finds what it is asked for elsewhere."""

    def __getattribute__(cls, name):
        return type.__getattribute__(cls, "__doc__" if name == "method" else name)


class Insists(type):
    """A metaclass that has its own."""

    method = property(lambda cls: "of the metaclass")


class Named(type):
    """A metaclass whose classes have another name."""

    def __getattribute__(cls, name):
        return type.__getattribute__(cls, "__name__" if name == "__qualname__" else name)


class Placed(type):
    """A metaclass whose classes have another module."""

    __module__ = property(lambda cls: "json")


class Classed(type):
    """A metaclass whose classes are functions."""

    __class__ = property(lambda cls: types.FunctionType)


def unhashable(cls):
    raise TypeError("no hash")


CHANGES = {
    "the method is another": lambda m: attribute(m.Outer, "method", lambda self: None),
    "the method is gone": lambda m: attribute(m.Outer, "method", None),
    "the method of an inner class is another": lambda m: attribute(m.Outer.Inner, "method", lambda self: None),
    "the inner class is another": lambda m: attribute(m.Outer, "Inner", type("Inner", (), {"method": m.Outer.Inner.method})),
    "the outer class is another": lambda m: entry(vars(m), "Outer", type("Outer", (m.Outer,), {})),
    "the outer class is no class": lambda m: entry(vars(m), "Outer", types.SimpleNamespace(method=m.Outer.method)),
    "the outer class answers otherwise": lambda m: attribute(m.OuterOfMeta, "__class__", Answers),
    "the metaclass of the outer class has its own": lambda m: attribute(m.OuterOfMeta, "__class__", Insists),
    "the class is of another metaclass": lambda m: attribute(m.OfMeta, "__class__", Answers),
    "the class of the metaclass says another name": lambda m: attribute(m.OfMeta, "__qualname__", "Class"),
    "the class of the metaclass says another module": lambda m: attribute(m.OfMeta, "__module__", "json"),
    "the class of the metaclass has more": lambda m: attribute(m.OfMeta, "__doc__", "Of the class."),
    "the metaclass has a name for its classes": lambda m: attribute(m.Meta, "__bases__", (Named,)),
    "the metaclass has a module for its classes": lambda m: attribute(m.Meta, "__bases__", (Placed,)),
    "the metaclass has a class for its classes": lambda m: attribute(m.Meta, "__bases__", (Classed,)),
    "the metaclass compares": lambda m: given(m.Meta, "__eq__", lambda cls, other: True),
    "the metaclass has no hashes": lambda m: given(m.Meta, "__hash__", unhashable),
    "the metaclass answers": lambda m: given(m.Meta, "__getattribute__", lambda cls, name: type.__getattribute__(cls, name)),
    "the metaclass answers otherwise": lambda m: given(m.Meta, "__getattribute__", Answers.__getattribute__),
    "the metaclass answers at last": lambda m: given(m.Meta, "__getattr__", lambda cls, name: "of the metaclass"),
    "the metaclass says the module at last": told_module,
    "the metaclass reduces": lambda m: given(m.Meta, "__reduce_ex__", lambda cls, protocol: "Class"),
    "the metaclass is registered": lambda m: registered(m.Meta, lambda cls: "Class"),
    "the function is another": lambda m: entry(vars(m), "function", lambda x: x),
    "the function is gone": lambda m: entry(vars(m), "function"),
    "the class is another": lambda m: entry(vars(m), "Class", type("Class", (), {})),
    "the class is gone": lambda m: entry(vars(m), "Class"),
    "the function says another name": lambda m: attribute(m.function, "__qualname__", "other"),
    "the function says a name that is not there": lambda m: attribute(m.function, "__qualname__", "nowhere"),
    "the function says a dotted name": lambda m: attribute(m.function, "__qualname__", "Outer.function"),
    "an equal name": lambda m: attribute(m.function, "__qualname__", "".join(["func", "tion"])),
    "an equal module": lambda m: attribute(m.function, "__module__", "".join(["made_for_", "references"])),
    "the function says another module": lambda m: attribute(m.function, "__module__", "json"),
    "the function says no module": lambda m: attribute(m.function, "__module__", None),
    "the function says __main__": lambda m: attribute(m.function, "__module__", "".join(["__ma", "in__"])),
    "the class says another name": lambda m: attribute(m.Class, "__qualname__", "Outer"),
    "the class says another module": lambda m: attribute(m.Class, "__module__", "json"),
    "the class says __main__": lambda m: attribute(m.Class, "__module__", "__main__"),
    "the class has more": lambda m: attribute(m.Class, "__doc__", "Of the class."),
    "the path is a name": lambda m: dotted(m, "Inner", "method"),
    "the method says another name": lambda m: attribute(m.Outer.method, "__qualname__", "Outer.Inner"),
    "the method says an equal name": lambda m: attribute(m.Outer.method, "__qualname__", ".".join(["Outer", "method"])),
    "the method is an extension": lambda m: extension(m, "Outer.method"),
    "the class of the metaclass is an extension": lambda m: extension(m, "OfMeta"),
    "sys.modules is no plain dict": other_modules,
    "the module is gone": lambda m: entry(sys.modules, m.__name__),
    "the module is None": lambda m: entry(sys.modules, m.__name__, None),
    "the module is another": lambda m: entry(sys.modules, m.__name__, types.ModuleType(m.__name__)),
    "the module says what it has": lazy,
    "the module answers otherwise": answering,
    "the module goes by value": by_value,
    "the function is an extension": lambda m: extension(m, "function"),
    "the class is an extension": lambda m: extension(m, "Class"),
}


# Below protocol 4 a class that holds what is found in it is written with it; C pickle gives two objects one number then.
HOLDERS = {"the inner class is another", "the outer class is another", "the outer class is no class"}


@pytest.mark.parametrize("change", CHANGES)
def test_what_went_by_reference_changes(module, change):
    protocols = (5, 4) if change in HOLDERS else (5, 4, 2)
    for _ in range(WARM):
        all_agree(objects(module))
    for _ in range(2):
        before = objects(module)
        with CHANGES[change](module):
            for _ in range(WARM):
                all_agree(before, protocols)
        for _ in range(WARM):
            all_agree(objects(module))


class Elsewhere(type):
    """A metaclass whose classes say that they are another one."""

    def __getattribute__(cls, name):
        return "Outer" if name == "__qualname__" else type.__getattribute__(cls, name)


def test_others_in_the_same_places(module):
    """Functions and classes that are made and let go again and again, mostly where the one before was, under the same names."""
    vars(module).update(Elsewhere=Elsewhere)
    for number in range(300):
        metaclass = ("type", "Elsewhere", "Meta")[number % 3]
        code = "def function(x): return %d\nclass Class(metaclass=%s): number = %d" % (number, metaclass, number)
        exec(code, vars(module))
        made = {"function": module.function, "Class": module.Class}
        all_agree(made, [5])
        if number % 3 == 0:
            stranger = types.FunctionType(module.function.__code__, vars(module), "function")
            all_agree({"stranger": stranger}, [5])
            del stranger
        del made, module.function, module.Class
        gc.collect()


@pytest.mark.parametrize("asked", ["hash", "class"])
def test_a_metaclass_that_answers_otherwise_later(module, asked):
    """It is asked at every dump, though nothing about it changed."""
    answers = []

    def answer(usual):
        if answers:
            raise ZeroDivisionError(answers[-1])
        return usual

    class Fickle(type):
        if asked == "hash":
            __hash__ = lambda cls: answer(type.__hash__(cls))
        else:
            __class__ = property(lambda cls: answer(Fickle))

    made = module.OfFickle = Fickle("OfFickle", (), {"__module__": module.__name__})
    for _ in range(2):
        for _ in range(WARM):
            found = difference(outcome(binding.dumps, made, 5), outcome(by_cloudpickle, made, 5))
            assert found is None, found
        answers.append("now")
        for _ in range(2):
            theirs = outcome(by_cloudpickle, made, 5)
            assert type(theirs.error) is ZeroDivisionError
            assert difference(outcome(binding.dumps, made, 5), theirs) is None
        answers.clear()


def test_more_than_are_kept(module):
    names = ["function%d" % number for number in range(200)]
    exec("\n".join("def %s(): pass" % name for name in names), vars(module))
    functions = [vars(module)[name] for name in names]
    for _ in range(WARM):
        for obj in (functions, functions[::-1], functions[::7]):
            found = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
            assert found is None, found


# --- what most pickles of functions have in common

FUNCTIONS = run(
    "def closure(x):\n    return lambda y: (x, y)\n"
    "made = [lambda x: x, lambda y: y + 1, closure(1), closure([]), closure, len, lambda: print]\n"
    "made[1].mark = made[3]\n"
)["made"]
NAMES = ["__name__", "__globals__", "_cloudpickle_submodules", "_make_function", "cloudpickle.cloudpickle", "__main__"]


def orders():
    interned = list(map(sys.intern, NAMES))
    package = cloudpickle.cloudpickle
    yield FUNCTIONS
    yield FUNCTIONS[::-1]
    yield [interned, FUNCTIONS, interned]
    yield [FUNCTIONS[:2], interned, FUNCTIONS[1:]]
    yield [package._make_function, FUNCTIONS, package._function_setstate, types.CodeType]
    yield [types.CodeType, FUNCTIONS[0].__code__, FUNCTIONS]
    yield [str(n) for n in range(300)] + FUNCTIONS * 2
    yield {"__name__": FUNCTIONS, "__doc__": FUNCTIONS[::-1]}


@pytest.mark.parametrize("number", range(len(list(orders()))))
@pytest.mark.parametrize("protocol", [5, 4, 3])
def test_names_before_and_between_functions(number, protocol):
    for _ in range(WARM):
        obj = list(orders())[number]
        found = difference(outcome(binding.dumps, obj, protocol), outcome(by_cloudpickle, obj, protocol))
        assert found is None, found


@pytest.mark.parametrize("forget", [False, True])
def test_a_pickler_that_goes_on(forget):
    """Numbers are those of its memo, until that is cleared."""
    results = []
    for pickler_of in (libcloudpickle.Pickler, cloudpickle.Pickler):
        file = io.BytesIO()
        pickler = pickler_of(file, 5)
        for _ in range(3):
            for obj in [*FUNCTIONS, FUNCTIONS]:
                pickler.dump(obj)
                if forget:
                    pickler.clear_memo()
        results.append(file.getvalue())
    assert results[0] == results[1]


@pytest.mark.parametrize("depth", [5, 30, 31, 32, 33, 40, 70])
def test_code_within_code(depth):
    made = run("made = " + "lambda: " * depth + "0")["made"]
    for _ in range(WARM):
        for obj in (made, [made, made.__code__], [made.__code__, made]):
            found = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
            assert found is None, found
