"""The library's own allocations fail, one after the other: MemoryError or the whole result, nothing is lost, and the next
call works. Run with LIBCLOUDPICKLE naming libcloudpickle_allocator.so, which tests/allocator makes."""

import ctypes
import functools
import gc
import io
import os
import sys

import binding
import loading
import pytest
import reports
from compare import with_anonymous_trackers
from corpus import rows as all_rows
from level import attempt

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

library = binding.library
library.allocator_fail.argtypes, library.allocator_fail.restype = [ctypes.c_size_t] * 2, None
library.allocator_count.restype = ctypes.c_size_t
library.allocator_live.restype = ctypes.c_ssize_t

NEVER = 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1
# Each of the first so many allocations fails once.
MOST = 300
# Larger pickles are left out: their dumps take their time.
LARGE = 10_000
# What is lost in each of so many rounds is more than what the test itself and CPython's caches keep in all of them. These
# fill at their own times: one turn that is level is proof.
ROUNDS, KEPT, TURNS = 20, 15, 12

# Every so manieth row.
STEP = int(os.environ.get("ALLOCATOR_STEP", "1"))
rows = [row for row in all_rows if not (row.endless or row.fresh or row.shared)][::STEP]


def fail_each(work, usual, more):
    """Lets each allocation of a call fail in turn, and so many that follow it."""
    library.allocator_fail(NEVER, 0)
    attempt(work)
    count = library.allocator_count()
    for number in range(min(count, MOST)):
        library.allocator_fail(number, more)
        result, error = attempt(work)
        library.allocator_fail(NEVER, 0)
        if not isinstance(error, MemoryError):
            usual(result, error)
    usual(*attempt(work))


def check(work, same):
    for _ in range(3):
        expected, failure = attempt(work)

    def usual(result, error):
        assert type(error) is type(failure), error
        # Of a message there is what there was memory for.
        assert error is not None or same(result, expected)

    for more in (0, NEVER):
        growths = []
        for _ in range(TURNS):
            gc.collect()
            before = sys.getallocatedblocks(), library.allocator_live()
            for _ in range(ROUNDS):
                fail_each(work, usual, more)
            gc.collect()
            growths.append((sys.getallocatedblocks() - before[0], library.allocator_live() - before[1]))
            if max(growths[-1]) <= KEPT:
                break
        else:
            raise AssertionError("blocks of Python and of ours that each turn left: %s" % growths)


def same_bytes(one, other):
    return with_anonymous_trackers(one) == with_anonymous_trackers(other)


def same_kind(one, other):
    return type(one).__name__ == type(other).__name__


@pytest.mark.parametrize("row", rows, ids=str)
def test_dumps(row):
    with row.world():
        obj = ctypes.py_object(row.make())
        for protocol in (5, 0):
            dumps = functools.partial(binding._dumps_bytes, obj, protocol)
            if len(attempt(dumps)[0] or b"") < LARGE:
                check(dumps, same_bytes)


@pytest.mark.parametrize("row", rows, ids=str)
def test_loads(row):
    with row.world():
        obj = row.make()
        for protocol in (5, 0):
            data, _ = attempt(lambda: binding.dumps(obj, protocol))
            if data and len(data) < LARGE:
                check(functools.partial(binding._loads_bytes, data), same_kind)


OBJECT = [lambda x: x, {"key": (1, 2.5, "é", b"b" * 100)}, "x" * 200_000, bytearray(100_000), [list(range(3000))]]
REFUSED = [1, {"a": (n for n in ())}]


def doors():
    data = binding.dumps(OBJECT)

    def write(written):
        return 0

    yield "dumps", lambda: reports.dumps(OBJECT)
    yield "dump", lambda: binding.dump_to_callback(OBJECT, write)
    yield "dump_file", lambda: binding.dump_to_file(OBJECT, io.BytesIO())
    yield "loads", lambda: reports.loads(data)
    yield "load", lambda: loading.load(io.BytesIO(data).read)
    yield "load_file", lambda: loading.load_file(io.BytesIO(data))
    yield "refused", lambda: reports.dumps(REFUSED)
    yield "bad", lambda: reports.loads(data[:-1])
    yield "find_global", lambda: loading.loads(data, find_global=lambda module, name: None)


DOORS = dict(doors())


@pytest.mark.parametrize("name", DOORS)
def test_doors(name):
    """With a report, the status is CP_ERR_NO_MEMORY, or that of what else went wrong."""
    work = DOORS[name]
    usual = work()
    expected = getattr(usual, "status", None)
    felt = 0
    for more in (0, NEVER):
        library.allocator_fail(NEVER, 0)
        work()
        for number in range(min(library.allocator_count(), MOST)):
            library.allocator_fail(number, more)
            result, error = attempt(work)
            library.allocator_fail(NEVER, 0)
            if error is not None:
                assert isinstance(error, MemoryError), error
                felt += 1
            elif expected is not None:
                assert result.status in (expected, reports.NO_MEMORY), result
                felt += result.status == reports.NO_MEMORY
    # The others find their memory in the pool, or say what was wrong before.
    assert felt or name not in ("dumps", "loads", "load", "load_file")
    again = work()
    assert getattr(again, "status", None) == expected
