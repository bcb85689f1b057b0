"""Objects that say by themselves how they are reduced, rightly and wrongly; errors in between."""

import copyreg

from . import importable
from .importable import (
    Equal,
    Loaded,
    Named,
    NewArguments,
    NewKeywords,
    Plain,
    Raising,
    Reduced,
    ReducedByProtocol,
    build,
    new_object,
    new_object_with_keywords,
    set_state,
)
from .row import plain, refused

# --- the default way

plain("instance without attributes", lambda: Equal())
plain("instance", lambda: Equal(a=1, b=[2], c={"d": 3}))
plain("instances of one class", lambda: [Equal(n=n, s=str(n)) for n in range(20)])
plain("instance of an inner class", lambda: Plain.Inner.Innermost(), lambda loaded: check_inner(loaded))
plain("instance with many attributes", lambda: Equal(**{"name%d" % n: n for n in range(1500)}))
plain("object()", object, lambda loaded: check_object(loaded))
plain("instance of a non-ASCII class", importable.Größe)


def check_inner(loaded):
    assert loaded.method() == "innermost"


def check_object(loaded):
    assert type(loaded) is object


def dict_shared():
    """Two instances over one `__dict__`, which a third object holds too."""
    first, second = Equal(a=1), Equal()
    second.__dict__ = first.__dict__
    return [first, second, first.__dict__]


plain("instance dict shared", dict_shared)


def dict_with_odd_keys():
    made = Equal(a=1)
    vars(made)[1] = "not a str"
    vars(made)["made " + "here"] = "not interned"
    return made


plain("instance dict with odd keys", dict_with_odd_keys, lambda loaded: check_odd(loaded))


def check_odd(loaded):
    assert vars(loaded) == {"a": 1, 1: "not a str", "made here": "not interned"}


def dict_of_subclass():
    made = Equal()
    made.__dict__ = importable.Mapping(a=1)
    return made


plain("instance dict of a subclass", dict_of_subclass)


def instance_of_itself():
    made = Plain()
    made.self, made.list, made.method_of = made, [made], Plain.method
    return made


def check_instance_of_itself(loaded):
    assert loaded.self is loaded and loaded.list[0] is loaded and loaded.method_of is Plain.method


plain("instance of itself", instance_of_itself, check_instance_of_itself)

for name, make in {
    "slots": importable.Slotted,
    "one slot": lambda: filled(importable.OneSlot(), only=[1]),
    "one slot unset": lambda: filled(importable.OneSlot(), only=None),
    "no slots": importable.NoSlots,
    "slots inherited": lambda: filled(importable.SlottedChild(), c=3),
    "slots and dict": lambda: filled(importable.SlottedWithDict(), extra=4),
    "slots and empty dict": importable.SlottedWithDict,
    "slots in a list": lambda: [importable.Slotted(n, [n]) for n in range(10)],
    "state in two parts": lambda: filled(importable.SlotState(), a=1, b=2),
}.items():
    plain("instance: " + name, make)


def filled(made, **attributes):
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


plain("slots unset", lambda: importable.OneSlot(), lambda loaded: check_unset(loaded))


def check_unset(loaded):
    assert type(loaded) is importable.OneSlot and not hasattr(loaded, "only")


for state in ({"a": 1}, (1, 2), ({}, {"b": 1}), [1], "text", 1, True):
    plain("__getstate__ %r" % (state,), lambda state=state: importable.WithState(state))
for state in (None, False, 0, {}, (), ""):
    # __setstate__ is not called for None, and for all false ones before 3.11.
    plain("__getstate__ %r" % (state,), lambda state=state: importable.WithState(state), lambda loaded: check_type(loaded))
plain("__getstate__ without __setstate__", lambda: importable.StateWithoutSetter(a=1, b=[2]))


def check_type(loaded):
    assert type(loaded) is importable.WithState


plain("__getnewargs__", lambda: NewArguments(1, [2], "three"))
plain("__getnewargs__ empty", lambda: NewArguments())
plain("__getnewargs__ of an int", lambda: importable.NumberWithArguments(5, "note"))
plain("__getnewargs_ex__", lambda: NewKeywords(1, a=[2], b="three"))
plain("__getnewargs_ex__ without keywords", lambda: NewKeywords(1))
plain("__getnewargs_ex__ empty", lambda: NewKeywords())


def new_arguments_of_itself():
    made = NewArguments([])
    made.arguments[0].append(made)
    return made


plain("__getnewargs__ of itself", new_arguments_of_itself, lambda loaded: check_arguments_of_itself(loaded))


def check_arguments_of_itself(loaded):
    """What lies in the list was made first: an object of its own with the same list, finished or not."""
    assert type(loaded) is NewArguments and type(loaded.arguments[0]) is list
    assert type(loaded.arguments[0][0]) is NewArguments


for value in ([1], None):
    plain("__getnewargs__ refused: %r" % (value,), lambda value=value: importable.WrongArguments(value))
for value in ([(), {}], ((), {}, ()), ([], {}), ((), [])):
    plain("__getnewargs_ex__ refused: %r" % (value,), lambda value=value: importable.WrongKeywords(value))


# --- values of __reduce__

def reduction(name, answer, check=None):
    plain("reduce: " + name, lambda: Reduced(answer), check or refused)


def loaded_equal(expected):
    def check(loaded):
        assert type(loaded) is type(expected) and loaded == expected, loaded

    return check


def loaded_type(expected):
    def check(loaded):
        assert type(loaded) is expected, type(loaded)

    return check


def loaded_as(arguments=(), **attributes):
    def check(loaded):
        expected = Loaded(*arguments)
        vars(expected).update(attributes)
        assert loaded == expected, (vars(loaded), vars(expected))

    return check


reduction("of two", lambda made: (build, (1, [2])), loaded_as((1, [2])))
reduction("of two, no arguments", lambda made: (build, ()), loaded_as())
reduction("of a class", lambda made: (Loaded, (1,)), loaded_as((1,)))
reduction("of a builtin", lambda made: (list, ("abc",)), loaded_equal(["a", "b", "c"]))
reduction("of a method", lambda made: ("a,b".split, (",",)), loaded_equal(["a", "b"]))
reduction("of three", lambda made: (build, (1,), {"a": 2}), loaded_as((1,), state={"a": 2}))
reduction("state None", lambda made: (build, (1,), None), loaded_as((1,)))
reduction("state false", lambda made: (build, (1,), 0), loaded_as((1,), state=0))
reduction("of four", lambda made: (build, (), None, iter([1, 2, 3])), loaded_as(items=[1, 2, 3]))
reduction("of five", lambda made: (build, (), None, None, iter([("k", 1), ("l", 2)])), loaded_as(mapping={"k": 1, "l": 2}))
reduction(
    "of five, all",
    lambda made: (build, (1,), {"s": 1}, iter([2]), iter([("k", 3)])),
    loaded_as((1,), state={"s": 1}, items=[2], mapping={"k": 3}),
)
reduction(
    "of six",
    lambda made: (build, (1,), {"s": 1}, iter([2]), iter([("k", 3)]), set_state),
    loaded_as((1,), state_by_setter={"s": 1}, items=[2], mapping={"k": 3}),
)
reduction("of six, setter None", lambda made: (build, (), "s", None, None, None), loaded_as(state="s"))
reduction("of six, setter without state", lambda made: (build, (), None, None, None, set_state), loaded_as())
for size in (0, 1, 2, 999, 1000, 1001, 2000, 2001):
    reduction(
        "%d items" % size,
        lambda made, size=size: (build, (), None, iter(range(size))),
        loaded_as(items=list(range(size))),
    )
    reduction(
        "%d pairs" % size,
        lambda made, size=size: (build, (), None, None, iter([(n, str(n)) for n in range(size)])),
        loaded_as(mapping={n: str(n) for n in range(size)}),
    )
reduction(
    "items of a generator",
    lambda made: (build, (), None, (n for n in range(5)), ((n, n) for n in range(5))),
    loaded_as(items=list(range(5)), mapping={n: n for n in range(5)}),
)


def reduce_by_protocol(made, protocol):
    return (build, ("protocol", protocol))


plain("__reduce_ex__ is given the protocol", lambda: ReducedByProtocol(reduce_by_protocol), lambda loaded: check_protocol(loaded))


def check_protocol(loaded):
    assert loaded.arguments[0] == "protocol" and loaded.arguments[1] in range(6)


reduction("a copyreg.__newobj__", lambda made: (copyreg.__newobj__, (Equal,), {"a": 1}), lambda loaded: check_new(loaded))
reduction("a __newobj__", lambda made: (new_object, (Reduced,), {"a": 1}), lambda loaded: check_new(loaded))
reduction("a __newobj_ex__", lambda made: (new_object_with_keywords, (Reduced, (), {}), {"a": 1}), lambda loaded: check_new(loaded))
reduction("copyreg.__newobj_ex__", lambda made: (copyreg.__newobj_ex__, (Reduced, (), {}), {"a": 1}), lambda loaded: check_new(loaded))


def check_new(loaded):
    assert loaded.a == 1


reduction("copyreg.__newobj__ of its class", lambda made: (copyreg.__newobj__, (Reduced, 1, 2)), loaded_type(Reduced))
reduction("copyreg.__newobj__ without class", lambda made: (copyreg.__newobj__, ()))
reduction("copyreg.__newobj__ of no class", lambda made: (copyreg.__newobj__, (5,)))
reduction("copyreg.__newobj__ of another class", lambda made: (copyreg.__newobj__, (Plain,)), loaded_type(Plain))
reduction("copyreg.__newobj_ex__ of two", lambda made: (copyreg.__newobj_ex__, (Reduced, ())), loaded_type(Reduced))
reduction("copyreg.__newobj_ex__ of no class", lambda made: (copyreg.__newobj_ex__, (5, (), {})))
reduction("copyreg.__newobj_ex__ of another class", lambda made: (copyreg.__newobj_ex__, (Plain, (), {})), loaded_type(Plain))
reduction("copyreg.__newobj_ex__ with a list", lambda made: (copyreg.__newobj_ex__, (Reduced, [], {})), loaded_type(Reduced))
reduction("copyreg.__newobj_ex__ with pairs", lambda made: (copyreg.__newobj_ex__, (Reduced, (), [])))
reduction("copyreg._reconstructor", lambda made: (copyreg._reconstructor, (Reduced, object, None), {"a": 1}), check_new)

# What is wrong with a reduction is said in CPython's words.
for name, answer in {
    "None": None,
    "an int": 5,
    "a list": [build, ()],
    "an empty tuple": (),
    "a tuple of one": (build,),
    "a tuple of seven": (build, (), None, None, None, None, None),
    "a function that cannot be called": (5, ()),
    "arguments in a list": (build, []),
    "arguments None": (build, None),
    "items that are a list": (build, (), None, [1]),
    "pairs that are a dict": (build, (), None, None, {"k": 1}),
    "items that are an int": (build, (), None, 5),
    "pairs that are not pairs": (build, (), None, None, "iterator of ints"),
    "pairs of three": (build, (), None, None, "iterator of three"),
    "a setter that cannot be called": (build, (), {"s": 1}, None, None, 5),
    "a function that cannot be pickled": ((n for n in ()).__next__, ()),
}.items():
    def answer_anew(made, answer=answer):
        if isinstance(answer, tuple) and isinstance(answer[-1], str):
            pairs = {"iterator of ints": [1, 2], "iterator of three": [(1, 2, 3)]}[answer[-1]]
            return (*answer[:-1], iter(pairs))
        return answer

    reduction("refused: " + name, answer_anew)


def failing_iterator():
    yield 1
    raise importable.Custom(5, "in the middle")


reduction("refused: an iterator that fails", lambda made: (build, (), None, failing_iterator()))


def failing_pairs():
    yield (1, 2)
    raise importable.Custom(5, "in the middle")


reduction("refused: pairs that fail", lambda made: (build, (), None, None, failing_pairs()))


# --- recursion through reductions

def recursive(answer, check):
    def make():
        made = Reduced(None)
        made.reduction = lambda _: answer(made)
        return made

    return make, check


def check_recursive_arguments(loaded):
    """The list has what was built first."""
    assert type(loaded) is Loaded and type(loaded.arguments[0]) is list and type(loaded.arguments[0][0]) is Loaded


def check_recursive_state(loaded):
    assert loaded.state["me"] is loaded


def check_recursive_items(loaded):
    assert loaded.items[0] is loaded and loaded.mapping["me"] is loaded


def check_recursive_setter(loaded):
    assert loaded.state_by_setter["me"] is loaded


for name, answer, check in (
    ("its state", lambda made: (build, (), {"me": made}), check_recursive_state),
    ("its items", lambda made: (build, (), None, iter([made]), iter([("me", made)])), check_recursive_items),
    ("its setter's state", lambda made: (build, (), {"me": made}, None, None, set_state), check_recursive_setter),
):
    make, check = recursive(answer, check)
    plain("reduce: recursive through " + name, make, check)


def recursive_arguments():
    """An object in a list in its own arguments: it comes out of the memo although it is not finished."""
    box = []
    made = Reduced(None)
    made.reduction = lambda _: (build, (box,))
    box.append(made)
    return made


plain("reduce: recursive through its arguments", recursive_arguments, lambda loaded: check_recursive_arguments(loaded))

# --- names

plain("reduce: a name", lambda: importable.SINGLETON_BY_NAME, lambda loaded: check_singleton(loaded))


def check_singleton(loaded):
    assert loaded is importable.SINGLETON_BY_NAME


plain("reduce: a name, twice", lambda: [importable.SINGLETON_BY_NAME] * 2)
plain("reduce: a name that is not there", lambda: Named("missing_name"))
plain("reduce: a dotted name that is not there", lambda: Named("Plain.Missing.Name"))
plain("reduce: a name of something else", lambda: Named("STATE"))
plain("reduce: a dotted name of something else", lambda: Named("Plain.Inner"))
plain("reduce: a name of a local", lambda: Named("made_here.<locals>.local"))
plain("reduce: an empty name", lambda: Named(""))
plain("reduce: a name with a lone surrogate", lambda: Named("\ud800"))


def with_module(module):
    made = Named("missing_name")
    made.__module__ = module
    return made


for module in ("no_such_module", "corpus.no_such_module", "__main__", None, 5, "", "os.path"):
    plain("reduce: a name of module %r" % (module,), lambda module=module: with_module(module))

# --- copyreg

plain("copyreg reducer", lambda: importable.Registered(a=1), loaded_as(("registered", {"a": 1})))
plain("copyreg reducer to a name", lambda: importable.BY_NAME, lambda loaded: check_by_name(loaded))


def check_by_name(loaded):
    assert loaded is importable.BY_NAME


plain("class with a metaclass", lambda: importable.WithMeta, lambda loaded: check_is(loaded, importable.WithMeta))
plain("metaclass", lambda: importable.Meta, lambda loaded: check_is(loaded, importable.Meta))


def check_is(loaded, expected):
    assert loaded is expected


plain(
    "class with a metaclass in copyreg",
    lambda: [importable.WithRegisteredMeta] * 2,
    lambda loaded: check_is(loaded[0], importable.WithRegisteredMeta),
)
plain("extension codes", lambda: [importable.Extended1(a=1), importable.Extended2(b=2), importable.Extended4(c=3)] * 2, world=importable.extensions)
plain("extension codes of classes", lambda: [importable.Extended1, importable.Extended2, importable.Extended4] * 2, world=importable.extensions)
plain("class that lies", importable.WithProperties, lambda loaded: check_lies(loaded))


def check_lies(loaded):
    # Protocols 0 and 1 ask the object for its class.
    assert type(loaded) in (importable.WithProperties, importable.Plain) and loaded.__class__ is importable.Plain

# --- exceptions of reducers pass through, whatever they are

for make in (
    lambda: ValueError("some value"),
    lambda: KeyError("some key"),
    lambda: importable.Custom(5, "text"),
    lambda: importable.CustomMessage(1, 2),
    lambda: OSError(2, "No such file", "name"),
    lambda: UnicodeDecodeError("utf-8", b"x", 0, 1, "reason"),
    KeyboardInterrupt,
    lambda: SystemExit(3),
    lambda: StopIteration(1),
    lambda: AttributeError("no such"),
    MemoryError,
    RuntimeError,
):
    raised = type(make()).__name__
    plain("refused: raises %s" % raised, lambda make=make: Raising(make))
    plain("refused: raises %s inside" % raised, lambda make=make: {"k": [Raising(make)]})
