"""What is kept from dump to dump is given up as soon as it is no longer so: each object is dumped until all about it is
kept, then a program changes something that it depends on, and later takes that back."""

import builtins
import collections
import contextlib
import copyreg
import gc
import json
import sys
import types
from unittest import mock

import binding
import cloudpickle
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus.row import run
from trackers import another_tracker

package = cloudpickle.cloudpickle
TEXT = """
import abc, enum, json
class Meta(type): pass
class Base:
    shared = object
    def method(self): return json
class Derived(Base, metaclass=Meta):
    shared = object
    own = 5
    def method(self): return super().method()
class Abstract(abc.ABC):
    @abc.abstractmethod
    def method(self): ...
class AbstractSlotted(abc.ABC):
    __slots__ = ['a', 'b']
    other = 1
class Color(enum.Enum):
    RED = 1
    GREEN = 2
    def method(self): return json
class Slotted:
    __slots__ = ('a', 'b')
class ListOfSlots:
    __slots__ = ['a', 'b']
    other = 1
class MetaSlotted(metaclass=Meta):
    __slots__ = 'name'
class BaseOfMeta(metaclass=Meta):
    own = []
class DerivedOfMeta(BaseOfMeta):
    own = []
slotted = Slotted()
slotted.a = slotted.b = int
instance = Derived()
instance.attribute = abs
def function(x: int): return json.dumps(x)
"""
WARM = 6


def made():
    """The objects, by name, and the namespace in which they are."""
    names = run(TEXT)
    classes = ("Derived", "Abstract", "AbstractSlotted", "Color", "Slotted", "ListOfSlots", "MetaSlotted", "DerivedOfMeta")
    found = {name: names[name] for name in (*classes, "slotted", "instance", "function")}
    builtin = {"int": int, "abs": abs, "a method in C": "a b".split}
    there = {"json.dumps": json.dumps, "OrderedDict": collections.OrderedDict, "Sequence": collections.abc.Sequence}
    dotted = {"JSONEncoder.encode": json.JSONEncoder.encode, "new": object.__new__}
    return {**found, **builtin, **there, **dotted}, names


@pytest.fixture(autouse=True)
def tracker():
    """Types of `builtins` get ids here, which other tests do without."""
    with another_tracker():
        yield


CHANGES = {}


def change(function):
    CHANGES[function.__name__.replace("_", " ")] = function
    return function


def attribute(owner, name, value):
    """Sets it and takes it back; a value that is `...` takes it away meanwhile."""

    @contextlib.contextmanager
    def changed():
        before = type(owner) if name == "__class__" else vars(owner).get(name, ...)
        for each in (value, before):
            if each is not ...:
                setattr(owner, name, each)
            elif name in vars(owner):
                delattr(owner, name)
            if each is value:
                yield

    return changed()


@change
def a_member_is_set(names):
    return attribute(names["Derived"], "own", [6])


@change
def a_member_is_added(names):
    return attribute(names["Derived"], "added", 7)


@change
def a_member_goes(names):
    return attribute(names["Derived"], "own", ...)


@change
def a_base_gets_the_same_member(names):
    return attribute(names["Base"], "own", names["Derived"].own)


@change
def a_base_loses_a_member(names):
    return attribute(names["Base"], "shared", ...)


@change
def a_base_gets_another_one(names):
    return attribute(names["Base"], "shared", int)


@change
def an_ABC_gets_a_subclass(names):
    class Registered:
        pass

    names["Abstract"].register(Registered)
    return contextlib.nullcontext(Registered)


@change
def an_ABC_gets_a_subclass_again(names):
    @contextlib.contextmanager
    def changed():
        for cls in (int, float):
            names["AbstractSlotted"].register(cls)
        yield

    return changed()


@change
def an_ABC_has_what_another_one_keeps(names):
    names["Abstract"].register(int)
    return attribute(names["AbstractSlotted"], "_abc_impl", names["Abstract"]._abc_impl)


@change
def an_ABC_keeps_nothing_about_its_subclasses(names):
    return attribute(names["AbstractSlotted"], "_abc_impl", "nothing")


@change
def a_class_has_what_an_ABC_keeps(names):
    return attribute(names["Derived"], "_abc_impl", names["Abstract"]._abc_impl)


@change
def a_list_of_slots_is_shorter(names):
    return mock.patch.object(names["ListOfSlots"], "__slots__", ["a"])


@change
def a_list_of_slots_changes_in_place(names):
    @contextlib.contextmanager
    def changed():
        for name in ("ListOfSlots", "AbstractSlotted"):
            names[name].__slots__[:] = ["other"]
        yield
        for name in ("ListOfSlots", "AbstractSlotted"):
            names[name].__slots__[:] = ["a", "b"]

    return changed()


@change
def slots_are_others(names):
    return mock.patch.object(names["MetaSlotted"], "__slots__", ("__module__", "__doc__"))


class Slots(type):
    """A metaclass, found by its name, that says which slots its classes have."""


Slots.__slots__ = property(lambda cls: ("__doc__",))


@change
def a_metaclass_has_slots(names):
    return attribute(names["Meta"], "__bases__", (Slots,))


class Dicts(type):
    """A metaclass, found by its name, that says what its classes have."""

    SHOWN = []
    __dict__ = property(lambda cls: {"own": Dicts.SHOWN[-1]})


@change
def a_base_shows_another_dict(names):
    Dicts.SHOWN.append(names["DerivedOfMeta"].own)
    return attribute(names["BaseOfMeta"], "__class__", Dicts)


@change
def a_base_shows_another_dict_and_its_version_stays(names):
    @contextlib.contextmanager
    def changed():
        set_class = vars(object)["__class__"].__set__
        Dicts.SHOWN.append(names["DerivedOfMeta"].own)
        set_class(names["BaseOfMeta"], Dicts)
        yield
        set_class(names["BaseOfMeta"], names["Meta"])

    return changed()


@change
def a_class_has_a_member_that_ABCs_have(names):
    return attribute(names["Derived"], "_abc_impl", 0)


@change
def a_dict_of_a_class_gets_more(names):
    @contextlib.contextmanager
    def changed():
        own = gc.get_referents(vars(names["Derived"]))[0]
        own["another"] = 8
        yield
        del own["another"]

    return changed()


@change
def a_dict_of_a_class_is_in_another_order(names):
    @contextlib.contextmanager
    def changed():
        own = gc.get_referents(vars(names["Derived"]))[0]
        before = dict(own)
        for each in (dict(reversed(list(before.items()))), before):
            own.clear()
            own.update(each)
            if each is not before:
                yield

    return changed()


@change
def annotations_are_asked_for(names):
    # Before 3.10 there are none; since then a class gets them when they are asked for.
    assert [getattr(names[name], "__annotations__", {}) for name in ("Derived", "Color", "Abstract")] == [{}] * 3
    return contextlib.nullcontext()


@change
def a_metaclass_has_a_dict(names):
    own = {"__module__": "json", "own": 7}
    return attribute(names["Meta"], "__bases__", (type("Owning", (type,), {"__dict__": property(lambda cls: own)}),))


@change
def a_metaclass_has_bases(names):
    return attribute(names["Meta"], "__bases__", (type("Bases", (type,), {"__bases__": property(lambda cls: (object,))}),))


@change
def an_enumeration_has_another_member(names):
    color = names["Color"]

    @contextlib.contextmanager
    def changed():
        color._member_map_["BLUE"], color._member_names_[2:] = color.RED, ["BLUE"]
        yield
        del color._member_map_["BLUE"], color._member_names_[2:]

    return changed()


@change
def an_enumeration_has_a_member_less(names):
    color = names["Color"]

    @contextlib.contextmanager
    def changed():
        del color._member_names_[1:]
        yield
        color._member_names_[1:] = ["GREEN"]

    return changed()


@change
def an_enumeration_has_the_metaclass_of_ABCs(names):
    return attribute(names["Color"], "__class__", type(collections.abc.Sequence))


@change
def an_enumeration_is_asked_for_as_a_class(names):
    import face  # noqa: PLC0415

    @contextlib.contextmanager
    def changed():
        ours = [face.libcloudpickle._class_getstate(names["Color"]) for _ in range(4)]
        theirs = package._class_getstate(names["Color"])
        assert ours == [theirs] * 4
        yield

    return changed()


@change
def a_class_says_another_name(names):
    return attribute(names["Derived"], "__name__", "Another")


@change
def a_class_says_another_qualified_name(names):
    return attribute(names["Derived"], "__qualname__", "Outer.Derived")


@change
def a_class_says_another_module(names):
    return attribute(names["Derived"], "__module__", "json")


@change
def a_class_has_other_bases(names):
    class Other:
        pass

    names["Base"].method  # noqa: B018  gives it a version
    return attribute(names["Derived"], "__bases__", (names["Base"], type("Mixin", (), {"mixed": 1})))


@change
def a_metaclass_has_a_module(names):
    return attribute(names["Meta"], "__module__", property(lambda cls: "json"))


@change
def a_class_has_another_metaclass(names):
    class Another(type):
        __module__ = property(lambda cls: "json")

    @contextlib.contextmanager
    def changed():
        names["Derived"].__class__ = Another
        yield
        names["Derived"].__class__ = names["Meta"]

    return changed()


@change
def a_metaclass_has_getattribute(names):
    def get(cls, name):
        return "got" if name == "__qualname__" else type.__getattribute__(cls, name)

    return attribute(names["Meta"], "__getattribute__", get)


@change
def a_metaclass_has_no_hashes(names):
    return attribute(names["Meta"], "__hash__", None)


@change
def a_metaclass_has_hashes_that_fail(names):
    def unhashable(cls):
        raise TypeError("no hash")

    return attribute(names["Meta"], "__hash__", unhashable)


@change
def instances_reduce_themselves(names):
    return attribute(names["Base"], "__reduce_ex__", lambda self, protocol: (dict, ((("reduced", protocol),),)))


@change
def an_instance_reduces_itself(names):
    names["instance"].__reduce_ex__ = lambda protocol: "instance"
    return contextlib.nullcontext()


@change
def a_class_is_registered_with_copyreg(names):
    return mock.patch.dict(copyreg.dispatch_table, {names["Derived"]: lambda obj: (str, ("Derived",))})


@change
def a_metaclass_is_registered_with_copyreg(names):
    return mock.patch.dict(copyreg.dispatch_table, {type(collections.abc.Sequence): lambda obj: (str, ("a class",))})


@change
def functions_in_C_are_registered_with_copyreg(names):
    return mock.patch.dict(copyreg.dispatch_table, {type(abs): lambda obj: (str, ("a function",))})


@change
def builtins_has_another_int(names):
    return mock.patch.object(builtins, "int", type("int", (int,), {"__module__": "builtins"}))


@change
def builtins_has_another_abs(names):
    return mock.patch.object(builtins, "abs", lambda of: 0)


@change
def builtins_has_another_getattr(names):
    original = getattr
    return mock.patch.object(builtins, "getattr", lambda *args: original(*args))


@change
def a_function_in_C_says_another_module(names):
    return mock.patch.object(abs, "__module__", "json")


@change
def a_function_in_C_says_a_module_that_is_not_to_be_imported(names):
    @contextlib.contextmanager
    def changed():
        with mock.patch.object(abs, "__module__", "not_to_be_imported"), mock.patch.dict(sys.modules, not_to_be_imported=None):
            yield

    return changed()


@change
def a_module_lost_its_function(names):
    return mock.patch.object(json, "dumps", None)


@change
def a_module_is_not_imported(names):
    return mock.patch.dict(sys.modules, {"json.encoder": None})


@change
def another_module_is_imported(names):
    other = types.ModuleType("json")
    other.dumps = json.dumps
    return mock.patch.dict(sys.modules, {"json": other})


@change
def a_class_lost_its_method(names):
    return mock.patch.object(json.JSONEncoder, "encode", None)


@change
def a_module_is_registered(names):
    @contextlib.contextmanager
    def registered():
        cloudpickle.register_pickle_by_value(json)
        yield
        cloudpickle.unregister_pickle_by_value(json)

    return registered()


@change
def the_register_is_another(names):
    return mock.patch.object(package, "_PICKLE_BY_VALUE_MODULES", {"json"})


@change
def the_register_changes_in_place(names):
    @contextlib.contextmanager
    def changed():
        package._PICKLE_BY_VALUE_MODULES.add("json")
        yield
        package._PICKLE_BY_VALUE_MODULES.discard("json")

    return changed()


@change
def the_tracker_is_another(names):
    return another_tracker()


@change
def the_tracker_has_another_dict(names):
    return mock.patch.object(package._DYNAMIC_CLASS_TRACKER_BY_CLASS, "data", {})


@change
def the_tracker_has_another_id(names):
    @contextlib.contextmanager
    def changed():
        by_class = package._DYNAMIC_CLASS_TRACKER_BY_CLASS
        before = by_class[names["Derived"]]
        by_class[names["Derived"]] = "another id"
        package._DYNAMIC_CLASS_TRACKER_BY_ID["another id"] = names["Derived"]
        yield
        by_class[names["Derived"]] = before

    return changed()


@change
def sys_modules_is_another(names):
    return mock.patch.object(sys, "modules", {name: module for name, module in sys.modules.items() if name != "json"})


@change
def a_slot_list_is_another(names):
    return attribute(names["Slotted"], "__slotnames__", ["a"])


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name):
    objects, names = made()
    before = {each: binding.dumps(obj) for each, obj in objects.items() for _ in range(WARM)}
    wrong = []

    def compare(when):
        for each, obj in objects.items():
            for _ in range(2):
                oracle = outcome(by_cloudpickle, obj, 5)
                differs = difference(outcome(binding.dumps, obj, 5), oracle)
                if differs:
                    wrong.append("%s, %s: %s" % (each, when, differs))

    compare("before")
    with CHANGES[name](names):
        compare("meanwhile")
    compare("afterwards")
    assert before and not wrong, "\n".join(wrong)


def test_slots_that_a_metaclass_says_anew():
    """It is asked at every dump, though nothing about it changed."""
    answers = []
    before, Slots.__slots__ = Slots.__slots__, property(lambda cls: answers[-1])
    try:
        names = {"Slots": Slots, "__name__": "__main__"}
        exec("class Slotted(metaclass=Slots):\n    __slots__ = 'a', 'b'\n    c = d = 1", names)
        for answer in (("c",), ("d",), (), ("c", "d"), "c", ["d"]) * 2:
            answers.append(answer)
            for _ in range(2):
                obj = names["Slotted"]
                differs = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
                assert not differs, differs
    finally:
        Slots.__slots__ = before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions_that_begin_anew():
    """`sys._clear_type_cache()` has CPython 3.9 and 3.10 number the states of classes from 1 again."""
    text = "class Made:\n    %s\nresult = [Made, Made()]"
    bodies = "a = 1; b = 2", "b = 1; a = 2", "def __reduce__(self): return dict, ()", "__slots__ = ('a',)"
    for n in range(40):
        getattr(sys, "_clear_type_cache", int)()
        result = run(text % bodies[n % 4])["result"]
        for obj in result * 3:
            differs = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
            assert not differs, differs
        del result, obj
