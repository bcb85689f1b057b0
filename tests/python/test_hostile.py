"""An allow-list cannot be talked round: whatever the opcodes are, what it refuses is neither found nor called.

HOSTILE_SECONDS in the environment says how long programs of random opcodes are tried."""

import copyreg
import io
import os
import pickle
import random
import sys
import time

import loading
import pytest
from compare import by_cloudpickle, outcome
from corpus import rows
from face import libcloudpickle
from hostile import ALLOWED, OP, TOUCHED, Policy, extension, named, old, proto, text

SECONDS = float(os.environ.get("HOSTILE_SECONDS", 2))
CODES = {200: ("hostile_allowed", "boom"), 40_000: ("hostile_victim", "boom"), 70_000: ("hostile_victim", "Victim")}
MODULE = "cloudpickle.cloudpickle"
EMPTY = OP.EMPTY_TUPLE
STRANGER = named("hostile_victim", "boom")


def by_subclass(data, find_global):
    """The importable face's way to refuse: `find_class` of a subclass."""

    class Unpickler(libcloudpickle.Unpickler):
        def find_class(self, module, name):
            find_global(module, name)
            return super().find_class(module, name)

    return Unpickler(io.BytesIO(data)).load()


WAYS = {
    "memory": loading.loads,
    "callback": lambda data, find_global: loading.load(io.BytesIO(data).read, find_global=find_global),
    "file": lambda data, find_global: loading.load_file(io.BytesIO(data), find_global=find_global),
    "subclass": by_subclass,
}


@pytest.fixture(autouse=True)
def nothing_touched():
    TOUCHED.clear()
    yield
    assert TOUCHED == []


@pytest.fixture
def codes():
    for code, (module, name) in CODES.items():
        copyreg.add_extension(module, name, code)
    yield
    for code, (module, name) in CODES.items():
        copyreg.remove_extension(module, name, code)


def called(function):
    return function + EMPTY + OP.REDUCE


def attacks():
    """Each with the name that is asked about last."""
    for protocol in (2, 4, 5):
        for module, name in (
            ("hostile_allowed", "victim.boom"),
            ("hostile_allowed", "victim.Victim.__new__"),
            ("hostile_allowed", "Point.__init__.__globals__"),
            ("hostile_allowed", "Point.method"),
            ("hostile_allowed", "Point.__class__"),
            ("hostile_allowed", "pair.__globals__"),
            ("hostile_allowed", "boom"),
            ("hostile_allowed", "Point."),
            ("hostile_allowed", ".Point"),
            ("hostile_allowed", " Point"),
            ("hostile_allowed", ""),
            ("", "hostile_allowed.Point"),
            ("hostile_allowed.victim", "boom"),
            ("hostile_allowed.", "Point"),
            ("builtins", "set.__class__"),
            ("builtins", "getattr"),
            ("builtins", "eval"),
            ("__builtin__", "eval"),
            ("__builtin__", "set"),
            ("cPickle", "loads"),
            ("copyreg", "__newobj__"),
            ("copy_reg", "_reconstructor"),
        ):
            # A line of GLOBAL cannot be empty.
            for kind, find in (("global", old),) * bool(module and name) + (("stack global", named),):
                yield "%s %s:%s, protocol %d" % (kind, module, name, protocol), proto(protocol) + called(find(module, name)), (module, name)
    stranger = ("hostile_victim", "Victim")
    new = named(*stranger)
    memo = named("hostile_allowed", "Point") + OP.MEMOIZE
    yield "inst", OP.MARK + OP.INST + b"hostile_victim\nVictim\n", stranger
    yield "inst of a dotted name", proto(4) + OP.MARK + OP.INST + b"hostile_allowed\nvictim.Victim\n", ("hostile_allowed", "victim.Victim")
    yield "obj", OP.MARK + new + OP.OBJ, stranger
    yield "newobj", new + EMPTY + OP.NEWOBJ, stranger
    yield "newobj_ex", new + EMPTY + OP.EMPTY_DICT + OP.NEWOBJ_EX, stranger
    yield "build", new + OP.EMPTY_DICT + OP.BUILD, stranger
    yield "behind others", memo + EMPTY + OP.REDUCE + called(STRANGER), ("hostile_victim", "boom")
    yield "texts out of the memo", text("hostile_victim") + OP.MEMOIZE + text("boom") + OP.MEMOIZE + OP.BINGET + b"\0" + OP.BINGET + b"\1" + OP.STACK_GLOBAL, ("hostile_victim", "boom")
    yield "a slot of the memo written over", memo + text("hostile_victim") + OP.BINPUT + b"\0" + text("boom") + OP.STACK_GLOBAL, ("hostile_victim", "boom")
    yield "inside a frame", OP.FRAME + (4096).to_bytes(8, "little") + STRANGER + b"N" * 4096, ("hostile_victim", "boom")


ATTACKS = list(attacks())


@pytest.mark.parametrize("way", WAYS)
def test_refused_by_name(way):
    for what, data, asked in ATTACKS:
        policy = Policy()
        with pytest.raises(Exception) as caught:
            WAYS[way](data + OP.STOP, find_global=policy)
        assert policy.asked and policy.asked[-1] == asked, (what, policy.asked, caught.value)
        assert "refuse" in str(caught.value), (what, caught.value)


def no_attacks_by_name():
    """What fails before any name is asked about that is not on the list."""
    point, make_text = named("hostile_allowed", "Point"), named("hostile_allowed", "Text")
    liar = make_text + text("hostile_victim") + OP.TUPLE1 + OP.REDUCE
    yield "a module that is a subclass of str", liar + text("boom") + OP.STACK_GLOBAL
    yield "a name that is a subclass of str", text("hostile_allowed") + liar + OP.STACK_GLOBAL
    for what, value in ("bytes", OP.SHORT_BINBYTES + b"\4boom"), ("a number", OP.BININT1 + b"\1"), ("a tuple", EMPTY), ("None", OP.NONE), ("an object", point):
        yield "a name that is " + what, text("hostile_allowed") + value + OP.STACK_GLOBAL
        yield "a module that is " + what, value + text("boom") + OP.STACK_GLOBAL
    # What a C string would end at.
    yield "a NUL in the name", text("hostile_allowed") + text("Point\0.__init__.__globals__") + OP.STACK_GLOBAL
    yield "a NUL in the module", text("hostile_allowed\0") + text("Point") + OP.STACK_GLOBAL
    yield "a lone surrogate", text("hostile_allowed") + text("Point\udc00") + OP.STACK_GLOBAL
    yield "a persistent id", OP.PERSID + b"hostile_victim.boom\n"
    yield "a persistent id of the stack", text("hostile_victim.boom") + OP.BINPERSID
    yield "a memo slot that is empty", OP.BINGET + b"\5"
    yield "a memo slot that is empty, as text", OP.GET + b"5\n"
    yield "a memo slot far away", OP.LONG_BINGET + b"\xff\xff\xff\x7f"
    yield "a negative memo slot", OP.GET + b"-1\n"
    yield "a buffer that is not there", OP.NEXT_BUFFER
    for code in (0, -1, 77, 0x7FFFFFFF):
        yield "extension code %d, which is none" % code, OP.EXT4 + code.to_bytes(4, "little", signed=True)
    yield "a call of what is no function", text("hostile_victim.boom") + EMPTY + OP.REDUCE
    yield "newobj of a function", named("hostile_allowed", "pair") + EMPTY + OP.NEWOBJ
    yield "newobj of an instance", point + EMPTY + OP.REDUCE + EMPTY + OP.NEWOBJ


@pytest.mark.parametrize("way", WAYS)
def test_refused_before_a_name(way):
    for what, data in no_attacks_by_name():
        policy = Policy()
        try:
            found = WAYS[way](proto(4) + data + OP.STOP, find_global=policy)
        except Exception:
            assert set(policy.asked) <= ALLOWED | {("hostile_allowed", "Point\udc00"), ("hostile_allowed\0", "Point"), ("hostile_allowed", "Point\0.__init__.__globals__")}, what
        else:
            raise AssertionError("%s: it loads as %r" % (what, found))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("warm", (False, True))
def test_extension_codes_are_asked_about(way, warm, codes):
    """Also those that a load without a policy has found before, and left in the cache that all share."""
    for code, names in CODES.items():
        data = proto(2) + extension(code) + OP.STOP
        if warm:
            assert loading.loads(data) is pickle.loads(data)
        policy = Policy()
        with pytest.raises(Exception):
            WAYS[way](data, find_global=policy)
        assert policy.asked == [names]


def test_a_policy_leaves_nothing_in_the_cache_of_extensions(codes):
    """What it answers instead is for its own loads: others find what the code stands for."""
    substitute = object()

    class Unpickler(libcloudpickle.Unpickler):
        def find_class(self, module, name):
            return substitute

    data = proto(2) + extension(200) + OP.STOP
    assert Unpickler(io.BytesIO(data)).load() is substitute
    assert pickle.loads(data) is not substitute
    assert loading.loads(data) is pickle.loads(data)


NAMES = [
    "_builtin_type", "_class_setstate", "_get_dataclass_field_type_sentinel", "_file_reconstructor", "_function_setstate",
    "_make_cell", "_make_dict_items", "_make_dict_keys", "_make_dict_values", "_make_empty_cell", "_make_function",
    "_make_skeleton_class", "_make_skeleton_enum", "_make_typevar", "dynamic_subimport", "subimport",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_loading_functions_are_asked_about(way):
    """The library's own functions have no way round the list."""
    for module in (MODULE, "cloudpickle.cloudpickle_fast", "cloudpickle"):
        for name in NAMES:
            for find in old, named:
                for call in OP.MARK + text("os") + OP.TUPLE + OP.REDUCE, EMPTY + OP.NEWOBJ, OP.EMPTY_DICT + OP.BUILD:
                    policy = Policy()
                    with pytest.raises(Exception, match="refuse"):
                        WAYS[way](proto(4) + find(module, name) + call + OP.STOP, find_global=policy)
                    assert policy.asked == [(module, name)]


def test_what_some_loading_functions_let_in():
    """Why docs/security.md says that they are not for a list: these are as good as everything."""
    let_through = {(MODULE, "subimport"), (MODULE, "_builtin_type")}
    data = named(MODULE, "subimport") + text("hostile_victim") + OP.TUPLE1 + OP.REDUCE
    assert loading.loads(proto(4) + data + OP.STOP, find_global=Policy(let_through)) is sys.modules["hostile_victim"]
    data = named(MODULE, "_builtin_type") + text("CodeType") + OP.TUPLE1 + OP.REDUCE
    assert loading.loads(proto(4) + data + OP.STOP, find_global=Policy(let_through)).__name__ == "code"


def test_what_a_class_on_the_list_lets_in():
    """BUILD sets any attribute of what is on the stack, a class included, and calls any method named __setstate__ or append."""
    point = named("hostile_allowed", "Point")
    changed = sys.modules["hostile_allowed"].Point
    try:
        loading.loads(proto(4) + point + OP.NONE + OP.EMPTY_DICT + text("mark") + text("left") + OP.SETITEM + OP.TUPLE2 + OP.BUILD + OP.STOP, find_global=Policy())
        assert changed.mark == "left"
    finally:
        del changed.mark


# --- the whole corpus

class Traced(pickle._Unpickler):
    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.asked = []

    def find_class(self, module, name):
        self.asked.append((module, name))
        return super().find_class(module, name)


@pytest.mark.parametrize("row", [row for row in rows if not (row.endless or row.fresh)], ids=str)
def test_each_global_of_a_pickle_is_asked_about(row):
    """No quick way of the loader passes the policy by: it is asked what Python's own unpickler is asked, as often and in
    the same order."""
    with row.world():
        data = outcome(by_cloudpickle, row.make(), 4).data
        if data is None or len(data) > 200_000:
            return
        # Python's unpicklers do not ask about extension codes that others have loaded before.
        copyreg.clear_extension_cache()
        traced, failed = Traced(data), False
        try:
            traced.load()
        except Exception:
            failed = True
        asked = []
        try:
            loading.loads(data, find_global=lambda module, name: asked.append((module, name)))
        except Exception:
            pass
        if "extension" in row.name:
            # They ask once about each code, and we each time.
            assert set(asked) == set(traced.asked)
            return
        # We call some functions later, and so may come further before that fails.
        assert (asked[: len(traced.asked)] if failed else asked) == traced.asked


# --- programs of random opcodes

def atoms(chance):
    number = chance.randrange(6)
    yield from (OP.NONE, OP.NEWTRUE, EMPTY, OP.EMPTY_LIST, OP.EMPTY_DICT, OP.EMPTY_SET, OP.MARK, OP.POP, OP.POP_MARK, OP.DUP)
    yield from (OP.TUPLE, OP.TUPLE1, OP.TUPLE2, OP.TUPLE3, OP.LIST, OP.DICT, OP.FROZENSET, OP.MEMOIZE)
    yield from (OP.APPEND, OP.APPENDS, OP.SETITEM, OP.SETITEMS, OP.ADDITEMS, OP.BUILD, OP.OBJ, OP.REDUCE, OP.NEWOBJ, OP.NEWOBJ_EX)
    yield from (OP.STACK_GLOBAL, OP.STACK_GLOBAL, OP.STACK_GLOBAL, OP.REDUCE, OP.REDUCE, OP.BUILD, OP.BUILD, OP.BINPERSID)
    yield from (OP.BINGET + bytes([number]), OP.BINPUT + bytes([number]), OP.GET + b"%d\n" % number, OP.PUT + b"%d\n" % number)
    yield from (extension(chance.choice(list(CODES))), proto(chance.randrange(6)), OP.BININT1 + bytes([number]))
    yield from map(text, ("hostile_allowed", "hostile_victim", "boom", "Point", "Text", "pair", "victim.boom", "builtins", "set", MODULE))
    yield from map(text, ("__class__", "__setstate__", "append", "extend", "add", "__reduce__", "__dict__", "_make_function", "subimport"))
    for find in named, old:
        yield from (find(module, name) for module, name in sorted(ALLOWED))
        yield find("hostile_allowed", chance.choice(("victim.boom", "boom", "Point.__init__.__globals__", "pair.__globals__")))
        yield find(MODULE, chance.choice(NAMES))


def seen_in_audit(data, way):
    """The names that were looked up, and the modules that were imported, by a load. An audit hook stays for ever, so one
    is installed for all."""
    global AUDITED
    if AUDITED is None:
        AUDITED = []
        sys.addaudithook(lambda event, args: AUDITED.append((event, args[:2])) if LISTENING and event in ("pickle.find_class", "import", "exec", "compile") else None)
    AUDITED.clear()
    LISTENING.append(True)
    try:
        WAYS[way](data, find_global=Policy())
        return True
    except Exception:
        return False
    finally:
        LISTENING.clear()


AUDITED, LISTENING = None, []


def test_random_programs(codes):
    """By the interpreter's own audit events, nothing is looked up that the list does not let through, nothing is imported."""
    for code in CODES:
        loading.loads(proto(2) + extension(code) + OP.STOP)
    chance = random.Random(int(os.environ["PYTHONHASHSEED"]))
    until, programs, loaded, found = time.monotonic() + SECONDS, 0, 0, 0
    while time.monotonic() < until:
        choices = list(atoms(chance))
        for _ in range(50):
            data = proto(4) + b"".join(chance.choices(choices, k=chance.randrange(2, 25))) + OP.STOP
            loaded += seen_in_audit(data, "memory" if chance.random() < 0.8 else "callback")
            events = list(AUDITED)
            found += len(events)
            assert all(event == "pickle.find_class" and names in ALLOWED for event, names in events), (data, events)
            assert TOUCHED == [], data
            programs += 1
    point = sys.modules["hostile_allowed"].Point
    for name in [name for name in vars(point) if name not in ("__module__", "__init__", "method", "__dict__", "__weakref__", "__doc__")]:
        try:
            delattr(point, name)
        except (AttributeError, TypeError):
            pass
    print("%d programs, %d of which load; %d names found" % (programs, loaded, found))
    assert programs > 100 and loaded > 0 and found > 0
