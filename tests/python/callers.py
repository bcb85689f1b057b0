"""Dumps and loads that call back: work that takes a hook, which is called at each call of Python code in it."""

import gc
import io
import pickle
import threading
import time

import binding
import loading
import reports
from corpus.row import run
from face import libcloudpickle

# Not more calls than this are there in the workload below.
MOST = 60


class Failure(Exception):
    pass


class Reduces:
    def __init__(self, hook, value=None):
        self.hook, self.value = hook, value

    def __reduce__(self):
        self.hook("reduce", self)
        return (tuple, ([self.value],))


class States:
    def __init__(self, hook, value=None):
        self.hook, self.value = hook, value

    def __getstate__(self):
        self.hook("getstate", self)
        return {"value": self.value}


def workload(hook):
    """A graph in which each kind of container holds something that calls back."""
    inner = [Reduces(hook, 1), (Reduces(hook, 2), States(hook, 3)), {4: Reduces(hook, [5]), "k": States(hook, (6,))}]
    return [inner, {Reduces: 1}, States(hook, inner), [[[Reduces(hook)]]], bytes(100), "text" * 100, {"more": [States(hook)] * 3}]


class Hook:
    """Does something at call n, and counts the calls."""

    def __init__(self, at, act):
        self.at, self.act, self.calls = at, act, 0

    def __call__(self, *about):
        self.calls += 1
        if self.calls == self.at + 1:
            return self.act(*about)
        return None


def in_library(*about):
    """A dump and a load inside of the one that calls, and failures of both."""
    data = binding.dumps([run("def f(): return 5")["f"], 1.5])
    assert binding.loads(data)[0]() == 5
    assert reports.dumps(threading.Lock()).status == reports.PICKLING
    assert reports.loads(b"broken").status == reports.UNPICKLING


def fail(*about):
    raise Failure("on purpose")


def collect(*about):
    gc.collect()


def switch(*about):
    time.sleep(0.0005)


HARMLESS = {"library": in_library, "collector": collect, "threads": switch}


class Pickler(libcloudpickle.Pickler):
    def __init__(self, file, hook):
        super().__init__(file)
        self.hook = hook

    def persistent_id(self, obj):
        self.hook("persistent_id", obj)
        return None

    def reducer_override(self, obj):
        self.hook("reducer_override", obj)
        return super().reducer_override(obj)


class File:
    """Calls its hook for each call of a method, and answers what that answers if it is not None."""

    def __init__(self, hook, data=b""):
        self.hook, self.inner = hook, io.BytesIO(data)

    def write(self, data):
        self.hook("write", data)
        return self.inner.write(data)

    def _read(self, name, *arguments):
        answer = self.hook(name, *arguments)
        return getattr(self.inner, name)(*arguments) if answer is None else answer

    def read(self, size=-1):
        return self._read("read", size)

    def readline(self):
        return self._read("readline")


def by_memory(hook):
    return binding.dumps(workload(hook))


def by_reducer(hook):
    def reducer(obj):
        hook("reducer", obj)
        return NotImplemented

    return binding.dumps_to_memory(workload(lambda *about: None), reducer=reducer)


def by_subclass(hook):
    file = io.BytesIO()
    Pickler(file, hook).dump(workload(hook))
    return file.getvalue()


def by_callback(hook):
    pieces = []
    binding.dump_to_callback(large(), lambda data: hook("write", data) or pieces.append(data) or 0)
    return b"".join(pieces)


def large():
    return [list(range(30_000)), bytes(100_000), "x" * 100_000, list(range(30_000))]


def by_file(hook):
    file = File(hook)
    binding.dump_to_file(large(), file)
    return file.inner.getvalue()


def by_buffers(hook):
    return binding.dumps_to_memory([pickle.PickleBuffer(bytearray(b"ab"))] * 1 + [pickle.PickleBuffer(b"c")], on_buffer=lambda data, read_only: hook(data) or 1)


PICKLED = binding.dumps(workload(lambda *about: None)[4:6] + large() + [{1: (2,), "s": {3}}])
NAMED = binding.dumps([run("def f(x=[1]): return x")["f"], {Reduces: 1}, io.BytesIO(b"ab")])


def by_loading_file(hook):
    return binding.dumps(loading.load_file(File(hook, PICKLED)))


def by_loading_callback(hook):
    source = io.BytesIO(PICKLED)
    return binding.dumps(loading.load(lambda size: hook("read", size) or source.read(size)))


def by_find_global(hook):
    return len(loading.loads(NAMED, find_global=lambda module, name: hook(module, name)))


DUMPS = {"memory": by_memory, "reducer": by_reducer, "subclass": by_subclass}
SINKS = {"callback": by_callback, "file": by_file, "buffers": by_buffers}
LOADS = {"file loaded": by_loading_file, "callback loaded": by_loading_callback, "find_global": by_find_global}
ALL = {**DUMPS, **SINKS, **LOADS}


def calls_of(work):
    hook = Hook(-1, None)
    expected = work(hook)
    assert 0 < hook.calls, "nothing is called"
    return min(hook.calls, MOST), expected


# What ctypes calls cannot raise through it: there the answer is the failure.
BY_ANSWER = {"callback", "buffers", "callback loaded"}
