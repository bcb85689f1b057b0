"""Makes the pickles of an older cloudpickle, whose folder is the first argument: writes them to the file that is the
second one, as a pickle of pairs of a name and bytes. Run once by each Python that the library supports; the files are
kept, since what an old version wrote does not change.
"""

import pickle
import sys

sys.path.insert(0, sys.argv[1])

import cloudpickle  # noqa: E402

SOURCE = """
import collections
import enum
import json
import types
import typing

K = 3

def plain(x, y=2, *, z=1):
    return x + y + z + K

def closure(a):
    def inner(b):
        return a + b
    return inner

def recursive(n):
    return 1 if n < 2 else n * recursive(n - 1)

def uses_module(x):
    return json.dumps(x)

class Base:
    limit = 5
    def name(self):
        return "base"

class Derived(Base):
    def name(self):
        return "derived of " + super().name()

class Slots:
    __slots__ = ("a", "b")

class Colour(enum.Enum):
    RED = 1
    GREEN = "g"

T = typing.TypeVar("T", int, str)

module = types.ModuleType("made_up")
module.answer = 42
slots = Slots()
slots.a = 1
"""

namespace = {"__name__": "__main__"}
exec(compile(SOURCE, "<old>", "exec"), namespace)

OBJECTS = {
    "plain": namespace["plain"],
    "closure": namespace["closure"](10),
    "recursive": namespace["recursive"],
    "uses_module": namespace["uses_module"],
    "class": namespace["Derived"],
    "instance": namespace["Derived"](),
    "slots": namespace["slots"],
    "enum": namespace["Colour"],
    "member": namespace["Colour"].GREEN,
    "typevar": namespace["T"],
    "module": namespace["module"],
    "keys": {"a": 1, "b": 2}.keys(),
    "values": {"a": 1, "b": 2}.values(),
    "items": {"a": 1, "b": 2}.items(),
}

made = []
for name, thing in OBJECTS.items():
    try:
        made.append((name, cloudpickle.dumps(thing)))
    except Exception as error:  # Not every old version can pickle everything on a new Python.
        print(sys.version_info[:2], cloudpickle.__version__, name, repr(error), file=sys.stderr)
with open(sys.argv[2], "wb") as file:
    pickle.dump(made, file, 4)
