"""The C API from Python, by ctypes: python3 ctypes_demo.py [path of libcloudpickle.so]

PyDLL holds the GIL during a call and raises the exception that a call leaves set, so the two short functions need no
more than their types. The others are shown with a report, a callback and a buffer.
"""

import ctypes
import pickle
import sys
import threading

cp = ctypes.PyDLL(sys.argv[1] if len(sys.argv) > 1 else "libcloudpickle.so.0")

CP_OK, CP_ERR_PICKLING, CP_ERR_CALLBACK = 0, -8, -11


class Buffer(ctypes.Structure):
    """cp_buffer; ctypes does not release it by itself."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("len", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        cp.cp_buffer_release(ctypes.byref(self))

    def __bytes__(self):
        return ctypes.string_at(self.data, self.len)


Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)


def declare(name, result, *arguments):
    function = getattr(cp, name)
    function.restype, function.argtypes = result, arguments


declare("cp_version", ctypes.c_char_p)
declare("cp_python_version", ctypes.c_char_p)
declare("cp_dumps_bytes", ctypes.py_object, ctypes.py_object, ctypes.c_int)
declare("cp_loads_bytes", ctypes.py_object, ctypes.py_object)
declare("cp_dumps", ctypes.c_int32, ctypes.py_object, ctypes.c_void_p, ctypes.POINTER(Buffer), ctypes.c_void_p)
declare("cp_dump", ctypes.c_int32, ctypes.py_object, Write, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
declare("cp_buffer_release", None, ctypes.POINTER(Buffer))
declare("cp_error_message", ctypes.c_char_p, ctypes.c_void_p)
declare("cp_error_code", ctypes.c_int64, ctypes.c_void_p)
declare("cp_error_free", None, ctypes.c_void_p)


def main():
    print("libcloudpickle", cp.cp_version().decode(), "in CPython", cp.cp_python_version().decode())
    assert sys.version.startswith(cp.cp_python_version().decode())

    def power(exponent):
        return lambda base: base**exponent

    # In one line each way.
    data = cp.cp_dumps_bytes(power(3), -1)
    cube = cp.cp_loads_bytes(data)
    print("a closure in", len(data), "bytes; the copy says", cube(3))
    assert cube(3) == 27 and cube is not power
    assert cp.cp_dumps_bytes([1, "two", None], 2) == pickle.dumps([1, "two", None], 2)
    assert pickle.loads(cp.cp_dumps_bytes({"a": (1, 2)}, 5)) == {"a": (1, 2)}

    # A failure is the exception.
    try:
        cp.cp_dumps_bytes({"lock": threading.Lock()}, -1)
    except TypeError as error:
        print("TypeError:", error)
        assert "cannot pickle '_thread.lock' object" in str(error) and "['lock']" in str(error)
    else:
        raise AssertionError("a lock was pickled")

    # The same with a report.
    with Buffer() as out:
        error = ctypes.c_void_p()
        status = cp.cp_dumps(threading.Lock(), None, ctypes.byref(out), ctypes.byref(error))
        assert status == CP_ERR_PICKLING and out.data is None
        print("status", status, cp.cp_error_message(error).decode())
        cp.cp_error_free(error)
    with Buffer() as out:
        status = cp.cp_dumps("text", None, ctypes.byref(out), None)
        assert status == CP_OK and bytes(out) == pickle.dumps("text", 5)

    # Through a callback, which stops when it has enough.
    pieces = []

    @Write
    def write(_, data, length):
        pieces.append(ctypes.string_at(data, length))
        return 0 if len(pieces) < 3 else 9

    assert cp.cp_dump("short", write, None, None, None) == CP_OK
    assert b"".join(pieces) == pickle.dumps("short", 5)
    error = ctypes.c_void_p()
    pieces.clear()
    status = cp.cp_dump([bytes(200_000)] + [str(i) * 100 for i in range(5000)], write, None, None, ctypes.byref(error))
    assert (status, cp.cp_error_code(error)) == (CP_ERR_CALLBACK, 9)
    print("stopped by the callback:", cp.cp_error_message(error).decode())
    cp.cp_error_free(error)


if __name__ == "__main__":
    main()
