"""Objects of the standard library, and what of it cannot be pickled."""

import array
import collections
import datetime
import decimal
import fractions
import io
import ipaddress
import itertools
import pathlib
import random
import re
import select
import socket
import sys
import threading
import types
import uuid
import weakref

from . import importable
from .row import plain, row

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "EAST")

for name, make in {
    "range": lambda: range(1, 10, 3),
    "range of large ints": lambda: range(2**70, 2**71, 2**60),
    "slice": lambda: slice(1, None, 2),
    "date": lambda: datetime.date(2024, 2, 29),
    "time": lambda: datetime.time(1, 2, 3, 4),
    "time with zone": lambda: datetime.time(1, 2, 3, tzinfo=EAST),
    "datetime": lambda: datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
    "datetime with zone": lambda: datetime.datetime(2024, 2, 29, tzinfo=UTC),
    "datetime fold": lambda: datetime.datetime(2024, 10, 27, 2, 30, fold=1),
    "datetimes": lambda: [datetime.datetime(2024, 1, 1 + n, tzinfo=EAST) for n in range(20)],
    "timedelta": lambda: datetime.timedelta(-1, 2, 3),
    "timezone": lambda: EAST,
    "timezone without name": lambda: datetime.timezone(datetime.timedelta(hours=-3)),
    "Decimal": lambda: decimal.Decimal("3.1400"),
    "Decimal infinity": lambda: decimal.Decimal("-Infinity"),
    "Decimals": lambda: [decimal.Decimal(n) / 7 for n in range(10)],
    "Fraction": lambda: fractions.Fraction(22, 7),
    "UUID": lambda: uuid.UUID(int=5),
    "UUIDs": lambda: [uuid.UUID(int=n) for n in range(10)],
    "PurePosixPath": lambda: pathlib.PurePosixPath("/usr/lib/x"),
    "PureWindowsPath": lambda: pathlib.PureWindowsPath("c:\\x"),
    "Path": lambda: pathlib.Path("a/b") / "c",
    "ip address": lambda: ipaddress.ip_address("192.0.2.1"),
    "deque": lambda: collections.deque([1, 2, 3]),
    "deque bounded": lambda: collections.deque(range(10), 5),
    "OrderedDict": lambda: collections.OrderedDict([("b", 1), ("a", 2)]),
    "OrderedDict of 1001": lambda: collections.OrderedDict((n, n) for n in range(1001)),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "defaultdict without factory": lambda: collections.defaultdict(None, a=[1]),
    "Counter": lambda: collections.Counter("abracadabra"),
    "ChainMap": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "UserDict": lambda: collections.UserDict(a=1),
    "namedtuple": lambda: importable.Point(1, y=[2]),
    "namedtuples": lambda: [importable.Point(n, str(n)) for n in range(20)],
    "struct sequence": lambda: sys.version_info.__reduce__()[1],
    "enum member": lambda: importable.Color.RED,
    "enum members": lambda: [importable.Color.RED, importable.Color.GREEN, importable.Level.HIGH] * 2,
    "flag": lambda: importable.Permission.READ | importable.Permission.WRITE,
    "enum of the library": lambda: [socket.AF_INET, re.IGNORECASE | re.MULTILINE],
    "pattern": lambda: re.compile(r"(\w+)\s", re.I),
    "pattern of bytes": lambda: re.compile(rb"\d+"),
    "random state": lambda: random.Random(1).getstate(),
    "dict of everything": lambda: {
        datetime.date(2024, 1, 1): decimal.Decimal(1),
        uuid.UUID(int=1): pathlib.PurePosixPath("/"),
        importable.Color.RED: range(3),
    },
}.items():
    plain("standard: " + name, make)

# cloudpickle knows a class that `types` holds by its name there.
row("standard: SimpleNamespace", lambda: types.SimpleNamespace(a=1, b=[2]))

for code in "bBhHiIlLqQfd":
    plain("array %s" % code, lambda code=code: array.array(code, [1, 2, 3]))
if sys.version_info < (3, 16):
    plain("array u", lambda: array.array("u", "text\u20ac"))
plain("array empty", lambda: array.array("d"))
plain("array large", lambda: array.array("d", range(20000)))


def check_bytesio(loaded):
    assert loaded.getvalue() == b"contents" and loaded.tell() == 3


def at_three(made):
    made.seek(3)
    return made


plain("BytesIO", lambda: at_three(io.BytesIO(b"contents")), check_bytesio)
plain("StringIO", lambda: at_three(io.StringIO("contents")), lambda loaded: check_stringio(loaded))
plain("Random", lambda: random.Random(7), lambda loaded: check_random(loaded))


def check_stringio(loaded):
    assert loaded.getvalue() == "contents" and loaded.tell() == 3


def check_random(loaded):
    assert loaded.random() == random.Random(7).random()


def iterators(**makers):
    def check(expected):
        def checked(loaded):
            assert list(itertools.islice(loaded, 20)) == list(itertools.islice(expected(), 20))

        return checked

    for name, make in makers.items():
        plain("iterator: " + name, make, check(make))


def advanced(iterator):
    next(iterator)
    return iterator


iterators(
    list=lambda: advanced(iter([1, 2, 3])),
    list_exhausted=lambda: exhausted(iter([1])),
    tuple=lambda: advanced(iter((1, 2))),
    str=lambda: advanced(iter("abc")),
    bytes=lambda: advanced(iter(b"abc")),
    bytearray=lambda: iter(bytearray(b"abc")),
    range=lambda: advanced(iter(range(5))),
    dict=lambda: advanced(iter({"a": 1, "b": 2})),
    dict_items=lambda: iter({"a": 1, "b": 2}.items()),
    set=lambda: iter({1}),
    reversed=lambda: reversed([1, 2, 3]),
    enumerate=lambda: advanced(enumerate("abc", 5)),
    map=lambda: map(str, [1, 2]),
    filter=lambda: filter(None, [0, 1]),
    zip=lambda: zip([1], "a"),
)
# itertools' own lost their reductions in 3.14: both sides then say so.
row("iterator: count", lambda: itertools.count(5, 2), lambda loaded: check_count(loaded))
plain("iterator: callable", lambda: iter(int, 1), lambda loaded: check_callable(loaded))
row("iterator: chain", lambda: itertools.chain([1], [2]), lambda loaded: check_chained(loaded))


def exhausted(iterator):
    list(iterator)
    return iterator


def check_count(loaded):
    assert next(loaded) == 5 and next(loaded) == 7


def check_callable(loaded):
    assert next(loaded) == 0


def check_chained(loaded):
    assert list(loaded) == [1, 2]


# --- exceptions

def error(name, make, check=None, **more):
    def same_error(loaded):
        expected = make()
        assert type(loaded) is type(expected) and loaded.args == expected.args and vars(loaded) == vars(expected)

    plain("exception: " + name, make, check or same_error, **more)


def with_attributes():
    made = ValueError("text", 5)
    made.code, made.more = 7, {"k": [1]}
    return made


def with_causes():
    made = KeyError("outer")
    made.__cause__ = ValueError("cause")
    made.__context__ = TypeError("context")
    made.__suppress_context__ = True
    return made


def with_traceback():
    try:
        raise ValueError("raised")
    except ValueError as caught:
        return caught


def of_itself():
    made = ValueError()
    made.args = ([made],)
    made.me = made
    return made


error("ValueError", lambda: ValueError("text"))
error("no arguments", RuntimeError)
error("with attributes", with_attributes)
error("with causes, which are lost", with_causes)
error("with a traceback, which is lost", with_traceback)
error("OSError", lambda: OSError(2, "No such file", "name"))
error("FileNotFoundError of two names", lambda: FileNotFoundError(2, "No such file", "a", None, "b"))
error("UnicodeDecodeError", lambda: UnicodeDecodeError("utf-8", b"x\xff", 1, 2, "reason"))
error("SystemExit", lambda: SystemExit(3))
error("StopIteration", lambda: StopIteration(1))
error("ImportError", lambda: ImportError("text", name="module", path="path"))
error("AttributeError with object", lambda: AttributeError("text"))
error("of ours", lambda: importable.Custom(5, "text"))
error("of itself", of_itself, lambda loaded: check_of_itself(loaded))
error("of zlib", lambda: __import__("zlib").error("text"))
error("group", lambda: eval("ExceptionGroup('group', [ValueError(1), TypeError(2)])"), lambda loaded: check_group(loaded), since=(3, 11))
error("with notes", lambda: with_notes(), since=(3, 11))


def check_of_itself(loaded):
    assert loaded.args[0][0] is loaded and loaded.me is loaded


def check_group(loaded):
    assert [type(part) for part in loaded.exceptions] == [ValueError, TypeError]


def with_notes():
    made = ValueError("text")
    made.add_note("a note")
    return made


# --- what cannot be pickled: both sides say it in the same words

def generator():
    yield 1


async def coroutine():
    pass


def closed_coroutine():
    made = coroutine()
    made.close()
    return made


def raised_traceback():
    return with_traceback().__traceback__


for name, make in {
    "lock": threading.Lock,
    "rlock": threading.RLock,
    "condition": threading.Condition,
    "local": threading.local,
    "generator": generator,
    "coroutine": closed_coroutine,
    "frame": sys._getframe,
    "traceback": raised_traceback,
    "weak reference": lambda: weakref.ref(importable.Plain),
    "weak dict": lambda: weakref.WeakValueDictionary(a=importable.Plain),
    "socket": lambda: socket.socket(),
    "poll": select.poll,
    "capsule": lambda: __import__("datetime").datetime_CAPI,
    "file descriptor": lambda: io.FileIO(0, closefd=False),
    "match": lambda: re.match("a", "a"),
    "scandir": lambda: __import__("os").scandir("."),
    "async generator": lambda: async_generator(),
    "holder": importable.Holder,
    "member descriptor": lambda: importable.Slotted.a,
    "lambda in lru_cache": lambda: __import__("functools").lru_cache(lambda: 1),
}.items():
    row("refused: " + name, make)
    row("refused: %s inside" % name, lambda make=make: {"a": [1, (make(),)]})


async def async_generator():
    yield 1


