"""A dump to a descriptor or a callback copies no large data; one of many small objects takes no more than its output, the
memo and a small constant. Each peak is measured in a process of its own, which runs this file."""

import array
import os
import pickle
import subprocess
import sys
import sysconfig

import binding
import pytest
from peak import peak

MIB = 2**20
LARGE, PIECES = 96 * MIB, 8
"""So many that the output grows once more near its end, and lies on huge pages then already."""
MANY = 270_000
"""Of so many entries the memo's table has just grown, and is at its emptiest."""
CONSTANT = 8 * MIB
LOG, TABLE = 16, 96
"""Bytes of the memo for an object that one holder refers to, and more for one that others do, at most."""
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
GROWTH = 3 if FREE_THREADED else 1
"""The allocator of a free-threaded CPython copies what is to become larger, and keeps what it lay in: C pickle takes as much
there."""
HELD = 256
"""Bytes of what each instance is asked for, which a free-threaded CPython's dump holds."""


class Buffers:
    """As arrays do it: the data is a buffer of protocol 5."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return Buffers, (pickle.PickleBuffer(self.data),)


class Slots:
    __slots__ = "a", "b"

    def __init__(self, n):
        self.a, self.b = n, "b"


def twice(items):
    return [items, list(items)]


MAKERS = {
    "buffers": lambda: [Buffers(bytearray(LARGE // PIECES)) for _ in range(PIECES)],
    "bytearrays": lambda: [bytearray(LARGE // PIECES) for _ in range(PIECES)],
    "arrays": lambda: [array.array("b", [n]) * (LARGE // PIECES) for n in range(PIECES)],
    "bytes": lambda: [b"%d" % n * (LARGE // PIECES) for n in range(PIECES)],
    "text": lambda: ["%d" % n * (LARGE // PIECES) for n in range(PIECES)],
    "strs": lambda: ["string %d" % n for n in range(MANY)],
    "strs in two lists": lambda: twice(["string %d" % n for n in range(MANY)]),
    "instances": lambda: [Slots(n) for n in range(MANY)],
    "instances of 300 KB": lambda: [Slots(n) for n in range(13_000)],
}
WAYS = "memory", "descriptor", "callback"
AGAIN = "memory again"
"""After another one like it, with nothing in between."""
SMALL = 160 * 1024


def dumped(obj, way):
    if way in ("memory", AGAIN):
        return binding.dumps(obj)
    if way == "callback":
        function = binding.WriteFunction(lambda _, data, length: 0)
        return binding._check(binding._dump(binding.py_object(obj), function, None, None, None))
    with open(os.devnull, "wb") as file:
        return binding.dump_to_fd(obj, file.fileno())


def measured(name, way):
    """The size of the pickle, and the peak of a dump."""
    command = [sys.executable, __file__, name, way]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout
    return map(int, said.split())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["buffers", "bytearrays", "arrays", "bytes", "text"])
def test_large_data_is_not_copied(name, way):
    size, most = measured(name, way)
    assert size >= LARGE
    output = GROWTH * size if way == "memory" else 0
    # What other threads may change meanwhile is copied, piece by piece.
    pieces = 4 * LARGE // PIECES if FREE_THREADED and name == "bytearrays" else 0
    assert most <= output + pieces + CONSTANT


@pytest.mark.parametrize("way", ["memory", "descriptor"])
@pytest.mark.parametrize("name", ["strs", "strs in two lists", "instances"])
def test_many_objects_take_output_and_memo(name, way):
    size, most = measured(name, way)
    output = GROWTH * size if way == "memory" else 0
    # Where the output goes elsewhere foreign code may run, so that everything is entered; as other threads may anywhere.
    entered = 0 if way == "memory" and name == "strs" and not FREE_THREADED else MANY
    held = HELD * MANY if FREE_THREADED and name == "instances" else 0
    assert most <= output + LOG * MANY + TABLE * entered + held + CONSTANT


def test_the_next_output_takes_no_more_than_itself():
    size, most = measured("instances of 300 KB", AGAIN)
    assert most <= GROWTH * (size + size // 8) + SMALL


if __name__ == "__main__":
    name, way = sys.argv[1:]
    made = MAKERS[name]()
    size = len(binding.dumps(made))
    if way != AGAIN:
        binding.dumps(None)
    print(size, peak(lambda: dumped(made, way)))
