"""CPython's own tests of unpickling, through the doors: from memory, from a callback, from a file.

The doors have no keywords; what needs some is left to the tests of the importable face, which has them. Those
tests are taken out by name below.
"""

import io
import pickle
import unittest
from test import pickletester

import loading


class Doors(pickletester.AbstractUnpickleTests, pickletester.AbstractPickleTests):
    bad_stack_errors = (pickle.UnpicklingError,)
    truncated_errors = (pickle.UnpicklingError, EOFError)
    truncated_data_error = (pickle.UnpicklingError, "truncated")
    size_overflow_error = (OverflowError, "exceeds")

    def dumps(self, thing, proto=None, **keywords):
        return pickle.dumps(thing, proto, **keywords)

    def loads(self, data, buffers=None, **keywords):
        assert buffers is None and not keywords, keywords
        return self.door(data)


TAKEN_OUT = [
    # encoding=
    "test_load_long_python2_str_as_bytes",
    "test_load_python2_str_as_bytes",
    "test_load_python2_unicode_as_str",
    "test_empty_bytestring",
    # buffers=, of Python objects
    "test_oob_buffers",
    "test_oob_buffers_writable_to_readonly",
    "test_buffers_error",
    "test_buffers_numpy",
    # Subclasses of Unpickler and Pickler
    "test_buffer_callback_error",
    "test_custom_find_class",
    "test_find_class",
    "test_framed_write_sizes_with_delayed_writer",
    "test_picklebuffer_error",
]


def suite(door):
    """The test class of a door."""
    taken_out = {name: None for name in TAKEN_OUT}
    return type("Tests", (Doors, unittest.TestCase), {"door": staticmethod(door), **taken_out})


class FromMemory(suite(loading.loads)):
    pass


class FromCallback(suite(lambda data, **given: loading.load(io.BytesIO(data).read, **given))):
    pass


class FromFile(suite(lambda data, **given: loading.load_file(io.BytesIO(data), **given))):
    pass


class FromPeekingFile(suite(lambda data, **given: loading.load_file(io.BufferedReader(io.BytesIO(data)), **given))):
    pass
