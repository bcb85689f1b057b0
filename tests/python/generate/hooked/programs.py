"""A whole program for a seed: what it makes, what it dumps, and what happens meanwhile."""

import random

from . import changes
from .classes import a_class
from .instances import a_value, function, instance, many
from .metaclasses import metaclass
from .program import HookedProgram
from .world import made_in

STATEMENTS = [instance] * 6 + [function, a_class, a_value, lambda p: p.add(changes.of_class(p))]
RESULTS = ["result = [%s]", "result = (%s,)", "result = dict(enumerate([%s]))"]


def program_of(seed):
    with made_in():
        return write(random.Random(seed).randint)


def write(number):
    p = HookedProgram(number)
    for _ in range(p.number(0, 2)):
        if p.chance(1, 2):
            metaclass(p)
    for _ in range(p.number(1, 4)):
        a_class(p)
    for _ in range(p.number(2, 12)):
        p.pick(STATEMENTS)(p)
    if p.chance(2, 5):
        many(p)
    if p.chance(1, 10):
        p.add(changes.of_all(p))
    acts = p.chance(1, 2)
    result(p, acts)
    if acts and p.labels:
        for _ in range(p.number(1, 4)):
            label = "turn" if "turn" in p.labels and p.chance(1, 2) else p.pick(p.labels)
            p.actions.setdefault(label, []).append((p.pick([1, 1, 1, 2, 3]), changes.any_change(p)))
    p.between = [changes.any_change(p) for _ in range(p.number(0, 3))]
    return p


def result(p, acts):
    """What is dumped: some of what there is, some of it twice, and an object in whose hook much happens."""
    names = p.names("instance", "class", "function", "value") or ["1"]
    parts = [p.pick(names) for _ in range(p.number(1, 11))]
    if acts and p.chance(7, 10):
        p.add("class Turn:\n    def __reduce__(self):\n        %s\n        return int, ()" % p.asked("turn"))
        parts.insert(p.number(0, len(parts)), "Turn()")
        if p.chance(3, 10):
            parts.append("Turn()")
    p.add(p.pick(RESULTS) % ", ".join(parts))
