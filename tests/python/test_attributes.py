"""Instances are written from their attributes where these lie, with names that the instances before had: lists of instances
by chance, whose attributes lie in them, in dicts with keys that they share, or in dicts of their own, beside C pickle."""

import pickle
import random

import binding
import pytest
from compare import by_pickle, difference, outcome
from corpus.importable import Plain

NAMES = ["a", "b", "name", "value", "a_longer_name_than_others", "é", "_private", "__dunder__"]


class Text(str):
    pass


def new_class():
    """A class whose instances share no keys yet, in the place of the one before."""

    class Own:
        pass

    Own.__qualname__ = "Own"
    globals()["Own"] = Own
    return Own


class Mutating:
    """Changes another instance while it is reduced."""

    def __init__(self, other, change):
        self.other, self.change = other, change

    def __reduce__(self):
        self.change(self.other)
        return Plain, ()


def reduced(protocol):
    return Plain, ()


def value(chance):
    return chance.choice([1, -(2**40), "text", "é", None, True, 1.5, b"bytes", (1, 2), [3], {"k": 4}, "".join(["new", "str"])])


def name(chance):
    found = chance.choice(NAMES)
    # Another object with the same characters.
    return "".join(list(found)) if chance.random() < 0.2 else found


def instance(chance, cls, names):
    items = [(each, value(chance)) for each in names]
    if chance.random() < 0.3:
        chance.shuffle(items)
    made = cls()
    if chance.random() < 0.5:
        for item in items:
            setattr(made, *item)
    else:
        made.__dict__.update(items)
    odd = chance.random()
    if odd < 0.1:
        made.__dict__[chance.choice([5, Text("a"), (1, 2)])] = value(chance)
    elif odd < 0.2 and names:
        made.__dict__.pop(names[0], None)
        made.extra = 1
    elif odd < 0.25:
        made.__dict__["__reduce_ex__"] = reduced
    elif odd < 0.3:
        made.__dict__[name(chance)] = made
    elif odd < 0.35:
        made.__dict__["shared"] = made.__dict__
    return made


def add(other):
    other.added = 1


def hook(other):
    other.__reduce_ex__ = reduced


def clear(other):
    other.__dict__.clear()


def add_odd(other):
    other.__dict__[Text("a")] = 1


def exchange(other):
    other.__dict__ = {"b": 2, "a": 1}


CHANGES = [add, hook, clear, add_odd, exchange]


def graph(seed):
    chance = random.Random(seed)
    names = list(dict.fromkeys(name(chance) for _ in range(chance.randrange(6))))
    cls = new_class()
    made = [instance(chance, cls, names) for _ in range(chance.randrange(2, 12))]
    if chance.random() < 0.3:
        made.insert(chance.randrange(len(made)), Mutating(made[-1], chance.choice(CHANGES)))
    if chance.random() < 0.2:
        made += [vars(each) for each in made[:2]]
    return made * chance.choice([1, 1, 2])


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_lists_of_instances(protocol):
    wrong = []
    for seed in range(400):
        # The oracle goes first with one, and second with another of the same, which it may change.
        oracle = outcome(by_pickle, graph(seed), protocol)
        differs = difference(outcome(binding.dumps, graph(seed), protocol), oracle)
        if differs:
            wrong.append("seed %d: %s" % (seed, differs))
    assert not wrong, "\n".join(wrong[:3])


def test_more_than_one_frame():
    """Instances whose names and values cross the ends of frames."""
    made = []
    for n in range(3000):
        each = Plain()
        each.__dict__.update({"number": n, "text": "x" * (n % 300), "more": [n]})
        made.append(each)
    assert binding.dumps(made, 4) == pickle.dumps(made, 4)
