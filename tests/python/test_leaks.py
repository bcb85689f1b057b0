"""Dumps leave nothing behind: the number of allocated blocks is level over rounds of success and of failure."""

import gc
import resource
import sys
import time

import binding
import pytest
from compare import outcome
from corpus import rows as all_rows
from level import check_level, check_total

# pytest would keep each warning.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# Without those that take a second each to come to the limit of depth.
rows = [row for row in all_rows if not row.endless]

@pytest.mark.parametrize("row", rows, ids=str)
def test_corpus(row):
    with row.world():
        if row.fresh:
            check_level(lambda: outcome(binding.dumps, row.make(), 5))
        else:
            obj = row.make()
            check_level(lambda: outcome(binding.dumps, obj, 5))


@pytest.mark.parametrize("protocol", (0, 1, 2, 4))
@pytest.mark.parametrize("row", [row for row in rows if not row.fresh][::5], ids=str)
def test_protocols(row, protocol):
    if protocol in row.protocols:
        with row.world():
            obj = row.make()
            check_level(lambda: outcome(binding.dumps, obj, protocol))


@pytest.mark.parametrize("row", [row for row in rows if not (row.fresh or row.shared or "registered" in row.name)][::3], ids=str)
def test_new_objects_each_time(row):
    """What is kept for an object, a code object for example, goes with it."""
    with row.world():
        # The caches of `typing` hold the last 128 aliases. What is slow to make is not made for them.
        until = time.perf_counter() + 0.1
        for _ in range(150):
            row.make()
            if time.perf_counter() > until:
                break
        check_level(lambda: outcome(binding.dumps, row.make(), 5))


SHARED = (None, True, False, Ellipsis, NotImplemented, (), "", b"", 0, 1, "a", b"a", int, object, len)


def test_references_to_what_all_share():
    """They are counted by what is not a block: a reference too many or too few to None goes unseen otherwise."""
    obj = [list(SHARED)] * 3 + [tuple(SHARED), dict.fromkeys(SHARED), lambda: SHARED]
    for protocol in (0, 2, 5):
        binding.dumps(obj[:-1], protocol)
        before = list(map(sys.getrefcount, SHARED))
        for _ in range(2000):
            binding.dumps(obj[:-1], protocol)
        after = list(map(sys.getrefcount, SHARED))
        changed = [(value, b, a) for value, b, a in zip(SHARED, before, after) if abs(a - b) > 100]
        assert not changed, changed


@pytest.mark.parametrize("row", [row for row in rows if not row.fresh], ids=str)
def test_references_to_the_root(row):
    with row.world():
        obj = row.make()
        outcome(binding.dumps, obj, 5)
        gc.freeze()
        gc.collect()
        before = sys.getrefcount(obj)
        for _ in range(20):
            outcome(binding.dumps, obj, 5)
        gc.collect()
    # Objects that all share change their count for reasons of their own.
    assert abs(sys.getrefcount(obj) - before) < 10


def test_memory_of_the_output():
    """What no block counts: the buffers of the library's own allocator."""
    obj = ["x" * 1000, list(range(100_000)), b"y" * 1_000_000]
    failing = [obj, (n for n in ())]

    def work():
        binding.dumps(obj)
        binding.dumps_to_memory(obj)
        binding.dump_to_callback(obj, lambda data: 0)
        outcome(binding.dumps, failing, 5)

    for _ in range(20):
        work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        work()
    grown_by = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_by < 20 * 1024, "%d KiB, where a leak of one output would be 300,000" % grown_by


def test_total_references():
    """A debug build counts all references; others have no such count, and the blocks above must do."""
    objects = [row.make() for row in rows if not row.fresh and "workload" not in row.name and "frame" not in row.name]

    def work():
        for obj in objects:
            outcome(binding.dumps, obj, 5)

    check_total(work)
