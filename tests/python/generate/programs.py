"""Programs of a few statements each."""

import random

from hypothesis import strategies as st

from . import classes, enums, functions, objects, records
from .program import Program

STATEMENTS = (
    [classes.plain] * 6
    + [functions.function] * 4
    + [functions.closures] * 2
    + [objects.instance] * 4
    + [objects.value] * 4
    + [classes.change] * 4
    + [classes.metaclass, classes.descriptor, classes.called, enums.enumeration, enums.enumeration, records.dataclass, records.dataclass, records.namedtuple, records.typed_dict, records.generic, objects.module]
)


@st.composite
def programs(draw):
    """Programs of which hypothesis makes every choice, so that it can look for a smaller one that fails as well."""
    return write(lambda low, high: draw(st.integers(low, high)))


def program_of(seed):
    """One of as many programs as there are seeds, which have less in common than those of `programs`."""
    return write(random.Random(seed).randint)


def write(number):
    p = Program(number)
    for _ in range(p.number(1, 14)):
        p.pick(STATEMENTS)(p)
    objects.result(p)
    return p
