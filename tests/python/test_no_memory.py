"""Python's allocations fail, one after the other: MemoryError or the whole result, and all is well afterwards."""

import ctypes
import importlib.util

import binding
import pytest
from compare import with_anonymous_trackers
from corpus import rows
from left_out import left_out

# What makes it run no Python code of its own, in which CPython itself goes wrong without memory.
ROWS = [row for row in rows if row.name in ("workload: small message", "workload: lambda", "workload: closure of 3 cells",
    "workload: nested 10 deep", "workload: function with 5 globals", "workload: partial of a dynamic function",
    "workload: task: (function, args, kwargs)", "workload: function by reference", "workload: class by reference")]  # fmt: skip
# So many calls in a row that lacked nothing are the end.
ENOUGH = 5


def fail_each(work, check):
    """Lets the first allocation of a call fail, the second of the next, and so on; how often that was felt."""
    import _testcapi

    felt = fine = number = 0
    while fine < ENOUGH:
        assert number < 10_000, "there is no end"
        try:
            _testcapi.set_nomemory(number, number + 1)
            try:
                result = work()
            finally:
                _testcapi.remove_mem_hooks()
        except (MemoryError, ctypes.ArgumentError):
            # The latter is what ctypes makes of the former.
            felt, fine = felt + 1, 0
        else:
            check(result)
            fine += 1
        number += 1
    return felt


if not importlib.util.find_spec("_testcapi"):
    left_out("allocations that fail", "this Python comes without _testcapi")
else:

    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_dumps(row):
        obj = row.make()
        expected = with_anonymous_trackers(binding.dumps(obj, 5))

        def check(data):
            assert with_anonymous_trackers(data) == expected

        assert fail_each(lambda: binding.dumps(obj, 5), check) > 0
        check(binding.dumps(obj, 5))

    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_loads(row):
        data = binding.dumps(row.make(), 5)
        assert fail_each(lambda: binding.loads(data), row.check) > 0
        row.check(binding.loads(data))


def test_rows_are_there():
    assert len(ROWS) == 9
