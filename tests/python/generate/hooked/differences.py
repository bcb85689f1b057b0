"""What differs between a program run by cloudpickle and by this library, and need not."""

import pickle
import random
import re
import sys
from dataclasses import replace

import binding
from compare import Outcome, difference

from .doors import DOORS
from .sides import Dump, one_side

PROTOCOLS = [0, 1, 2, 3, 4, 5, 5, 5]
USUAL = ["C API", "C API"]
OF_METACLASS = re.compile(r"M\d+\.")
GENERIC_ALIAS = re.compile(r"M\d+\.(class_|get:__class__)$" if sys.version_info < (3, 11) else r"(?!)")


def compared(program, seed):
    """(what differs or None, the records of cloudpickle's side)."""
    choice = random.Random(seed)
    protocols = [choice.choice(PROTOCOLS) for _ in range(choice.randint(1, 4))]
    ours, theirs = DOORS[choice.choice(USUAL + list(DOORS))]
    oracle = one_side(program, protocols, theirs, pickle.loads)
    return first_difference(one_side(program, protocols, ours, binding.loads), oracle), oracle


def first_difference(ours, theirs):
    """The first thing in which two sides differ that need not, or None. These may, and after the first two
    what follows may, too:
    - how deep a recursion may be: cloudpickle's own frames count, and its pickler has a limit, which ours has not;
    - a load of a pickle whose classes live: pickle makes each class once more and drops it, for which metaclasses are asked,
      and which fails if the class cannot be made anew;
    - up to CPython 3.10, what metaclasses are asked when `types.resolve_bases` looks for a GenericAlias."""
    for mine, other in zip(ours, theirs):
        if isinstance(other, Dump):
            if is_too_deep(other.outcome.error):
                return None
            found = difference_of_dumps(mine, other)
        else:
            if other.first:
                if other.is_error and other.first.is_error or any(was_action_of_metaclass(event) for event in mine.events + other.events):
                    return None
                mine, other = without(OF_METACLASS, mine), without(OF_METACLASS, other)
            found = difference_of_loads(without(GENERIC_ALIAS, mine), without(GENERIC_ALIAS, other))
        if found:
            return found
    return None


def is_too_deep(error):
    return isinstance(error, RecursionError) or (isinstance(error, pickle.PicklingError) and "recursion" in str(error))


def was_action_of_metaclass(event):
    return OF_METACLASS.match(event[0]) and not isinstance(event[1], int)


def without(labels, load):
    return replace(load, events=[event for event in load.events if not labels.match(event[0])])


def difference_of_dumps(ours, theirs):
    found = difference(without_addresses(ours.outcome), without_addresses(theirs.outcome)) or difference_of_lists("asked", ours.events, theirs.events)
    return found and "protocol %d: %s\nlast asked %s\nand there  %s" % (theirs.protocol, found, ours.events[-5:], theirs.events[-5:])


def without_addresses(found):
    """A dataclass has the repr of its defaults in its docs, and so has one object another address there than its twin."""
    if found.data is None:
        return found
    return Outcome(data=re.sub(rb"(?<= at 0x)[0-9a-f]+", lambda address: b"0" * len(address.group()), found.data))


def difference_of_loads(ours, theirs):
    if ours.is_error or theirs.is_error:
        if (ours.is_error, ours.said[:1]) != (theirs.is_error, theirs.said[:1]):
            return "loaded: we say %s, pickle %s" % (ours.said[:3], theirs.said[:3])
        return difference_of_lists("asked by loads", ours.events, theirs.events)
    return difference_of_lists("loaded", ours.said, theirs.said) or difference_of_lists("asked by loads", ours.events, theirs.events)


def difference_of_lists(what, ours, theirs):
    if ours == theirs:
        return None
    n = next((n for n, (mine, other) in enumerate(zip(ours, theirs)) if mine != other), min(len(ours), len(theirs)))
    return "%s: from %d on\n- %s\n+ %s\n(- ours, + the oracle's)" % (what, n, ours[max(0, n - 2) : n + 4], theirs[max(0, n - 2) : n + 4])
