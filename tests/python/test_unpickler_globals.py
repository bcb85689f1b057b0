"""What pickles name: where names were found is kept from load to load, and what is there is asked each time. C pickle keeps
nothing, so that it says what is right."""

import copyreg
import pickle
import struct
import sys
import threading
import time
import types
from importlib.machinery import ModuleSpec

import loading
import pytest
from face import libcloudpickle

NAME = "corpus_named"


def text(value):
    data = value.encode()
    short = len(data) < 256
    return (b"\x8c" + bytes([len(data)]) if short else b"X" + struct.pack("<I", len(data))) + data + b"\x94"


def naming(*pairs, protocol=4):
    """A pickle of a list of what modules have under names."""
    named = b"".join(text(module) + text(name) + b"\x93\x94" for module, name in pairs)
    return b"\x80" + bytes([protocol]) + b"](" + named + b"e."


def said(load, data):
    try:
        return [("object", id(found)) for found in load(data)]
    except Exception as error:
        # What the object says of its lack has an address in it.
        return type(error), str(error).split(" (at byte")[0]


def check(*pairs, rounds=7):
    data = naming(*pairs)
    for _ in range(rounds):
        assert said(loading.loads, data) == said(pickle.loads, data)


@pytest.fixture
def module():
    module = sys.modules[NAME] = types.ModuleType(NAME)
    module.thing = object()
    module._other = object()
    yield module
    del sys.modules[NAME]


def test_what_a_module_has_at_the_moment(module):
    check((NAME, "thing"))
    module.thing = object()
    check((NAME, "thing"))
    del module.thing
    check((NAME, "thing"))
    module.__getattr__ = lambda name: module
    check((NAME, "thing"), (NAME, "never"))
    module.__dict__["".join(["thi", "ng"])] = object()
    check((NAME, "thing"))
    for n in range(100):
        setattr(module, "more%d" % n, n)
    check((NAME, "thing"), *((NAME, "more%d" % n) for n in range(100)))


def test_which_module_it_is_at_the_moment(module):
    check((NAME, "thing"), (NAME, "_other"))
    other = sys.modules[NAME] = types.ModuleType(NAME)
    check((NAME, "thing"))
    other.thing = object()
    check((NAME, "thing"))
    sys.modules[NAME] = types.SimpleNamespace(thing=object())
    check((NAME, "thing"))
    del sys.modules[NAME]
    check((NAME, "thing"))
    sys.modules[NAME] = None
    check((NAME, "thing"))
    sys.modules[NAME] = module
    check((NAME, "thing"))


def test_modules_of_other_types(module):
    class Module(types.ModuleType):
        thing = property(lambda self: self._other)

    check((NAME, "thing"))
    module.__class__ = Module
    check((NAME, "thing"), (NAME, "_other"))


def test_a_module_in_the_making(module):
    check((NAME, "thing"))
    for spec in (ModuleSpec(NAME, None), types.SimpleNamespace(), None, 5):
        module.__spec__ = spec
        check((NAME, "thing"))
        if hasattr(spec, "__dict__"):
            for initializing in (True, False, 0, 1, None):
                spec._initializing = initializing
                check((NAME, "thing"))


@pytest.mark.parametrize("name", ["__doc__", "__dict__", "__class__", "__name__", "__init__", "_other", "never", ""])
def test_names_that_types_have(module, name):
    if name != "__dict__":
        module.__dict__[name] = object()
    check((NAME, name)) if name not in ("__class__", "__init__") else check((NAME, name), rounds=1)
    module.__dict__.pop(name, None)
    if name not in ("__dict__", "__init__"):
        check((NAME, name))


def test_paths_and_texts_of_all_kinds(module):
    module.thing = types.SimpleNamespace(inner=types.SimpleNamespace(last=object()))
    for name in ("thing.inner.last", "thing.inner", "n\xe4me", "\u20ac", "x" * 40, "x" * 41, "x" * 300, "a", "ab"):
        check((NAME, name))
        if "." not in name:
            setattr(module, name, object())
        check((NAME, name), (NAME, "thing"))


def test_a_dot_in_what_a_module_has(module):
    module.__dict__["thing.inner"] = object()
    check((NAME, "thing.inner"))


def test_the_same_names_of_several_modules(module):
    other, longer = types.ModuleType("corpus_nameD"), types.ModuleType("corpus_named_longer")
    sys.modules.update({"corpus_nameD": other, "corpus_named_longer": longer})
    try:
        other.thing, longer.thing = object(), object()
        pairs = [(m, "thing") for m in (NAME, "corpus_nameD", "corpus_named_longer")]
        check(*pairs)
        check(*pairs[::-1])
        for pair in pairs * 3:
            check(pair, rounds=3)
    finally:
        del sys.modules["corpus_nameD"], sys.modules["corpus_named_longer"]


def test_names_of_ours_are_ours_in_their_module_only(module):
    module._make_cell = object()
    check((NAME, "_make_cell"))
    names = "_make_cell", "_make_function", "_builtin_type", "subimport"
    for _ in range(7):
        found = loading.loads(naming(*(("cloudpickle.cloudpickle", name) for name in names)))
        assert [it.__name__ for it in found] == list(names)
        old = loading.loads(naming(*(("cloudpickle.cloudpickle_fast", name) for name in names)))
        assert [a is b for a, b in zip(found, old)] == [True] * len(names)
        assert loading.loads(naming((NAME, "_make_cell"))) == [module._make_cell]


def test_a_module_that_has_one_of_ours(module):
    for name in ("_make_cell", "thing"):
        vars(module)[name] = loading.loads(naming(("cloudpickle.cloudpickle", "_make_cell")))[0]
        check((NAME, name))
        vars(module)[name] = object()
        check((NAME, name))
        del vars(module)[name]
        check((NAME, name))


def test_names_that_begin_with_others(module):
    """Many, so that some of them are kept in one place."""
    for n in range(1500):
        name = "n%d" % n
        setattr(module, name, n)
        check((NAME, name), rounds=6)
        check((NAME, name + "x"), rounds=1)
        setattr(module, name + "x", -n)
        check((NAME, name + "x"), rounds=1)


def test_a_module_that_another_thread_imports(tmp_path, monkeypatch):
    """It is waited for until it is complete."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for n, load in enumerate((pickle.loads, loading.loads, loading.loads)):
        name = "corpus_slow_%d" % n
        (tmp_path / (name + ".py")).write_text("import time\nearly = 1\ntime.sleep(0.3)\nlate = 2\n")
        importing = threading.Thread(target=__import__, args=[name])
        importing.start()
        while not hasattr(sys.modules.get(name), "early"):
            time.sleep(0.001)
        assert load(naming((name, "late"))) == [2]
        importing.join()
        del sys.modules[name]


def test_what_protocol_2_renames(module):
    old = types.ModuleType("__builtin__")
    sys.modules["__builtin__"] = old
    try:
        old.xrange = object()
        for protocol in (4, 2, 4, 2, 3, 4):
            data = naming(("__builtin__", "xrange"), protocol=protocol)
            for _ in range(6):
                assert said(loading.loads, data) == said(pickle.loads, data)
    finally:
        del sys.modules["__builtin__"]


def test_what_is_not_renamed(module):
    old = types.ModuleType("__builtin__")
    sys.modules["__builtin__"] = old
    try:
        old.xrange = object()
        for data in (naming(("__builtin__", "xrange"), protocol=2), b"(c__builtin__\nxrange\nl."):
            for fix_imports in (True, False, True):
                for _ in range(4):
                    mine, theirs = (loads(data, fix_imports=fix_imports) for loads in (libcloudpickle.loads, pickle.loads))
                    assert mine == theirs
    finally:
        del sys.modules["__builtin__"]


def test_extensions_are_for_a_policy_to_decide(module):
    """Also about one that others have loaded."""
    copyreg.add_extension(NAME, "thing", 0x1234)
    substitute = object()
    try:
        data = b"\x80\x04\x83\x34\x12."
        assert loading.loads(data) is module.thing
        for _ in range(2):
            assert loading.loads(data, find_global=lambda *pair: substitute if pair == (NAME, "thing") else None) is substitute
            assert loading.loads(data) is module.thing
    finally:
        copyreg.remove_extension(NAME, "thing", 0x1234)


def test_texts_are_not_shared(module):
    both = b"\x80\x04(" + text(NAME) + text("thing") + b"\x93\x94h\x00h\x01t."
    loaded = [loading.loads(both) for _ in range(7)]
    assert all(row == (module.thing, NAME, "thing") for row in loaded)
    assert len({id(row[1]) for row in loaded}) == len({id(row[2]) for row in loaded}) == len(loaded)
    assert not any(row[1] is sys.intern(NAME) or row[2] is sys.intern("thing") for row in loaded)


def test_what_was_named_is_not_kept(module):
    module.thing = type("Thing", (), {})
    data = naming((NAME, "thing"))
    for _ in range(7):
        loading.loads(data)
    before = sys.getrefcount(module.thing)
    for _ in range(100):
        loading.loads(data)
    after = sys.getrefcount(module.thing)
    assert after == before
