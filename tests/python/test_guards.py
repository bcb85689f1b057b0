"""Cases in which a fast path must not be taken, or not once more: each is a condition under which the slow way says something
else. Each library gets objects of its own, and writes them at several protocols; what a case changes is taken back."""

import array
import builtins
import collections
import copyreg
import datetime
import functools
import gc
import io
import sys
import types

import binding
import cloudpickle
import pytest
from compare import TRACKER_ID, by_cloudpickle, difference, outcome
from face import libcloudpickle
from trackers import another_tracker

PROTOCOLS = (5, 4, 3, 2, 1, 0)
CASES = []
HOMES = {"by value": "__main__", "by reference": __name__}
home = "__main__"
"""The module of the classes that cases make."""
UNDO = []
"""What takes back what cases change."""


@pytest.fixture(autouse=True)
def tracker():
    """Types of `builtins` get ids here, which other tests do without."""
    with another_tracker():
        yield


class Text(str):
    pass


class Turn:
    """Runs foreign code in the middle of a dump."""

    def __init__(self, change=lambda: None):
        self.change = change

    def __reduce__(self):
        self.change()
        return int, ()



def three(*arguments):
    return int, (3,)


def change(namespace, name, *value):
    """Sets an entry, or takes it away, until the case is over."""
    UNDO.append((namespace, name, [namespace.pop(name)] if name in namespace else []))
    if value:
        namespace[name] = value[0]


def case(make):
    CASES.append(make)
    return make


def plain_class(name="C", bases=(), **members):
    """A new class, which goes by value or, as what this module has last under the name, by reference."""
    made = type(name, bases, {"__module__": home, **members})
    if home == __name__:
        globals()["_made_" + name] = made
        made.__qualname__ = "_made_" + name
    return made


def with_attributes(cls, *names, value=1):
    made = cls()
    for name in names:
        setattr(made, name, value)
    return made


# --- copyreg


@case
def registered_after_the_first_of_its_class():
    cls = plain_class()
    return [with_attributes(cls, "x"), cls(), Turn(lambda: copyreg.pickle(cls, three)), with_attributes(cls, "x"), cls()]


@case
def registered_after_foreign_code():
    cls = plain_class()
    return [Turn(), cls(), cls(), Turn(lambda: copyreg.pickle(cls, three)), cls(), cls()]


@case
def registered_and_then_another_class():
    cls, other = plain_class(), plain_class("D")
    return [Turn(), cls(), cls(), Turn(lambda: copyreg.pickle(cls, three)), other(), cls(), cls(), other()]


@case
def registered_between_dumps():
    cls = plain_class()
    for _ in range(3):
        binding.dumps([cls(), cls()])
    copyreg.pickle(cls, three)
    return [cls(), cls()]


@case
def registered_namedtuple():
    cls = collections.namedtuple("N", "a b")
    copyreg.pickle(cls, three)
    return [cls(1, 2), cls(3, 4)]


# --- classes that change, and what they say of their instances


@case
def a_class_changes_in_the_middle():
    for name, value in [("__reduce_ex__", three), ("__reduce__", three), ("__getstate__", lambda self: 5), ("__getnewargs__", lambda self: (1,)), ("__class__", int)]:
        cls = plain_class("C", x=1)
        yield [cls(), cls(), Turn(lambda: setattr(cls, name, value)), cls(), with_attributes(cls, "y")]


@case
def a_base_changes_in_the_middle():
    base = plain_class("B")
    cls = plain_class("C", (base,))
    return [cls(), cls(), Turn(lambda: setattr(base, "__getstate__", lambda self: 5)), cls(), cls()]


@case
def a_class_without_a_version_changes_in_the_middle():
    """Of a class with an MRO of its own making, CPython keeps nothing."""
    meta = type("M", (type,), {"__module__": home, "mro": lambda cls: type.mro(cls)})
    cls = meta("C", (), {"__module__": home})
    return [cls(), cls(), Turn(lambda: setattr(cls, "__reduce_ex__", three)), cls(), cls()]


@case
def classes_that_answer_otherwise():
    for members in (
        {"__getattribute__": lambda self, name: three if name == "__reduce_ex__" else object.__getattribute__(self, name)},
        {"__class__": property(lambda self: int)},
        {"__getstate__": lambda self: {"y": 2}},
        {"__getnewargs__": lambda self: (1,)},
        {"__getnewargs_ex__": lambda self: ((1,), {})},
        {"__dict__": property(lambda self: {"y": 2})},
        {"__slotnames__": ["x"]},
        {"__slotnames__": ("x",)},
    ):
        cls = plain_class("C", **members)
        yield [with_attributes(cls, "x"), with_attributes(cls, "x")]


@case
def classes_of_containers():
    for base, value in ((list, [1, 2]), (dict, {1: 2}), (tuple, (1, 2)), (set, {1}), (int, 1 << 70), (bytes, b"ab"), (collections.OrderedDict, {1: 2})):
        cls = plain_class("C", (base,))
        yield [with_attributes(cls, "x"), cls(value), cls(value)]


# --- what an instance has of its own


@case
def shared_keys_get_a_hook():
    cls = plain_class()
    made = [with_attributes(cls, "x") for _ in range(4)]
    return [made[0], made[1], Turn(lambda: setattr(made[3], "__reduce_ex__", three)), made[2], made[3]]


@case
def an_instance_has_a_hook():
    cls = plain_class()
    hooks = [("__reduce_ex__", three), ("__reduce__", three), ("__getstate__", lambda: 5), ("__getnewargs__", lambda: (1,)), ("__getnewargs_ex__", lambda: ((1,), {}))]
    made = [with_attributes(cls, "x") for _ in range(2)]
    for name, hook in hooks:
        other = with_attributes(cls, "x")
        setattr(other, name, hook)
        alone = plain_class()()
        alone.__dict__[name] = hook
        made += [other, alone]
    return made


@case
def a_key_that_equals_a_hook():
    cls = plain_class()
    made = [with_attributes(cls, "x") for _ in range(3)]
    made[2].__dict__[Text("__reduce_ex__")] = three
    return made


@case
def an_instance_that_reduces_has_a_hook():
    cls = plain_class(__reduce__=lambda self: (int, ()))
    inline, with_dict = cls(), cls()
    inline.__reduce_ex__ = three
    with_dict.__dict__["__reduce_ex__"] = three
    return [cls(), inline, with_dict]


@case
def instances_that_share_a_dict():
    cls = plain_class()
    one, two, three_ = (with_attributes(cls, "x", "y") for _ in range(3))
    two.__dict__ = one.__dict__
    return [one, two, three_, three_.__dict__, with_attributes(cls, "x").__dict__]


@case
def a_dict_before_its_instance():
    cls = plain_class()
    made = [with_attributes(cls, "x", "y") for _ in range(4)]
    made[3].__dict__ = dict(made[3].__dict__)
    return [made[0].__dict__, made[0], made[1], made[2], made[2].__dict__, made[3], made[3].__dict__, made]


@case
def a_dict_after_instances_like_it():
    cls = plain_class()
    inline, with_dicts = ([with_attributes(cls, "x", "y") for _ in range(4)] for _ in range(2))
    for one in with_dicts:
        one.__dict__ = dict(one.__dict__)
    return [*inline[:2], inline[2], inline[2].__dict__, inline[3], *with_dicts[:2], with_dicts[2], with_dicts[2].__dict__, with_dicts[3]]


@case
def a_dict_that_foreign_code_asked_for():
    cls, asked = plain_class(), []
    made = [with_attributes(cls, "x", "y") for _ in range(4)]
    return [Turn(), made[0], made[1], Turn(lambda: asked.append(made[1].__dict__)), made[2], asked, made[3]]


@case
def a_hook_after_others_without():
    cls = plain_class()
    made = [with_attributes(cls, "x", "y") for _ in range(4)]
    made[3].__reduce_ex__ = three
    other = plain_class("D")
    alone = [with_attributes(other, "x") for _ in range(3)]
    alone[1].__getstate__ = lambda: 5
    return [made, alone]


@case
def a_dict_of_another_class():
    cls, other = plain_class(), plain_class("D")
    made = [with_attributes(cls, "x", "y") for _ in range(3)]
    made[0].__dict__ = with_attributes(other, "y", "x", "z").__dict__
    more = [with_attributes(cls, "x", "y") for _ in range(2)]
    more[0].__dict__ = with_attributes(other, "y", "x", "z").__dict__
    return [made[0], made[1], made[2], *more, with_attributes(other, "y", "x", "z"), with_attributes(other, "z")]


def other_tables_of_keys(then, change=lambda one: None):
    """Half of the instances have another class's dict; in the middle these dicts end, and the rest get such with keys `then`."""
    cls = plain_class()
    made = [with_attributes(cls, "x") for _ in range(12)]

    def take(instances, *names):
        others = [with_attributes(type("O", (), {}), *names) for _ in range(5)]
        for one, other in zip(instances, others):
            one.__dict__ = other.__dict__

    def replace():
        for one in made[1:6]:
            one.__dict__ = {}
        gc.collect()
        take(made[6:11], *then)
        for one in made[6:11]:
            change(one)

    take(made[1:6], "y", "z", "u")
    return [*made[:6], Turn(replace), *made[6:]]


@case
def tables_of_keys_that_die():
    """What foreign code makes may have the address that a table of keys had."""
    return other_tables_of_keys(("__reduce_ex__", "v", "w"), lambda one: one.__dict__.update(__reduce_ex__=three))


@case
def tables_of_other_keys_in_the_place_of_some():
    return other_tables_of_keys(("a", "b", "c"))


@case
def a_thousand_attributes():
    made = []
    for count in (999, 1000, 1001):
        cls = plain_class()
        made.append([with_attributes(cls, *("a%d" % n for n in range(count))) for _ in range(3)])
    return made


@case
def keys_of_a_dict_and_shared_ones_by_turns():
    """One class, whose instances keep their attributes in themselves, or in dicts with other keys in the same places."""
    cls, made = plain_class(), []
    for n in range(8):
        one = with_attributes(cls, "x", "y")
        if n % 2:
            one.__dict__ = {"yxz"[n // 2 % 3]: n, "wyx"[n // 2 % 3]: [n]}
        made.append(one)
    return made


@case
def shared_keys_that_become_others():
    """A class gets a new table of keys when there are too many."""
    cls = plain_class()
    made = [with_attributes(cls, "x", "y") for _ in range(3)]
    wide = with_attributes(cls, *("k%d" % n for n in range(40)))
    others = [with_attributes(cls, *names) for names in ("yx", "xy", "zx") for _ in range(2)]
    return [made, wide, others, made[0].__dict__]


@case
def a_dict_that_grew_other_keys():
    """The last keys are the same up to the length of those before."""
    cls, made = plain_class(), []
    for names in ("ab", "ab", "abc", "abc", "a", "a", "abc", "ab", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", "ab"):
        one = cls()
        one.__dict__ = dict.fromkeys(names, 1)
        made.append(one)
    return made


@case
def numbers_around_256():
    """References to them take two bytes or five."""
    cls = plain_class()
    for begin in range(200, 260):
        yield [[[] for _ in range(begin)], [with_attributes(cls, "x", "y") for _ in range(3)]]


@case
def places_around_the_end_of_a_frame():
    cls, record, slotted = plain_class(), collections.namedtuple("N", "a b"), plain_class("S", __slots__=("a", "b"))
    shared, zone = ["shared"], datetime.timezone.utc
    first = [with_attributes(cls, "x"), with_attributes(cls, "x"), record(1, 2), with_attributes(slotted, "a"), datetime.date(2020, 1, 2), datetime.time(1, tzinfo=zone), shared]
    first += ["%0250d" % n for n in range(240)]
    room = 65536 - len(by_cloudpickle(first, 5))
    for last in (
        [with_attributes(cls, "x", value=300), with_attributes(cls, "x", value=shared), record(1, "two")],
        [with_attributes(slotted, "a", "b"), with_attributes(slotted, "b", value=shared), record(shared, 1.5)],
        [with_slots(slotted, "long " * 40, 5), with_slots(slotted, shared, "long " * 30)],
        [datetime.date(2020, 1, 2), datetime.time(1, tzinfo=zone), datetime.timedelta(1)],
        [[n + 0.5 for n in range(12)], [1] * 12],
        [[n << 20 for n in range(12)], [None] * 12],
        [1, 256, 1 << 20, 1 << 40, 1.5, None, "text", "é", b"bytes", (), [], {}, shared, (1, 2.5), {"key": "value"}],
    ):
        for left in range(0, 66, 3):
            yield [*first, "x" * (room - left), *last]


@case
def leaves_over_several_frames():
    return {"key %d" % n: [n, "text %d" % n, (n, 1.5), None, {"é": n}] for n in range(5000)}


@case
def containers_and_leaves_met_twice():
    listed, pair, texts = ["list"], (1, [2]), ["%s%d" % (letter, n) for letter in "aé" for n in range(3)]
    lacking = {"%d" % n: [n] for n in range(9)}
    del lacking["0"], lacking["4"], lacking["8"]
    inside = []
    inside.append((inside, (inside, 1)))
    data = bytes(range(9))
    yield [[listed, pair, {"a": pair, "b": listed, "c": lacking}], [texts, texts[::-1], [data, data]], [[listed, pair, lacking]], inside, inside[0]]
    yield [[list(range(999))] * 2, [[[n] for n in range(1000)]], [[[n] for n in range(1001)]], [{n: n for n in range(1000)}], ["x" * 256, "é" * 128, b"x" * 256]]


@case
def harmless_keys_that_foreign_code_replaces():
    cls = plain_class()
    made = [with_attributes(cls, "x") for _ in range(6)]

    def put_in():
        made[4].__reduce_ex__ = three
        made[5].__dict__["__reduce_ex__"] = three

    return [Turn(), made[0], made[1], Turn(put_in), *made[2:]]


@case
def keys_by_turns():
    cls, made = plain_class(), []
    for n in range(6):
        one = cls()
        one.__dict__ = {"ab"[n % 2]: n, "cd"[n // 2 % 2]: n, **({"e": 1} if n > 3 else {})}
        made.append(one)
    return made


# --- what lies in itself


@case
def what_lies_in_itself_beside_others():
    """What comes before it is written once, although only it refers to that."""
    makes = [lambda: ["list"], lambda: "".join(["un", "ique"]), lambda: (1, [2]), lambda: {"k": []}, lambda: b"".join([b"by", b"tes"]), lambda: {1, 2}]
    makes += [lambda: with_attributes(plain_class(), "x"), lambda: functools.partial(len), lambda: lambda: 1, lambda: "".join(["\u20ac", "\xe9"]), lambda: bytearray(b"a")]
    record, slotted = collections.namedtuple("N", "a b c d"), plain_class("S", (tuple,), __slots__=())
    for make in makes:
        for kind in (lambda *items: items, record, lambda *items: slotted(items)):
            inside = []
            inside.append(kind(make(), make(), inside, make()))
            yield inside[0]
            yield [1, inside[0], inside]
            yield inside


@case
def annotations_that_are_asked_for_meanwhile():
    """They are empty, and only their function refers to them."""
    functions, asked = [functions_of("def f(): return 1")["f"] for _ in range(6)], []
    for f in functions:
        f.__annotations__ = {}
    ask = [Turn(lambda f=f: asked.append(f.__annotations__)) for f in functions]
    return [functions[:2], ask[0], functions[2:4], ask[1:4], functions[4:], ask[4:], asked]


# --- slots


@case
def slots_named_anew_in_the_middle():
    cls = plain_class(__slots__=("a", "b"))
    made = [with_attributes(cls, "a", "b") for _ in range(5)]
    return [made[0], made[1], Turn(lambda: cls.__slotnames__.remove("b")), made[2], Turn(lambda: cls.__slotnames__.append("b")), made[3], made[4]]


@case
def slots_named_anew_between_dumps():
    cls = plain_class(__slots__=("a", "b"))
    for _ in range(3):
        binding.dumps([with_attributes(cls, "a", "b"), cls()])
    cls.__slotnames__.remove("b")
    return [with_attributes(cls, "a", "b") for _ in range(3)]


@case
def slots_named_as_none_between_dumps():
    made = []
    for names in (None, ("a",), ["a", "c"]):
        cls = plain_class(__slots__=("a", "b"))
        binding.dumps([with_attributes(cls, "a", "b"), cls()])
        cls.__slotnames__ = names
        made += [with_attributes(cls, "a", "b") for _ in range(2)]
    return made


def with_slots(cls, a, b):
    made = cls()
    made.a, made.b = a, b
    return made


@case
def slots_that_hold_what_came_before():
    cls = plain_class(__slots__=("a", "b"))
    known = ["text", "é" * 300, b"bytes", bytearray(b"a"), 2**70, [], {}, (1,), frozenset([2]), int, lambda: cls, cls, cls(), slice(1)]
    before = [with_slots(cls, value, one) for value in known for one in (None, known[0], known)]
    under_way, itself = [], cls()
    under_way.append(with_slots(cls, under_way, "a"))
    itself.a, itself.b = itself, known
    return [known, before, under_way, itself, with_slots(cls, "new", known), with_slots(cls, known, object)]


@case
def slots_of_many_objects_that_hold_what_came_before():
    cls, known = plain_class(__slots__=("a", "b")), [1.5]
    return [with_slots(cls, known, "text %d" % n) for n in range(9_000)]


@case
def slots_of_all_names():
    cls = plain_class("_C", __slots__=("__private", "__both__", "a"))
    base = plain_class("__", __slots__=("__private",))
    again = plain_class("D", (cls,), __slots__=("a", "__dict__"))
    made = [again(), again()]
    for one in made:
        one._C__private, one.__both__, one.a, one.x = 1, 2, 3, 4
    return made + [cls(), base(), base()]


@case
def a_class_that_holds_more():
    counted = plain_class("Counted", (int,), __slots__=())
    return [plain_class("E", (collections.deque,))(), counted(5), counted(6), plain_class("M", (types.SimpleNamespace,))(a=1)]


# --- metaclasses


@case
def a_metaclass_that_reduces_later():
    meta = type("M", (type,), {"__module__": "__main__"})
    cls = meta("C", (), {"__module__": "__main__"})
    for _ in range(3):
        binding.dumps([cls(), cls()])
    meta.__reduce__ = property(lambda cls: lambda self: (int, ()))
    return [cls(), cls()]


@case
def a_metaclass_that_reduces():
    meta = type("M", (type,), {"__module__": "__main__", "__reduce__": property(lambda cls: lambda self: (int, ()))})
    cls = meta("C", (), {"__module__": "__main__"})
    return [cls(), cls()]


@case
def a_metaclass_that_sets_otherwise():
    members = {"__module__": home, "__setattr__": lambda cls, name, value: type.__setattr__(cls, name, ["b"] if name == "__slotnames__" else value)}
    cls = type("M", (type,), members)("C", (), {"__module__": home, "__slots__": ("a", "b")})
    return [with_attributes(cls, "a", "b") for _ in range(3)]


@case
def a_metaclass_that_is_told_of_slots():
    asked, others = [], [with_attributes(plain_class(), "x")]
    others.append(with_attributes(type(others[0]), "x"))
    members = {"__module__": home, "__setattr__": lambda cls, name, value: asked.append(others[1].__dict__) or type.__setattr__(cls, name, value)}
    cls = type("M", (type,), members)("C", (), {"__module__": home, "__slots__": ("a", "b")})
    return [others, with_attributes(cls, "a"), asked]


@case
def a_metaclass_with_an_mro_of_its_own():
    cls = type("M", (type,), {"__module__": home, "__mro__": property(lambda cls: (object,))})("C", (), {"__module__": home, "__slots__": ("a", "b")})
    return [with_attributes(cls, "a", "b") for _ in range(3)]


# --- namedtuples


@case
def namedtuples_of_other_kinds():
    names = collections.namedtuple("N", "a b")
    with_dict = plain_class("D", (names,))
    other = plain_class("O", (names,), __slots__=(), __getnewargs__=lambda self: (7, 7))
    iterating = plain_class("I", (names,), __slots__=(), __iter__=lambda self: iter((8, 9)))
    known = names.__getnewargs__
    closed = types.FunctionType(known.__code__, known.__globals__, closure=(types.CellType(lambda self: (5, 6)),))
    odd = plain_class("T", (names,), __slots__=(), __getnewargs__=closed)
    more = with_dict(1, 2)
    more.x = 1
    return [with_dict(1, 2), more, other(1, 2), other(3, 4), iterating(1, 2), odd(1, 2), odd(3, 4)]


@case
def namedtuples_whose_arguments_are_asked_for_otherwise():
    """By other code with the variable that the usual code has."""
    def factory():
        _tuple = tuple
        return lambda self: _tuple(self)[::-1]

    odd = plain_class("R", (collections.namedtuple("N", "a b"),), __slots__=(), __getnewargs__=factory())
    return [odd(1, 2), odd(3, 4)]


@case
def a_namedtuple_inside_itself():
    cls, inner = collections.namedtuple("N", "a b"), []
    inner.append(cls(inner, 1))
    return [inner[0], cls(1, 2)]


@case
def a_namedtuple_inside_itself_after_others():
    cls, inner = collections.namedtuple("N", "a b"), []
    inner.append(cls(1, inner))
    return [cls(1, 2), inner[0], cls(inner, 2)]


# --- what goes by a reduction that is known


@case
def starred_aliases():
    return [list[int], *(tuple[int, str] if sys.version_info >= (3, 11) else ()), list[int]]


@case
def partials_with_hooks():
    one, two = functools.partial(len), functools.partial(len)
    one.__reduce__ = three
    two.__dict__["__reduce_ex__"] = three
    return [functools.partial(len), one, two]


@case
def partials_that_reduce_otherwise():
    cls = plain_class("functools.partial", (functools.partial,), __reduce__=functools.partial.__setstate__)
    return [cls(len), cls(abs)]


@case
def lists_called_array():
    cls = plain_class("array.array", (list,))
    return [array.array("i", range(5000)), cls(range(5000))]


@case
def a_list_called_array_is_asked_nothing():
    asked = []
    cls = plain_class("array.array", (list,), __len__=lambda self: asked.append(1) or 5000, __getitem__=lambda self, at: asked.append(at))
    return [cls(), asked]


@case
def times_of_all_kinds():
    zone = datetime.timezone(datetime.timedelta(hours=1), "one")
    made = []
    for _ in range(2):
        made += [datetime.datetime(2020, 1, 2, fold=1), datetime.time(3, 4, fold=1), datetime.datetime(2020, 1, 2, 3, tzinfo=zone, fold=1)]
        made += [datetime.time(3, tzinfo=zone), datetime.time(3, tzinfo=datetime.timezone.utc), datetime.date(2020, 3, 4), datetime.timedelta(1, -2, 3)]
    return made


@case
def ints_of_all_lengths():
    return [sign * (1 << bits) + more for bits in (7, 8, 15, 16, 31, 32, 39, 63, 64, 71, 127, 2047) for sign in (1, -1) for more in (-1, 0, 1)]


@case
def texts_of_all_lengths():
    lengths = (0, 1, 15, 16, 17, 31, 32, 33, 254, 255, 256, 257, 32767, 32768, 65535, 65536)
    return [letter * length for letter in "aé" for length in lengths]


@case
def a_set_that_changes_in_the_middle():
    held = set()
    held.update(Turn(lambda: held.add(len(held))) for _ in range(3))
    return held


# --- functions


@case
def defaults_met_twice():
    def function(x=("".join(["un", "ique"]), [1]), *, y="".join(["an", "other"])):
        return x, y

    def other(x=1):
        return x

    other.__defaults__ = function.__defaults__
    return [function, function.__defaults__, function.__kwdefaults__, other, function]


@case
def defaults_before_their_function():
    def function(x=("".join(["un", "ique"]), [1]), *, y="".join(["an", "other"])):
        return x, y

    return [function.__defaults__, function.__kwdefaults__, function]


@case
def attributes_met_twice():
    """Each is held by the function's dict only, which is met before the function, or after it."""

    def function():
        pass

    function.a, function.b = [1], "".join(["un", "ique"])
    yield [function.__dict__, function]
    yield [function, function.__dict__]


@case
def names_of_code_met_twice():
    source = "".join(["def", " f(first_argument):\n    inner_variable = 1\n    return lambda: first_argument + inner_variable + some_global"])
    made = functions_of(source)["f"]
    code = made.__code__
    parts = [code.co_names, code.co_varnames, code.co_cellvars, code.co_consts[-1 if code.co_consts[-1] is not None else 0]]
    yield [parts, made]
    yield [made, parts]
    yield [made.__code__.co_consts, made]


@case
def the_dict_of_a_class_met_twice():
    cls = plain_class(a=["a"], b="".join(["un", "ique"]), c=(1, [2]))
    yield [cls, vars(cls)]
    yield [vars(cls), cls]


@case
def globals_and_what_is_in_them():
    """Each is held by the globals only, which are met before the functions, or after one of them."""
    given = {"__package__": "".join(["pack", "age"]), "__file__": "".join(["fi", "le"]), "__path__": "".join(["pa", "th"])}
    for _ in range(3):
        made = functions_of("def f(): return a, b\ndef g(): return b", a=["a"], b="".join(["un", "ique"]), **given)
        made.pop("__builtins__")
        given = {name: text + " " for name, text in given.items()}
        yield [made, made["f"]]
        yield [made["f"], made, made["g"]]


@case
def globals_that_are_asked():
    """As often as the package asks."""

    class Globals(dict):
        def __contains__(self, key):
            asked.append(key)
            return dict.__contains__(self, key)

    code = functions_of("def f(): return 1")["f"].__code__
    asked, made = [], Globals(__name__="__main__", __package__="one")
    return [types.FunctionType(code, made), types.FunctionType(code, made), Turn(), asked]


@case
def a_function_of_the_package_that_is_another_now():
    package = cloudpickle.cloudpickle
    for name in ("_make_function", "_builtin_type"):
        binding.dumps([lambda: 1])
        own = getattr(package, name)
        change(vars(package), name, types.FunctionType(own.__code__, own.__globals__, own.__name__))
        yield [lambda: 1, getattr(package, name)]


@case
def names_that_are_no_plain_text():
    for name in ("__module__", "__qualname__"):
        cls = plain_class()
        binding.dumps([cls, cls])
        type.__setattr__(cls, name, Text(getattr(cls, name)))
        yield [cls, cls]

        def function():
            pass

        globals()["_made_function"] = function
        function.__module__, function.__qualname__ = home, "_made_function"
        binding.dumps([function, function])
        setattr(function, name, Text(getattr(function, name)))
        yield [function, function]


@case
def found_inside_of_a_function():
    def function():
        pass

    names = types.SimpleNamespace(inner=types.FunctionType(function.__code__, {}, "inner"))
    globals()["_made_outer"] = function
    setattr(function, "<locals>", names)
    names.inner.__module__, names.inner.__qualname__ = __name__, "_made_outer.<locals>.inner"
    return names.inner


@case
def members_met_twice():
    cls = plain_class(a="".join(["un", "ique"]), b=[1], c="c", é="a")
    return [cls, "a", "c", "é", cls.__dict__["a"], cls.__dict__["b"]]


def functions_of(source, **globals_):
    namespace = {"__name__": "__main__", "__builtins__": builtins, **globals_}
    exec(compile(source, "<guards>", "exec"), namespace)
    return namespace


@case
def globals_met_twice():
    made = functions_of("def f(): return g\ndef g(): return 1", __package__="".join(["pack", "age"]), __file__="".join(["fi", "le"]))
    found = [made["__package__"], made["f"], made["g"], made["__file__"]]
    return [found[1:], [made["__file__"]], found]


@case
def one_code_with_several_globals():
    code = compile("def f(): return 1", "<guards>", "exec")
    made = []
    for name in ("one", "two", "one"):
        namespace = {"__name__": "__main__", "__builtins__": builtins, "__package__": name}
        exec(code, namespace)
        made.append(namespace["f"])
    return made + made


@case
def globals_that_changed_between_dumps():
    made = functions_of("def f(): return 1", __package__="one")
    for _ in range(4):
        binding.dumps([made["f"], made["f"]])
    made["__package__"] = "two"
    return [made["f"], made["f"]]


@case
def globals_that_are_no_plain_dict():
    code = functions_of("def f(): return 1")["f"].__code__
    globals_ = plain_class("G", (dict,))(__name__="__main__", __package__="one")
    return [types.FunctionType(code, globals_), types.FunctionType(code, globals_)]


@case
def globals_under_names_that_are_equal_only():
    """By their characters, or as what says that it is equal."""

    class Unequal(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            return False

    code = functions_of("def f(): return 1")["f"].__code__
    for kind in (Text, Unequal, lambda name: "".join(name)):
        made = {"__name__": "__main__", "__builtins__": builtins, kind("__package__"): "one", kind("__file__"): "two"}
        for _ in range(2):
            yield [written(types.FunctionType(code, made)), types.FunctionType(code, made)]


@case
def a_frozenset_inside_itself():
    cls = plain_class()
    one = cls()
    one.x = frozenset([one])
    return [one.x, one]


@case
def functions_of_one_code():
    """One that has nothing but the code was written before, under the same names."""
    for source in ("def f() -> int: return 1", "def f(a, b=1, *, c=2): return a", "def f(): return g", "def f():\n 'Says.'\n return g, h"):
        full = functions_of(source)["f"]
        code, doc = full.__code__, full.__doc__

        def bare(globals_=None, closure=None):
            made = types.FunctionType(code, {"__name__": "__main__", "__builtins__": builtins} if globals_ is None else globals_, "f", None, closure)
            made.__doc__ = doc
            return made

        for _ in range(3):
            binding.dumps([bare(), bare()])
        yield [bare(), full, bare()]
        yield full
        yield bare(closure=())
        yield bare({"__name__": "__main__", "g": [1], "h": 2})
        yield bare(plain_class("G", (dict,))(__name__="__main__", __package__="one", g=1))
        says = {"__contains__": lambda self, key: True, "__getitem__": lambda self, key: "said of " + key}
        yield bare(plain_class("G", (dict,), **says)(__name__="__main__", __builtins__=builtins))
        for name, value in {
            "mark": 1, "__name__": "another", "__qualname__": "another", "__doc__": "Another.", "__module__": None, "__defaults__": (5,), "__kwdefaults__": {"c": 5}, "__annotations__": {"a": int},
        }.items():  # fmt: skip
            made = bare()
            setattr(made, name, value)
            yield made
        for key in (Text("key"), 5):
            made = bare()
            made.__dict__[key] = 1
            yield made
        made = bare()
        made.__dict__ = plain_class("D", (dict,))(mark=1)
        yield made
        made = bare()
        made.__annotations__ = plain_class("A", (dict,))()
        yield made


def changed_function(f):
    """Takes away all that a function has, of which nobody else holds a part."""
    code = (lambda: 5).__code__
    if not f.__closure__:
        f.__code__ = code
    f.__doc__, f.__module__, f.__defaults__, f.__kwdefaults__ = None, "other", None, None
    f.__name__ = f.__qualname__ = "other"
    f.__dict__, f.__annotations__ = {"other": 1}, {}
    f.__globals__.clear()
    gc.collect()


@case
def functions_that_change_while_they_are_written():
    """Their parts are those that they had when they were reduced, whatever is done to them meanwhile."""
    for where in ("annotations", "kwdefaults", "defaults", "closure", "globals", "attributes", "code"):
        made = []
        for number in range(4):
            world = {"__name__": "".join(["__ma", "in__"]), "__builtins__": builtins, "g": bytearray(b"g"), "h": ["h", number]}
            exec("def outer(x, y):\n def f(a=1, *, b=2):\n  'doc'\n  return x, y, turn, g, h\n return f", world)
            turn = Turn()
            f = world.pop("outer")(turn if where == "closure" else bytearray(b"x"), ["y"])
            turn.change = lambda f=f: changed_function(f)
            if where == "code":
                f = types.FunctionType((lambda: g).__code__, world)  # noqa: F821
                f.__code__ = f.__code__.replace(co_consts=(None, turn, "tail %d" % number), co_name="".join(["na", "me"]))
                turn.change = lambda f=f: changed_function(f)
            f.__annotations__ = {"a": turn if where == "annotations" else bytearray(b"a"), "b": [int]}
            f.__kwdefaults__ = {"b": turn if where == "kwdefaults" else bytearray(b"b"), "c": ["c"]}
            f.__defaults__ = (turn if where == "defaults" else bytearray(b"d"),)
            f.__doc__, f.__module__ = "".join(["do", "c"]), "".join(["__ma", "in__"])
            f.first, f.second, f.third = turn if where == "attributes" else 1, bytearray(b"second"), ["third"]
            if where == "globals":
                world["turn"] = turn
            made.append(f)
        yield made
        yield made[0]


@case
def attributes_that_change_while_they_are_written():
    for change in (lambda d: d.update(more=1), lambda d: d.pop("second"), lambda d: d.clear(), lambda d: d.update(dict.fromkeys(map(str, range(50))))):
        f = functions_of("def f(): pass")["f"]
        f.first = Turn(lambda f=f, change=change: change(vars(f)))
        f.second, f.third = bytearray(b"second"), ["third"]
        yield f
        yield [f, f]
        f, turn = functions_of("def f(): pass")["f"], Turn()
        f.__code__ = f.__code__.replace(co_consts=(None, turn))
        turn.change = lambda f=f, change=change: change(vars(f))
        f.second, f.third = bytearray(b"second"), ["third"]
        yield f


@case
def functions_whose_globals_change_them():
    """Globals of another type are asked before the function is."""
    for number in range(3):
        holder = []

        def contains(self, key, holder=holder):
            for f in holder:
                f.__name__ = f.__qualname__ = "".join(["oth", "er"])
                f.__dict__, f.__doc__ = {"other": ["other"]}, None
                gc.collect()
                [["junk %d" % n] for n in range(100)]
            return dict.__contains__(self, key)

        globals_ = type("G", (dict,), {"__contains__": contains, "__reduce__": lambda self: (dict, ())})(__name__="__main__")
        f = types.FunctionType((lambda: 1).__code__, globals_, "name of %d" % number)
        f.__doc__, f.own = "".join(["do", "c"]), bytearray(b"own")
        holder.append(f)
        yield [f]


@case
def modules_that_change_while_they_are_written():
    for change in (lambda d: d.update(more=1), lambda d: d.pop("second"), lambda d: d.clear(), lambda d: d.update(dict.fromkeys(map(str, range(50))))):
        module = types.ModuleType("made_by_value")
        module.first = Turn(lambda module=module, change=change: change(vars(module)) or gc.collect())
        module.second, module.third = bytearray(b"second"), ["third", "".join(["fou", "rth"])]
        yield module
        yield [module, module]


# --- where functions are found, and the modules that they name


def of_module(name="made_module", **members):
    made = types.ModuleType(name)
    vars(made).update(members)
    change(sys.modules, name, made)
    return made


def function_named(qualname, module="made_module"):
    made = functions_of("def f(): return 1")["f"]
    made.__module__, made.__qualname__ = module, qualname
    return made


@case
def found_by_what_a_module_says():
    made, f = of_module(), function_named("lazy")
    made.__getattr__ = lambda name: {"lazy": f}[name]
    yield [f, f]
    made, f = of_module(), function_named("__class__")
    vars(made)["__class__"] = f
    yield [f, f]


class Named:
    """Says where it is found."""

    def __init__(self, name, module="made_module"):
        self.name, self.__module__ = name, module

    def __reduce__(self):
        return self.name


@case
def what_reduces_to_a_name():
    """It stands in its module's dict, but what is asked for may be something else."""
    for name in ("thing", "a.b", "__class__", "__dict__", "__name__", "__doc__", "_thing", Text("thing"), "th\xefng", ""):
        for members in (None, {name: property(lambda self: 5)}, {"__getattr__": lambda self, name: 5}, {"__getattribute__": lambda self, name: 5}):
            named = Named(name)
            made = types.ModuleType("made_module") if members is None else type("M", (types.ModuleType,), members)("made_module")
            (vars(made) if members is None else types.ModuleType.__dict__["__dict__"].__get__(made))[name] = named
            change(sys.modules, "made_module", made)
            yield [named, named]


@case
def pairs_that_are_none():
    for pairs in ([(1, 2, 3)], [(1,)], [[1, 2]], [(1, 2), (3,)], [(1, 2), [3, 4]], [(1, 2), (3, 4, 5)], [(1, 2), Text("ab")], [()]):
        yield type("Paired", (), {"__module__": __name__, "__reduce__": lambda self: (dict, (), None, None, iter(pairs))})()


@case
def runs_of_numbers():
    runs = [[n + 0.5 for n in range(20)], list(range(250, 270)), [n << 30 for n in range(20)], [None] * 20, [True] * 20, [False] * 20, [-n for n in range(20)]]
    runs += [[1.5] * 9 + [1], [1] * 9 + [1.5], [1] * 9 + [True], [None] * 9 + [0], [1 << 70] * 20, [1] * 9 + [1 << 40], [1.0] * 9 + ["text"]]
    for kind in (list, tuple, set, frozenset):
        yield [kind(run) for run in runs]


@case
def found_in_a_class_that_answers_otherwise():
    """Under a name of which the class, or its metaclass, has something that makes what is found."""
    members = {"inner": lambda f: f, "static": staticmethod, "given": lambda f: type("G", (), {"__get__": lambda *_: f})(), "bound": classmethod}
    for name, member in members.items():
        for meta in (
            type,
            type("M", (type,), {name: property(lambda cls: 5)}),
            type("M", (type,), {"__getattribute__": lambda cls, asked, name=name: 5 if asked == name else type.__getattribute__(cls, asked)}),
            type("M", (type,), {"__getattr__": lambda cls, asked: 5}),
        ):
            f = function_named("Outer." + name)
            of_module(Outer=meta("Outer", (), {"__module__": "made_module", name: member(f)}))
            yield [f, f]


def package(*inner, name="made_package", of=types.ModuleType, **members):
    made = of(name)
    vars(made).update(members)
    change(sys.modules, name, made)
    for part in inner:
        change(sys.modules, name + "." + part, types.ModuleType(name + "." + part))
    return made


def user(package, source):
    return written(functions_of("def f(): return " + source, p=package)["f"])


def user_of_cell(package):
    return written(functions_of("def g(p):\n def f(): return p.a, p.b\n return f")["g"](package))


def written(function):
    for _ in range(3):
        outcome(binding.dumps, function, 5)
    return function


@case
def submodules_as_they_come_and_go():
    made = package("b", "a", "c", "a.c", __package__="made_package")
    yield [user(made, "p.a.c, p.b"), user_of_cell(made)]
    twice = user(made, "p.a")
    twice.__code__ = twice.__code__.replace(co_names=twice.__code__.co_names * 2)
    yield twice
    new = [types.ModuleType("made_package." + part) for part in "de"]
    change(sys.modules, "made_package.d", new[0])
    yield user(made, "p.d, p.a")
    change(sys.modules, "made_package.b")
    yield user(made, "p.b, p.a, p.d")
    change(sys.modules, "made_package.d")
    change(sys.modules, "made_package.e", new[1])
    yield user(made, "p.d, p.e")
    change(sys.modules, "made_package.e")
    yield user(made, "p.e, p.a")


@case
def submodules_of_what_is_no_plain_package():
    for name in ("", None, "other", Text("made_package"), 0, 5):
        yield user(package("a", __package__=name), "p.a")
    yield user(package("a"), "p.a")
    yield user(package("a", __package__="made_package", __name__=Text("made_package")), "p.a")
    given = [{name: property(lambda self, said=said: said)} for name, said in (("__package__", ""), ("__package__", "made_package"), ("__name__", "made_package"))]
    # From 3.13 on CPython may look past a property of a module when it is asked for the same often.
    for members in given if sys.version_info < (3, 13) else ():
        yield user(package("a", "b", of=type("M", (types.ModuleType,), {"__reduce__": lambda self: (int, ()), **members})), "p.a")
    package("a", name="made_other")
    yield user(package("a", __package__="made_package", __name__=Adds("made_package")), "p.a")


@case
def keys_of_sys_modules_that_are_no_plain_text():
    made = package("a", __package__="made_package")
    change(sys.modules, Text("made_package.b"), types.ModuleType("made_package.b"))
    yield user(made, "p.b, p.a")
    change(sys.modules, 5, made)
    yield user(made, "p.b, p.a")


@case
def a_sys_modules_that_is_no_plain_dict():
    made = package("a", "b", __package__="made_package")

    class Modules(dict):
        def __iter__(self):
            return iter([name for name in self.keys() if name != "made_package.b"])

    change(vars(sys), "modules", Modules(sys.modules))
    yield user(made, "p.a, p.b")


class Adds(Text):
    def __add__(self, other):
        return "made_other" + other


class LikeAModule:
    """Says that it is one."""

    __class__ = property(lambda self: types.ModuleType)
    __package__ = __name__ = "made_package"

    def __reduce__(self):
        return int, ()


class LikeAModuleWhenAsked(LikeAModule):
    __class__ = object.__dict__["__class__"]

    def __getattribute__(self, name):
        return types.ModuleType if name == "__class__" else object.__getattribute__(self, name)


class LikeNone:
    def __reduce__(self):
        return int, ()


@case
def what_says_that_it_is_a_module():
    package("a", "b")
    for like in (LikeAModule, LikeAModuleWhenAsked, LikeNone):
        yield user(like(), "p.a, p.b")
        yield user_of_cell(like())


class Hashing:
    """Runs foreign code when it is hashed."""

    def __init__(self, change):
        self.change = change

    def __hash__(self):
        self.change()
        return 5

    def __reduce__(self):
        return int, ()


@case
def constants_that_are_hashed():
    for wrap in (lambda one: one, lambda one: (one,), lambda one: (1, (one,))):
        cls, asked = plain_class(), []
        made = [with_attributes(cls, "x", "y") for _ in range(4)]
        code = functions_of("def f(): return 1")["f"].__code__
        code = code.replace(co_consts=(*code.co_consts, wrap(Hashing(lambda: asked.__setitem__(slice(1), [made[1].__dict__])))))
        yield [made, types.FunctionType(code, {"__name__": "__main__"}), asked]


# --- what classes have


class Gives:
    """A descriptor, which runs foreign code."""

    def __init__(self, given, change):
        self.given, self.change = given, change

    def __get__(self, instance, owner):
        self.change()
        return self.given


@case
def classes_that_are_asked_for_what_they_say():
    """What is asked may ask for what is not there yet: the dict of an instance."""
    for name, given in (("__module__", "__main__"), ("__slots__", ()), ("_abc_impl", None), ("__name__", "C"), ("__qualname__", "C")):
        for where in ("class", "metaclass", "__getattr__"):
            cls, asked = plain_class(), []
            made = [with_attributes(cls, "x", "y") for _ in range(4)]
            ask = lambda: asked.__setitem__(slice(1), [made[1].__dict__])  # noqa: E731
            meta = type("M", (type,), {"__module__": "__main__", **({"__getattr__": lambda cls, name: ask() or given} if where == "__getattr__" else {})})
            if where == "metaclass" and name not in ("__name__", "__qualname__"):
                setattr(meta, name, Gives(given, ask))
            world = {"meta": meta, "members": {"y": 2}, "__builtins__": builtins}
            if where == "class" and name in ("__module__", "_abc_impl"):
                world["members"][name] = Gives(given, ask)
            # Without a name of the module to be found, none is put in.
            yield [made, eval("meta('C', (), members)", world), asked]


@case
def bases_that_a_metaclass_speaks_for():
    value = ["value"]
    meta = type("M", (type,), {"__module__": "__main__", "__dict__": property(lambda cls: {"y": value})})
    base = meta("B", (), {"__module__": "__main__"})
    own = type("N", (meta,), {"__module__": "__main__", "__dict__": type.__dict__["__dict__"]})
    yield own("C", (base,), {"__module__": "__main__", "y": value, "z": value})


@case
def names_of_members_that_are_not_interned():
    yield type("C", (), {"__module__": "__main__", "".join(["__slo", "ts__"]): ("a", "b")})
    yield type("C", (), {"__module__": "__main__", "__slots__": ("".join(["a_", "slot"]), "".join(["__we", "akref__"]))})
    yield type("C", (), {"__module__": "__main__", "__slots__": "".join(["one_", "slot"])})
    yield type("C", (), {"__module__": "__main__", "".join(["__do", "c__"]): "".join(["A ", "text."]), "".join(["__mod", "ule__"]): "__main__"})


@case
def the_dict_itself_of_a_class():
    for order, more in ((1, {}), (-1, {}), (1, {"__slots__": ()}), (-1, {"__slots__": ()})):
        cls = type("C", (), {"__module__": "__main__", "a": ["a"], "b": "".join(["un", "ique"]), **more})
        yield [cls, gc.get_referents(vars(cls))[0]][::order]


@case
def a_dict_of_a_class_that_is_changed_directly():
    """Of which CPython hears nothing."""
    cls = plain_class(a=1, b=2)
    own = gc.get_referents(vars(cls))[0]
    UNDO.append((own, "", []))
    held = list(own.items())
    for _ in range(3):
        binding.dumps([cls, cls])
    own.clear()
    own.update(held[::-1])
    yield cls
    own["c"] = 3
    yield cls
    del own["c"], own["b"]
    yield cls


@case
def names_of_members_that_are_no_plain_text():
    for key in (Text("x"), Text("é"), 5, "é", "\u20ac", "z" * 9):
        yield type("C", (), {"__module__": "__main__", "a": 1, key: 2, "zz": 3, "z" * 8: 4})


@case
def slots_that_are_those_of_a_base():
    names = ("a",)
    base = plain_class("B", __slots__=names)
    for more in ({}, {Text("x"): 1}, {"é": 1}):
        yield type("C", (base,), {"__module__": "__main__", "__slots__": names, **more})
    yield plain_class(__slots__="__weakref__")
    yield plain_class(__slots__="a")
    yield plain_class(__slots__=("__weakref__", "__dict__", "a"))


@case
def members_that_bases_have():
    value = ["value"]
    one, other = plain_class("One", x=value, y=value), plain_class("Other", x=[1], y=value, z=value)
    for bases in ((one, other), (other, one), (one,), (other,)):
        yield type("C", bases, {"__module__": "__main__", "x": value, "y": value, "z": value})
        made = type("C", bases, {"__module__": "__main__", "x": value})
        for name in ("x", "y", "a", "x"):
            binding.dumps([made, made])
            setattr(made, name, value if name == "a" else [2])
            yield made
            type.__delattr__(made, name)
            yield made


@case
def metaclasses_that_say_what_classes_have():
    for name, members in {"__dict__": {"x": 1}, "__bases__": (), "__module__": "json", "__name__": "E"}.items():
        meta = type("M", (type,), {"__module__": "__main__", name: property(lambda cls: members)})
        cls = meta("C", (), {"__module__": "__main__", "y": 2})
        yield cls
        # And as a base of a class of its own metaclass.
        yield meta("D", (cls,), {"__module__": "__main__", "y": 2})


# --- builtins


@case
def registered_builtin_functions():
    copyreg.dispatch_table[types.BuiltinFunctionType] = three
    return [abs, len, abs]


@case
def extensions():
    copyreg.add_extension("builtins", "int", 240)
    copyreg.add_extension("builtins", "abs", 241)
    copyreg.add_extension("cloudpickle.cloudpickle", "_builtin_type", 242)
    copyreg.add_extension("cloudpickle.cloudpickle", "_make_function", 243)
    copyreg.add_extension("collections", "OrderedDict", 244)
    return [int, abs, lambda: 1, lambda: 2, collections.OrderedDict, plain_class()]


@case
def a_module_of_builtins_by_value():
    cloudpickle.register_pickle_by_value(builtins)
    return [int, abs, ValueError]


NO_BUILTINS, OTHER_BUILTINS = types.ModuleType("builtins"), types.ModuleType("builtins")


@case
def another_module_of_builtins():
    binding.dumps([int, abs])
    change(sys.modules, "builtins", NO_BUILTINS)
    yield int
    yield abs


@case
def another_module_of_builtins_that_changes():
    change(sys.modules, "builtins", OTHER_BUILTINS)
    vars(OTHER_BUILTINS).update(BytesWarning=BytesWarning, getattr=getattr, type=type, object=object)
    binding.dumps([BytesWarning] * 2)
    binding.dumps([BytesWarning] * 2)
    del OTHER_BUILTINS.BytesWarning
    yield BytesWarning


@case
def builtins_that_change_between_dumps():
    for name in ("bytearray", "divmod"):
        own = vars(builtins)[name]
        binding.dumps([own])
        binding.dumps([own])
        change(vars(builtins), name, len)
        yield own


@case
def functions_of_builtins_that_say_another_module():
    for name in ("math", "", None):
        binding.dumps([chr])
        before = chr.__module__
        chr.__module__ = name
        yield [chr]
        chr.__module__ = before


@pytest.fixture(autouse=True)
def taken_back():
    tables = [copyreg.dispatch_table, copyreg._extension_registry, copyreg._inverted_registry, copyreg._extension_cache]
    before = [dict(table) for table in tables]
    register = cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES
    registered, own = set(register), sys.modules["builtins"]

    def take_back():
        for table, kept in zip(tables, before):
            table.clear()
            table.update(kept)
        while UNDO:
            namespace, name, value = UNDO.pop()
            namespace.pop(name, None)
            namespace.update((name, own) for own in value)
        register.intersection_update(registered)
        sys.modules["builtins"] = own

    yield take_back
    take_back()


@pytest.mark.parametrize("way", HOMES)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__.replace("_", " "))
def test_it_is_as_the_slow_way_has_it(make, way, taken_back, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "home", HOMES[way])
    for protocol in PROTOCOLS:
        found = []
        for dumps in (binding.dumps, by_cloudpickle):
            # Some cases change what both sides have.
            made = make()
            several = made if isinstance(made, types.GeneratorType) else [made]
            found.append([outcome(dumps, obj, protocol) for obj in several])
            taken_back()
        for ours, theirs in zip(*found):
            assert difference(ours, theirs) is None, "protocol %d: %s" % (protocol, difference(ours, theirs))


def everything():
    """One of each kind that a fast path is for."""
    record = collections.namedtuple("N", "a b")
    values = [list[int], [].append, "ab".upper, range(3), array.array("i", range(5000)), record(1, 2), record(3, 4)]
    values += [datetime.datetime(2020, 1, 2), datetime.date(2020, 1, 2), datetime.timedelta(1), int, abs, collections.OrderedDict, lambda: len]
    values += [functools.partial(len), plain_class(a=1), with_attributes(plain_class(), "x"), with_attributes(plain_class(__slots__=("a",)), "a")]
    return values


def asked(base, hook):
    """The bytes, and what the hook was asked about."""
    events = []

    class Pickler(base):
        pass

    def remember(self, obj):
        shown = obj if type(obj) in (str, int) else getattr(obj, "__name__", None)
        # The ids of classes are made by chance.
        events.append((type(obj).__name__, "id" if type(obj) is str and TRACKER_ID.fullmatch(obj.encode()) else shown))
        return None if hook == "persistent_id" else base.reducer_override(self, obj)

    if hook == "dispatch_table":
        kinds = (types.CodeType, types.BuiltinFunctionType, types.CellType)
        Pickler.dispatch_table = collections.ChainMap({kind: lambda obj: (events.append((type(obj).__name__,)), (int, (4,)))[1] for kind in kinds}, base.dispatch_table)
    else:
        setattr(Pickler, hook, remember)
    return Pickler, events


@pytest.mark.parametrize("hook", ["persistent_id", "reducer_override", "dispatch_table"])
def test_a_pickler_s_hook_is_asked_about_all(hook):
    for protocol in PROTOCOLS:
        found, heard = [], []
        for face in (libcloudpickle, cloudpickle):
            pickler, events = asked(face.Pickler, hook)

            def dumps(obj, protocol):
                out = io.BytesIO()
                pickler(out, protocol=protocol).dump(obj)
                return out.getvalue()

            found.append(outcome(dumps, everything(), protocol))
            heard.append(events)
        assert difference(*found) is None, "protocol %d: %s" % (protocol, difference(*found))
        assert heard[1]
        assert first_difference(*heard) is None, "protocol %d: %s" % (protocol, first_difference(*heard))


def fresh_objects(kind, count):
    """Each is referred to by its container only."""
    makes = {
        "texts": lambda n: "text %d" % n,
        "other texts": lambda n: "\u20ac %d" % n,
        "bytes": lambda n: b"%d" % n,
        "lists": lambda n: [n],
        "empty lists": lambda n: [],
        "tuples": lambda n: (n, "%d" % n),
        "nested tuples": lambda n: (((n,),),),
        "dicts": lambda n: {"%d" % n: {n: "%d" % -n}},
        "long texts": lambda n: "%0250d" % n,
        "shared": lambda n, shared=["%d" % n for n in range(count)]: (shared[n], [shared[n]]),
    }
    return [makes[kind](n) for n in range(count)]


@pytest.mark.parametrize("kind", ["texts", "other texts", "bytes", "lists", "empty lists", "tuples", "nested tuples", "dicts", "long texts", "shared"])
def test_picklers_that_have_no_memory_yet(kind):
    """Those that are inside of several others: the others have what was used before."""
    found = []

    def dive(dumps, depth):
        class Inner:
            def __reduce__(self):
                if depth:
                    dive(dumps, depth - 1)
                return int, ()

        # What comes before the foreign code is written in stretches.
        found.append(dumps([fresh_objects(kind, (40, 70, 400, 5000)[depth % 4]), Inner()], 5))

    dive(binding.dumps, 12)
    mine, found = found, []
    dive(by_cloudpickle, 12)
    assert mine == found


class Marker:
    pass


@pytest.mark.parametrize("forget", [False, True])
def test_what_a_hook_gives_is_held_as_long_as_it_has_a_number(forget):
    """Otherwise other objects would have its address."""
    found = []
    for face in (libcloudpickle, cloudpickle):

        class Pickler(face.Pickler):
            def reducer_override(self, obj):
                if type(obj) is Marker:
                    return list, (["text %d" % n for n in range(9)],)
                return super().reducer_override(obj)

        file = io.BytesIO()
        pickler = Pickler(file, 5)
        for _ in range(4):
            pickler.dump([[Marker() for _ in range(50)], lambda: 1])
            if forget:
                pickler.clear_memo()
        found.append(file.getvalue())
    assert found[0] == found[1]


def first_difference(ours, theirs):
    if ours == theirs:
        return None
    n = next((n for n, (mine, other) in enumerate(zip(ours, theirs)) if mine != other), min(len(ours), len(theirs)))
    return "after %s we ask %s, pickle %s" % (ours[max(0, n - 3) : n], ours[n : n + 4], theirs[n : n + 4])
