import ctypes
import faulthandler
import gc
import importlib.util
import os
import sys

import hypothesis
import pytest
from left_out import left_out

# The order of sets of str shows in the bytes: failures must repeat.
assert os.environ.get("PYTHONHASHSEED", "random") != "random", "run the tests by `make test`, or fix PYTHONHASHSEED"

# In CI fewer examples, the same each time, and no search for a smaller one: what fails there is looked into elsewhere.
STEPS = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
hypothesis.settings.register_profile("default", deadline=None, database=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", parent=hypothesis.settings.get_profile("default"), derandomize=True, max_examples=40, phases=STEPS
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# It asks for the library that tests/allocator makes, and tests/run.sh runs it by itself.
collect_ignore = [] if "allocator" in os.environ.get("LIBCLOUDPICKLE", "") else ["test_allocator.py"]
if not importlib.util.find_spec("test.pickletester"):
    collect_ignore_glob = ["test_pickletester*.py"]
    left_out("CPython's own tests of pickle", "this Python comes without them; Debian's are in libpython3.N-testsuite")


# A file of tests that takes so long hangs: it ends, and says where it was. (pytest can watch each test, which costs more
# than most of the tests do.)
LONGEST = 1800


def pytest_configure():
    # Before pytest takes standard error.
    global STANDARD_ERROR
    STANDARD_ERROR = os.dup(2)


@pytest.fixture(autouse=True, scope="module")
def watched():
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=STANDARD_ERROR)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True, scope="module")
def nothing_lost():
    """Under LeakSanitizer, which says on standard error what is lost and where it was allocated."""
    yield
    look = getattr(ctypes.CDLL(None), "__lsan_do_recoverable_leak_check", None)
    if look:
        gc.collect()
        assert look() == 0, "memory is lost"


@pytest.fixture(autouse=True, scope="module")
def small_heap():
    """What the corpus and pytest hold is set aside, so that the collector has little to look at in the tests."""
    gc.collect()
    gc.freeze()


def pytest_report_header():
    import binding

    return "libcloudpickle %s at %s, for %s" % (binding.version(), binding.PATH, sys.version.split()[0])


def pytest_terminal_summary(terminalreporter):
    import left_out

    for reason in left_out.REASONS:
        terminalreporter.write_line(reason)
