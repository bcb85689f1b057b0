"""Tuples, lists, dicts, sets: their sizes, what they share, and how they contain themselves; frames."""

from . import importable
from .row import PROTOCOLS, plain, row

BATCH_EDGES = (0, 1, 2, 3, 4, 5, 999, 1000, 1001, 2000, 2001, 3000)

for size in BATCH_EDGES:
    plain("tuple of %d" % size, lambda size=size: tuple(range(size)))
    plain("list of %d" % size, lambda size=size: list(range(size)))
    plain("dict of %d" % size, lambda size=size: {n: -n for n in range(size)})
    plain("dict of %d strs" % size, lambda size=size: {"key %d" % n: str(n) for n in range(size)})
    plain("set of %d" % size, lambda size=size: set(range(size)))
    plain("frozenset of %d" % size, lambda size=size: frozenset(range(size)))
    plain("set of %d strs" % size, lambda size=size: {"item %d" % n for n in range(size)})

plain("tuples nested", lambda: ((), ((),), ((), ((),)), (1, (2, (3, (4, (5, ())))))))
plain("tuple empty shared", lambda: [(), (), ((), ())])
plain("lists nested", lambda: [[], [[]], [[], [[]]], [[[[[]]]]]])
plain("dicts nested", lambda: {"a": {}, "b": {"c": {"d": {}}}, (1, "t"): {frozenset([1]): {}}})
plain("sets nested", lambda: {frozenset([frozenset(), frozenset([1])]), (1, frozenset("a"))})
plain("rows like JSON", lambda: [{"id": n, "name": "n%d" % n, "tags": ["a", "b"], "score": n / 3, "none": None} for n in range(50)])
plain("keys of all kinds", lambda: {None: 1, True: 2, 2.5: 3, "s": 4, b"b": 5, (1, 2): 6, frozenset([1]): 7, 3 + 4j: 8, ...: 9})
plain("list of many None", lambda: [None] * 2500)
plain("list of many booleans", lambda: [True, False] * 1250)
plain("list of many floats", lambda: [n / 3 for n in range(2500)])
plain("tuple of many strs", lambda: tuple(str(n) for n in range(2500)))


# --- shared

def shared_all():
    parts = [[1], {"k": 2}, {3}, frozenset([4]), (5, 6), (), "text", b"bytes", bytearray(b"array"), 7.5, 2**70]
    return parts + parts + [parts]


def shared_all_check(loaded):
    half = (len(loaded) - 1) // 2
    for left, right, last in zip(loaded[:half], loaded[half:], loaded[-1]):
        assert left == right == last and type(left) is type(right)
        if isinstance(left, (list, dict, set, tuple, frozenset, str, bytes, bytearray)):
            assert left is right is last


plain("everything twice", shared_all, shared_all_check)


def many_memos():
    """More than 256 and more than 65,536 of them, so that GET and PUT change their form."""
    lists = [[n] for n in range(300)]
    return lists + lists


plain("memo past 256", many_memos)
plain("memo past 65536", lambda: (lambda lists: lists + lists[-3:] + lists[:3])([[] for _ in range(66000)]))


def values_shared():
    value = ["v"]
    return {"a": value, "b": value, "c": {"a": value}}


plain("dict values shared", values_shared)


# --- recursive: all are told apart from equal ones by identity, as == does not end

def list_of_itself():
    made = []
    made.append(made)
    return made


def check_list_of_itself(loaded):
    assert type(loaded) is list and len(loaded) == 1 and loaded[0] is loaded


plain("recursive list", list_of_itself, check_list_of_itself)


def dict_of_itself():
    made = {}
    made["me"] = made
    return made


def check_dict_of_itself(loaded):
    assert list(loaded) == ["me"] and loaded["me"] is loaded


plain("recursive dict", dict_of_itself, check_dict_of_itself)

for size in (1, 2, 3, 4, 5):
    def tuple_in_itself(size=size):
        inner = []
        made = (inner,) + tuple(range(size - 1))
        inner.append(made)
        return made

    def check_tuple_in_itself(loaded, size=size):
        assert type(loaded) is tuple and loaded[1:] == tuple(range(size - 1)) and loaded[0][0] is loaded

    plain("recursive tuple of %d" % size, tuple_in_itself, check_tuple_in_itself)


def list_through_tuples():
    made = []
    made.append((1, (2, made), {"k": (made,)}))
    return made


def check_list_through_tuples(loaded):
    assert loaded[0][1][1] is loaded and loaded[0][2]["k"][0] is loaded


plain("recursive list through tuples", list_through_tuples, check_list_through_tuples)


def set_through_object():
    thing = importable.Plain()
    thing.items = {thing, 1}
    return thing.items


def check_set_through_object(loaded):
    (thing,) = [item for item in loaded if item != 1]
    assert thing.items is loaded


plain("recursive set through an object", set_through_object, check_set_through_object, addressed=True)


def frozenset_through_object():
    thing = importable.Plain()
    thing.items = frozenset([thing])
    return thing.items


plain("recursive frozenset through an object", frozenset_through_object, lambda loaded: check_frozenset(loaded))
plain("recursive object through a frozenset", lambda: list(frozenset_through_object())[0], lambda loaded: check_frozenset(loaded.items))


def check_frozenset(loaded):
    (thing,) = loaded
    assert type(loaded) is frozenset and list(thing.items) == [thing]


def knot():
    """Everything that can contain itself does, in one knot."""
    items, keyed, thing = [], {}, importable.Plain()
    pair = (items, keyed)
    items += [pair, thing, items]
    keyed.update(pair=pair, thing=thing, keyed=keyed, pairs={thing: pair})
    thing.items, thing.keyed, thing.pair, thing.self = items, keyed, pair, thing
    return pair


def check_knot(loaded):
    items, keyed = loaded
    thing = items[1]
    assert items[0] is loaded and items[2] is items and keyed["pair"] is loaded and keyed["keyed"] is keyed
    assert keyed["thing"] is thing and keyed["pairs"][thing] is loaded and thing.self is thing and thing.pair is loaded


plain("recursive knot", knot, check_knot)


# --- frames: they are closed at 64 KiB, and what is as large alone stays outside

for offset in range(24):
    plain("frame near its end %d" % offset, lambda offset=offset: ["a" * (65512 + offset), 1, [2], "z"])
    plain("frame near its end, bytes %d" % offset, lambda offset=offset: ["12", b"a" * (65507 + offset), 1, [2]])
for tail in range(6):
    plain("frame too small %d" % tail, lambda tail=tail: [b"a" * 70000] + [None] * tail)
    plain("frame too small in tuples %d" % tail, lambda tail=tail: (b"a" * 70000,) * (tail + 1))
plain("frames of ints", lambda: list(range(40000)))
plain("frames of strs", lambda: ["string %d" % n for n in range(20000)])
plain("frames of lists", lambda: [[n, [n]] for n in range(10000)])
plain("frames of dicts", lambda: [{"n": n, "s": str(n)} for n in range(5000)])
plain("frames around large data", lambda: ["x", b"a" * 100000, "y", bytearray(b"b" * 100000), "z", "c" * 100000, "end"])
plain("large data twice", lambda: (lambda data: [data, 1, data])(b"a" * 100000))
plain("large data as keys", lambda: {b"a" * 70000: "b" * 70000, "c": {"d" * 70000: 1}})
plain("frame edge by tuples", lambda: tuple((n, float(n)) for n in range(7000)))


# --- subclasses of containers

plain("list subclass", lambda: importable.Items([1, 2]))
plain("dict subclass", lambda: importable.Mapping(a=1))
plain("tuple subclass", lambda: importable.Pair((1, 2)))
plain("set subclass", lambda: importable.Group([1]))
plain("frozenset subclass", lambda: importable.Frozen([1]))
for size in BATCH_EDGES[:3] + BATCH_EDGES[6:]:
    plain("list subclass of %d" % size, lambda size=size: importable.Items(range(size)))
    plain("dict subclass of %d" % size, lambda size=size: importable.Mapping((n, n) for n in range(size)))


def subclass_with_attributes():
    items, mapping = importable.Items([1, 2, 3]), importable.Mapping(a=1)
    items.note = mapping
    mapping.note = items
    items.append(items)
    mapping["mapping"] = mapping
    return [items, mapping]


def check_subclass_with_attributes(loaded):
    items, mapping = loaded
    assert type(items) is importable.Items and type(mapping) is importable.Mapping
    assert items.note is mapping and mapping.note is items and items[3] is items and mapping["mapping"] is mapping


# The two lowest protocols give the whole list as an argument, and never come to its end.
plain("containers' subclasses, recursive", subclass_with_attributes, check_subclass_with_attributes, protocols=PROTOCOLS[2:])


# --- containers that change while they are written

def dict_that_grows():
    made = {}
    made["a"] = importable.Changing(lambda: made.setdefault("b", 1))
    made["z"] = 1
    return made


def set_that_grows():
    made = set()
    made.add(importable.Changing(lambda: made.add("b")))
    return made


def list_that_grows():
    made = []
    made.append(importable.Changing(lambda: made.append(1) if len(made) < 4 else None))
    return made


def list_that_shrinks():
    made = [0]
    made[:] = [importable.Changing(lambda: made.__delitem__(slice(1, None))), 1, 2, 3]
    return made


row("dict that grows meanwhile", dict_that_grows, fresh=True)
row("set that grows meanwhile", set_that_grows, lambda loaded: None, fresh=True)
row("list that grows meanwhile", list_that_grows, lambda loaded: None, fresh=True)
row("list that shrinks meanwhile", list_that_shrinks, lambda loaded: None, fresh=True)
