"""CPython's own tests of `_pickle`, with `_pickle` and with our Pickler, Unpickler, dump, dumps, load and loads in its
place: what passes with `_pickle` passes with ours, but for the exceptions below."""

import contextlib
import io
import re
import sys
import unittest
from test import pickletester, test_pickle

import pytest
from face import libcloudpickle as ours

BOTH = {"pickler": ours.Pickler, "unpickler": ours.Unpickler}

# A class of tests: what it asks in place of `_pickle`.
IN_PLACE = {
    "InMemoryPickleTests": {
        "dumps": lambda self, arg, proto=None, **options: ours.dumps(arg, proto, **options),
        "loads": lambda self, data, **options: ours.loads(data, **options),
    },
    "CPickleTests": {
        **{name: staticmethod(getattr(ours, name)) for name in ("dump", "dumps", "load", "loads")},
        "Pickler": ours.Pickler,
        "Unpickler": ours.Unpickler,
    },
    "CUnpicklerTests": {"unpickler": ours.Unpickler},
    "CPicklingErrorTests": {"pickler": ours.Pickler},
    "CPicklerTests": BOTH,
    "CPersPicklerTests": BOTH,
    "CIdPersPicklerTests": BOTH,
    "CDumpPickle_LoadPickle": {"pickler": ours.Pickler},
    "DumpPickle_CLoadPickle": {"unpickler": ours.Unpickler},
    "CPicklerUnpicklerObjectTests": {"pickler_class": ours.Pickler, "unpickler_class": ours.Unpickler},
    "CDispatchTableTests": {"pickler_class": ours.Pickler},
    "CChainDispatchTableTests": {"pickler_class": ours.Pickler},
    "CPicklerHookTests": {
        "pickler_class": type("CustomPickler", (pickletester.AbstractCustomPicklerClass, ours.Pickler), {})
    },
}
# Those that have nothing to do with `_pickle`.
OTHERS = r"Py|OptimizedPickleTests"

BY_VALUE = "what lies in a function goes by value, which is what cloudpickle is for"
REDUCED = "classmethod and staticmethod objects, which pickle refuses, are reduced"
CLASSMETHOD = "a bound classmethod goes with its function by value, and that has bytes of its own"
# Test: why it fails with ours.
EXCEPTIONS = {
    "test_c_methods": REDUCED,
    "test_py_methods": REDUCED,
    "test_local_lookup_error": BY_VALUE,
    "test_unpickleable_newobj_class": BY_VALUE,
    "test_unpickleable_newobj_ex_class": BY_VALUE,
    "test_in_band_buffers": CLASSMETHOD,
    "test_oob_buffers": CLASSMETHOD,
    "test_bad_getattr": "a recursion that is too deep is PicklingError, as cloudpickle's dump says it",
    "test_dynamic_class": "cloudpickle looks each class up by its hash, and the metaclass of this one has none",
    "test_default_dispatch_table": "Pickler.dispatch_table is there, as cloudpickle has it",
}
# Before these versions the tests ask for less, which ours do.
SINCE = {"test_c_methods": (3, 11), "test_py_methods": (3, 11)}


def outcomes(tests):
    """What each test came to, and what the failed ones said."""
    result = unittest.TestResult()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests)
    found = {case._testMethodName: "passed" for case in suite}
    # Some show what they pickled.
    with contextlib.redirect_stdout(io.StringIO()):
        suite.run(result)
    said = {}
    for case, text in result.failures + result.errors + result.expectedFailures:
        name = getattr(case, "test_case", case)._testMethodName
        found[name] = "failed"
        said[name] = said.get(name, "") + text
    for case, why in result.skipped:
        name = getattr(case, "test_case", case)._testMethodName
        found[name] = "skipped"
        said[name] = why
    return found, said


@pytest.fixture(scope="module")
def compared():
    """Test class: (what its tests came to with `_pickle`, with ours, what ours said)."""
    found = {}
    for name in sorted(IN_PLACE):
        theirs = getattr(test_pickle, name, None)
        if theirs:
            with_ours = type(name, (theirs,), dict(IN_PLACE[name], __module__=theirs.__module__))
            found[name] = (outcomes(theirs)[0], *outcomes(with_ours))
    return found


def worse(expected, found):
    return [test for test in found if expected[test] == "passed" and found[test] != "passed"]


def test_each_class_is_known():
    for name, tests in vars(test_pickle).items():
        of_pickletester = isinstance(tests, type) and any(base.__module__ == "test.pickletester" for base in tests.__mro__)
        if of_pickletester and issubclass(tests, unittest.TestCase) and not re.match(OTHERS, name):
            assert name in IN_PLACE
    # 3.13 brought one of them.
    assert [name for name in IN_PLACE if not hasattr(test_pickle, name)] in ([], ["CPicklingErrorTests"])


@pytest.mark.parametrize("name", sorted(IN_PLACE))
def test_what_passes_with_pickle_passes_with_ours(compared, name):
    if name not in compared:
        assert name == "CPicklingErrorTests" and sys.version_info < (3, 13)
        return
    expected, found, said = compared[name]
    assert set(found) == set(expected)
    passed = [sum(outcome == "passed" for outcome in outcomes.values()) for outcomes in (expected, found)]
    print("%s: with _pickle %d passed of %d; with ours %d" % (name, passed[0], len(expected), passed[1]))
    assert passed[0]
    unexpected = [test for test in worse(expected, found) if test not in EXCEPTIONS]
    assert not unexpected, "\n".join("%s: %s" % (test, said.get(test, found[test])) for test in unexpected)


def test_exceptions_are_exceptions(compared):
    there = {test for expected, _, _ in compared.values() for test in expected}
    failed = {test for expected, found, _ in compared.values() for test in worse(expected, found)}
    due = {test for test in EXCEPTIONS if test in there and SINCE.get(test, (3, 9)) <= sys.version_info}
    assert due <= failed, "no exceptions any more: %s" % sorted(due - failed)
