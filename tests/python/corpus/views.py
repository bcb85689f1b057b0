"""Views of other objects, loggers, files and streams."""

import collections
import contextlib
import io
import logging
import os
import sys
import tempfile
import types
import weakref

from . import importable
from .row import refused, row, source

# --- dict views

for kind in ("dict", "collections.OrderedDict"):
    for view in ("keys", "values", "items"):
        text = "import collections\nresult = %s([('a', 1), ('b', [2])]).%s()" % (kind, view)
        expected = {"keys": "['a', 'b']", "values": "[1, [2]]", "items": "[('a', 1), ('b', [2])]"}[view]
        source("%s of %s" % (view, kind), text, "import collections; assert list(result) == %s and type(result) is type(%s().%s())" % (expected, kind, view))
        source("%s of an empty %s" % (view, kind), "import collections\nresult = %s().%s()" % (kind, view), "assert list(result) == []")
        source("%s of %s twice" % (view, kind), "import collections\nv = %s(a=1).%s()\nresult = [v, v]" % (kind, view), "assert result[0] is result[1]")
        source("%s of a %s subclass" % (view, kind), "import collections\nclass D(%s): pass\nresult = D(a=1).%s()" % (kind, view), "assert len(result) == 1")
        source("%s of %s with functions" % (view, kind), "import collections\nresult = %s([(1, lambda: 5), (2, int)]).%s()" % (kind, view), "assert len(result) == 2")
source("keys of 1,001", "result = dict.fromkeys(range(1001)).keys()", "assert len(result) == 1001")
source("keys of a Counter, a defaultdict, a ChainMap", "import collections\nresult = [collections.Counter('ab').keys(), collections.defaultdict(int, a=1).items()]", "assert list(result[0]) == ['a', 'b']")
source("keys of what was changed", "d = {'a': 1, 'b': 2}\nv = d.keys()\ndel d['a']\nresult = [v, d]", "assert list(result[0]) == ['b']")
source("values that hold themselves", "d = {}\nd['v'] = d.values()\nresult = d", "", protocols=(2, 5), endless=True)
source("items that hold their dict", "d = {}\nd['d'] = d\nresult = d.items()", "(pair,) = result; assert pair[0] == 'd'")
source("iterators of views", "result = [iter({'a': 1}.keys()), iter({'a': 1}.values()), iter({'a': 1}.items())]", "assert list(result[0]) == ['a']")
source("views of collections.abc", "import collections\nresult = [collections.UserDict(a=1).keys(), collections.ChainMap({'a': 1}).values()]", "assert list(result[0]) == ['a']")
source("keys in a class", "class C:\n    k = {'a': 1}.keys()\nresult = C", "assert list(result.k) == ['a']")

# --- mapping proxies, memoryviews, weak sets

source("mappingproxy", "import types\nresult = types.MappingProxyType({'a': [1], 'b': 2})", "import types; assert type(result) is types.MappingProxyType and result == {'a': [1], 'b': 2}")
source("mappingproxy twice", "import types\np = types.MappingProxyType({})\nresult = [p, p]", "assert result[0] is result[1]")
source("mappingproxies of one dict", "import types\nd = {'a': [1]}\nresult = [types.MappingProxyType(d), types.MappingProxyType(d), d]", "assert result[0]['a'] is result[1]['a'] is result[2]['a']")
source("mappingproxy of a class", "class C:\n    x = 1\nresult = vars(C)", "assert result['x'] == 1")
source("mappingproxy of an importable class", "from corpus.importable import Point\nresult = vars(Point)", "assert '_fields' in result")
source("mappingproxy of a mappingproxy", "import types\nresult = types.MappingProxyType(types.MappingProxyType({'a': 1}))", "assert result['a'] == 1")
source("mappingproxy of an OrderedDict", "import types, collections\nresult = types.MappingProxyType(collections.OrderedDict(b=1, a=2))", "assert list(result) == ['b', 'a']")
source("mappingproxy of no dict", "import types, collections\nresult = types.MappingProxyType(collections.ChainMap({'a': 1}))", "assert result['a'] == 1")
source("mappingproxy that holds itself", "import types\nd = {}\nd['p'] = types.MappingProxyType(d)\nresult = d", "", protocols=(2, 5), endless=True)
source("mappingproxy with functions", "import types\nresult = types.MappingProxyType({'f': lambda: 1})", "assert result['f']() == 1")
source("memoryview", "result = memoryview(b'abc')", "assert result == b'abc'")
source("memoryviews", "m = memoryview(bytearray(b'abc'))\nresult = [m, m, m[1:], m[::-1], m[::2], m.cast('b')]", "assert bytes(result[2]) == b'bc' and result[3] == b'cba'")
source("memoryview of an array", "import array\nresult = memoryview(array.array('i', [1, 2]))", "assert len(result) == 8")
source("memoryview of two dimensions", "result = memoryview(bytes(range(6))).cast('B', (2, 3))", "assert result == bytes(range(6))")
source("memoryview empty and large", "result = [memoryview(b''), memoryview(bytes(70000))]", "assert len(result[1]) == 70000")
source("memoryview released", "m = memoryview(b'abc')\nm.release()\nresult = m", "")


class Kept:
    """An object for weak sets to hold: the rows keep it."""

    def __reduce__(self):
        return "KEPT"


KEPT = Kept()
row("WeakSet", lambda: weakref.WeakSet([KEPT]), lambda loaded: check_weak_set(loaded, [KEPT]))
row("WeakSet empty", weakref.WeakSet, lambda loaded: check_weak_set(loaded, []))
row("WeakSet of classes", lambda: weakref.WeakSet([importable.Plain]), lambda loaded: check_weak_set(loaded, [importable.Plain]))
row("WeakSet of the dead", lambda: weakref.WeakSet([Kept()]), lambda loaded: check_weak_set(loaded, []))
row("WeakSet twice", lambda: [weakref.WeakSet([KEPT])] * 2, lambda loaded: check_weak_set(loaded[1], [KEPT]))
row("WeakSet subclass", lambda: SubSet([KEPT]))
source("WeakSet in a class", "import weakref\nclass C:\n    seen = weakref.WeakSet([int])\nresult = C", "assert list(result.seen) == [int]")
source("WeakSet of a class by value and the class", "import weakref\nclass C: pass\nresult = [C, weakref.WeakSet([C])]", "assert list(result[1]) == [result[0]]")
source("weak references and dicts", "import weakref\nclass C: pass\nresult = weakref.WeakKeyDictionary({C: 1})", "")


class SubSet(weakref.WeakSet):
    pass


def check_weak_set(loaded, expected):
    assert type(loaded) is weakref.WeakSet and list(loaded) == expected


# --- loggers

for name in ("corpus.logger", "a", "x.y.z", "ä"):
    row("logger %s" % name, lambda name=name: logging.getLogger(name), lambda loaded, name=name: check_logger(loaded, name))
row("root logger", logging.getLogger, lambda loaded: check_logger(loaded, "root"))
row("loggers", lambda: [logging.getLogger("a"), logging.getLogger("a"), logging.getLogger()], lambda loaded: check_logger(loaded[1], "a"))
row("logger made by hand", lambda: logging.Logger("by.hand"), lambda loaded: check_logger(loaded, "by.hand"))
source("logger subclass", "import logging\nclass L(logging.Logger): pass\nresult = L('sub')", "")
source("logger in a function", "import logging\nlog = logging.getLogger('used')\ndef result(): return log", "import logging; assert result() is logging.getLogger('used')")
source("logger in a class", "import logging\nclass C:\n    log = logging.getLogger(__name__)\n    def f(self): return self.log.name\nresult = C", "assert result().f() == '__main__'")
source("logging level and formatter", "import logging\nresult = [logging.INFO, logging.Formatter('%(message)s'), logging.Filter('a')]", "assert result[0] == 20")
source("logger adapter", "import logging\nresult = logging.LoggerAdapter(logging.getLogger('adapted'), {'a': 1})", "assert result.logger.name == 'adapted'")
source("logging handler", "import logging\nresult = logging.StreamHandler()", "")


def check_logger(loaded, name):
    assert loaded is (logging.getLogger() if name == "root" else logging.getLogger(name)) and loaded.name == name


# --- files and streams

@contextlib.contextmanager
def streams():
    """The standard streams as a process begins with them: text files of their own, not pytest's."""
    saved = sys.stdin, sys.stdout, sys.stderr
    with open(os.devnull) as sys.stdin, open(os.devnull, "w") as sys.stdout, open(os.devnull, "w") as sys.stderr:
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = saved


row("stdout", lambda: sys.stdout, lambda loaded: check_is(loaded, sys.stdout), world=streams)
row("stderr", lambda: sys.stderr, lambda loaded: check_is(loaded, sys.stderr), world=streams)
row("streams", lambda: [sys.stdout, sys.stderr, sys.stdout], lambda loaded: check_is(loaded[0], loaded[2]), world=streams)
row("refused: stdin", lambda: sys.stdin, world=streams)
row("stdout in a function", lambda: (lambda out=sys.stdout: out), lambda loaded: check_is(loaded(), sys.stdout), world=streams)
row("refused: the first streams", lambda: [sys.__stdout__, sys.__stdin__], refused)


def check_is(loaded, expected):
    assert loaded is expected


DIRECTORY = tempfile.TemporaryDirectory()


def opened(mode="r", text="first\nsecond\n", position=0, **more):
    path = os.path.join(DIRECTORY.name, "file.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    made = open(path, mode, encoding="utf-8", **more)
    if position:
        made.seek(position)
    return made


def check_file(text, position=0):
    def check(loaded):
        assert type(loaded) is io.StringIO and loaded.tell() == position and loaded.getvalue() == text

    return check


row("file", opened, check_file("first\nsecond\n"))
row("file halfway", lambda: opened(position=6), check_file("first\nsecond\n", 6))
row("file empty", lambda: opened(text=""), check_file(""))
row("file non-ASCII", lambda: opened(text="é€😀\n"), check_file("é€😀\n"))
row("file large", lambda: opened(text="line\n" * 30000), check_file("line\n" * 30000))
row("file r+", lambda: opened("r+"), check_file("first\nsecond\n"))
row("file w+", lambda: opened("w+"), check_file(""))
row("file a+", lambda: opened("a+"), check_file("first\nsecond\n", 13))
row("file twice", lambda: (lambda f: [f, f])(opened()), lambda loaded: check_is(loaded[0], loaded[1]))
row("refused: file w", lambda: opened("w"))
row("refused: file a", lambda: opened("a"))
row("refused: file closed", lambda: closed(opened()))
row("refused: file that cannot be decoded", lambda: undecodable())
row("refused: binary file", lambda: open(os.devnull, "rb"))
row("refused: raw file", lambda: open(os.devnull, "rb", buffering=0))
row("refused: terminal", lambda: terminal())
row("refused: pipe", lambda: pipe(), addressed=True)
row("refused: wrapper of bytes", lambda: io.TextIOWrapper(io.BytesIO(b"abc")))
row("refused: directory entry", lambda: next(os.scandir("/")))
row("refused: wrapper with a mode that is none", lambda: with_mode(5))
row("wrapper with a mode", lambda: with_mode("r"), check_file("abc"))
row("file of a subclass", lambda: SubFile(io.BytesIO(b"abc")))
row("StringIO by value", lambda: named_text(), lambda loaded: check_is(loaded.name, loaded.name))


def closed(file):
    file.close()
    return file


def undecodable():
    path = os.path.join(DIRECTORY.name, "bytes")
    with open(path, "wb") as file:
        file.write(b"\xff\xfe\xfa")
    return open(path, encoding="utf-8")


def terminal():
    return os.fdopen(os.openpty()[1])


def pipe():
    return os.fdopen(os.pipe()[0])


def with_mode(mode):
    made = io.TextIOWrapper(io.BytesIO(b"abc"))
    made.mode = mode
    made.buffer.name = "name"
    return made


class SubFile(io.TextIOWrapper):
    pass


def named_text():
    made = io.StringIO("text")
    made.name = "a name"
    return made


# --- the views of other types

row("iterators of functions", lambda: [enumerate([1]), zip([1]), map(lambda x: x + 1, [1])], lambda loaded: check_is([*loaded[2]][0], 2))
row("namespace", lambda: types.SimpleNamespace(f=len, n=types.SimpleNamespace(x=1)), lambda loaded: check_is(loaded.f, len))
row("deque of itself", lambda: deque_of_itself(), lambda loaded: check_is(loaded[0], loaded))


def deque_of_itself():
    made = collections.deque()
    made.append(made)
    return made
