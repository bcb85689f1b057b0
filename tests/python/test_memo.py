"""The memo: its table grows while objects are under way, while few of the log's many entries are in it, and when foreign
code has everything entered; what one dump needed does not show in the next. The bytes are those of the oracle."""

import io
import pickle

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from face import libcloudpickle


class Foreign:
    """Runs Python code when it is reduced."""

    def __init__(self, argument):
        self.argument = argument

    def __reduce__(self):
        return Foreign, (self.argument,)


def texts(count, kind="text"):
    return ["%s %d" % (kind, n) for n in range(count)]


def shared(items):
    """A list that holds each item twice, so that all are in the table."""
    return [items, list(items)]


def few_among_many(step, count=150_000):
    """Texts that one holder has, and one of many that two have, so that the table grows seldom."""
    known, made = [], []
    for n in range(count):
        made.append("one %d" % n)
        if n % step == 0:
            known.append("two %d" % n)
            made.append(known[-1])
    return [made, known]


def under_way(depth, between):
    """Tuples that two hold inside each other, so that all are under way at once, and the table grows meanwhile."""
    tuples, made = [], ()
    for n in range(depth):
        made = (shared(texts(between, "level %d" % n)), made)
        tuples.append(made)
    return [made, tuples]


def in_itself(between):
    made = ([], "mark")
    made[0].extend(shared(texts(between)))
    made[0].append(made)
    made[0].extend(shared(texts(between)))
    return [made, made]


def code(count):
    made = {"__name__": "__main__"}
    exec("import functools\nv = 5\n" + "".join("def f%d(x): return v, functools, 'constant %d'\n" % (n, n) for n in range(count)), made)
    return [made["f%d" % n] for n in range(count)]


OBJECTS = {
    "few": lambda: shared(texts(3)),
    "as many as make it grow once": lambda: shared(texts(70)),
    "more than lie in a small table": lambda: shared(texts(5_000)),
    "more than are kept": lambda: shared(texts(40_000)),
    "more than lie elsewhere": lambda: shared(texts(140_000)),
    "alone": lambda: texts(140_000),
    "one among ten": lambda: few_among_many(10),
    "one among thousands": lambda: few_among_many(2_000),
    "many under way": lambda: under_way(100, 3),
    "few under way in a growing table": lambda: under_way(10, 2_000),
    "in itself": lambda: in_itself(100),
    "in itself, in a large table": lambda: in_itself(20_000),
    "foreign after few": lambda: [shared(texts(3)), Foreign("x"), shared(texts(300, "later"))],
    "foreign after many": lambda: [few_among_many(1_000), [Foreign(n) for n in range(300)]],
    "foreign after more than are kept": lambda: [shared(texts(70_000)), Foreign("x"), shared(texts(70_000, "later"))],
    "foreign in what is under way": lambda: [(pair := (texts(5_000), Foreign("x"), shared(texts(100)))), pair],
    "foreign objects": lambda: shared([Foreign(n) for n in range(30_000)]),
    "functions": lambda: code(3),
    "functions that make it grow": lambda: shared(code(300)),
    "a function behind what is under way": lambda: [(pair := (code(1)[0], shared(texts(100)))), pair],
    "a function, then many": lambda: [code(1), shared(texts(20_000))],
    "a function, then foreign": lambda: [code(1)[0], texts(200), Foreign("x"), shared(texts(100))],
}


@pytest.mark.parametrize("protocol", (5, 2, 0))
@pytest.mark.parametrize("name", OBJECTS)
def test_bytes(name, protocol):
    made = OBJECTS[name]()
    by_cloudpickle(made, protocol)
    wrong = difference(outcome(binding.dumps, made, protocol), outcome(by_cloudpickle, made, protocol))
    assert wrong is None, wrong


def test_one_after_the_other():
    """Large and small in turn: each begins with an empty memo."""
    made = [make() for make in OBJECTS.values()]
    by_cloudpickle(made, 5)
    expected = [by_cloudpickle(one, 5) for one in made]
    for order in (made, made[::-1], made[::2] + made[1::2]):
        for one in order:
            assert binding.dumps(one) == expected[made.index(one)]
            assert binding.dumps(["a", "a"]) == pickle.dumps(["a", "a"], 5)


@pytest.mark.parametrize("count", (10, 40_000, 140_000))
def test_a_memo_for_many_dumps(count):
    """A pickler's memo goes on with what it knows, in copies too."""
    mine, theirs = io.BytesIO(), io.BytesIO()
    one, other = libcloudpickle.Pickler(mine, 5), pickle.Pickler(theirs, 5)
    known = texts(count)
    for made in ([known], shared(texts(50, "later")), [Foreign(known[1]), known], texts(200) + known[:200]):
        one.dump(made)
        other.dump(made)
    assert mine.getvalue() == theirs.getvalue()
    copy, other_copy = io.BytesIO(), io.BytesIO()
    again, other_again = libcloudpickle.Pickler(copy, 5), pickle.Pickler(other_copy, 5)
    again.memo, other_again.memo = one.memo, other.memo
    for made in ([known, "new"], known[:5] + texts(300, "new")):
        again.dump(made)
        other_again.dump(made)
    assert copy.getvalue() == other_copy.getvalue()
