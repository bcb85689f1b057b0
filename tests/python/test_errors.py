"""Errors say where the culprit sits, and keep their type and the words that the oracle has for it."""

import io
import pickle
import sys
import sysconfig
import threading
from functools import partial

import binding
import pytest
from compare import by_cloudpickle, outcome
from corpus import importable
from corpus.importable import Custom, CustomMessage, Plain, Raising
from corpus.row import module, run

LOCK = threading.Lock()
CANNOT = "cannot pickle '_thread.lock' object"


def failure(obj, protocol=5):
    """Our error, after it was seen to be the oracle's with a place appended."""
    theirs = outcome(by_cloudpickle, obj, protocol).error
    ours = outcome(binding.dumps, obj, protocol).error
    assert theirs is not None, "the oracle can pickle it"
    assert type(ours) is type(theirs)
    assert str(ours).startswith(str(theirs))
    return ours


def slotted():
    made = importable.Slotted()
    made.a = LOCK
    return made


def noted(made):
    """A partial with attributes, which a partial of it does not take apart."""
    made.note = 1
    return made


def attribute_in_slots_and_dict():
    made = importable.SlottedWithDict()
    made.extra = [LOCK]
    return made


def chain(length):
    made = LOCK
    for _ in range(length):
        made = Plain(next=made)
    return made


PLACES = {
    "obj[0]": lambda: [LOCK],
    "obj[2]": lambda: [1, 2, LOCK],
    "obj[1500]": lambda: [0] * 1500 + [LOCK],
    "obj[1]": lambda: (1, LOCK),
    "obj[4]": lambda: (1, 2, 3, 4, LOCK),
    "obj['a']": lambda: {"a": LOCK},
    "obj['z']": lambda: {"a": [1], "b": {}, "z": LOCK},
    "obj[1][2][0]": lambda: [0, ([1], (2,), [LOCK])],
    "obj[5]['k'][0]": lambda: {5: {"k": (LOCK,)}},
    "obj[b'key']": lambda: {b"key": LOCK},
    "obj[1.5]": lambda: {1.5: LOCK},
    "obj[True]": lambda: {True: LOCK},
    "obj['\xe9\u20ac']": lambda: {"\xe9\u20ac": LOCK},
    "obj.pool": lambda: Plain(pool=LOCK),
    "obj.conf['db'][3].pool": lambda: Plain(conf={"db": [0, 1, 2, Plain(pool=LOCK)]}),
    "obj.a": slotted,
    "obj.extra[0]": attribute_in_slots_and_dict,
    "obj[0].next.next": lambda: [chain(2)],
    "obj[3]['x']": lambda: importable.Items([1, 2, 3, {"x": LOCK}]),
    "obj['k'][1]": lambda: importable.Mapping(k=(1, LOCK)),
}
if sys.version_info >= (3, 10) and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    # Before, partial is no heap type, and without a GIL its fields are not read: its own __reduce__ says what it consists of.
    PLACES.update({
        "obj.args[1][0]": lambda: partial(importable.function, 1, [LOCK]),
        "obj.keywords['k']": lambda: partial(importable.function, k=LOCK),
        "obj.func.args[0]": lambda: partial(noted(partial(importable.function, LOCK))),
    })


@pytest.mark.parametrize("place", PLACES)
def test_place(place):
    assert str(failure(PLACES[place]())) == CANNOT + " at " + place


def test_root():
    assert str(failure(LOCK)) == CANNOT


@pytest.mark.parametrize("protocol", range(2, 6))
def test_place_at_every_protocol(protocol):
    obj = Plain(conf={"db": [0, Plain(pool=LOCK)]})
    assert str(failure(obj, protocol)) == CANNOT + " at obj.conf['db'][1].pool"


def test_long_path_is_cut_in_the_middle():
    obj = Plain(first={"start": chain(50_000)})
    # The oracle cannot go as deep.
    error = outcome(binding.dumps, obj, 5).error
    text = str(error)
    assert type(error) is TypeError and text.startswith(CANNOT + " at obj.first['start'].next.")
    assert text.endswith(".next") and len(text) < 1000


def test_long_keys_are_cut():
    text = str(failure({"k" * 100000: LOCK}))
    assert text.startswith(CANNOT + " at obj['kkk") and len(text) < 1000


def test_foreign_keys_are_not_asked_for_their_repr():
    class Key:
        def __repr__(self):
            raise AssertionError("asked")

    key = importable.Equal
    obj = {key: LOCK}
    assert " at obj" in str(failure(obj))


FUNCTIONS = {
    "closure": (lambda: run("def outer(pool):\n    return lambda: pool\nresult = outer(lock)", lock=LOCK), "pool"),
    "closure deeper": (
        lambda: run("def outer(pool):\n    def inner(): return pool\n    def shell(): return inner\n    return shell\nresult = outer({'db': lock})", lock=LOCK),
        "'db'",
    ),
    "global": (lambda: run("def result(): return pool", pool=LOCK), "pool"),
    "global deeper": (lambda: run("def helper(): return pool\ndef result(): return helper()", pool=[LOCK]), "pool"),
    "default": (lambda: run("def result(x=lock): pass", lock=LOCK), "__defaults__"),
    "keyword default": (lambda: run("def result(*, x=lock): pass", lock=LOCK), "__kwdefaults__"),
    "attribute": (lambda: run("def result(): pass\nresult.pool = lock", lock=LOCK), "pool"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("wrapped", (False, True))
def test_place_in_functions(name, wrapped):
    make, word = FUNCTIONS[name]
    function = make()["result"]
    text = str(failure({"task": [function]} if wrapped else function))
    assert text.startswith(CANNOT + (" at obj['task'][0]" if wrapped else " at obj")) and word in text


def test_place_in_a_module():
    text = str(failure([module("made", "", pool=LOCK)]))
    assert text.startswith(CANNOT + " at obj[0]") and "pool" in text


OWN_DICT = "class Meta(type):\n    @property\n    def __dict__(cls): return type.__dict__['__dict__'].__get__(cls)\n"
CULPRITS = {
    "a lock": "lock",
    "one that fails in Python": "Fails()",
    "one that takes the name away": "Takes()",
}


@pytest.mark.parametrize("inside", ("%s", "[%s]", "[{'key': [%s]}]"))
@pytest.mark.parametrize("culprit", CULPRITS)
@pytest.mark.parametrize("meta", ("", OWN_DICT))
def test_place_called_by_a_name_that_nothing_else_holds(meta, culprit, inside):
    """A metaclass with a dict of its own has names made anew; others are gone when a hook takes the member away."""

    def overwrite():
        """What lay in memory that is free now."""
        return [("%d" % n).rjust(len(name) - 4, "x") for n in range(200)]

    name = "a_member_with_a_name_of_its_own_%d" % id(overwrite)
    head = "class Fails:\n    def __reduce__(self): overwrite(); raise ZeroDivisionError\nclass Takes:\n    def __reduce__(self):\n        delattr(result, name)\n        overwrite()\n        raise ZeroDivisionError\n"
    source = meta + head + "class result%s: pass\nsetattr(result, name, %s)" % ("(metaclass=Meta)" if meta else "", inside % CULPRITS[culprit])
    made = run(source, lock=LOCK, name=name, overwrite=overwrite)["result"]
    ours = outcome(binding.dumps, made, 5).error
    place = "obj." + name + {"%s": "", "[%s]": "[0]"}.get(inside, "[0]['key'][0]")
    shown = str(ours) if isinstance(ours, TypeError) else "".join(getattr(ours, "__notes__", [])) or str(ours)
    assert place in shown, shown


def test_place_in_a_reduction():
    obj = [importable.Reduced(lambda made: (importable.build, (1, LOCK)))]
    assert str(failure(obj)).startswith(CANNOT + " at obj[0]")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueError("text"),
        lambda: KeyError("key"),
        lambda: Custom(5, "text"),
        lambda: CustomMessage(1),
        lambda: OSError(2, "No such file"),
        lambda: ValueError(),
        lambda: ValueError(1, 2),
        lambda: UnicodeDecodeError("utf-8", b"x", 0, 1, "reason"),
        MemoryError,
    ],
    ids=lambda make: type(make()).__name__,
)
def test_exceptions_of_reducers_stay_what_they_are(make):
    ours, expected = failure({"k": [Raising(make)]}), make()
    assert ours.args == expected.args or str(ours).startswith(str(expected))
    for name, value in vars(expected).items():
        assert getattr(ours, name) == value


def test_the_error_comes_again():
    """A failed dump leaves nothing behind: the next one says the same."""
    obj = Plain(conf={"db": [LOCK]})
    texts = {str(failure(obj)) for _ in range(5)}
    assert len(texts) == 1
    assert binding.dumps([1]) == by_cloudpickle([1], 5)


def test_no_exception_hides_another():
    try:
        raise ValueError("before")
    except ValueError:
        error = None
        try:
            binding.dumps([LOCK])
        except TypeError as caught:
            error = caught
    assert isinstance(error, TypeError) and isinstance(error.__context__, ValueError)


def test_objects_of_a_failed_dump_are_let_go():
    import gc
    import sys

    held = Plain(a=[1])
    obj = [held, held, LOCK]
    before = sys.getrefcount(held)
    for _ in range(10):
        outcome(binding.dumps, obj, 5)
    gc.collect()
    assert sys.getrefcount(held) == before


def test_a_cause_stays_the_cause_while_the_message_is_made():
    """The message asks the file for its name, in Python, when the exception of the file has been raised."""

    class Name:
        def __str__(self):
            return "of its own"

    class Unreadable(io.BytesIO):
        name = Name()

        def seek(self, *arguments):
            raise OSError("no reading")

    file = io.TextIOWrapper(Unreadable(b"text"))
    file.mode = "r"
    for dumps in (binding.dumps, by_cloudpickle):
        with pytest.raises(pickle.PicklingError, match="Cannot pickle file of its own as it cannot be read") as raised:
            dumps(file, 5)
        assert isinstance(raised.value.__cause__, OSError), raised.value.__cause__
