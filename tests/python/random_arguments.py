"""python random_arguments.py SEED COUNT: calls the functions of the header with arguments by chance, good ones and such as
programs pass by mistake, and looks at what comes back: the status, the words, the outputs, Python's exception state, and
what is still allocated when all is done again. The file descriptor LOG, if given, gets each call before it is made, so
that a crash can be laid at its door.

What no library can find out is not among them: memory that is not there, and objects that are none.
"""

import ctypes
import gc
import io
import os
import pickle
import random
import re
import sys
import threading
import types
from ctypes import CFUNCTYPE, Structure, addressof, byref, c_char, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p, py_object

import binding
import loading

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "cloudpickle.h")
HELD, FREE = ctypes.PyDLL(binding.PATH), ctypes.CDLL(binding.PATH)
OK, INVALID, INTERNAL = 0, -1, -99
STATUSES = {0, -1, -2, -7, -8, -9, -10, -11, -12, -13}
LARGE = 1 << 12

RawWrite = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)
RawBuffer = CFUNCTYPE(c_int, c_void_p, c_void_p)
RawRelease = CFUNCTYPE(None, c_void_p)


def raw(name, result):
    function = getattr(HELD, name)
    function.restype = result
    return function


message_of, status_of, free_error = raw("cp_error_message", ctypes.c_char_p), raw("cp_error_status", c_int32), raw("cp_error_free", None)
release, free_list, decref = raw("cp_buffer_release", None), raw("cp_buffers_free", None), ctypes.pythonapi.Py_DecRef
decref.argtypes, decref.restype = [c_void_p], None


def parameters():
    """What the header calls the parameters of each function."""
    with open(HEADER, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    found = {}
    for name, listed in re.findall(r"CP_API[^;(]*?\b(cp_\w+)\(([^;]*?)\) CP_NOTHROW;", text):
        found[name] = [re.search(r"(\w+)$", one.strip()).group(1) for one in listed.split(",")]
    return found


PARAMETERS = parameters()


# --- arguments by chance: each maker gives what is passed, and adds what must live meanwhile to `keep`

class Raises:
    def __reduce__(self):
        raise LookupError("on purpose")


class Odd(io.RawIOBase):
    """A file that answers nonsense."""

    def write(self, data):
        return "nonsense"

    def read(self, size=-1):
        return 5

    def readline(self):
        raise OSError(5, "on purpose")


PICKLES = [pickle.dumps(obj, protocol) for obj in ([1, "two", {3: (4.5, None)}], b"x" * 300, range(3)) for protocol in (0, 2, 5)]
OUT_OF_BAND = pickle.dumps([pickle.PickleBuffer(b"abc")] * 2, 5, buffer_callback=lambda view: False)
TEXTS = [b"", b"sys", b"json", b"no.such.module", b"a..b", b".", b"\xff\xfe", "größe".encode(), b"x" * 5000, b"1 +", b"args", b"args[0]", b"1 / 0", b"[n for n in range(3)]", b"\n", b"lambda: (yield)"]


def objects():
    return [1, 1.5, -(1 << 70), "text", b"bytes", None, [1, [2]], {"k": (1,)}, lambda x: x + 1, threading.Lock(), sys, types.ModuleType("made"),
            io.BytesIO(PICKLES[0]), io.BytesIO(), io.StringIO(), Odd(), Raises(), int, len, bytearray(b"xy"), pickle.PickleBuffer(b"z"), "json", "no.such", "\ud800", ()]  # fmt: skip


def pointer(keep, value):
    keep.append(value)
    return c_void_p(addressof(value))


def an_object(chance, keep):
    if chance.random() < 0.1:
        return None
    found = chance.choice(objects())
    keep.append(found)
    return c_void_p(id(found))


def text(chance, keep):
    if chance.random() < 0.1:
        return None
    return pointer(keep, ctypes.create_string_buffer(chance.choice(TEXTS)))


def descriptor(chance, keep):
    kind = chance.randrange(7)
    if kind < 3:
        return c_int((-1, -77, 1 << 30)[kind])
    if kind == 3:
        closed = os.open(os.devnull, os.O_RDONLY)
        os.close(closed)
        return c_int(closed)
    if kind == 4:
        opened = os.open(os.devnull, os.O_RDWR)
    elif kind == 5:
        opened = os.open(os.sep, os.O_RDONLY)
    else:
        opened, end = os.pipe()
        os.write(end, chance.choice(PICKLES))
        os.close(end)
    keep.append(Descriptor(opened))
    return c_int(opened)


class Descriptor:
    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.close(self.number)


def callback(kind, answers):
    def make(chance, keep):
        if chance.random() < 0.1:
            return kind()
        answer = chance.choice(answers)
        function = kind(lambda *arguments: answer)
        keep.append(function)
        return function

    return make


write = callback(RawWrite, (0, 0, 0, -1, 5, 1 << 30))
on_buffer = callback(RawBuffer, (0, 1, 1, -1, 7))
read = callback(loading.ReadFunction, (0, -1, -5, 1 << 62, -(1 << 63)))
find = callback(loading.FindFunction, (0, 0, -1, -7))


class Linked:
    """The bytes of a pickle or none, and their number."""

    def __init__(self, chance, keep):
        data = chance.choice(PICKLES + [OUT_OF_BAND, b""])
        data = data[: chance.randrange(len(data) + 1)] if chance.random() < 0.4 else data
        kind = chance.randrange(8)
        if kind == 0:
            self.data, self.len = None, c_size_t(chance.choice((0, 0, 5)))
        else:
            block = (c_char * max(1, len(data))).from_buffer_copy(data or b"\0")
            self.data, self.len = pointer(keep, block), c_size_t(len(data))
        if kind == 1:
            self.len = c_size_t(chance.choice((1 << 63, (1 << 64) - 1)))


def struct(kind, fill):
    """Options: NULL, or fields by chance in a block that is longer than any size that is told."""

    def make(chance, keep):
        if chance.random() < 0.25:
            return None
        block = pointer(keep, (c_char * LARGE)())
        made = kind.from_address(block.value)
        usual = ctypes.sizeof(kind)
        size = chance.choice((usual,) * 12 + (0, 1, 8, usual - 1, usual - 8, usual + 8, LARGE, LARGE + 1, 1 << 63))
        made.struct_size = size
        if size == usual + 8 and chance.random() < 0.5:
            c_char.from_address(block.value + usual + 3).value = b"x"
        if chance.random() < 0.1:
            made.flags = chance.choice((1, 2, 3, 4, 0x80, 0xFFFFFFFF)) & ~1
        fill(made, chance, keep)
        return block

    return make


class Dump(Structure):
    _fields_ = [(name, kind) for name, kind in binding.DumpOptions._fields_ if name != "on_buffer"]
    _fields_.insert(3, ("on_buffer", RawBuffer))


def to_int(obj):
    """Comes to an end: a reduction of all there is goes on until a limit is reached, which takes a minute."""
    return (int, ()) if isinstance(obj, (list, dict)) else NotImplemented


def fill_dump(made, chance, keep):
    made.protocol = chance.choice((-1, -1, -1, 0, 1, 2, 3, 4, 5, 5, 5, 6, -2, 1 << 30, -(1 << 31)))
    if chance.random() < 0.3:
        made.on_buffer = on_buffer(chance, keep)
    if chance.random() < 0.2:
        made.max_bytes = chance.choice((1, 10, 1000, (1 << 64) - 1))
    if chance.random() < 0.2:
        made.max_depth = chance.choice((1, 2, 10, (1 << 64) - 1))
    if chance.random() < 0.2:
        reducer = chance.choice((5, lambda obj: NotImplemented, lambda obj: "nonsense", lambda obj: 1 / 0, to_int, int))
        keep.append(reducer)
        made.reducer = id(reducer)


def fill_load(made, chance, keep):
    if chance.random() < 0.05:
        made.reserved = chance.choice((1, 1 << 31))
    if chance.random() < 0.3:
        made.find_global = find(chance, keep)
    if chance.random() < 0.2:
        made.max_bytes = chance.choice((1, 10, 1000, (1 << 64) - 1))
    count = chance.choice((0, 0, 0, 1, 2, 3))
    if count and chance.random() < 0.8:
        array = (loading.Buffer * count)()
        pointer(keep, array)
        for one in array:
            block = (c_char * 3)(*b"abc")
            one.data, one.len, one.flags = pointer(keep, block), 3, chance.choice((0, 1, 1, 2))
            if chance.random() < 0.7:
                one.release = RELEASE
        made.buffers = array
    made.n_buffers = count


RELEASE = loading.ReleaseFunction(lambda buffer: None)
dump_options, load_options = struct(Dump, fill_dump), struct(loading.LoadOptions, fill_load)


class Output:
    """NULL now and then, else a place full of what no call leaves there."""

    def __init__(self, kind, drop):
        self.kind, self.drop = kind, drop

    def __call__(self, chance, keep):
        if chance.random() < 0.07:
            return None
        place = self.kind()
        ctypes.memset(addressof(place), 0x5A, ctypes.sizeof(place))
        return pointer(keep, place)

    def is_empty(self, place):
        return not any(ctypes.string_at(place, ctypes.sizeof(self.kind)))


object_out = Output(c_void_p, lambda place: decref(c_void_p.from_address(place)))
list_out = Output(c_void_p, lambda place: free_list(c_void_p.from_address(place)))
buffer_out = Output(binding.Buffer, lambda place: release(c_void_p(place)))
number_out = Output(c_int64, lambda place: None)


def array(chance, keep):
    found = [chance.choice(objects()) for _ in range(3)]
    keep.append(found)
    return pointer(keep, (c_void_p * 3)(*map(id, found))) if chance.random() < 0.8 else None


def count(chance, keep):
    return c_size_t(chance.choice((0, 1, 2, 3, 1 << 62, (1 << 64) - 1)))


def used(chance, keep):
    return None if chance.random() < 0.5 else pointer(keep, c_size_t(77))


def context(chance, keep):
    return None


PLAIN = {
    "cp_dumps": (an_object, dump_options, buffer_out),
    "cp_dumps_oob": (an_object, dump_options, buffer_out, list_out),
    "cp_dump": (an_object, write, context, dump_options),
    "cp_dump_fd": (an_object, descriptor, dump_options),
    "cp_dump_file": (an_object, an_object, dump_options),
    "cp_loads": (Linked, load_options, object_out, used),
    "cp_load": (read, context, load_options, object_out),
    "cp_load_fd": (descriptor, load_options, object_out),
    "cp_load_file": (an_object, load_options, object_out),
    "cp_python_module": (object_out,),
    "cp_register_by_value": (an_object,),
    "cp_unregister_by_value": (an_object,),
    "cp_register_by_value_name": (text,),
    "cp_unregister_by_value_name": (text,),
    "cp_list_by_value": (object_out,),
    "cp_eval": (text, an_object, object_out),
    "cp_import": (text, object_out),
    "cp_call": (an_object, array, count, object_out),
    "cp_as_int64": (an_object, number_out),
    "cp_as_double": (an_object, number_out),
    "cp_str": (an_object, buffer_out),
    "cp_repr": (an_object, buffer_out),
    "cp_as_buffer": (an_object, buffer_out),
}
"""Each function that gives a status and takes a report, which comes last."""


def shown(value):
    return "NULL" if value is None or not value else repr(getattr(value, "value", value))


def one_call(seed, log):
    chance, keep = random.Random(seed), []
    name = chance.choice(sorted(PLAIN))
    arguments, outputs = [], []
    for maker in PLAIN[name]:
        value = maker(chance, keep)
        if isinstance(value, Linked):
            arguments += [value.data, value.len]
            continue
        arguments.append(value)
        if isinstance(maker, Output) and value is not None:
            outputs.append((maker, value.value))
    if name == "cp_call" and arguments[1] is not None and arguments[2].value <= 1 << 61 and arguments[2].value > 3:
        arguments[2] = c_size_t(3)
    error = c_void_p(0x5A5A5A5A) if chance.random() < 0.8 else None
    library = HELD if error is None or chance.random() < 0.5 else FREE
    # Where the GIL is held without a report, the exception is the report. ctypes raises what is set.
    what = "%s %s %s" % (seed, name, [shown(one) for one in arguments])
    if log is not None:
        os.write(log, what.encode("utf-8", "backslashreplace") + b"\n")
    function = getattr(library, name)
    function.restype = c_int32
    try:
        status, raised = function(*arguments, None if error is None else byref(error)), None
    except Exception as caught:
        status, raised = None, caught
    if raised is not None:
        assert error is None, (what, "an exception beside a report", raised)
        assert str(raised) or isinstance(raised, (LookupError, MemoryError, AssertionError)), (what, "no words", raised)
    else:
        assert status in STATUSES, (what, status)
        if error is None:
            assert status == OK, (what, status, "a failure without an exception")
        elif status == OK:
            assert not error.value, (what, "success with a report")
    words = ""
    if error is not None and status != OK:
        assert error.value, (what, "no report", status)
        words = message_of(error).decode()
        assert status_of(error) == status and words, (what, status, words)
        if status == INVALID:
            # The module is named by its name, in the words of cloudpickle.
            names = [*PARAMETERS[name], "registered for pickle by value"]
            assert any(re.search(r"\b%s\b" % one, words) for one in names), (what, "names no argument", words)
        free_error(error)
    for output, place in outputs:
        if status == OK:
            output.drop(place)
        else:
            assert output.is_empty(place), (what, "an output is not empty after", words or raised)
    return name, status if raised is None else type(raised).__name__


def main(seed, calls, log=None):
    reporting = {name for name, listed in PARAMETERS.items() if listed[-1] == "err" and not name.startswith("cp_error")}
    assert reporting == {*PLAIN, "cp_initialize", "cp_finalize", "cp_install"}, "a function of the header is not tried"
    # What ctypes says about callbacks, and files about descriptors.
    sys.unraisablehook = lambda unraisable: None
    blocks, seen = [], {}
    for turn in range(4):
        for n in range(calls):
            name, how = one_call(seed * 1_000_000 + n, log)
            if turn == 0:
                seen.setdefault(name, {}).setdefault(how, 0)
                seen[name][how] += 1
        for module in by_value():
            unregister(module)
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    assert blocks[3] - blocks[2] < 50 + calls // 20, (blocks, "it grows")
    for name in sorted(seen):
        print(name, {str(how): number for how, number in sorted(seen[name].items(), key=str)})


def by_value():
    out = c_void_p()
    assert HELD.cp_list_by_value(byref(out), None) == 0
    found = set(ctypes.cast(out, py_object).value)
    decref(out)
    return found


def unregister(module):
    assert HELD.cp_unregister_by_value_name(module.encode("utf-8", "surrogatepass"), None) == 0


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
