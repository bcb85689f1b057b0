"""The module and its classes, beside the hooks: names, arguments, files, the memo, garbage, threads, interpreters."""

import ast
import contextlib
import gc
import gzip
import inspect
import io
import os
import pickle
import socket
import subprocess
import sys
import textwrap
import threading
import types
import weakref

import cloudpickle
import face
import pytest
from face import libcloudpickle


def run(text, *arguments):
    """Runs a program in a process that has the library and, unless it forbids that, cloudpickle."""
    environment = dict(os.environ, PYTHONPATH=face.FOLDER)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def public(module):
    return {name for name in vars(module) if not name.startswith("_")}


def test_names():
    theirs = vars(cloudpickle.cloudpickle)
    standard = {name for name, value in theirs.items() if isinstance(value, types.ModuleType)}
    imported = {"ChainMap", "OrderedDict", "Enum", "_pickle_getattribute", "k", "v", "EXTENDED_ARG", "HAVE_ARGUMENT"}
    opcodes = {"GLOBAL_OPS", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_GLOBAL"}
    private = {"_DATACLASSE_FIELD_TYPE_SENTINELS", "_extract_code_globals_cache"}
    wanted = {name for name in theirs if not name.startswith("__")} - standard - imported - opcodes - private
    assert wanted - set(vars(libcloudpickle)) == set()
    assert libcloudpickle.CloudPickler is libcloudpickle.Pickler
    assert libcloudpickle.DEFAULT_PROTOCOL == pickle.HIGHEST_PROTOCOL
    assert libcloudpickle.Pickler.dispatch is libcloudpickle.Pickler.dispatch_table
    assert libcloudpickle.Pickler.dispatch_table.maps[0] is libcloudpickle.Pickler._dispatch_table


def test_tables_have_the_same_rows():
    """Of modules that were imported after the library some rows are missing, which the engine knows."""
    ours, theirs = libcloudpickle.Pickler._dispatch_table, cloudpickle.Pickler._dispatch_table
    assert set(ours) <= set(theirs)
    assert {type.__name__ for type in set(theirs) - set(ours)} <= {
        "Logger", "RootLogger", "TypeVar", "WeakSet", "_FIELD_BASE", "TextIOWrapper", "abstractmethod",
        "abstractclassmethod", "abstractstaticmethod", "abstractproperty",
    }
    for type, reducer in ours.items():
        assert reducer.__name__ == theirs[type].__name__
    assert libcloudpickle._BUILTIN_TYPE_NAMES == cloudpickle.cloudpickle._BUILTIN_TYPE_NAMES


def test_everything_says_what_it_is():
    for name in public(libcloudpickle) - {"PYPY", "DEFAULT_PROTOCOL", "builtin_code_type", "CellType"}:
        assert getattr(libcloudpickle, name).__doc__, name
    for type in (libcloudpickle.Pickler, libcloudpickle.Unpickler):
        assert all(getattr(type, name).__doc__ for name in vars(type) if name in ("dump", "load", "memo", "find_class"))


def same(ours, theirs):
    """Is one reduce value the other, but for the functions of cloudpickle in it?"""
    if isinstance(ours, types.BuiltinFunctionType) and isinstance(theirs, types.FunctionType):
        return ours.__name__ == theirs.__name__
    if isinstance(ours, types.CellType):
        return ours == theirs or "empty" in repr(ours) and "empty" in repr(theirs)
    if isinstance(ours, (tuple, list)):
        return type(ours) is type(theirs) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    return type(ours) is type(theirs) and (ours is theirs or ours == theirs)


class Class(metaclass=type):
    attribute = 1

    def method(self):
        return Class


def closure(value):
    def inner(argument=value, *, keyword: int = 2):
        return value, argument, keyword, Class, os

    inner.attribute = "set"
    return inner


def test_reducers_are_functions():
    import enum
    import logging
    import typing

    class Number(enum.Enum):
        ONE = 1
        TWO = "two"

    variable = typing.TypeVar("variable")
    module = types.ModuleType("a module")
    module.value = 3
    function = closure([])
    arguments = {
        "_cell_reduce": function.__closure__[0],
        "_classmethod_reduce": classmethod(closure),
        "_code_reduce": function.__code__,
        "_dict_items_reduce": {1: 2}.items(),
        "_dict_keys_reduce": {1: 2}.keys(),
        "_dict_values_reduce": {1: 2}.values(),
        "_getset_descriptor_reduce": types.FunctionType.__code__,
        "_logger_reduce": logging.getLogger("name"),
        "_mappingproxy_reduce": types.MappingProxyType({1: 2}),
        "_memoryview_reduce": memoryview(b"bytes"),
        "_method_reduce": Class().method,
        "_module_reduce": module,
        "_property_reduce": property(closure),
        "_root_logger_reduce": logging.getLogger(),
        "_typevar_reduce": variable,
        "_decompose_typevar": variable,
        "_class_reduce": Number,
        "_dynamic_class_reduce": Class,
        "_class_getnewargs": Class,
        "_class_getstate": Class,
        "_enum_getnewargs": Number,
        "_enum_getstate": Number,
        "_extract_class_dict": Class,
        "_function_getstate": function,
        "_get_bases": Class,
        "_get_cell_contents": function.__closure__[0],
        "_get_or_create_tracker_id": Class,
        "_extract_code_globals": function.__code__,
        "_is_registered_pickle_by_value": os,
        "_should_pickle_by_reference": closure,
        "_lookup_module_and_qualname": os.path.join,
    }
    for name, argument in arguments.items():
        theirs = getattr(cloudpickle.cloudpickle, name)(argument)
        assert same(getattr(libcloudpickle, name)(argument), theirs), name
    walked = list(libcloudpickle._walk_global_ops(function.__code__))
    assert walked == list(cloudpickle.cloudpickle._walk_global_ops(function.__code__))
    mine, stock = libcloudpickle.Pickler(io.BytesIO()), cloudpickle.Pickler(io.BytesIO())
    for name in ("_dynamic_function_reduce", "_function_reduce", "_function_getnewargs", "reducer_override"):
        assert same(getattr(mine, name)(function), getattr(stock, name)(function)), name
    assert mine.reducer_override(os.path.join) is NotImplemented
    assert mine.reducer_override(5) is NotImplemented
    assert list(mine.globals_ref) == [id(globals())]


def test_reducers_refuse_other_objects():
    for name in dir(libcloudpickle):
        if name.endswith(("_reduce", "_getstate", "_getnewargs", "_class_dict")) and name != "_root_logger_reduce":
            with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
                getattr(libcloudpickle, name)(5)


def test_arguments():
    dumps = libcloudpickle.dumps
    assert dumps(1, 2) == dumps(obj=1, protocol=2) == pickle.dumps(1, 2)
    assert dumps(1, None) == dumps(1, -1) == dumps(1)
    for wrong, words in [
        (lambda: dumps(), "missing required argument 'obj'"),
        (lambda: dumps(1, 2, None, 4), "at most 3 positional arguments"),
        (lambda: dumps(1, protocl=2), "unexpected keyword argument 'protocl'"),
        (lambda: dumps(1, obj=2), "multiple values"),
        (lambda: libcloudpickle.loads(data=b""), "unexpected keyword argument 'data'|missing"),
        (lambda: dumps(1, "2"), "int"),
        (lambda: libcloudpickle.dump(1, None), "write"),
        (lambda: libcloudpickle.load(None), "read"),
        (lambda: libcloudpickle.loads(b"N.", encoding=1), "str"),
        (lambda: libcloudpickle.Pickler(), "file"),
        (lambda: libcloudpickle.Pickler(5), "write"),
        (lambda: libcloudpickle.Unpickler(5), "read"),
        (lambda: libcloudpickle.install(package=5), "str"),
    ]:
        with pytest.raises(TypeError, match=words):
            wrong()
    with pytest.raises(ValueError, match="protocol must be <= 5"):
        dumps(1, 6)
    with pytest.raises(ValueError, match="protocol >= 5"):
        dumps(1, 4, lambda buffer: None)


def test_buffers():
    taken = []
    large = pickle.PickleBuffer(bytearray(b"in place"))
    data = libcloudpickle.dumps([large], buffer_callback=taken.append)
    assert taken == [large]
    assert bytes(libcloudpickle.loads(data, buffers=taken)[0]) == b"in place"
    assert bytes(libcloudpickle.load(io.BytesIO(data), buffers=taken)[0]) == b"in place"
    in_band = libcloudpickle.dumps([large], 5, lambda buffer: True)
    assert libcloudpickle.loads(in_band) == [bytearray(b"in place")]


class Writer:
    """A file of the least kind."""

    def __init__(self):
        self.pieces = []

    def write(self, data):
        self.pieces.append(bytes(data))


def test_files_of_any_kind(tmp_path):
    obj = [closure(1), "x" * 100_000, bytes(200_000)]
    expected = cloudpickle.dumps(obj)
    writer = Writer()
    libcloudpickle.dump(obj, writer)
    assert b"".join(writer.pieces) == expected
    path = tmp_path / "pickle"
    with open(path, "wb") as file:
        libcloudpickle.dump(obj, file)
        libcloudpickle.Pickler(file).dump("next")
    with open(path, "rb") as file:
        assert libcloudpickle.load(file)[1:] == obj[1:]
        assert libcloudpickle.load(file) == "next"
    unpickler = libcloudpickle.Unpickler(io.BytesIO(expected + pickle.dumps("next")))
    assert unpickler.load()[1:] == obj[1:] and unpickler.load() == "next"
    with pytest.raises(EOFError):
        unpickler.load()

    class Full:
        def write(self, data):
            raise OSError(28, "no space")

    with pytest.raises(OSError, match="no space"):
        libcloudpickle.dump(obj, Full())


class OnlyRead:
    """What a pickle needs of a file, and nothing else."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, size):
        return self.file.read(size)

    def readline(self):
        return self.file.readline()


class ReadsInto(OnlyRead):
    def readinto(self, buffer):
        return self.file.readinto(buffer)


def written_by(opener, dump):
    """What is in the file after two dumps to it."""
    with opener() as (file, contents):
        dump(file)
        file.flush()
        dump(file)
        file.flush()
        return contents()


@contextlib.contextmanager
def opened(path, *arguments):
    with open(path, *arguments) as file:
        yield file, path.read_bytes


@contextlib.contextmanager
def sockets():
    one, other = socket.socketpair()
    with one, other, one.makefile("wb") as file:
        received = []
        reader = threading.Thread(target=lambda: received.extend(iter(lambda: other.recv(65536), b"")))
        reader.start()

        def contents():
            one.shutdown(socket.SHUT_WR)
            reader.join()
            return b"".join(received)

        yield file, contents


@contextlib.contextmanager
def zipped(path):
    with gzip.open(path, "wb") as file:
        def contents():
            file.close()
            return gzip.decompress(path.read_bytes())

        yield file, contents


@pytest.mark.parametrize("kind", ["buffered", "raw", "both ways", "socket", "gzip"])
def test_files_that_are_written(kind, tmp_path):
    path = tmp_path / "pickle"
    openers = {
        "buffered": lambda: opened(path, "wb"),
        "raw": lambda: opened(path, "wb", 0),
        "both ways": lambda: opened(path, "w+b"),
        "socket": sockets,
        "gzip": lambda: zipped(path),
    }
    for obj in ("small", closure(1), [closure(1), "x" * 100_000, bytes(300_000)]):
        expected = cloudpickle.dumps(obj) * 2
        assert written_by(openers[kind], lambda file: libcloudpickle.dump(obj, file)) == expected
        assert written_by(openers[kind], lambda file: libcloudpickle.Pickler(file).dump(obj)) == expected


@pytest.mark.parametrize("kind", ["only read", "reads into", "bytes", "buffered", "raw", "socket", "gzip"])
def test_files_that_are_read(kind, tmp_path):
    objects = ["small", [1, "x" * 100_000, bytes(300_000)], {"a": bytearray(70_000)}, "last"]
    data = b"".join(pickle.dumps(obj, protocol) for protocol, obj in zip((5, 5, 2, 0), objects))
    path = tmp_path / "pickle"
    path.write_bytes(data)
    one, other = socket.socketpair()
    with one, other:
        sender = threading.Thread(target=lambda: (one.sendall(data), one.shutdown(socket.SHUT_WR)))
        if kind == "socket":
            sender.start()
        openers = {
            "only read": lambda: contextlib.nullcontext(OnlyRead(data)),
            "reads into": lambda: contextlib.nullcontext(ReadsInto(data)),
            "bytes": lambda: io.BytesIO(data),
            "buffered": lambda: open(path, "rb"),
            "raw": lambda: open(path, "rb", 0),
            "socket": lambda: other.makefile("rb"),
            "gzip": lambda: gzip.open(io.BytesIO(gzip.compress(data))),
        }
        with openers[kind]() as file:
            # By one that knows nothing of the next, as far as the file lets it leave what is not its own.
            assert libcloudpickle.load(file) == objects[0]
            unpickler = libcloudpickle.Unpickler(file)
            assert [unpickler.load() for _ in objects[1:]] == objects[1:]
            with pytest.raises(EOFError):
                unpickler.load()
        if kind == "socket":
            sender.join()


def test_memo():
    file = io.BytesIO()
    pickler = libcloudpickle.Pickler(file)
    shared = ["shared"]
    pickler.dump(shared)
    first = file.tell()
    pickler.dump([shared, closure(shared)])
    stock = io.BytesIO()
    theirs = cloudpickle.Pickler(stock)
    theirs.dump(shared)
    theirs.dump([shared, closure(shared)])
    unpickler = libcloudpickle.Unpickler(io.BytesIO(file.getvalue()))
    one = unpickler.load()
    two = unpickler.load()
    assert two[0] is one and two[1]()[0] is one
    memo = pickler.memo.copy()
    assert memo[id(shared)] == (0, shared) and len(memo) > 2
    assert sorted(number for number, _ in memo.values()) == list(range(len(memo)))
    assert pickler.memo.__reduce__()[0] is dict
    with pytest.raises(TypeError):
        hash(pickler.memo)
    # A pickler with the same memo goes on where the first one ended.
    for given in (memo, pickler.memo):
        other = io.BytesIO()
        following = libcloudpickle.Pickler(other)
        following.memo = given
        following.dump([shared])
        resumed = libcloudpickle.Unpickler(io.BytesIO(other.getvalue()))
        resumed.memo = unpickler.memo
        assert resumed.load()[0] is one
        resumed = libcloudpickle.Unpickler(io.BytesIO(other.getvalue()))
        resumed.memo = unpickler.memo.copy()
        assert resumed.load()[0] is one
    pickler.clear_memo()
    assert pickler.memo.copy() == {}
    start = file.tell()
    pickler.dump(shared)
    assert file.getvalue()[start:] == file.getvalue()[:first]
    for wrong in (5, {1: 2}, {1: (1, 2, 3)}, {1: ("a", 2)}):
        with pytest.raises(TypeError):
            pickler.memo = wrong
    with pytest.raises(TypeError):
        unpickler.memo = 5
    with pytest.raises(ValueError):
        unpickler.memo = {-1: 5}
    unpickler.memo.clear()
    assert unpickler.memo.copy() == {}


def test_memo_survives_a_failure():
    file = io.BytesIO()
    pickler = libcloudpickle.Pickler(file)
    known = ["known"]
    with pytest.raises(TypeError, match="lock"):
        pickler.dump([known, threading.Lock()])
    assert id(known) in pickler.memo.copy()
    pickler.clear_memo()
    pickler.dump(known)


def test_persistent_ids():
    class Pickler(libcloudpickle.Pickler):
        def persistent_id(self, obj):
            return ("module", obj.__name__) if isinstance(obj, types.ModuleType) else None

    class Unpickler(libcloudpickle.Unpickler):
        def persistent_load(self, pid):
            return sys.modules[pid[1]]

    file = io.BytesIO()
    Pickler(file).dump([os, closure(pickle)])
    loaded = Unpickler(io.BytesIO(file.getvalue())).load()
    assert loaded[0] is os and loaded[1]()[0] is pickle
    unpickler = libcloudpickle.Unpickler(io.BytesIO(file.getvalue()))
    with pytest.raises(pickle.UnpicklingError, match="persistent"):
        unpickler.load()
    unpickler = libcloudpickle.Unpickler(io.BytesIO(file.getvalue()))
    unpickler.persistent_load = lambda pid: pid[1]
    assert unpickler.load()[0] == "os"


def test_find_class():
    class Unpickler(libcloudpickle.Unpickler):
        def find_class(self, module, name):
            asked.append((module, name))
            return super().find_class(module, name)

    asked = []
    loaded = Unpickler(io.BytesIO(libcloudpickle.dumps(closure(1)))).load()
    assert loaded()[0] == 1
    assert ("cloudpickle.cloudpickle", "_make_function") in asked
    # Names of Python 2, which a pickle of its protocols has.
    asked.clear()
    assert Unpickler(io.BytesIO(b"c__builtin__\nxrange\n.")).load() is range
    assert asked == [("__builtin__", "xrange")]
    with pytest.raises(AttributeError):
        libcloudpickle.Unpickler(io.BytesIO(b"")).find_class("os", "no_such_name")


def test_classes_that_were_not_initialised():
    class Pickler(libcloudpickle.Pickler):
        def __init__(self):
            pass

    class Unpickler(libcloudpickle.Unpickler):
        def __init__(self):
            pass

    with pytest.raises(pickle.PicklingError, match="not called by Pickler.__init__"):
        Pickler().dump(1)
    with pytest.raises(pickle.UnpicklingError, match="not called by Unpickler.__init__"):
        Unpickler().load()


def test_one_dump_at_a_time():
    class Pickler(libcloudpickle.Pickler):
        def reducer_override(self, obj):
            self.inside(obj)
            return super().reducer_override(obj)

    for inside in (
        lambda pickler, obj: pickler.dump(1),
        lambda pickler, obj: pickler.clear_memo(),
        lambda pickler, obj: pickler.memo.copy(),
        lambda pickler, obj: setattr(pickler, "memo", {}),
        lambda pickler, obj: pickler.__init__(io.BytesIO()),
    ):
        pickler = Pickler(io.BytesIO())
        pickler.inside = lambda obj: inside(pickler, obj)
        with pytest.raises(RuntimeError, match="already used"):
            pickler.dump(closure(1))
        del pickler.inside
        pickler.inside = lambda obj: None
        pickler.dump(closure(1))


def test_garbage():
    for make in (lambda: libcloudpickle.Pickler(io.BytesIO()), lambda: libcloudpickle.Unpickler(io.BytesIO())):
        made = make()
        made.itself = made
        made.proxy = made.memo
        if hasattr(made, "dump"):
            made.dump([made.__class__, closure(1), made.globals_ref])
        reference = weakref.ref(made)
        del made
        gc.collect()
        assert reference() is None

    class Pickler(libcloudpickle.Pickler):
        pass

    pickler = Pickler(io.BytesIO(), buffer_callback=lambda buffer: pickler)
    cycle = [pickler]
    pickler.memo = {id(cycle): (0, cycle)}
    reference, of_class = weakref.ref(pickler), weakref.ref(Pickler)
    del pickler, cycle, Pickler
    gc.collect()
    assert reference() is None and of_class() is None


def test_nothing_is_leaked():
    def work():
        file = io.BytesIO()
        pickler = libcloudpickle.Pickler(file)
        pickler.dump(closure([1]))
        pickler.dump([Class, closure([2])])
        pickler.memo = pickler.memo.copy()
        unpickler = libcloudpickle.Unpickler(io.BytesIO(file.getvalue()))
        unpickler.load(), unpickler.load()
        unpickler.memo = unpickler.memo.copy()
        libcloudpickle.loads(libcloudpickle.dumps(closure([3]), 4))
        try:
            libcloudpickle.dumps(threading.Lock())
        except TypeError:
            pass

    for _ in range(20):
        work()
    grown = []
    for _ in range(5):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(300):
            work()
        gc.collect()
        grown.append(sys.getallocatedblocks() - before)
    # What other code caches it caches once.
    assert min(grown) < 100, grown


def test_threads():
    pickler = libcloudpickle.Pickler(io.BytesIO())
    results = []

    def work():
        for _ in range(200):
            results.append(libcloudpickle.loads(libcloudpickle.dumps(closure(5)))()[0])

    threads = [threading.Thread(target=work) for _ in range(4)] + [threading.Thread(target=pickler.dump, args=([closure(1)],))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [5] * 800
    assert pickler.memo.copy()


def test_deep_recursion_of_python_code():
    class Nested:
        def __reduce__(self):
            return recurse(0)

    def recurse(depth):
        return recurse(depth + 1)

    with pytest.raises(pickle.PicklingError, match="excessively deep recursion required") as caught:
        libcloudpickle.dumps(Nested())
    assert isinstance(caught.value.__cause__, RecursionError)


def test_by_value_modules():
    import json

    libcloudpickle.register_pickle_by_value(json)
    try:
        assert libcloudpickle.list_registry_pickle_by_value() == cloudpickle.list_registry_pickle_by_value() == {"json"}
        assert libcloudpickle.dumps(json.dumps) == cloudpickle.dumps(json.dumps)
        assert b"_make_function" in libcloudpickle.dumps(json.dumps)
    finally:
        libcloudpickle.unregister_pickle_by_value(json)
    with pytest.raises(ValueError, match="not registered"):
        libcloudpickle.unregister_pickle_by_value(json)


INSTALLED = """
    import pickle, sys, types
    import libcloudpickle
    %s
    import cloudpickle, cloudpickle.cloudpickle, cloudpickle.cloudpickle_fast
    from cloudpickle import *
    from cloudpickle.cloudpickle import _make_cell, _class_setstate
    assert cloudpickle.dumps is libcloudpickle.dumps and cloudpickle.Pickler is libcloudpickle.Pickler
    assert cloudpickle.__version__ == "3.1.2"
    assert cloudpickle.cloudpickle_fast._function_setstate is cloudpickle.cloudpickle._function_setstate
    assert cloudpickle.cloudpickle._whichmodule(dumps, "dumps") == "cloudpickle.cloudpickle"
    assert pickle.loads(pickle.dumps(CloudPickler)) is CloudPickler
    assert pickle.loads(pickle.dumps(dumps)) is dumps
    assert pickle.loads(dumps(lambda: 42))() == 42
    assert pickle.loads(dumps(_make_cell)) is _make_cell
    cloudpickle.anything = 5
    register_pickle_by_value(types)
    assert cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES == {"types"}
    unregister_pickle_by_value(types)
    assert libcloudpickle.install() is True
    print("done")
"""


def test_install_where_there_is_none():
    assert run(INSTALLED % "sys.modules['cloudpickle'] = None; assert libcloudpickle.install()") == "done\n"


def test_install_in_the_place_of_the_package():
    assert run(INSTALLED % "assert libcloudpickle.install() is False; libcloudpickle.install(replace=True)") == "done\n"
    text = "import cloudpickle; assert libcloudpickle.install() is False; libcloudpickle.install(replace=True)"
    assert run(INSTALLED % text) == "done\n"


def test_install_in_the_place_of_a_copy():
    assert run(
        """
        import sys, types
        import libcloudpickle
        sys.modules["framework"] = types.ModuleType("framework")
        sys.modules["framework"].__path__ = []
        assert libcloudpickle.install(package="framework.cloudpickle", replace=True)
        from framework import cloudpickle
        from framework.cloudpickle import dumps, CloudPickler
        import framework.cloudpickle.cloudpickle as inner
        assert dumps is libcloudpickle.dumps and inner._make_cell.__module__ == "cloudpickle.cloudpickle"
        assert b"framework" not in dumps(lambda: 1)
        print("done")
        """
    ) == "done\n"


def test_classes_keep_their_identity_when_the_package_is_replaced():
    assert run(
        """
        import cloudpickle, libcloudpickle
        class A: pass
        data = cloudpickle.dumps(A)
        libcloudpickle.install(replace=True)
        assert libcloudpickle.loads(data) is A
        assert libcloudpickle.dumps(A) == data
        print("done")
        """
    ) == "done\n"


def test_interpreters():
    """Each interpreter has classes and tables of its own."""
    if sys.version_info < (3, 12):
        module = "_xxsubinterpreters"
    else:
        module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    assert run(
        """
        import sys, libcloudpickle
        interpreters = __import__(sys.argv[1])
        libcloudpickle.Pickler._dispatch_table[complex] = None
        program = "; ".join([
            "import io, libcloudpickle",
            "assert complex not in libcloudpickle.Pickler._dispatch_table",
            "assert libcloudpickle.loads(libcloudpickle.dumps(lambda: 42))() == 42",
            "P = type('P', (libcloudpickle.Pickler,), {'persistent_id': lambda self, obj: None})",
            "P(io.BytesIO()).dump(lambda: 1)",
            "libcloudpickle.install()",
        ])
        for _ in range(3):
            one = interpreters.create()
            failure = interpreters.run_string(one, program)
            assert failure is None, failure
            interpreters.destroy(one)
        del libcloudpickle.Pickler._dispatch_table[complex]
        print(libcloudpickle.loads(libcloudpickle.dumps(lambda: 42))())
        """,
        module,
    ) == "42\n"


def test_import_is_quick():
    """It imports nothing that Python has not, but for the likes of `collections` and `weakref`."""
    text = run(
        """
        import sys
        before = set(sys.modules)
        import libcloudpickle
        print(*sorted(set(sys.modules) - before))
        """
    )
    assert not {"typing", "logging", "dataclasses", "dis", "pickle", "uuid", "inspect", "threading"} & set(text.split())


def test_the_module_can_be_imported_again():
    assert run(
        """
        import sys, libcloudpickle
        first = libcloudpickle
        del sys.modules["libcloudpickle"]
        import libcloudpickle
        assert libcloudpickle is not first and libcloudpickle.Pickler is first.Pickler
        print(libcloudpickle.loads(first.dumps(lambda: 3))())
        """
    ) == "3\n"


def stub():
    path = os.path.join(os.path.dirname(__file__), "..", "..", "include", "libcloudpickle.pyi")
    with open(path) as file:
        return ast.parse(file.read())


def parameters_of_stub(node, is_method):
    """Name, kind and default of each parameter, as text."""
    kinds = inspect.Parameter
    by_position = node.args.posonlyargs + node.args.args
    found = [(one.arg, kinds.POSITIONAL_ONLY) for one in node.args.posonlyargs]
    found += [(one.arg, kinds.POSITIONAL_OR_KEYWORD) for one in node.args.args]
    defaults = [None] * (len(by_position) - len(node.args.defaults)) + node.args.defaults
    found += [(one.arg, kinds.KEYWORD_ONLY) for one in node.args.kwonlyargs]
    defaults += node.args.kw_defaults
    rows = [(name, kind, default and ast.literal_eval(default)) for (name, kind), default in zip(found, defaults)]
    return rows[1:] if is_method else rows


def parameters_of(value):
    parameters = list(inspect.signature(value).parameters.values())
    if parameters and parameters[0].name == "self":
        parameters = parameters[1:]
    return [(one.name, one.kind, None if one.default is one.empty else one.default) for one in parameters]


def test_the_stub_is_the_module():
    """include/libcloudpickle.pyi and the module: the same public names, methods and parameters."""
    said, annotated = {}, set()
    for node in stub().body:
        if isinstance(node, ast.AnnAssign):
            annotated.add(node.target.id)
        elif isinstance(node, ast.Assign):
            annotated.add(node.targets[0].id)
        elif isinstance(node, ast.ImportFrom):
            annotated |= {alias.asname for alias in node.names if alias.asname}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not getattr(node, "decorator_list", None):
            said[node.name] = node
    hidden = {name for name in set(said) | annotated if name.startswith("_")}
    assert hidden == {"_Writer", "_Reader", "_BufferCallback", "_Reducer", "__version__", "_Pickler", "__getattr__"}
    assert (set(said) | annotated) - hidden == public(libcloudpickle)
    for name in sorted(set(said) - hidden):
        node, value = said[name], getattr(libcloudpickle, name)
        if isinstance(node, ast.FunctionDef):
            if value.__text_signature__ or name not in ("subimport", "dynamic_subimport"):
                assert parameters_of_stub(node, False) == parameters_of(value), name
            continue
        nodes = node.body + (said["_Pickler"].body if name == "Pickler" else [])
        methods = {one.name: one for one in nodes if isinstance(one, ast.FunctionDef) and not one.decorator_list}
        of_stub = parameters_of_stub(methods.pop("__init__"), True)
        # Older versions keep no signature of such a class.
        if sys.version_info >= (3, 12):
            assert of_stub == parameters_of(value), name
        for method, of_stub in methods.items():
            assert parameters_of_stub(of_stub, True) == parameters_of(getattr(value, method)), method
        fields = {one.target.id for one in nodes if isinstance(one, ast.AnnAssign)} | {
            one.name for one in nodes if isinstance(one, ast.FunctionDef) and one.decorator_list
        }
        known = set(methods) | fields
        assert known <= set(dir(value))
        there = {one for one in dir(value) if not hasattr(object, one) and not one.startswith("__")}
        assert there == known, there ^ known


class Reduced:
    """Calls Python code when it is pickled."""

    asked = 0

    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        Reduced.asked += 1
        return Reduced, (self.value,)


PIECES = {
    "nothing": [],
    "little": {"a": [1, 2.5, "three"]},
    "just below a frame": [b"x" * 1000] * 1 + list(range(10_000)),
    "many frames": ["%06d" % n for n in range(30_000)],
    "a large payload": [1, b"x" * 200_000, "y" * 100_000, 2],
    "a large payload alone": bytearray(100_000),
    "code that runs": [1, Reduced(2), list(range(20_000, 60_000))],
    "code that runs late": [list(range(20_000)), Reduced(2), Reduced("z" * 70_000)],
}


@pytest.mark.parametrize("name", PIECES)
def test_files_are_written_in_the_pieces_of_pickle(name):
    obj = PIECES[name]

    def pieces(dump, *protocol):
        Reduced.asked = 0
        taken = []
        dump(obj, types.SimpleNamespace(write=lambda piece: taken.append(bytes(piece))), *protocol)
        return taken, Reduced.asked

    for protocol in range(6):
        expected = pieces(pickle.dump, protocol)
        assert pieces(libcloudpickle.dump, protocol) == expected
        assert pieces(lambda obj, file, protocol: libcloudpickle.Pickler(file, protocol).dump(obj), protocol) == expected


def test_the_memo_of_a_first_dump_counts_for_the_next():
    def dumped(make, objects):
        file = io.BytesIO()
        pickler = make(file)
        for obj in objects:
            pickler.dump(obj)
        return file.getvalue(), len(pickler.memo.copy())

    shared = ["shared", ("text", 1)]
    rows = [[shared, shared], [[1, "one"], shared], [Reduced(shared), shared], [list(range(70_000)), shared, Reduced(shared)]]
    for objects in rows:
        assert dumped(libcloudpickle.Pickler, objects) == dumped(lambda file: pickle.Pickler(file, 5), objects)
