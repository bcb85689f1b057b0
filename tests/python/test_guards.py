"""Cases in which a fast path must not be taken, or not once more: each is a condition under which the slow way says something
else. Each library gets objects of its own, and writes them at several protocols; what a case changes is taken back."""

import array
import builtins
import collections
import copyreg
import datetime
import functools
import io
import sys
import types

import binding
import cloudpickle
import pytest
from compare import TRACKER_ID, by_cloudpickle, difference, outcome
from face import libcloudpickle
from trackers import another_tracker

PROTOCOLS = (5, 4, 2, 0)
CASES = []
HOMES = {"by value": "__main__", "by reference": __name__}
home = "__main__"
"""The module of the classes that cases make."""


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
    return [made[0], made[1], made[2], with_attributes(other, "y", "x", "z"), with_attributes(other, "z")]


@case
def a_thousand_attributes():
    made = []
    for count in (999, 1000, 1001):
        cls = plain_class()
        made.append([with_attributes(cls, *("a%d" % n for n in range(count))) for _ in range(2)])
    return made


@case
def keys_by_turns():
    cls, made = plain_class(), []
    for n in range(6):
        one = cls()
        one.__dict__ = {"ab"[n % 2]: n, "cd"[n // 2 % 2]: n, **({"e": 1} if n > 3 else {})}
        made.append(one)
    return made


# --- slots


@case
def slots_named_anew_in_the_middle():
    cls = plain_class(__slots__=("a", "b"))
    made = [with_attributes(cls, "a", "b") for _ in range(5)]
    return [made[0], made[1], Turn(lambda: cls.__slotnames__.remove("b")), made[2], Turn(lambda: cls.__slotnames__.append("b")), made[3], made[4]]


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
def a_namedtuple_inside_itself():
    cls, inner = collections.namedtuple("N", "a b"), []
    inner.append(cls(inner, 1))
    return [inner[0], cls(1, 2)]


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
def lists_called_array():
    cls = plain_class("array.array", (list,))
    return [array.array("i", range(5000)), cls(range(5000))]


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
def a_frozenset_inside_itself():
    cls = plain_class()
    one = cls()
    one.x = frozenset([one])
    return [one.x, one]


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


@case
def another_module_of_builtins():
    sys.modules["builtins"] = types.ModuleType("builtins")
    return [int, abs]


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
            obj = make()
            found.append(outcome(dumps, obj, protocol))
            taken_back()
        assert difference(*found) is None, "protocol %d: %s" % (protocol, difference(*found))


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


def first_difference(ours, theirs):
    if ours == theirs:
        return None
    n = next((n for n, (mine, other) in enumerate(zip(ours, theirs)) if mine != other), min(len(ours), len(theirs)))
    return "after %s we ask %s, pickle %s" % (ours[max(0, n - 3) : n], ours[n : n + 4], theirs[n : n + 4])
