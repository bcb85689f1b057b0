"""The short cuts of loading, each against the long way: what comes byte by byte from a callback takes none of the loop
that wants a whole window, and C pickle takes none at all."""

import gc
import io
import pickle
import pickletools
import random
import struct
import sys

import cloudpickle
import loading
import loading_samples as samples
import pytest
from compare import new_classes, with_anonymous_trackers
from corpus.workloads import WORKLOADS
from level import check_level

SCALE = 0.02
DATA = [made for made in WORKLOADS if made.kind in ("plain", "reference")]
CODE = [made for made in WORKLOADS if made.kind in ("function", "class")]


def unframed(data):
    """The same pickle without its frames, so that nothing brings more than an opcode into the window."""
    found = [(code.name, at) for code, argument, at in pickletools.genops(data)] + [(None, len(data))]
    return b"".join(data[at:end] for (name, at), (_, end) in zip(found, found[1:]) if name != "FRAME")


def slowly(data):
    return loading.load(io.BytesIO(unframed(data)).read)


def loads(data):
    """Three times, since a third time finds what the first two left."""
    return [loading.loads(data) for _ in range(3)][-1]


def tables(thing):
    """The sizes of all dicts in it, and whether the collector looks at them."""
    if isinstance(thing, dict):
        return [(sys.getsizeof(thing), gc.is_tracked(thing)), *map(tables, thing.values())]
    return [tables(item) for item in thing if isinstance(item, (dict, list))] if isinstance(thing, list) else []


@pytest.fixture
def no_collector():
    """The collector stops looking at dicts of atoms when it comes by."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("made", DATA, ids=[made.name for made in DATA])
def test_workloads(made, no_collector):
    thing = made.make(SCALE)
    data = pickle.dumps(thing, 5)
    quick, slow, theirs = loads(data), slowly(data), pickle.loads(data)
    assert type(quick) is type(slow) is type(thing)
    assert quick == slow == thing
    assert tables(quick) == tables(theirs)
    # Where a key came twice, it is one object now.
    assert pickle.dumps(quick, 5) == pickle.dumps(slow, 5) or made.name == "1 MB JSON-like"


@pytest.mark.parametrize("made", CODE, ids=[made.name for made in CODE])
def test_what_is_loaded_is_dumped_as_what_pickle_loads(made):
    data = cloudpickle.dumps(made.make(SCALE), 5)
    kept = []
    for _ in range(3):
        kept += [loading.loads(new_classes(data)), pickle.loads(new_classes(data))]
        mine, theirs = (with_anonymous_trackers(cloudpickle.dumps(loaded, 5)) for loaded in kept[-2:])
        assert mine == theirs


def test_what_is_loaded_does_not_tell_what_was_loaded_before():
    everything = [pickle.dumps(made.make(SCALE), 5) for made in DATA]
    several = pickle.dumps([{"".join(["ke", "y"]): n, "".join(["oth", "er"]): n} for n in range(3)], 5)
    alone = [pickle.dumps(loading.loads(data), 5) for data in everything + [several]]
    kept = [loading.loads(data) for data in everything + [several] for _ in range(2)]
    again = [pickle.dumps(loading.loads(data), 5) for data in everything[::-1] + [several]]
    assert alone[:-1] == again[-2::-1] and alone[-1] == again[-1]
    two = [loading.loads(several) for _ in range(2)]
    assert not {id(key) for key in two[0][0]} & {id(key) for key in two[1][0]} and kept


@pytest.mark.parametrize("name, data", samples.by_value(), ids=[row[0] for row in samples.by_value()])
def test_by_value(name, data):
    samples.check_by_value(name, slowly(data))
    samples.check_by_value(name, loads(data))


def test_ints():
    edges = [0, 5, 256, 257, 1024, 1025, 2**15, 2**16, 2**30, 2**31 - 1]
    numbers = sorted({sign * edge + near for edge in edges for near in range(-8, 9) for sign in (1, -1)})
    loaded = loads(pickle.dumps(numbers, 5))
    assert loaded == numbers and list(map(hash, loaded)) == list(map(hash, numbers))
    for a, b in zip(loaded, numbers):
        assert type(a) is int and repr(a) == repr(b) and -a == -b and a + 1 == b + 1 and a.bit_length() == b.bit_length()
        assert (a is b) == (pickle.loads(pickle.dumps(b)) is b), a
        assert sys.getsizeof(a) == sys.getsizeof(b)


def test_floats():
    numbers = [0.0, -0.0, 1.5, -1e300, float("inf"), 5e-324, 2.0**53, float("nan")]
    loaded = loads(pickle.dumps(numbers, 5))
    assert [struct.pack("d", x) for x in loaded] == [struct.pack("d", x) for x in numbers]


def test_texts():
    texts = ["".join(chr(97 + n % 26) for n in range(length)) for length in range(140)]
    texts += [t[:at] + other + t[at:] for t in texts[:70:3] for at in range(len(t) + 1) for other in "\x7f\x80\xff\u20ac"]
    loaded = loads(pickle.dumps(texts, 5))
    keys = list(loads(pickle.dumps({text: None for text in texts}, 5)))
    for a, b, key in zip(loaded, texts, keys):
        assert a == b == key and hash(a) == hash(b) == hash(key)
        assert a.isascii() == b.isascii() and sys.getsizeof(a) == sys.getsizeof(str(b"%s" % b.encode(), "utf-8"))
        assert a + "x" == b + "x" and a.encode() == b.encode() and sys.intern(a) == b


def test_keys_that_differ_in_one_place():
    chance = random.Random(1)
    for length in list(range(1, 48)) + [100]:
        text = "".join(chance.choice("abc_") for _ in range(length))
        keys = {text[:at] + other + text[at + 1 :] for at in range(length) for other in "xyz"}
        records = [{key: n} for n, key in enumerate(keys)] * 2
        assert loads(pickle.dumps(records, 5)) == records


def test_records(no_collector):
    chance = random.Random(2)
    keys = ["key%d" % n for n in range(70)] + [1, 2.5, None, (1, "a"), "\xe9"]
    for count in list(range(12)) + [63, 64, 65, 70]:
        for values in ([1, "a"], [[], {}], [(), (1,), (1, [])], [object, 1.5]):
            some = chance.sample(keys[: 70 if count % 2 else 75], count)
            rows = [{key: chance.choice(values) for key in chance.sample(some, len(some)) if chance.random() < 0.98} for _ in range(9)]
            rows += [{key: chance.choice(values) for key in some} for _ in range(9)]
            data = pickle.dumps(rows, 5)
            theirs = pickle.loads(data)
            for _ in range(3):
                loaded = loading.loads(data)
                assert loaded == theirs == rows and [list(row) for row in loaded] == [list(row) for row in rows]
                assert tables(loaded) == tables(theirs)


def test_what_is_loaded_does_not_share():
    rows = [{"first": [n], "second": n, "third": None} for n in range(5)]
    loaded = loads(pickle.dumps(rows, 5))
    loaded[0]["first"] = "changed"
    loaded[1]["fourth"] = 4
    del loaded[2]["second"]
    assert loaded[3:] == rows[3:]
    assert loads(pickle.dumps(rows, 5)) == rows


def test_a_key_twice():
    one = b"\x80\x04}(\x8c\x03oneK\x01\x8c\x03twoK\x02\x8c\x03oneK\x03\x8c\x05threeK\x04u."
    for _ in range(4):
        assert list(loading.loads(one).items()) == list(pickle.loads(one).items()) == [("one", 3), ("two", 2), ("three", 4)]


def test_a_dict_that_has_items_already():
    more = b"\x80\x04}(\x8c\x03oneK\x01\x8c\x03twoK\x02\x8c\x05threeK\x03u(\x8c\x03twoK\x05\x8c\x04fourK\x06\x8c\x03oneK\x07u."
    for _ in range(4):
        assert list(loading.loads(more).items()) == list(pickle.loads(more).items())


def test_records_in_a_cycle_are_collected():
    class Watched(list):
        pass

    import weakref

    rows = []
    for n in range(4):
        row = {"first": n, "second": None, "third": None}
        row["second"] = row
        rows.append(row)
    globals()["Watched"] = Watched
    Watched.__qualname__ = "Watched"
    rows[-1]["third"] = Watched()
    data = pickle.dumps(rows, 5)
    for _ in range(3):
        loaded = loading.loads(data)
        watch = weakref.ref(loaded[-1]["third"])
        del loaded
        gc.collect()
        assert watch() is None


@pytest.mark.parametrize("length", [0, 1, 2, 999, 1000, 1001, 1999, 2000, 2001, 5000, 5001])
def test_lists_take_no_more_room_than_they_need(length):
    data = pickle.dumps(list(range(length)), 5)
    loaded = loads(data)
    assert loaded == slowly(data) == list(range(length))
    assert sys.getsizeof(loaded) <= sys.getsizeof(pickle.loads(data)) + 64
    loaded.append("more")
    assert loaded[-1] == "more" and len(loaded) == length + 1


def test_nothing_is_kept():
    chance = random.Random(3)
    rows = [{"key%d" % chance.randrange(10**9): n, "b": None, "c": [n], "d": n / 7} for n in range(50)] * 2
    data = pickle.dumps([rows, list(range(300, 2400)), ["text %d" % n for n in range(30)], b"bytes"], 5)

    check_level(lambda: loading.loads(data))
