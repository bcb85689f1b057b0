"""The library's own allocations fail, one after the other: MemoryError or the whole result, nothing is lost, and the next
call works. Run with LIBCLOUDPICKLE naming libcloudpickle_allocator.so, which tests/allocator makes."""

import collections
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
# Of more allocations than these, what each of the others leaves behind is not looked at in many rounds: they are those of
# long loads, the same ones over and over.
MOST = 300
# Larger pickles are left out: their dumps take their time.
LARGE = 10_000
# What is lost in each of so many rounds is more than what the test itself and CPython's caches keep in all of them. These
# fill at their own times, ours of what lies at an address with some hundreds of objects: one turn that is level is proof.
ROUNDS, KEPT, TURNS = 20, 15, 60

# Every so manieth row.
STEP = int(os.environ.get("ALLOCATOR_STEP", "1"))
rows = [row for row in all_rows if not (row.endless or row.fresh or row.shared)][::STEP]
# Of these, every so manieth in rounds; of the others each allocation fails once.
IN_ROUNDS = set(map(str, rows[:: int(os.environ.get("ALLOCATOR_ROUNDS", "1"))]))


TRIED = collections.Counter()


def allocations(work):
    library.allocator_fail(NEVER, 0)
    attempt(work)
    return library.allocator_count()


def fail_each(work, usual, more, numbers):
    """Lets each of these allocations of a call fail in turn, and so many that follow it."""
    for number in numbers:
        library.allocator_fail(number, more)
        result, error = attempt(work)
        library.allocator_fail(NEVER, 0)
        if not isinstance(error, MemoryError):
            usual(result, error)
    usual(*attempt(work))


def check(work, same, in_rounds):
    for _ in range(3):
        expected, failure = attempt(work)

    def usual(result, error):
        assert type(error) is type(failure), error
        # Of a message there is what there was memory for.
        assert error is not None or same(result, expected)

    count = allocations(work)
    TRIED.update({"objects": 1, "allocations": count, "in rounds": min(count, MOST) * in_rounds})
    for more in (0, NEVER):
        fail_each(work, usual, more, range(count))
        if not in_rounds:
            continue
        growths = []
        for _ in range(TURNS):
            gc.collect()
            before = sys.getallocatedblocks(), library.allocator_live()
            for _ in range(ROUNDS):
                fail_each(work, usual, more, range(min(count, MOST)))
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
        for protocol in sorted({0, 5}.intersection(row.protocols)):
            dumps = functools.partial(binding._dumps_bytes, obj, protocol)
            if len(attempt(dumps)[0] or b"") < LARGE:
                check(dumps, same_bytes, row.name in IN_ROUNDS)


@pytest.mark.parametrize("row", rows, ids=str)
def test_loads(row):
    with row.world():
        obj = row.make()
        for protocol in sorted({0, 5}.intersection(row.protocols)):
            data, _ = attempt(lambda: binding.dumps(obj, protocol))
            if data and len(data) < LARGE:
                check(functools.partial(binding._loads_bytes, data), same_kind, row.name in IN_ROUNDS)


OBJECT = [lambda x: x, {"key": (1, 2.5, "é", b"b" * 100)}, "x" * 200_000, bytearray(100_000), [list(range(3000))], ["%d" % n for n in range(40_000)]]
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
        for number in range(allocations(work)):
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


def test_how_many():
    """Says what the tests above came to: `-rP` shows it."""
    assert TRIED["allocations"] > 0
    print(dict(TRIED))
