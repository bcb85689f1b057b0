"""The doors that load, through ctypes. The environment variable LIBCLOUDPICKLE says which file to use."""

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, PyDLL, Structure, byref, c_char_p, c_int, c_int32, c_size_t, c_ssize_t, c_uint32
from ctypes import c_uint64, c_void_p, py_object

PATH = os.environ.get("LIBCLOUDPICKLE", "")
assert os.path.isfile(PATH), "LIBCLOUDPICKLE must name the library that was built for this Python; it is %r" % PATH
library = PyDLL(PATH)

ReadFunction = CFUNCTYPE(c_ssize_t, c_void_p, c_void_p, c_size_t)
FindFunction = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, POINTER(c_void_p))


class Buffer(Structure):
    pass


ReleaseFunction = CFUNCTYPE(None, POINTER(Buffer))
Buffer._fields_ = [
    ("data", c_void_p),
    ("len", c_size_t),
    ("flags", c_uint32),
    ("reserved", c_uint32),
    ("release", ReleaseFunction),
    ("private_data", c_void_p),
]


class LoadOptions(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("buffers", POINTER(Buffer)),
        ("n_buffers", c_size_t),
        ("find_global", FindFunction),
        ("find_global_ctx", c_void_p),
        ("max_bytes", c_uint64),
    ]


def door(name, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = c_int32, arguments
    return function


_options = POINTER(LoadOptions)
_loads = door("cp_loads", c_char_p, c_size_t, _options, POINTER(c_void_p), POINTER(c_size_t), c_void_p)
_load = door("cp_load", ReadFunction, c_void_p, _options, POINTER(c_void_p), c_void_p)
_load_fd = door("cp_load_fd", c_int, _options, POINTER(c_void_p), c_void_p)
_load_file = door("cp_load_file", py_object, _options, POINTER(c_void_p), c_void_p)
_install = door("cp_install", c_void_p)
_decref = ctypes.pythonapi.Py_DecRef
_decref.restype, _decref.argtypes = None, [c_void_p]



def options(find_global=None, buffers=(), max_bytes=0):
    """The options struct. `find_global(module, name)` answers None for: as usual, or raises to refuse."""

    def find(_, module, name, out):
        try:
            found = find_global(module.decode(), name.decode())
        except Exception:
            return -1
        if found is None:
            return 0
        ctypes.pythonapi.Py_IncRef(py_object(found))
        out[0] = id(found)
        return 1

    array = (Buffer * max(len(buffers), 1))(*buffers)
    function = FindFunction(find) if find_global else FindFunction()
    made = LoadOptions(ctypes.sizeof(LoadOptions), 0, 0, array, len(buffers), function, None, max_bytes)
    made.keep = (function, array)
    return made


def _take(status, out):
    assert status == 0, "status %d, and no exception is set" % status
    found = ctypes.cast(out, py_object).value
    # The reference that the call gave away is dropped; `found` has its own.
    _decref(out)
    return found


def loads(data, **given):
    """cp_loads: the object."""
    return loads_used(data, **given)[0]


def loads_used(data, **given):
    """cp_loads: the object, and how many bytes its pickle had."""
    out, used, data = c_void_p(), c_size_t(), bytes(data)
    status = _loads(data, len(data), byref(options(**given)), byref(out), byref(used), None)
    return _take(status, out), used.value


def load(read, **given):
    """cp_load: `read(n)` answers bytes."""

    def fill(_, into, size):
        data = read(size)
        assert len(data) <= size
        ctypes.memmove(into, data, len(data))
        return len(data)

    out = c_void_p()
    return _take(_load(ReadFunction(fill), None, byref(options(**given)), byref(out), None), out)


def load_fd(fd, **given):
    """cp_load_fd."""
    out = c_void_p()
    return _take(_load_fd(fd, byref(options(**given)), byref(out), None), out)


def load_file(file, **given):
    """cp_load_file."""
    out = c_void_p()
    return _take(_load_file(file, byref(options(**given)), byref(out), None), out)


def install():
    """cp_install."""
    assert _install(None) == 0
