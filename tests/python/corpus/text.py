"""Strings, bytes, bytearrays, buffers."""

import pickle

from . import importable
from .row import plain, row

STRINGS = {
    "empty": "",
    "one": "a",
    "ascii": "hello world",
    "latin-1 one": "\xe9",
    "latin-1": "caf\xe9 \xff\x80",
    "BMP": "\u20ac \u4e2d\u6587 \uffff",
    "astral": "\U0001f600 \U0010ffff \U00010000",
    "mixed widths": "a\xe9\u20ac\U0001f600",
    "lone high surrogate": "\ud800",
    "lone low surrogate": "x\udcffy",
    "surrogates in the wrong order": "\udc00\ud800",
    "surrogate escapes": b"\xff\xfe/path".decode("utf-8", "surrogateescape"),
    "NUL": "a\0b\0",
    # What the text protocols escape.
    "newlines": "a\nb\r\nc\x1a",
    "backslashes": "\\ \\u0041 \\\\n",
    "escape in a wide one": "\\\u20ac\n\U0001f600\\U",
    "line separators": "\u2028\u2029\x85",
}
for name, text in STRINGS.items():
    plain("str " + name, lambda text=text: text)
plain("str all of latin-1", lambda: "".join(map(chr, range(256))))
plain("str all of BMP", lambda: "".join(map(chr, range(0x10000))))
plain("strs in a list", lambda: list(STRINGS.values()) * 2)

# SHORT_BINUNICODE and SHORT_BINBYTES end at 255 bytes; what reaches 64 KiB leaves the frame.
for length in (254, 255, 256, 257, 65534, 65535, 65536, 65537, 200000):
    plain("str of %d" % length, lambda length=length: "x" * length)
    plain("str of %d bytes of UTF-8" % length, lambda length=length: "\xe9" * (length // 2) + "x" * (length % 2))
    plain("bytes of %d" % length, lambda length=length: b"\xf0" * length)
    plain("bytearray of %d" % length, lambda length=length: bytearray(b"\x0d") * length)

for name, data in {"empty": b"", "one": b"a", "text": b"hello", "binary": bytes(range(256)), "newlines": b"\n\r\\"}.items():
    plain("bytes " + name, lambda data=data: data)
    plain("bytearray " + name, lambda data=data: bytearray(data))
plain("bytes shared", lambda: [bytes(range(100))] * 3 + [bytes(range(100))])
plain("bytes of one shared", lambda: [b"\xc9", bytearray(b"\xc9"), b"\xc9", bytearray(b"\xc9")])
plain("bytes empty shared", lambda: [b"", b"", bytearray(), bytearray()])


def bytearray_shared():
    shared = bytearray(b"shared")
    return [shared, shared, bytearray(b"shared")]


plain("bytearray shared", bytearray_shared, lambda loaded: check_identity(loaded[0], loaded[1], loaded[2]))


def check_identity(first, same, other):
    assert first is same and first is not other and first == other


plain("str subclass", lambda: importable.Text("text"))
plain("bytes subclass", lambda: importable.Data(b"data"))
plain("bytearray subclass", lambda: importable.Array(b"array"))
plain("int subclass", lambda: importable.Number(2**40))
plain("float subclass", lambda: importable.Real(0.5))
plain("str keys interned and not", lambda: [{"key": 1}, {"".join(["ke", "y"]): 2}, {"key": 3}, "key"])


def equal_strings():
    return ["twice", "".join(["tw", "ice"]), "twice", "\xe9", "\xe9\xe8"[:1], "a", "ab"[:1], "", "ab"[:0]]


plain("str equal but not the same", equal_strings)


# Buffers that stay in band; out of band is tested beside the options.
def contents(expected, kind):
    def check(loaded):
        assert type(loaded) is kind and bytes(loaded) == expected

    return check


plain("PickleBuffer of bytes", lambda: pickle.PickleBuffer(b"read-only"), contents(b"read-only", bytes))
plain("PickleBuffer of bytearray", lambda: pickle.PickleBuffer(bytearray(b"writable")), contents(b"writable", bytearray))
plain("PickleBuffer empty", lambda: pickle.PickleBuffer(b""), contents(b"", bytes))
plain("PickleBuffer large", lambda: pickle.PickleBuffer(bytes(100000)), contents(bytes(100000), bytes))
plain("PickleBuffer large writable", lambda: pickle.PickleBuffer(bytearray(100000)), contents(bytes(100000), bytearray))
plain(
    "PickleBuffer of a slice",
    lambda: pickle.PickleBuffer(memoryview(bytearray(b"0123456789"))[2:5]),
    contents(b"234", bytearray),
)


def buffer_shared():
    shared = pickle.PickleBuffer(bytearray(b"shared"))
    return [shared, shared]


def buffer_shared_check(loaded):
    assert loaded == [bytearray(b"shared")] * 2


plain("PickleBuffer shared", buffer_shared, buffer_shared_check)


def buffer_of_released():
    buffer = pickle.PickleBuffer(b"gone")
    buffer.release()
    return buffer


row("PickleBuffer released", buffer_of_released)
row("PickleBuffer not contiguous", lambda: pickle.PickleBuffer(memoryview(bytes(10))[::2]))
