"""Lists and dicts of instances: those that are written where they are met, among such as are not."""

import collections
import datetime
import random
import threading

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus.importable import Plain, Slotted
from corpus.row import run

PROTOCOLS = (5, 4, 3, 2, 0)
KINDS = run("""
from collections import namedtuple
from datetime import *

class Attributes:
    def __init__(self, n): self.a, self.b = n, "b"

class OwnDict:
    def __init__(self, n): self.__dict__.update({"a": n, "text %d" % (n % 3): 1.5})

class MadeNames:
    def __init__(self, n):
        for at in range(3): setattr(self, "name %d" % at, n + at)

class Slots:
    __slots__ = "a", "b"
    def __init__(self, n): self.a, self.b = n, "b"

class Reducing:
    def __init__(self, n): self.n = n
    def __reduce__(self): return Reducing, (self.n,)

class Empty:
    def __init__(self, n): pass

Named = namedtuple("Named", "a b c")
ZONES = timezone.utc, None, timezone(timedelta(hours=2), "two"), timezone(timedelta(hours=-3))
result = {
    "attributes": Attributes, "a dict of its own": OwnDict, "names made at runtime": MadeNames, "slots": Slots, "reducing": Reducing, "empty": Empty,
    "named": lambda n: Named(n, "b", 1.5), "named around a list": lambda n: Named([n], "b", None),
    "date": lambda n: date.fromordinal(700_000 + n), "time": lambda n: time(n % 24, n % 60, fold=n % 2),
    "datetime": lambda n: datetime(2024, 1, 1 + n % 28, fold=n % 2, tzinfo=ZONES[n % 4]), "timedelta": lambda n: timedelta(n),
    "zone": lambda n: timezone(timedelta(minutes=n % 1000)),
    "attributes around a list": lambda n: Attributes([n]), "slots around a dict": lambda n: Slots({n: n}),
    "attributes around the like": lambda n: Attributes(Attributes(n)), "slots around the like": lambda n: Slots(Slots(n)),
}
""")["result"]
KINDS.update({"importable attributes": lambda n: Plain(a=n, b="b"), "importable slots": lambda n: Slotted(n, "b")})


def compared(obj):
    for protocol in PROTOCOLS:
        found = difference(outcome(binding.dumps, obj, protocol), outcome(by_cloudpickle, obj, protocol))
        assert found is None, "protocol %d: %s" % (protocol, found)


@pytest.mark.parametrize("kind", KINDS)
def test_many_of_a_kind(kind):
    """So many that frames and batches end among them."""
    made = [KINDS[kind](n) for n in range(2_500)]
    compared(made)
    compared([made[:700], made[300:1_000], {"once more": made[:3]}])
    compared({n: one for n, one in enumerate(made)})
    compared([{"text %d" % n: one for n, one in enumerate(made[:9])}, made[5:20]])


def test_all_kinds_in_any_order():
    order = random.Random(7)
    for _ in range(60):
        made = [KINDS[order.choice(list(KINDS))](n) for n in range(order.randrange(2, 60))]
        made += order.sample(made, len(made) // 2) + [{"key": made[:2]}, made[0], "text", [made[-1]]]
        order.shuffle(made)
        compared(made)
        compared(dict(enumerate(made)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_inside_itself(kind):
    cycle = []
    cycle += [KINDS[kind](n) for n in range(3)] + [KINDS["attributes"](cycle), KINDS["slots"](cycle), KINDS["named"](1)._replace(b=cycle)]
    itself = KINDS["attributes"](1)
    itself.a = itself
    cycle += [itself, KINDS["attributes"](itself), KINDS[kind](4)]
    compared(cycle)


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_to_a_sink_as_to_memory(kind):
    made, pieces = [KINDS[kind](n) for n in range(20_000)], []
    binding.dump_to_callback(made, lambda data: pieces.append(data) or 0)
    assert b"".join(pieces) == by_cloudpickle(made, 5)
    assert binding.dumps(made) == by_cloudpickle(made, 5)
    assert len(pieces) > 1


ATTRIBUTE = {"attributes": ".a", "a dict of its own": ".a", "slots": ".a", "importable attributes": ".a", "importable slots": ".a", "named": ""}


@pytest.mark.parametrize("kind", ATTRIBUTE)
def test_the_culprit_among_them(kind):
    make = KINDS[kind]
    lock = threading.Lock()
    for at in (0, 1, 5, 1_003):
        made = [make(n) for n in range(1_100)]
        if kind == "named":
            made[at] = made[at]._replace(a=lock)
        else:
            made[at].a = lock
        with pytest.raises(TypeError) as raised:
            binding.dumps(made)
        place = "cannot pickle '_thread.lock' object at obj[%d]%s" % (at, ATTRIBUTE[kind])
        assert str(raised.value).startswith(place)
        with pytest.raises(TypeError) as raised:
            binding.dumps(dict(enumerate(made)))
        assert str(raised.value).startswith(place)


@pytest.mark.parametrize("kind", ["attributes", "slots", "named", "date"])
def test_its_class_is_another_in_the_middle(kind):
    """Foreign code between two of them changes what the class says of the second."""
    classes = run("import sys\n" + """
class Turn:
    def __init__(self, call): self.call = call
    def __reduce__(self):
        self.call()
        return int, ()
class Slots:
    __slots__ = "a", "b"
class Attributes: pass
""")
    for changed in ("__reduce__", "__reduce_ex__", "__getstate__"):
        if kind == "date":
            compared([datetime.date(2024, 1, 2), classes["Turn"](lambda: None)] + [datetime.date(2024, 1, n) for n in (3, 4)])
            continue
        twins = []
        for dumps in (binding.dumps, by_cloudpickle):
            fresh = type(kind, (collections.namedtuple("N", "a b"),), {"__slots__": (), "__module__": "__main__"}) if kind == "named" else type(
                kind, (), {"__module__": "__main__", **({"__slots__": ("a", "b")} if kind == "slots" else {})})
            made = [fresh(1, 2) if kind == "named" else fresh() for _ in range(6)]
            if kind != "named":
                for one in made:
                    one.a, one.b = 1, "b"
            answers = {"__reduce__": lambda self: (int, (3,)), "__reduce_ex__": lambda self, protocol: (int, (3,)), "__getstate__": lambda self: {"c": 3}}
            made.insert(3, classes["Turn"](lambda: setattr(fresh, changed, answers[changed])))
            twins.append(outcome(dumps, made, 5))
        assert difference(*twins) is None, (changed, difference(*twins))
