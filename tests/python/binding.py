"""The library through ctypes: one function a door, with Python values in and out.

The environment variable LIBCLOUDPICKLE says which file to load. PyDLL keeps the GIL and raises the exception that a
call leaves set, which is what the library does when it is given no `cp_error **`.
"""

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, PyDLL, Structure, byref, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p, py_object

PATH = os.environ.get("LIBCLOUDPICKLE", "")
assert os.path.isfile(PATH), "LIBCLOUDPICKLE must name the library that was built for this Python; it is %r" % PATH
library = PyDLL(PATH)

HIGHEST = -1
WriteFunction = CFUNCTYPE(c_int, c_void_p, POINTER(ctypes.c_uint8), c_size_t)


class Buffer(Structure):
    pass


Buffer._fields_ = [
    ("data", POINTER(ctypes.c_uint8)),
    ("len", c_size_t),
    ("flags", c_uint32),
    ("reserved", c_uint32),
    ("release", CFUNCTYPE(None, POINTER(Buffer))),
    ("private_data", c_void_p),
]
BufferFunction = CFUNCTYPE(c_int, c_void_p, POINTER(Buffer))


class DumpOptions(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint32),
        ("protocol", c_int32),
        ("on_buffer", BufferFunction),
        ("on_buffer_ctx", c_void_p),
        ("max_bytes", c_uint64),
        ("reducer", c_void_p),
        ("max_depth", c_uint64),
    ]


def door(name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


_dumps_bytes = door("cp_dumps_bytes", py_object, py_object, c_int)
_loads_bytes = door("cp_loads_bytes", py_object, py_object)
_dumps = door("cp_dumps", c_int32, py_object, POINTER(DumpOptions), POINTER(Buffer), c_void_p)
_dump = door("cp_dump", c_int32, py_object, WriteFunction, c_void_p, POINTER(DumpOptions), c_void_p)
_dump_fd = door("cp_dump_fd", c_int32, py_object, c_int, POINTER(DumpOptions), c_void_p)
_dump_file = door("cp_dump_file", c_int32, py_object, py_object, POINTER(DumpOptions), c_void_p)
_loads = door("cp_loads", c_int32, c_void_p, c_size_t, c_void_p, POINTER(c_void_p), POINTER(c_size_t), c_void_p)
_buffer_release = door("cp_buffer_release", None, POINTER(Buffer))
_version = door("cp_version", c_char_p)


def version():
    return _version().decode()


# Objects are wrapped by hand: ctypes would ask each for its `__class__`, and some lie or raise.
def dumps(obj, protocol=HIGHEST):
    """cp_dumps_bytes."""
    return _dumps_bytes(py_object(obj), protocol)


def loads(data):
    """cp_loads_bytes."""
    return _loads_bytes(data)


def _options(protocol=HIGHEST, on_buffer=None, max_bytes=0, reducer=None, max_depth=0, flags=0):
    """The options struct, which keeps what it refers to. on_buffer is given the bytes of a buffer and whether they are read-only."""

    def offered(_, buffer):
        data = ctypes.string_at(buffer.contents.data, buffer.contents.len) if buffer.contents.len else b""
        return on_buffer(data, bool(buffer.contents.flags & 1))

    callback = BufferFunction(offered) if on_buffer else BufferFunction()
    address = id(reducer) if reducer is not None else None
    options = DumpOptions(ctypes.sizeof(DumpOptions), flags, protocol, callback, None, max_bytes, address, max_depth)
    options.reducer_kept = reducer
    return options


def _check(status):
    assert status == 0, "status %d, and no exception is set" % status


def dumps_to_memory(obj, **options):
    """cp_dumps: a copy of the buffer, which is released."""
    options = _options(**options)
    out = Buffer()
    try:
        _check(_dumps(py_object(obj), byref(options), byref(out), None))
        return ctypes.string_at(out.data, out.len)
    finally:
        _buffer_release(byref(out))
        assert not out.data and not out.len and not out.release


def dump_to_callback(obj, write, **options):
    """cp_dump: `write` is called with bytes, and stops the dump by what it returns if that is not 0."""
    options = _options(**options)
    function = WriteFunction(lambda _, data, length: write(ctypes.string_at(data, length)))
    _check(_dump(py_object(obj), function, None, byref(options), None))


def dump_to_fd(obj, fd, **options):
    """cp_dump_fd."""
    _check(_dump_fd(py_object(obj), fd, byref(_options(**options)), None))


def dump_to_file(obj, file, **options):
    """cp_dump_file."""
    _check(_dump_file(py_object(obj), file, byref(_options(**options)), None))


def loads_from_memory(data):
    """cp_loads: the object, and how many bytes its pickle had."""
    out, used = c_void_p(), c_size_t()
    _check(_loads(data, len(data), None, byref(out), byref(used), None))
    found = ctypes.cast(out, py_object).value
    # The reference that the call gave away is dropped; `found` has its own.
    release = ctypes.pythonapi.Py_DecRef
    release.restype, release.argtypes = None, [c_void_p]
    release(out)
    return found, used.value
