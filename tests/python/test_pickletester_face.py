"""CPython's own tests of `_pickle`, with our Pickler, Unpickler, dump, dumps, load and loads in its place. What is known to
differ is listed with the reason; a test that is listed and passes is a failure."""

import io
import pickle
import unittest
from test import pickletester

import pytest
from face import libcloudpickle as ours

BY_VALUE = "what lies in a function goes by value, which is what cloudpickle is for"
EXCEPTIONS = {
    "test_c_methods": "classmethod and staticmethod objects, which pickle refuses, are reduced",
    "test_py_methods": "classmethod and staticmethod objects, which pickle refuses, are reduced",
    "test_local_lookup_error": BY_VALUE,
    "test_nested_lookup_error": BY_VALUE,
    "test_unpickleable_local": BY_VALUE,
    "test_in_band_buffers": "a bound classmethod goes with its function by value, and that has bytes of its own",
    "test_oob_buffers": "a bound classmethod goes with its function by value, and that has bytes of its own",
    "test_bad_getattr": "a recursion that is too deep is PicklingError, as cloudpickle's dump says it",
    "test_dynamic_class": "cloudpickle looks each class up by its hash, and the metaclass of this one has none",
    "test_default_dispatch_table": "Pickler.dispatch_table is there, as cloudpickle has it",
}

# These fail on some CPythons only.
SOMETIMES = set(EXCEPTIONS) - {"test_default_dispatch_table"}


def dumps_by_pickler(self, arg, proto=None, **kwargs):
    file = io.BytesIO()
    ours.Pickler(file, proto, **kwargs).dump(arg)
    file.seek(0)
    return file.read()


def loads_by_unpickler(self, buf, **kwds):
    return ours.Unpickler(io.BytesIO(buf), **kwds).load()


class Pickles(pickletester.AbstractPickleTests, unittest.TestCase):
    """Through dumps and loads."""

    bad_stack_errors = (pickle.UnpicklingError,)
    truncated_errors = (pickle.UnpicklingError, EOFError)

    def dumps(self, arg, proto=None, **kwargs):
        return ours.dumps(arg, proto, **kwargs)

    def loads(self, buf, **kwds):
        return ours.loads(buf, **kwds)

    # It writes through a Pickler; `Picklers` has it.
    test_framed_write_sizes_with_delayed_writer = None


class Unpicklers(pickletester.AbstractUnpickleTests, unittest.TestCase):
    bad_stack_errors = (pickle.UnpicklingError,)
    truncated_errors = (pickle.UnpicklingError, EOFError)
    truncated_data_error = (pickle.UnpicklingError, "truncated")
    size_overflow_error = (OverflowError, "exceeds")
    unpickler = ours.Unpickler
    loads = loads_by_unpickler


class Picklers(pickletester.AbstractPickleTests, unittest.TestCase):
    pickler = ours.Pickler
    unpickler = ours.Unpickler
    dumps = dumps_by_pickler
    loads = loads_by_unpickler
    pickler_class = ours.Pickler


class PersistentPicklers(pickletester.AbstractPersistentPicklerTests, unittest.TestCase):
    def dumps(self, arg, proto=None):
        class PersPickler(ours.Pickler):
            def persistent_id(subself, obj):
                return self.persistent_id(obj)

        file = io.BytesIO()
        PersPickler(file, proto).dump(arg)
        return file.getvalue()

    def loads(self, buf, **kwds):
        class PersUnpickler(ours.Unpickler):
            def persistent_load(subself, obj):
                return self.persistent_load(obj)

        return PersUnpickler(io.BytesIO(buf), **kwds).load()


class PicklerUnpicklerObjects(pickletester.AbstractPicklerUnpicklerObjectTests, unittest.TestCase):
    pickler_class = ours.Pickler
    unpickler_class = ours.Unpickler


class Modules(pickletester.AbstractPickleModuleTests, unittest.TestCase):
    dump = staticmethod(ours.dump)
    dumps = staticmethod(ours.dumps)
    load = staticmethod(ours.load)
    loads = staticmethod(ours.loads)
    Pickler = ours.Pickler
    Unpickler = ours.Unpickler


class DispatchTables(pickletester.AbstractDispatchTableTests, unittest.TestCase):
    pickler_class = ours.Pickler

    def get_dispatch_table(self):
        return pickle.dispatch_table.copy()


class ChainedDispatchTables(DispatchTables):
    def get_dispatch_table(self):
        import collections

        return collections.ChainMap({}, pickle.dispatch_table)


class CustomPickler(pickletester.AbstractCustomPicklerClass, ours.Pickler):
    pass


class Hooks(pickletester.AbstractHookTests, unittest.TestCase):
    pickler_class = CustomPickler


CLASSES = [
    Pickles,
    Unpicklers,
    Picklers,
    PersistentPicklers,
    PicklerUnpicklerObjects,
    Modules,
    DispatchTables,
    ChainedDispatchTables,
    Hooks,
]
# Run by the test below, which knows the exceptions.
del Pickles, Unpicklers, Picklers, PersistentPicklers, PicklerUnpicklerObjects, Modules, DispatchTables, Hooks
del ChainedDispatchTables


def run(tests):
    """The names of the tests that failed, with the last of what they said."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(tests).run(result)
    failed = {}
    for case, text in result.failures + result.errors:
        case = getattr(case, "test_case", case)
        failed[case._testMethodName] = text
    return result.testsRun, failed


@pytest.mark.parametrize("tests", CLASSES, ids=lambda tests: tests.__name__)
def test_passes_what_pickle_passes(tests):
    count, failed = run(tests)
    assert count
    unexpected = {name: text for name, text in failed.items() if name not in EXCEPTIONS}
    assert not unexpected, "\n".join("%s: %s" % pair for pair in unexpected.items())
    stale = [name for name in EXCEPTIONS if hasattr(tests, name) and name not in failed and name not in SOMETIMES]
    assert not stale, "no exceptions any more: %s" % stale
