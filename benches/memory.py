"""Memory: the size of a pickle, and what a dump takes beyond what is there already."""

import array
import os
import pickle
import re
from ctypes import CFUNCTYPE, POINTER, PyDLL, c_int, c_int32, c_size_t, c_void_p, py_object

import cloudpickle

import workloads
from clocks import shown_size
from sides import PROTOCOL, attempt, dill, marks, oracle, wanted
from table import Table

from peak import peak  # of the tests

MANY = re.compile(r"\b\d+(k|M| MB)\b")
"""In the name of a workload of many objects, or of large ones."""
WriteFunction = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)


def sizes(ours, options):
    """The size of each workload's pickle, and of other formats."""
    found = marks()
    columns = "workload", "ours", "dill", *(mark.name for mark in found)
    notes = "cloudpickle's are as large as ours, byte for byte, and C pickle's of data; others as a factor of ours."
    table = Table("size", columns, notes)

    def row(made):
        obj = made.make(options.scale)
        mine = len(ours.dumps(obj, PROTOCOL))
        try:
            by_dill = "%.2fx" % (len(dill().dumps(obj, PROTOCOL)) / mine)
        except Exception:  # it is not there, or cannot do this one
            by_dill = "fails"
        others = ["%.2fx" % (len(mark.dumps(obj)) / mine) if made.name in mark.knows else "" for mark in found]
        table.add(made.name, shown_size(mine), by_dill, *others)

    for made in wanted(options, workloads.DATA + workloads.CODE):
        attempt(table, made.name, lambda: row(made))
    return table


def peaks(ours, options):
    """The peak of dumping what consists of many objects."""
    columns = "to memory", "size", "ours", "C pickle", "cloudpickle", "ours, beside C pickle", "target", ""
    notes = (
        "Peak of resident memory during one dump beyond what was there before it, the pickle included. The target is for what\n"
        "the memo holds: where C pickle memoises no item, the pickle alone is most of what it takes."
    )
    table = Table("peak memory of a dump", columns, notes)

    def row(made):
        obj = made.make(options.scale)
        by_pickle = pickle.dumps if oracle(made) is pickle.dumps else None
        sides = {"ours": ours.dumps, "C pickle": by_pickle, "cloudpickle": cloudpickle.dumps}
        found = {side: peak(lambda: dumps(obj, PROTOCOL)) for side, dumps in sides.items() if dumps}
        size = len(ours.dumps(obj, PROTOCOL))
        other = found.get("C pickle", found["cloudpickle"])
        beside, target, judged = found["ours"] / max(1, other), "", ""
        if made.name not in workloads.UNMEMOISED:
            target = "%g" % workloads.PEAK
            judged = table.judged(made.name, "C pickle" if by_pickle else "cloudpickle", beside, workloads.PEAK, "%.2f", least=False)
        table.count("objects", "ours, beside C pickle", beside)
        shown = [shown_size(found[side]) if side in found else "" for side in sides]
        table.add(made.name, shown_size(size), *shown, "%.2f" % beside, target, judged)

    large = [made for made in workloads.DATA + workloads.CODE if MANY.search(made.name)]
    for made in wanted(options, large):
        attempt(table, made.name, lambda: row(made))
    return table


class Doors:
    """cp_dump and cp_dump_fd of the library."""

    def __init__(self, path):
        library = PyDLL(path)
        self.dump, self.dump_fd = library.cp_dump, library.cp_dump_fd
        self.dump.restype = self.dump_fd.restype = c_int32
        self.dump.argtypes = py_object, WriteFunction, c_void_p, c_void_p, c_void_p
        self.dump_fd.argtypes = py_object, c_int, c_void_p, c_void_p

    def to_callback(self, obj):
        """Through a callback that looks at nothing."""
        if self.dump(obj, WriteFunction(lambda ctx, data, length: 0), None, None, None) != 0:
            raise RuntimeError("cp_dump failed")

    def to_fd(self, obj):
        with open(os.devnull, "wb") as file:
            if self.dump_fd(obj, file.fileno(), None, None) != 0:
                raise RuntimeError("cp_dump_fd failed")


def to_file(dump, obj):
    with open(os.devnull, "wb") as file:
        dump(obj, file, PROTOCOL)


def arrays(total):
    one = array.array("d", bytes(total // 8))
    return [one[:] for _ in range(8)]


class Buffer:
    """As numpy's arrays go: the data is a buffer of protocol 5."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return Buffer, (pickle.PickleBuffer(self.data),)


class Slots:
    __slots__ = "a", "b"

    def __init__(self, n):
        self.a, self.b = n, "b"


def twice(items):
    return [items, list(items)]


LARGE = {
    "1 GiB of array.array": lambda scale: arrays(int(2**30 * scale) // 64 * 64),
    "1 GiB in buffers of protocol 5": lambda scale: [Buffer(bytearray(int(2**27 * scale))) for _ in range(8)],
    "a million strs": lambda scale: ["string %d" % n for n in range(int(1e6 * scale))],
    "a million tuples": lambda scale: [(n, "b") for n in range(int(1e6 * scale))],
    "a million strs that two lists hold": lambda scale: twice(LARGE["a million strs"](scale)),
    "a million instances with slots": lambda scale: [Slots(n) for n in range(int(1e6 * scale))],
}


def streams(ours, options):
    """What is dumped to a file descriptor or a callback is not copied."""
    columns = "peak memory", "size", "to memory", "to a descriptor", "to a callback", "pickle.dumps", "pickle.dump", "cloudpickle.dump"
    notes = "Beyond what was there before the dump; to memory the pickle is included, to a descriptor or callback nothing is kept.\npickle.dump and cloudpickle.dump write to a file."
    table = Table("peak memory of streams", columns, notes)
    doors = Doors(os.path.abspath(options.library))

    def row(name):
        obj = LARGE[name](options.scale)
        size = len(ours.dumps(obj, PROTOCOL))
        ways = [
            lambda: ours.dumps(obj, PROTOCOL),
            lambda: doors.to_fd(obj),
            lambda: doors.to_callback(obj),
            lambda: pickle.dumps(obj, PROTOCOL),
            lambda: to_file(pickle.dump, obj),
            lambda: to_file(cloudpickle.dump, obj),
        ]
        table.add(name, shown_size(size), *(shown_size(peak(way)) for way in ways))

    for name in LARGE:
        attempt(table, name, lambda: row(name))
    return table


def measure(ours, options):
    return [peaks(ours, options), streams(ours, options), sizes(ours, options)], {}
