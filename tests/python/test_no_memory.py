"""Python's allocations fail, one after the other: MemoryError or the whole result, and all is well afterwards."""

import collections
import ctypes
import functools
import gc
import importlib.util
import io
import os
import pickle
import sys

import binding
import level
import loading
import pytest
from compare import with_anonymous_trackers
from corpus import rows as all_rows
from face import libcloudpickle
from level import attempt
from left_out import left_out

# pytest would keep each warning. What has no memory in a callback of a weak reference goes to sys.unraisablehook.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# With MEMORY_FULL, as `make check-memory` has it, also at protocol 0, also the other two thirds of the loads, also with what
# CPython keeps of its free objects, and what fails is looked at for what it leaves behind.
FULL = bool(os.environ.get("MEMORY_FULL"))
PROTOCOLS = (5, 0) if FULL else (5,)
LOADED = 1 if FULL else 3
# So many calls in a row that came to the usual end may have lacked nothing: then all allocations from there on fail.
ENOUGH = 5
# A larger pickle takes its time for each of the same allocations over and over.
LARGE = 10_000
# What is lost at each of so many calls is lost; what CPython keeps for later comes to an end in some turn.
CALLS, TURNS = 10, 50

# Where there is no memory to read a file it is left at another place, as cloudpickle leaves it.
MOVED = ("file", "wrapper with a mode")

# A debug build of CPython asserts that a str of a subclass has its text, also when there was no memory for it.
ASSERTED = "subclass of str" if hasattr(sys, "gettotalrefcount") else None

# CPython before 3.14 leaves behind what it had of a code object, or the argument of list.extend; and C pickle, which a row
# calls, what it had of a pickle.
LEAVES_NOTHING = sys.version_info >= (3, 14)
CALLS_PICKLE = ("object that dumps while it is dumped",)

rows = [row for row in all_rows if not (row.endless or row.shared or row.name.startswith(MOVED))]

# CPython before 3.14 frees a function's code once too often where there is no memory for the function's cells, and its
# functions may return NULL without an exception: what calls functions written in Python is left out there.
PYTHON_IS_SAFE = sys.version_info >= (3, 14)
if not PYTHON_IS_SAFE:
    left_out("allocations that fail, in rows that call Python functions", "CPython before 3.14 crashes by itself then")


def runs_python(work):
    """Does a call of the doors run functions written in Python?"""
    called = []

    def profile(frame, event, argument):
        if event == "call" and frame.f_globals.get("__name__") not in (__name__, attempt.__module__):
            called.append(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        attempt(work)
    finally:
        sys.setprofile(before)
    return bool(called)


def test_what_runs_python():
    assert not runs_python(functools.partial(len, [])) and not runs_python(lambda: binding._dumps_bytes(ctypes.py_object([1]), 5))
    assert runs_python(functools.partial(os.path.join, "a", "b"))


def is_for_want_of_memory(error):
    # ctypes makes an error of its own of a MemoryError. CPython from 3.13 on says that a class does not have an attribute
    # if there is no memory to set it.
    return isinstance(error, (MemoryError, ctypes.ArgumentError)) or (
        type(error) is AttributeError and sys.version_info >= (3, 13) and str(error).startswith("type object '")
    )


def fail_one(work, number, last, emptied):
    """A call whose allocations from one number to another fail: what it came to, and whether memory was wanting."""
    import _testcapi

    result = raised = None
    if emptied:
        # CPython keeps tuples, floats, lists and others that were freed, and takes these without an allocation.
        gc.collect()
    _testcapi.set_nomemory(number, last)
    try:
        result = work()
    except BaseException as error:
        _testcapi.remove_mem_hooks()
        raised = error
        raised.__traceback__ = raised.__context__ = raised.__cause__ = None
    else:
        _testcapi.remove_mem_hooks()
    return result, raised, raised is not None and is_for_want_of_memory(raised)


def fail_each(new, usual, emptied):
    """Lets the first allocation of a call fail, the second of the next, and so on to the last; how many there are, and how
    often that was felt. `new` gives the work, and `usual` says whether a call came to its usual end, which is a result or
    an error."""
    felt = fine = number = 0
    while True:
        result, raised, wanting = fail_one(new(), number, number + 1, emptied)
        number += 1
        if wanting:
            felt, fine = felt + 1, 0
            continue
        usual(result, raised)
        fine += 1
        # CPython may do without some allocations; that none is left shows where all that follow fail.
        if fine >= ENOUGH:
            if not fail_one(new(), number - fine, 0, emptied)[2]:
                return number - fine, felt
            fine = 0


def check_level(work, count):
    for number in range(count):
        growths = []
        for _ in range(TURNS):
            gc.collect()
            before = sys.getallocatedblocks()
            for _ in range(CALLS):
                fail_one(work, number, number + 1, True)
            gc.collect()
            growths.append(sys.getallocatedblocks() - before)
            if growths[-1] < CALLS * 0.9:
                break
        else:
            raise AssertionError("blocks that %d calls left, allocation %d of each failing: %s" % (CALLS, number, growths))


def same_bytes(one, other):
    return with_anonymous_trackers(one) == with_anonymous_trackers(other)


def same_kind(one, other):
    return type(one).__name__ == type(other).__name__


TRIED = collections.Counter()


def check(kind, new, same, is_level=True):
    """`new` gives the work, a new one at each call; `same` says whether two results are alike. `is_level` says whether what
    is allocated must be the same after failures."""
    attempt(new())
    expected, failure = attempt(new())
    # Some rows raise such an error of their own: nothing tells the two apart.
    if is_for_want_of_memory(failure):
        return
    # The collections look at what is made from here on, not at what pytest remembers of the tests before.
    gc.freeze()

    def usual(result, raised):
        # Where there is no memory to say all of it, the message has less at its end, or nothing at all before 3.11.
        assert type(raised) is type(failure), raised
        assert str(failure).startswith(str(raised)[:6])
        assert raised is not None or same(result, expected)

    for emptied in (True, False) if FULL else (True,):
        count, felt = fail_each(new, usual, emptied)
        assert felt > 0
        TRIED.update({"objects": 1, kind: count, "MemoryError": felt})
        usual(*attempt(new()))
    if FULL and is_level and LEAVES_NOTHING:
        check_level(new(), count)
        usual(*attempt(new()))


if not importlib.util.find_spec("_testcapi"):
    left_out("allocations that fail", "this Python comes without _testcapi")
else:

    def at(row):
        return [protocol for protocol in PROTOCOLS if protocol in row.protocols]

    @pytest.mark.parametrize("row", rows, ids=str)
    def test_dumps(row):
        with row.world():
            for protocol in at(row):
                # Without a function of our own: CPython 3.12 loses the exception if there is no memory for its traceback.
                def new(make=row.make):
                    return functools.partial(binding._dumps_bytes, ctypes.py_object(make()), protocol)

                if not row.fresh:
                    obj = row.make()
                    new = functools.partial(new, lambda: obj)
                size = len(attempt(new())[0] or b"")
                if size < LARGE and (PYTHON_IS_SAFE or not runs_python(new())):
                    check("dumps", new, same_bytes, not row.fresh and row.name not in CALLS_PICKLE)

    @pytest.mark.parametrize("row", [row for row in rows if not row.fresh][::LOADED], ids=str)
    def test_loads(row):
        with row.world():
            obj = row.make()
            for protocol in at(row):
                data, _ = attempt(lambda: binding.dumps(obj, protocol))
                loads = functools.partial(binding._loads_bytes, data)
                if ASSERTED and ASSERTED in row.name:
                    left_out("allocations that fail: " + row.name, "a debug build of CPython asserts that there is memory")
                elif data and len(data) < LARGE and (PYTHON_IS_SAFE or not runs_python(loads)):
                    check("loads", lambda: loads, same_kind)

    # In C as far as it goes, so that it can be tried before CPython 3.14.
    OBJECT = [{"key": (1, 2.5, "\xe9", b"b" * 100)}, "x" * 200_000, bytearray(100_000), [list(range(300))], {1, frozenset("a")}, len]
    DATA = binding.dumps(OBJECT)
    BUFFERS = [pickle.PickleBuffer(b"one"), pickle.PickleBuffer(bytearray(b"two"))]
    OUT_OF_BAND = libcloudpickle.dumps(BUFFERS, 5, buffer_callback=lambda buffer: False)

    class Hooked(libcloudpickle.Pickler):
        def persistent_id(self, obj):
            return None

        def reducer_override(self, obj):
            return NotImplemented

    class HookedUnpickler(libcloudpickle.Unpickler):
        def find_class(self, module, name):
            return super().find_class(module, name)

    def dumped_to(pickler):
        file = io.BytesIO()
        pickler(file, 5).dump(OBJECT)
        return file.getvalue()

    def dumped_to_file():
        file = io.BytesIO()
        binding.dump_to_file(OBJECT, file)
        return file.getvalue()

    def registered():
        libcloudpickle.register_pickle_by_value(level)
        try:
            return libcloudpickle.dumps(level.attempt)
        finally:
            libcloudpickle.unregister_pickle_by_value(level)

    DOORS = {
        "dumps of the module": functools.partial(libcloudpickle.dumps, OBJECT),
        "loads of the module": functools.partial(libcloudpickle.loads, DATA),
        "Pickler": functools.partial(dumped_to, libcloudpickle.Pickler),
        "Pickler with hooks": functools.partial(dumped_to, Hooked),
        "Unpickler": lambda: libcloudpickle.Unpickler(io.BytesIO(DATA)).load(),
        "Unpickler with hooks": lambda: HookedUnpickler(io.BytesIO(DATA)).load(),
        "dump_file": dumped_to_file,
        "load_file": lambda: loading.load_file(io.BytesIO(DATA)),
        "registry": registered,
        "buffers": lambda: libcloudpickle.loads(OUT_OF_BAND, buffers=[b"one", bytearray(b"two")]),
        "bad bytes": functools.partial(libcloudpickle.loads, DATA[:-1]),
    }

    @pytest.mark.parametrize("name", DOORS)
    def test_doors(name):
        work = DOORS[name]
        if PYTHON_IS_SAFE or not runs_python(work):
            check("doors", lambda: work, lambda one, other: one == other)
        else:
            left_out("allocations that fail in " + name, "CPython before 3.14 crashes by itself then")

    def test_how_many():
        """Says what the tests above came to: `-rP` shows it."""
        assert TRIED["MemoryError"] > 0
        print(dict(TRIED))
