"""The doors with a report of the failure: each gives a Report in the place of an exception.

They are called through CDLL, which releases the GIL, so that the library takes it as it does for any thread."""

import ctypes
from collections import namedtuple
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p, py_object

import binding
import loading

OK, INVALID_ARGUMENT, NO_MEMORY, PYTHON, PICKLING, UNPICKLING, IO, CALLBACK, LIMIT = 0, -1, -2, -7, -8, -9, -10, -11, -12
INTERNAL = -99

# The object that was loaded, or None, is the last of a report.
Report = namedtuple("Report", "status code type message object", defaults=(None,))

library = ctypes.CDLL(binding.PATH)


def _door(name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


_status = _door("cp_error_status", c_int32, c_void_p)
_code = _door("cp_error_code", c_int64, c_void_p)
_message = _door("cp_error_message", c_char_p, c_void_p)
_type = _door("cp_error_python_type", c_char_p, c_void_p)
_free = _door("cp_error_free", None, c_void_p)
_dumps = _door("cp_dumps", c_int32, py_object, POINTER(binding.DumpOptions), POINTER(binding.Buffer), POINTER(c_void_p))
_dump = _door("cp_dump", c_int32, py_object, binding.WriteFunction, c_void_p, POINTER(binding.DumpOptions), POINTER(c_void_p))
_dump_fd = _door("cp_dump_fd", c_int32, py_object, c_int, POINTER(binding.DumpOptions), POINTER(c_void_p))
_dump_file = _door("cp_dump_file", c_int32, py_object, py_object, POINTER(binding.DumpOptions), POINTER(c_void_p))
_load_options, _object, _error = POINTER(loading.LoadOptions), POINTER(c_void_p), POINTER(c_void_p)
_loads = _door("cp_loads", c_int32, c_char_p, c_size_t, _load_options, _object, POINTER(c_size_t), _error)
_load = _door("cp_load", c_int32, loading.ReadFunction, c_void_p, _load_options, _object, _error)
_load_fd = _door("cp_load_fd", c_int32, c_int, _load_options, _object, _error)
_load_file = _door("cp_load_file", c_int32, py_object, _load_options, _object, _error)


def _report(status, error, out=None):
    assert _status(error) == status, (status, _status(error))
    if status == OK:
        assert not error.value
        return Report(OK, 0, None, None, out and loading._take(0, out))
    assert error.value and (out is None or not out.value), "a failed call leaves an object"
    kind = _type(error)
    found = Report(status, _code(error), kind and kind.decode(), _message(error).decode("utf-8", "replace"))
    _free(error)
    return found


def dumps(obj, **options):
    """cp_dumps; the bytes stand for the object."""
    error, out = c_void_p(), binding.Buffer()
    report = _report(_dumps(py_object(obj), byref(binding._options(**options)), byref(out), byref(error)), error)
    data = ctypes.string_at(out.data, out.len) if out.data else None
    binding._buffer_release(byref(out))
    return report._replace(object=data)


def dump(obj, write, **options):
    """cp_dump: `write` is given bytes."""
    error = c_void_p()
    function = binding.WriteFunction(lambda _, data, length: write(ctypes.string_at(data, length)))
    return _report(_dump(py_object(obj), function, None, byref(binding._options(**options)), byref(error)), error)


def dump_fd(obj, fd, **options):
    error = c_void_p()
    return _report(_dump_fd(py_object(obj), fd, byref(binding._options(**options)), byref(error)), error)


def dump_file(obj, file, **options):
    error = c_void_p()
    return _report(_dump_file(py_object(obj), file, byref(binding._options(**options)), byref(error)), error)


def loads(data, **options):
    error, out, used = c_void_p(), c_void_p(), c_size_t()
    options = loading.options(**options)
    return _report(_loads(data, len(data), byref(options), byref(out), byref(used), byref(error)), error, out)


def load(read, **options):
    """cp_load: `read(n)` gives bytes, or a number, which is what the callback returns."""

    def fill(_, into, size):
        data = read(size)
        if isinstance(data, int):
            return data
        ctypes.memmove(into, data, min(len(data), size))
        return len(data)

    error, out, options = c_void_p(), c_void_p(), loading.options(**options)
    return _report(_load(loading.ReadFunction(fill), None, byref(options), byref(out), byref(error)), error, out)


def load_fd(fd, **options):
    error, out = c_void_p(), c_void_p()
    options = loading.options(**options)
    return _report(_load_fd(fd, byref(options), byref(out), byref(error)), error, out)


def load_file(file, **options):
    error, out = c_void_p(), c_void_p()
    options = loading.options(**options)
    return _report(_load_file(file, byref(options), byref(out), byref(error)), error, out)
