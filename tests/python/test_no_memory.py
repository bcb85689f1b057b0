"""Python's allocations fail, one after the other: MemoryError or the whole result, and all is well afterwards."""

import ctypes
import functools
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

# MEMORY_FULL lets each allocation fail; otherwise each of the first so many does, and of loads of some rows only.
FULL = bool(os.environ.get("MEMORY_FULL"))
MOST = 1_000_000 if FULL else 400
LOADED = 1 if FULL else 3
PROTOCOLS = (5, 0) if FULL else (5,)
# So many calls in a row that came to the usual end have lacked nothing.
ENOUGH = 5
# A dump that takes its time takes it for each allocation.
LARGE = 10_000

# Where there is no memory to read a file it is left at another place, as cloudpickle leaves it.
MOVED = ("file", "wrapper with a mode")

# A debug build of CPython asserts that a str of a subclass has its text, also when there was no memory for it.
ASSERTED = "subclass of str" if hasattr(sys, "gettotalrefcount") else None

rows = [row for row in all_rows if not (row.endless or row.fresh or row.shared or row.name.startswith(MOVED))]

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
    # ctypes makes an error of its own of a MemoryError. CPython from 3.13 on says that a class has no __firstlineno__ if
    # there is no memory to set it.
    return isinstance(error, (MemoryError, ctypes.ArgumentError)) or (
        type(error) is AttributeError and sys.version_info >= (3, 13) and "no attribute '__firstlineno__'" in str(error)
    )


def fail_each(work, usual):
    """Lets the first allocation of a call fail, the second of the next, and so on; how often that was felt. `usual` says
    whether a call came to its usual end, which is a result or an error."""
    import _testcapi

    felt = fine = number = 0
    while fine < ENOUGH and number < MOST:
        result = raised = None
        _testcapi.set_nomemory(number, number + 1)
        try:
            result = work()
        except BaseException as error:
            _testcapi.remove_mem_hooks()
            raised = error
            raised.__traceback__ = raised.__context__ = raised.__cause__ = None
        else:
            _testcapi.remove_mem_hooks()
        if raised is not None and is_for_want_of_memory(raised):
            felt, fine = felt + 1, 0
        else:
            usual(result, raised)
            fine += 1
        number += 1
    return felt


def check(work, same):
    """`same` says whether two results are alike."""
    attempt(work)
    expected, failure = attempt(work)

    def usual(result, raised):
        # Where there is no memory to say all of it, the message has less at its end, or nothing at all before 3.11.
        assert type(raised) is type(failure), raised
        assert str(failure).startswith(str(raised)[:6])
        assert raised is not None or same(result, expected)

    assert fail_each(work, usual) > 0
    usual(*attempt(work))


if not importlib.util.find_spec("_testcapi"):
    left_out("allocations that fail", "this Python comes without _testcapi")
else:

    @pytest.mark.parametrize("row", rows, ids=str)
    def test_dumps(row):
        with row.world():
            for protocol in PROTOCOLS:
                # Without a function of our own: CPython 3.12 loses the exception if there is no memory for its traceback.
                dumps = functools.partial(binding._dumps_bytes, ctypes.py_object(row.make()), protocol)
                size = len(attempt(dumps)[0] or b"")
                if size < LARGE and (PYTHON_IS_SAFE or not runs_python(dumps)):
                    check(dumps, lambda one, other: with_anonymous_trackers(one) == with_anonymous_trackers(other))

    @pytest.mark.parametrize("row", rows[::LOADED], ids=str)
    def test_loads(row):
        with row.world():
            obj = row.make()
            for protocol in PROTOCOLS:
                data, _ = attempt(lambda: binding.dumps(obj, protocol))
                loads = functools.partial(binding._loads_bytes, data)
                if ASSERTED and ASSERTED in row.name:
                    left_out("allocations that fail: " + row.name, "a debug build of CPython asserts that there is memory")
                elif data and len(data) < LARGE and (PYTHON_IS_SAFE or not runs_python(loads)):
                    check(loads, lambda one, other: type(one).__name__ == type(other).__name__)

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
            check(work, lambda one, other: one == other)
        else:
            left_out("allocations that fail in " + name, "CPython before 3.14 crashes by itself then")
