"""Dicts of every make: with entries that were deleted, as many as fill batches, keys and values that are no leaves, and
such as change while they are written. The bytes, or what is raised, are those of the oracle."""

import pickle

import binding
import pytest
from compare import by_cloudpickle, difference, outcome


def without(made, *keys):
    for key in keys:
        del made[key]
    return made


def numbered(count):
    return {"key %d" % n: n for n in range(count)}


class Instance:
    pass


def instance(count):
    made = Instance()
    for n in range(count):
        setattr(made, "name%d" % n, n)
    return made


class Changing:
    """Does something to a dict when it is reduced."""

    def __init__(self, change):
        self.change = change

    def __reduce__(self):
        self.change()
        return str, ("changed",)


def changing(change, count=10, at=4):
    made = numbered(count)
    made["key %d" % at] = Changing(lambda: change(made))
    return made


DICTS = {
    "none": lambda: {},
    "one": lambda: numbered(1),
    "deleted first": lambda: without(numbered(5), "key 0"),
    "deleted last": lambda: without(numbered(5), "key 4"),
    "all but one deleted": lambda: without(numbered(3), "key 0", "key 2"),
    "all deleted": lambda: without(numbered(2), "key 0", "key 1"),
    "deleted throughout": lambda: without(numbered(3_005), *("key %d" % n for n in range(0, 3_005, 3))),
    **{"%d" % count: lambda count=count: numbered(count) for count in (999, 1_000, 1_001, 1_999, 2_000, 2_001, 3_500)},
    **{"%d left" % count: lambda count=count: without(numbered(count + 1), "key 7") for count in (999, 1_000, 1_001, 2_000)},
    "keys that are no str": lambda: {1: 2, 1.5: "x", None: True, b"b": 3, (1, "t"): [], frozenset((1,)): {}},
    "tuples as keys at the ends of batches": lambda: {(n, n + 1) if n % 1_000 in (0, 998, 999) else n: str(n) for n in range(2_002)},
    "values that are no leaves at the ends of batches": lambda: {n: [n, {n: n}] if n % 1_000 in (0, 998, 999) else n for n in range(2_002)},
    "the same keys and values again": lambda: [dict.fromkeys(map(str, range(300)), "v"), dict.fromkeys(map(str, range(300)), "v")],
    "in itself": lambda: (made := numbered(20)).update(me=made) or made,
    "across frames": lambda: {"key %d" % n: "x" * 700 for n in range(500)},
    "large values": lambda: {"key %d" % n: "x" * 70_000 for n in range(5)},
    "of an instance": lambda: instance(20).__dict__,
    "of an instance without some": lambda: without(instance(20).__dict__, "name3", "name19"),
    "of many instances": lambda: [instance(n).__dict__ for n in range(1, 40)],
    "becomes larger": lambda: changing(lambda made: made.update(more=1)),
    "becomes smaller": lambda: changing(lambda made: without(made, "key 9")),
    "becomes empty": lambda: changing(lambda made: made.clear()),
    "gets other values": lambda: changing(lambda made: made.update({"key %d" % n: "other" for n in range(5, 10)})),
    "gets another key": lambda: changing(lambda made: without(made, "key 9").update(other=1)),
    "becomes larger behind a batch": lambda: changing(lambda made: made.update(more=1), 2_000, 999),
    "becomes smaller behind a batch": lambda: changing(lambda made: without(made, "key 1500"), 2_000, 1_000),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", DICTS)
def test_bytes(name, protocol):
    make = DICTS[name]
    # Each side has its own: what is dumped may change.
    wrong = difference(outcome(binding.dumps, make(), protocol), outcome(by_cloudpickle, make(), protocol))
    assert wrong is None, wrong
    if "becomes" not in name and "gets" not in name:
        made = make()
        assert binding.dumps([made, made], protocol) == pickle.dumps([made, made], protocol)
