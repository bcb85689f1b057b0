"""What cannot be pickled raises what cloudpickle raises, word for word, and the notes of the exception say where it lies:
from CPython 3.14 on those of `_pickle`, before in one."""

import functools
import io
import sys

import cloudpickle
import pytest
from face import libcloudpickle as ours

LIKE_PICKLE = sys.version_info >= (3, 14)

class Lock:
    def __reduce_ex__(self, protocol):
        raise TypeError("cannot pickle 'Lock' object")


LOCK = Lock()


class Plain:
    def __init__(self, pool):
        self.pool = pool


class Slots:
    __slots__ = ("first", "pool")

    def __init__(self, pool):
        self.first, self.pool = 1, pool


class Setter:
    def __init__(self, pool):
        self.pool = pool

    def __reduce__(self):
        return (dict, (), {"pool": self.pool}, None, None, print)


class Items(list):
    def __reduce__(self):
        return (Items, (), None, iter(self))


class Pairs(dict):
    def __reduce__(self):
        return (Pairs, (), None, None, iter(self.items()))


class Call:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return (print, self.arguments)


def closure(value, other=1):
    return lambda: (value, other)


def with_default():
    def function(a, b=LOCK):
        return a, b

    return function


def with_keyword_default():
    def function(*, b=LOCK):
        return b

    return function


def with_global():
    return eval("lambda: POOL", {"POOL": LOCK, "__name__": "__main__"})


def with_attribute():
    function = eval("lambda: 0", {"__name__": "__main__"})
    function.pool = [LOCK]
    return function


def class_with_lock():
    return type("Dynamic", (), {"__module__": "__main__", "lock": LOCK, "other": 1})


def instance_of_dynamic_class():
    made = type("Dynamic", (), {"__module__": "__main__"})()
    made.pool = {"db": [1, LOCK]}
    return made


# Name: (object, where the lock lies).
ROWS = {
    "list": ([1, 2, LOCK], "obj[2]"),
    "nested": ({"db": [0, 1, 2, Plain((1, LOCK))]}, "obj['db'][3].pool[1]"),
    "dict in tuple": ((1, {2: LOCK}), "obj[1][2]"),
    "set": ([{Plain(LOCK)}], "obj[0].<item>.pool"),
    "frozenset": (frozenset([Plain(LOCK)]), "obj.<item>.pool"),
    "instance": (Plain({"a": LOCK}), "obj.pool['a']"),
    "two instances": ([Plain(1), Plain(LOCK)], "obj[1].pool"),
    "slots": (Slots([LOCK]), "obj.pool[0]"),
    "setter": (Setter(LOCK), "obj.pool"),
    "items": (Items([1, LOCK]), "obj[1]"),
    "pairs": (Pairs(a=1, b=LOCK), "obj['b']"),
    "argument": (Call(1, LOCK), "obj.<reduce arguments>[1]"),
    "partial": ([functools.partial(print, LOCK)], None),
    "closure": (closure([LOCK]), "obj.__closure__['value'][0]"),
    "closure's second": (closure(1, (LOCK,)), "obj.__closure__['other'][0]"),
    "default": (with_default(), "obj.__defaults__[0]"),
    "keyword default": (with_keyword_default(), "obj.__kwdefaults__['b']"),
    "global": (with_global(), "obj.__globals__['POOL']"),
    "attribute": (with_attribute(), "obj.pool[0]"),
    "class": (class_with_lock(), "obj.lock"),
    "dynamic instance": ([instance_of_dynamic_class()], "obj[0].pool['db'][1]"),
}

def raised(dump, *arguments):
    with pytest.raises(Exception) as caught:
        dump(*arguments)
    return caught.value


def ours_to_file(obj, protocol):
    ours.dump(obj, io.BytesIO(), protocol)


def by_pickler(obj, protocol):
    ours.Pickler(io.BytesIO(), protocol).dump(obj)


class WithHooks(ours.Pickler):
    def persistent_id(self, obj):
        return None

    def reducer_override(self, obj):
        return super().reducer_override(obj)


def by_subclass(obj, protocol):
    WithHooks(io.BytesIO(), protocol).dump(obj)


@pytest.mark.parametrize("dump", [ours.dumps, ours_to_file, by_pickler, by_subclass], ids=lambda dump: dump.__name__)
@pytest.mark.parametrize("name", ROWS)
def test_says_where(name, dump):
    obj, path = ROWS[name]
    # Before protocol 2 the instance itself is refused.
    for protocol in range(2 if name == "slots" else 0, 6):
        error, theirs = raised(dump, obj, protocol), raised(cloudpickle.dumps, obj, protocol)
        assert type(error) is type(theirs) and error.args == theirs.args
        if not LIKE_PICKLE:
            if path and not (protocol < 4 and "set" in name):
                assert error.__notes__ == ["while pickling %s" % path] or dump is by_subclass
            assert len(error.__notes__) == 1 and error.__notes__[0].startswith("while pickling obj")
        else:
            assert error.__notes__ == theirs.__notes__, protocol


def test_the_root_itself_has_no_place():
    assert not hasattr(raised(ours.dumps, LOCK), "__notes__")


def test_a_long_way_is_cut():
    obj = LOCK
    for _ in range(10_000):
        obj = [obj]
    notes = raised(ours.dumps, obj).__notes__
    assert any("…" in note for note in notes) and sum(map(len, notes)) < 1500


def test_other_notes_stay():
    class Own(Exception):
        pass

    class Raising:
        def __reduce__(self):
            error = Own("words")
            error.__notes__ = ["its own"]
            raise error

    error = raised(ours.dumps, [Raising()])
    assert error.args == ("words",)
    assert error.__notes__ == ["its own", "when serializing list item 0" if LIKE_PICKLE else "while pickling obj[0]"]
