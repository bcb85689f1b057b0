"""What a reduce value holds: the arguments that nobody else refers to are forgotten at once, all others are found again."""

import gc
import io
import sys

import binding
import cloudpickle
import pytest
from compare import by_cloudpickle, difference, outcome
from face import libcloudpickle

PROTOCOLS = (5, 4, 3, 2, 1, 0)


@pytest.fixture(autouse=True)
def without_collections():
    """The collector no longer finds tuples of atoms that it has seen once."""
    gc.disable()
    yield
    gc.enable()


class Thing:
    """Says what it is told to say."""

    def __init__(self, say):
        self.say = say

    def __reduce__(self):
        return self.say()


def make(*arguments):
    return list(arguments)


def fresh(count=50):
    return [Thing(lambda n=n: (make, (n, "text", "text %d" % n, None, 2.5))) for n in range(count)]


def after_one_another():
    """Tuples lie where others lay before."""
    things = []
    for n in range(20):
        things += [Thing(lambda n=n: (make, (n, n))), Thing(lambda n=n: (make, (n, [n])))]
        things += [Thing(lambda n=n: (make, ((n, n), "t"))), Thing(lambda n=n: (make, ((n,),), {"n": (n, n)}))]
    return things


def kept_arguments():
    """The reduced object keeps what it said, and it is met again."""
    kept = []

    def say():
        kept.append((len(kept), "kept"))
        return make, kept[-1]

    return [Thing(say), kept, Thing(say), kept]


def kept_value():
    kept = []

    def say():
        kept.append((make, (len(kept), "kept")))
        return kept[-1]

    return [Thing(say), kept, kept]


def one_for_all():
    value = (make, (1, 2))
    arguments = (3, 4)
    return [Thing(lambda: value), Thing(lambda: value), Thing(lambda: (make, arguments)), arguments, value]


def constants():
    """The compiler makes them once."""
    return [Thing(lambda: (make, (1, "constant"))) for _ in range(2)] + [Thing(lambda: (make, (1, "constant")))] * 2


def texts_in_arguments():
    """What the arguments hold is found again although they are gone."""
    texts = ["text %d" % n for n in range(3)]
    return [*(Thing(lambda n=n: (make, (texts[n % 3], "own %d" % n))) for n in range(9)), texts]


def with_more():
    state = {"a": 1}
    return [Thing(lambda: (Thing, (None,), state)), Thing(lambda: (Thing, (None,), {"b": (1, 2)})), Thing(lambda: (list, (), None, iter([(1, 2)])))]


def found_by_the_collector():
    """The state finds the arguments, which nobody gave it."""
    token = float("7.5")

    def found():
        return make, (*(held for held in gc.get_referrers(token) if type(held) is tuple and held[:1] == (token,)),)

    return [Thing(lambda: (make, (token, "found"), [Thing(found)]))]


def of_other_types():
    class Tuple(tuple):
        pass

    return [Thing(lambda: Tuple((make, (1, 2)))), Thing(lambda: (make, Tuple((1, 2)))), Thing(lambda: (make, ()))]


def foreign_arguments():
    """Foreign code runs while the arguments are written."""
    return [Thing(lambda n=n: (make, (Thing(lambda: (make, (n,))), n))) for n in range(5)]


def many_arguments():
    return [Thing(lambda n=n: (make, tuple(range(1000, 1000 + n)))) for n in range(20)]


CASES = [fresh, after_one_another, kept_arguments, kept_value, one_for_all, constants, texts_in_arguments, with_more, found_by_the_collector, of_other_types, foreign_arguments, many_arguments]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_same_bytes(case, protocol):
    assert difference(outcome(binding.dumps, case(), protocol), outcome(by_cloudpickle, case(), protocol)) is None


def test_a_memo_that_is_kept_remembers_them():
    """A Pickler that goes on knows the arguments, as cloudpickle's does."""
    files = io.BytesIO(), io.BytesIO()
    picklers = libcloudpickle.Pickler(files[0], 5), cloudpickle.Pickler(files[1], 5)
    things = fresh(3)
    for pickler in picklers:
        pickler.dump(things)
        pickler.dump(things)
    assert files[0].getvalue() == files[1].getvalue()
    ours, theirs = (pickler.memo.copy() for pickler in picklers)
    assert len(ours) == len(theirs)
    assert [type(held) for _, held in sorted(ours.values(), key=lambda entry: entry[0])] == [
        type(held) for _, held in sorted(theirs.values(), key=lambda entry: entry[0])
    ]


@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="all is held without a GIL")
def test_they_do_not_live_until_the_end():
    value = float("2.5")
    seen = []

    def look():
        seen.append(sys.getrefcount(value))
        return make, (1,)

    things = [Thing(lambda n=n: (make, (value, n))) for n in range(40)]
    binding.dumps([Thing(look), *things, Thing(look)], 5)
    assert seen[1] == seen[0], seen
